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
from networksreport.nets import build_networks, trained  # noqa: E402
from networksreport.plan import Lesion, Plan, Showcase, Zoom  # noqa: E402


def training_folder(folder: Path, architecture="plain") -> Path:
    """What a training leaves: a checkpoint whose averaged weights are not its last ones."""
    folder.mkdir(parents=True)
    network = {"architecture": architecture, "widths": list(WIDTHS[architecture]), "form": "shipped", "options": {}}
    (folder / "config.json").write_text(json.dumps({"network": network, "optimiser": {"batch_size": 8}}))
    torch.save({"network": random_network(architecture, seed=1).state_dict(),
                "average": random_network(architecture, seed=2).state_dict(), "iteration": 7, "seconds": 36.0},
               folder / "checkpoint.pt")
    return folder / "checkpoint.pt"


def test_weights_of_a_training_are_its_averaged_ones(tmp_path):
    network, = build_networks([], [("mine", training_folder(tmp_path / "run"))], tmp_path / "weights")
    assert (network.key, network.card.architecture) == ("mine", "plain")
    assert network.recipe.startswith("7 steps of 8")
    expected = random_network("plain", seed=2).state_dict()
    loaded = network._denoiser.network.state_dict()
    assert all(torch.equal(loaded[name], value.half().float()) for name, value in expected.items())


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
    plan = replace(TINY, dose_models=("tiny-hrnet",), columns=("tiny-hrnet",))
    arguments = ["--data", str(data / "data"), "--output", str(data / "networks"), "--cache", str(data / "cache"),
                 "--models", "tiny-hrnet", "tiny-unet", "--extra-weights", f"redcnn={training_folder(data / 'run')}"]
    assert networks_report.main(arguments, plan) == 0
    made = {path.name for path in (data / "networks").iterdir()}
    assert {"README.md", "slices.md", "showcases.md", "noise.md", "failures.md", "figure2.png", "figure5.png",
            "figure6.png", "figure7.png", "lesions.csv", "table1.csv"} <= made
    readme = (data / "networks" / "README.md").read_text()
    assert "- hrnet_literal:" in readme and "- redcnn:" not in readme
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
    monkeypatch.setattr("networksreport.nets.find_model", small.__getitem__)
    arguments = ["--data", str(data / "data"), "--output", str(folder / "networks"), "--cache", str(data / "cache"),
                 "--models", "hrnet", "unet"]
    assert networks_report.main(arguments, TINY) == 0
    readme = (folder / "networks" / "README.md").read_text()
    assert "## hrnet against unet, per track and dose" in readme and "ratio m" in readme
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
