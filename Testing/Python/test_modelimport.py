"""Importing models copies them to the user's own, complete and under a free name, or changes nothing."""

import json

import pytest
from networkfactory import add_user_model

from LDCTDenoiseLib.modelimport import import_models
from LDCTDenoiseLib.modelregistry import find_model, list_models, read_weights


@pytest.fixture
def user(tmp_path):
    return tmp_path / "user"


@pytest.fixture
def training(tmp_path):
    """The folder that a training leaves: entry.json and weights.pt."""
    folder = tmp_path / "training"
    folder.mkdir()
    entry = add_user_model(folder, architecture="plain")
    (folder / entry["file"]).rename(folder / "weights.pt")
    (folder / "models.json").unlink()
    (folder / "entry.json").write_text(json.dumps(entry))
    return folder


def own(user):
    return [card.name for card in list_models(user)][3:]


def test_a_training_becomes_a_model_of_the_user(user, training):
    [card] = import_models(training / "entry.json", user)
    assert card.name == "tiny"
    assert read_weights(card) == (training / "weights.pt").read_bytes()
    assert find_model("tiny", user) == card


def test_a_list_of_models_is_imported_as_a_whole(user, tmp_path):
    (tmp_path / "list").mkdir()
    add_user_model(tmp_path / "list", architecture="plain")
    [card] = import_models(tmp_path / "list" / "models.json", user)
    assert own(user) == [card.name]


def test_a_name_that_is_taken_gets_a_number(user, training):
    entry = json.loads((training / "entry.json").read_text())
    (training / "entry.json").write_text(json.dumps({**entry, "name": "hrnet"}))
    [card] = import_models(training / "entry.json", user)
    assert card.name == "hrnet-2"


def test_a_model_that_is_there_already_is_not_copied_again(user, training):
    import_models(training / "entry.json", user)
    before = sorted((path.name, path.stat().st_mtime_ns) for path in user.iterdir())
    [card] = import_models(training / "entry.json", user)
    assert card.name == "tiny"
    assert sorted((path.name, path.stat().st_mtime_ns) for path in user.iterdir()) == before


def test_models_that_the_user_has_stay(user, training):
    user.mkdir()
    add_user_model(user, architecture="unet")
    [card] = import_models(training / "entry.json", user)
    assert own(user) == ["tiny", "tiny-2"]
    assert card.name == "tiny-2"
    assert read_weights(find_model("tiny", user)) != read_weights(card)


@pytest.mark.parametrize("harm, reason", [
    ("altered", "SHA-256 differs"), ("missing", "weights of model 'tiny' are not in"), ("no json", "cannot be read"),
    ("other json", "describes no model"), ("incomplete", "lacks widths"), ("bad name", "is called '../x'")])
def test_what_cannot_be_used_is_refused_and_changes_nothing(user, training, harm, reason):
    entry = json.loads((training / "entry.json").read_text())
    if harm == "altered":
        (training / "weights.pt").write_bytes(b"other")
    elif harm == "missing":
        (training / "weights.pt").unlink()
    elif harm == "no json":
        (training / "entry.json").write_text("{")
    elif harm == "other json":
        (training / "entry.json").write_text('{"a": 1}')
    elif harm == "incomplete":
        (training / "entry.json").write_text(json.dumps({k: v for k, v in entry.items() if k != "widths"}))
    else:
        (training / "entry.json").write_text(json.dumps({**entry, "name": "../x"}))
    with pytest.raises(ValueError, match=reason):
        import_models(training / "entry.json", user)
    assert not user.exists()


def test_weights_are_read_from_beside_the_description_only(user, training, tmp_path):
    (tmp_path / "secret").write_bytes(b"secret")
    entry = json.loads((training / "entry.json").read_text())
    (training / "entry.json").write_text(json.dumps({**entry, "file": "../secret"}))
    [card] = import_models(training / "entry.json", user)
    assert card.weights.parent == user
    assert read_weights(card) == (training / "weights.pt").read_bytes()
