import hashlib
import json
import pickle
import subprocess
import sys

import pytest
import torch
from networkfactory import add_user_model, random_network, shipped_models

import LDCTDenoiseLib
from LDCTDenoiseLib import modelregistry
from LDCTDenoiseLib.modelregistry import (DamagedModelError, UnknownModelError, find_model, list_models, load_model,
                                          read_weights, save_weights, user_folder)


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch, request):
    """An empty package folder, except for tests of the shipped models."""
    if "shipped" not in request.node.name:
        monkeypatch.setattr(modelregistry, "PACKAGED_FOLDER", tmp_path / "package")
    monkeypatch.setenv("LDCT_MODELS", str(tmp_path / "user"))
    return tmp_path / "package"


@pytest.fixture
def user(tmp_path):
    return tmp_path / "user"


def change_entry(folder, **changes):
    """Change the only entry of the list in ``folder``."""
    entry, = json.loads((folder / "models.json").read_text())["models"]
    (folder / "models.json").write_text(json.dumps({"models": [{**entry, **changes}]}))


def rewrite(folder, content: bytes):
    """Put ``content`` in the place of the weights and give the entry its SHA-256."""
    (folder / "tiny.pt").write_bytes(content)
    change_entry(folder, sha256=hashlib.sha256(content).hexdigest())


def test_the_shipped_models_are_whole_and_load():
    for name in shipped_models():
        network, card = load_model(name)
        assert card.weights.parent == modelregistry.PACKAGED_FOLDER
        assert card.form == "shipped"
        assert not network.training


def test_the_shipped_models_say_what_they_were_trained_on():
    for name in shipped_models():
        details = find_model(name).details
        assert 0 < len(details["title"]) <= 20, "a panel cuts off what is longer"
        assert details["description"]
        text = json.dumps(details)
        assert "CC BY" in text and "doi" in text, name


def test_a_model_is_loaded_as_it_was_saved(user):
    add_user_model(user, training_data="none", form="shipped")
    network, card = load_model("tiny")
    image = torch.rand(1, 1, 40, 40)
    original = random_network("hrnet")
    with torch.inference_mode():
        # The weights are stored in half precision.
        torch.testing.assert_close(network(image), original(image), rtol=0, atol=2e-3)
    assert all(parameter.dtype == torch.float32 for parameter in network.parameters())
    assert (card.name, card.version, card.widths, card.options) == ("tiny", "1.0", (4, 4, 4, 4), {})
    assert card.details == {"title": "Random weights", "training_data": "none"}


def test_options_of_the_architecture_are_passed_on(user):
    add_user_model(user)
    digest = save_weights(random_network("hrnet", stages=1).state_dict(), user / "tiny.pt")
    change_entry(user, sha256=digest, options={"stages": 1})
    assert len(load_model("tiny")[0].stages) == 1


def test_the_models_of_the_package_come_first_then_those_of_the_user(user, package):
    add_user_model(user, "mine")
    add_user_model(package, "hrnet")
    assert [card.name for card in list_models()] == ["hrnet", "mine"]
    assert [card.name for card in list_models(user=user / "elsewhere")] == ["hrnet"]


def test_without_a_list_there_are_no_models():
    assert list_models() == []
    with pytest.raises(UnknownModelError, match="none is installed"):
        find_model("hrnet")


def test_the_folder_of_the_user_is_the_platforms_unless_ldct_models_names_another(monkeypatch, user):
    assert user_folder() == user
    monkeypatch.delenv("LDCT_MODELS")
    assert user_folder().parts[-2:] == ("LDCTDenoise", "Models")


def test_an_unknown_model_is_refused_with_the_names_there_are(user):
    add_user_model(user, "one")
    add_user_model(user, "two")
    with pytest.raises(UnknownModelError, match="no model called 'three'; choose one of one, two"):
        load_model("three")


def test_two_models_of_one_name_are_refused(user, package):
    add_user_model(package, "hrnet")
    add_user_model(user, "hrnet")
    with pytest.raises(DamagedModelError, match="Two models are called 'hrnet'"):
        list_models()


def test_an_altered_file_of_weights_is_refused(user):
    add_user_model(user)
    content = bytearray((user / "tiny.pt").read_bytes())
    content[len(content) // 2] ^= 1
    (user / "tiny.pt").write_bytes(content)
    with pytest.raises(DamagedModelError, match="SHA-256 differs"):
        load_model("tiny")


def test_a_missing_file_of_weights_is_refused(user):
    add_user_model(user)
    (user / "tiny.pt").unlink()
    with pytest.raises(DamagedModelError, match="cannot be read.*install the extension or the model again"):
        load_model("tiny")


def test_a_truncated_file_of_weights_is_refused_whether_or_not_the_entry_knows(user):
    add_user_model(user)
    content = (user / "tiny.pt").read_bytes()[:-100]
    (user / "tiny.pt").write_bytes(content)
    with pytest.raises(DamagedModelError, match="SHA-256 differs"):
        load_model("tiny")
    rewrite(user, content)
    with pytest.raises(DamagedModelError, match="do not fit its entry"):
        load_model("tiny")


def test_weights_that_would_run_code_are_refused_and_do_not_run_it(user, tmp_path):
    class Malicious:
        def __reduce__(self):
            return open, (str(tmp_path / "harm"), "w")

    add_user_model(user)
    rewrite(user, pickle.dumps({"weight": Malicious()}, protocol=2))
    with pytest.raises(DamagedModelError, match="do not fit its entry"):
        load_model("tiny")
    torch.save({"weight": Malicious()}, user / "tiny.pt")
    rewrite(user, (user / "tiny.pt").read_bytes())
    with pytest.raises(DamagedModelError, match="do not fit its entry"):
        load_model("tiny")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("changes", [
    {"architecture": "unet"}, {"architecture": "transformer"}, {"widths": [4, 4, 4, 8]}, {"widths": []},
    {"form": "literal"}, {"form": "printed"}, {"options": {"stages": 2}}, {"options": {"layers": 2}}])
def test_an_entry_that_does_not_fit_its_weights_is_refused(user, changes):
    add_user_model(user)
    change_entry(user, **changes)
    with pytest.raises(DamagedModelError, match="do not fit its entry"):
        load_model("tiny")


def test_a_file_that_is_no_state_dict_is_refused(user):
    add_user_model(user)
    torch.save([1, 2, 3], user / "tiny.pt")
    rewrite(user, (user / "tiny.pt").read_bytes())
    with pytest.raises(DamagedModelError, match="do not fit its entry"):
        load_model("tiny")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"models": 3}', '{"models": [3]}', "\xff", '{"entries": []}'])
def test_a_list_of_models_that_cannot_be_read_is_refused_by_its_path(user, text):
    user.mkdir()
    (user / "models.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(DamagedModelError, match="models.json"):
        list_models()


def test_a_damaged_list_of_the_user_takes_no_packaged_model_away(user, package):
    add_user_model(package, "packaged")
    user.mkdir()
    (user / "models.json").write_text("{")
    problems = []
    assert [card.name for card in list_models(problems=problems)] == ["packaged"]
    assert len(problems) == 1 and str(user) in problems[0]
    assert find_model("packaged").name == "packaged"
    with pytest.raises(DamagedModelError, match="models.json"):
        find_model("own")


@pytest.mark.parametrize("changes,message", [
    ({"name": "../evil"}, "use letters"), ({"name": ""}, "use letters"), ({"file": "../tiny.pt"}, "must lie beside"),
    ({"name": 3}, "name 3, which should be a text"), ({"version": 1.0}, "version 1.0, which should be a text")])
def test_names_that_lead_out_of_the_folder_or_are_no_texts_are_refused(user, changes, message):
    add_user_model(user)
    change_entry(user, **changes)
    with pytest.raises(DamagedModelError, match=message):
        list_models()


@pytest.mark.parametrize("key", ["name", "version", "architecture", "widths", "file", "sha256"])
def test_an_incomplete_entry_is_refused_with_what_it_lacks(user, key):
    entry = add_user_model(user)
    del entry[key]
    (user / "models.json").write_text(json.dumps({"models": [entry]}))
    with pytest.raises(DamagedModelError, match=f"lacks {key}"):
        list_models()


def test_weights_are_stored_in_half_precision_under_their_digest(user):
    add_user_model(user)
    card = find_model("tiny")
    assert hashlib.sha256(read_weights(card)).hexdigest() == card.sha256
    state = torch.load(card.weights, weights_only=True)
    assert {value.dtype for value in state.values()} == {torch.float16}
    assert [path.name for path in user.iterdir() if path.suffix == ".part"] == []


def test_listing_and_checking_models_does_not_need_torch(user):
    add_user_model(user)
    code = ("import sys; sys.modules['torch'] = None; from LDCTDenoiseLib.modelregistry import *; "
            "print([len(read_weights(card)) > 0 for card in list_models() if card.name == 'tiny'])")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                         cwd=LDCTDenoiseLib.__path__[0] + "/..")
    assert run.stdout.strip() == "[True]", run.stderr
