"""The report on the networks: which take part, and that its command works."""

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from networkfactory import WIDTHS, add_user_model, random_network
from reportfactory import FILE, write_data

BENCHMARKS = Path(__file__).resolve().parents[1] / "Benchmarks"
sys.path.append(str(BENCHMARKS))

import networks_report  # noqa: E402
from networksreport.nets import build_networks, chosen_state, trained  # noqa: E402
from networksreport.plan import Lesion, Plan, Showcase, Zoom  # noqa: E402


def training_folder(folder: Path, architecture="plain") -> Path:
    """What a training leaves: a checkpoint whose averaged weights are not its last ones."""
    folder.mkdir(parents=True)
    network = {"architecture": architecture, "widths": list(WIDTHS[architecture]), "form": "shipped", "options": {}}
    (folder / "config.json").write_text(json.dumps({
        "network": network, "optimiser": {"batch_size": 8, "rate": 0.002}, "sampling": {"patch": 64}}))
    torch.save({"network": random_network(architecture, seed=1).state_dict(),
                "average": random_network(architecture, seed=2).state_dict(), "iteration": 7, "seconds": 36.0},
               folder / "checkpoint.pt")
    return folder / "checkpoint.pt"


def test_weights_of_a_training_are_its_averaged_ones(tmp_path):
    network, = build_networks([], [("mine", training_folder(tmp_path / "run"))], tmp_path / "weights")
    assert (network.key, network.card.architecture) == ("mine", "plain")
    assert network.recipe == "7 steps of 8 x 64 x 64, rate 0.002, 0.0 h"
    expected = random_network("plain", seed=2).state_dict()
    loaded = network._denoiser.network.state_dict()
    assert all(torch.equal(loaded[name], value.half().float()) for name, value in expected.items())


def test_the_step_of_the_best_state_is_known_where_the_log_tells_it(tmp_path):
    assert chosen_state(tmp_path / "log.csv") == {}
    (tmp_path / "log.csv").write_text("iteration,validation_ratio\n5,nan\n10,0.5\n15,0.7\n")
    assert chosen_state(tmp_path / "log.csv") == {"best_step": 10, "last_step": 15}


def test_weights_that_are_missing_of_no_training_or_of_another_architecture_are_refused(tmp_path):
    with pytest.raises(ValueError, match="mine: there is no"):
        trained("mine", tmp_path / "none.pt", tmp_path / "weights")
    path = training_folder(tmp_path / "run")
    with pytest.raises(ValueError, match="called 'hrnet'"):
        build_networks(["hrnet"], [("hrnet", path)], tmp_path / "weights")
    for content in ("no weights", "hello"):
        path.write_text(content)
        with pytest.raises(ValueError, match="mine: .* holds no weights"):
            trained("mine", path, tmp_path / "weights")
    for content in ("{}", "{no JSON", "[]"):
        path.with_name("config.json").write_text(content)
        with pytest.raises(ValueError, match="config.json describes no network"):
            trained("mine", path, tmp_path / "weights")
    other = training_folder(tmp_path / "other")
    config = other.with_name("config.json")
    config.write_text(config.read_text().replace('"plain"', '"redcnn"').replace(str([4] * 7), "[4]"))
    with pytest.raises(ValueError, match="do not fit"):
        trained("mine", other, tmp_path / "weights")


TINY = Plan(files=(FILE,), models=(), noise_indices=(30.0,), doses=(0.25, 0.5), first=2, slices=3, other_slices=2,
            dose_models=("hrnet", "unet"), shown=("matched", 30.0),
            showcases=(Showcase("2", "all of it", "phantom", 1, (Zoom(48, 48, 20),)),
                       Showcase("5", "lesions", "phantom", 2, (Zoom(60, 48, 24),))),
            lesions=(Lesion(64, 48, 10, -20),), lesion_seeds=2, other_scan=(1,), other_scan_shown=1, failures=2)


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder with a phantom, and three small random networks: two in the registry, one of a training."""
    write_data(tmp_path / "data", slices=3, pixel=2.0)
    monkeypatch.setenv("LDCT_MODELS", str(tmp_path / "models"))
    add_user_model(tmp_path / "models", "tiny-hrnet", "hrnet")
    add_user_model(tmp_path / "models", "tiny-unet", "unet")
    return tmp_path


def test_the_command_writes_every_part_takes_scores_from_its_cache_and_names_who_is_missing(data, capsys):
    plan = replace(TINY, dose_models=("tiny-hrnet",), columns=("tiny-hrnet",), lesion_models=("tiny-hrnet", "redcnn"),
                   noise_models=("tiny-unet",), scan_models=("redcnn",))
    arguments = ["--data", str(data / "data"), "--output", str(data / "networks"), "--cache", str(data / "cache"),
                 "--models", "tiny-hrnet", "tiny-unet", "--extra-weights", f"redcnn={training_folder(data / 'run')}"]
    assert networks_report.main(arguments, plan) == 0
    made = {path.name for path in (data / "networks").iterdir()}
    assert {"README.md", "slices.md", "showcases.md", "noise.md", "failures.md", "figure2.png", "figure5.png",
            "figure6.png", "figure7.png", "lesions.csv", "table1.csv"} <= made
    readme = (data / "networks" / "README.md").read_text()
    known, _, missing = readme.partition("Took no part")
    assert "- hrnet_literal:" in missing and "- redcnn:" in known and "- redcnn:" not in missing
    assert "`ldct train configs/equal/redcnn.toml`" in known
    assert "which alone are compared: 7 steps of 8 x 64 x 64.**" in known
    assert "Whom the networks were trained on is not known." in readme
    assert "--data DATA --models tiny-hrnet tiny-unet --extra-weights redcnn=run/checkpoint.pt`" in known
    assert str(data) not in readme
    assert "- dose 0.25: 3 slices of 1 patient (all that there are)\n" in known
    assert "- dose 0.5: 2 slices of 1 patient (2 of the 3 of phantom)\n" in known
    assert methods(data / "networks" / "lesions.csv") == {"ldct", "tiny-hrnet", "redcnn", "NDCT"}
    assert methods(data / "networks" / "noise.csv") == {"tiny-unet"}
    assert methods(data / "networks" / "figure7.csv") == {"ldct", "redcnn"}
    with (data / "networks" / "slices.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 2 * (3 * 4 + 2 * 2)  # two tracks; three slices of four methods, then two slices of two
    low_dose = [r for r in rows if r["method"] == "ldct" and r["track"] == "matched" and r["dose"] == "0.25"]
    assert [r["slice"] for r in low_dose] == ["0", "1", "2"]
    assert all(r["removed_added"] == "" for r in low_dose)
    assert "tiny-hrnet 1.0" in capsys.readouterr().out

    before = (data / "networks" / "slices.csv").read_text()
    assert networks_report.main([*arguments, "--parts", "slices"], plan) == 0
    assert "tiny-hrnet 1.0" not in capsys.readouterr().out
    assert (data / "networks" / "slices.csv").read_text() == before


def methods(path: Path) -> set[str]:
    with path.open() as stream:
        return {row["method"] for row in csv.DictReader(stream)}


def test_hrnet_and_unet_are_held_to_their_aims_and_checked_against_an_earlier_evaluation(data, monkeypatch):
    folder = data / "others"
    (folder / "validation").mkdir(parents=True)
    (folder / "validation" / "settings.json").write_text(json.dumps({"methods": ["LDCT", "hrnet 0.0"]}))
    with (folder / "validation" / "slices.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([
            ["patient", "track", "noise_index_hu", "dose", "slice", "method", "rmse_hu"],
            ["phantom", "matched", "30.0", "0.25", "1", "ldct", "1e6"],
            ["phantom", "matched", "30.0", "0.25", "1", "hrnet", "1e9"]])
    small = {card.name: card for card in build_small(data / "small")}
    small["hrnet"].details["training"]["note"] = "The best state of a run."
    monkeypatch.setattr("networksreport.nets.find_model", small.__getitem__)
    extra = {"hrnet_equal": "hrnet", "redcnn": "redcnn", "hrnet_before": "hrnet"}
    arguments = ["--data", str(data / "data"), "--output", str(folder / "networks"), "--cache", str(data / "cache"),
                 "--models", "hrnet", "unet", "--extra-weights",
                 *(f"{name}={training_folder(data / name, kind)}" for name, kind in extra.items())]
    assert networks_report.main(arguments, TINY) == 0
    readme = (folder / "networks" / "README.md").read_text()
    equal, _, shipped = readme.partition("## The shipped networks")
    steps = "(7 steps of 8 x 64 x 64)"
    assert f"### hrnet_equal {steps} against redcnn {steps}" in equal and "the aim of at most 0.2 is" in equal
    assert f"### hrnet {steps} against unet {steps}" in shipped and "ratio m" in shipped
    assert f"### hrnet {steps} against redcnn {steps}" in shipped
    # The same weights as before the last stage: no lower error anywhere.
    assert "the last stage has the lower RMSE in 0 of 2 conditions, and in 0 of them" in shipped
    assert "hrnet: The best state of a run.\n" in shipped.partition("Not chosen anew")[2]
    assert "In 4 of 4 conditions, those of 3 slices or fewer, one lost slice alone misses the share." in shipped
    lesions = shipped.partition("| leaves the least of all in |")[2]
    assert [line.split("|")[1].strip() for line in lesions.splitlines()[2:6]] == [
        "hrnet", "unet", "hrnet_equal", "redcnn"]
    assert "- hrnet against unet, of 4: ratio missed in 4 conditions, most by " in shipped.partition("## Missed")[2]
    assert "in place of 100,000, rate" in readme.partition("## What differs")[2]
    sizes = readme.partition("| U-Net |")[2].splitlines()[2:4]
    (ours, *_, own_parameters, _), (full, *_, parameters, multiply_adds) = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in sizes)
    assert (ours.split()[0], full, multiply_adds) == ("unet", "full width", "41.2 G")
    assert own_parameters == f"{sum(p.numel() for p in random_network('unet').parameters()):,}"
    assert float(parameters.replace(",", "")) == pytest.approx(39.3e6, rel=1e-3)
    with (folder / "networks" / "paper.csv").open() as stream:
        beside = list(csv.DictReader(stream))
    assert [r["region"] for r in beside] == ["body", "whole image"] * 2
    assert all(float(r["hrnet_ratio"]) / float(r["unet_ratio"]) == pytest.approx(float(r["hrnet_to_unet"]), rel=1e-3)
               for r in beside)
    assert "Slices on which unet is better" in (folder / "networks" / "failures.md").read_text()
    slices = (folder / "networks" / "slices.md").read_text()
    # A difference is reported and not hidden; a network of another version is not compared.
    assert "1 slices of ldct are the same; the greatest difference of RMSE is 1e+06 HU" in slices


def test_pairs_that_were_not_trained_alike_are_told(data):
    longer = training_folder(data / "longer", "unet")
    config = longer.with_name("config.json")
    config.write_text(config.read_text().replace('"patch": 64', '"patch": 32'))
    arguments = ["--data", str(data / "data"), "--output", str(data / "networks"), "--cache", str(data / "cache"),
                 "--parts", "slices", "--models", "--extra-weights", f"unet_equal={longer}",
                 f"hrnet_equal={training_folder(data / 'run', 'hrnet')}"]
    assert networks_report.main(arguments, TINY) == 0
    readme = (data / "networks" / "README.md").read_text()
    assert "Not all of these pairs had the same steps and patches" in readme
    assert "against unet_equal (7 steps of 8 x 32 x 32)" in readme
    assert "hrnet or hrnet_before takes no part" in readme


def build_small(folder: Path):
    """Cards of two small random networks that go by the names of shipped ones."""
    return [trained(name, training_folder(folder / name, name), folder) for name in ("hrnet", "unet")]


def test_the_command_names_what_is_wrong_with_its_arguments(tmp_path, capsys):
    for arguments, words in ((["--data", str(tmp_path)], "validation/"),
                             (["--data", str(BENCHMARKS), "--extra-weights", "redcnn"], "'redcnn' is not NAME=FILE"),
                             (["--data", str(BENCHMARKS), "--extra-weights", "x=a.pt", "x=b.pt"], "are called 'x'"),
                             (["--data", str(BENCHMARKS), "--models", "nonsense"], "nonsense")):
        with pytest.raises(SystemExit):
            networks_report.main(arguments)
        assert words in capsys.readouterr().err
