"""The numbers in the README and in the model cards are those of the committed report and of the networks."""

import csv
import json
import re
from pathlib import Path
from statistics import mean

import pytest

from LDCTDenoiseLib.modelregistry import PACKAGED_FOLDER
from LDCTDenoiseLib.networks import UNet, build
from LDCTDenoiseLib.networks.multiplyadds import multiply_adds

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
METHODS = ("ldct", "gaussian", "nlm", "tv", "bm3d", "plain", "unet", "hrnet")
MODELS = json.loads((PACKAGED_FOLDER / "models.json").read_text(encoding="utf-8"))["models"]
CARDS = {card["name"]: card for card in MODELS}


def reported(method, track, noise_index, column):
    """Mean over the patients of the committed validation at a quarter of the dose."""
    with open(ROOT / "Testing" / "Benchmarks" / "validation" / "patients.csv", newline="", encoding="utf-8") as stream:
        return mean(float(row[column]) for row in csv.DictReader(stream)
                    if (row["method"], row["track"], float(row["noise_index_hu"])) == (method, track, noise_index))


@pytest.mark.parametrize("track", ["matched", "sharp"])
@pytest.mark.parametrize("noise_index", [15, 30])
def test_the_readme_and_the_cards_give_the_errors_of_the_report(track, noise_index):
    row, = re.findall(rf"^\| {track}, index {noise_index} HU \|(.*)\|$", README, re.MULTILINE)
    assert [cell.strip() for cell in row.split("|")] == [
        f"{reported(method, track, noise_index, 'rmse_hu'):.1f}" for method in METHODS]
    for name, card in CARDS.items():
        quality = card["quality"][f"{track}, noise index {noise_index} HU"]
        assert quality["rmse_hu"] == round(reported(name, track, noise_index, "rmse_hu"), 2)
        assert quality["rmse_low_dose_hu"] == round(reported("ldct", track, noise_index, "rmse_hu"), 2)
        assert quality["ssim"] == round(reported(name, track, noise_index, "ssim"), 4)


@pytest.mark.parametrize("name", ["hrnet", "unet", "plain"])
def test_the_readme_and_the_cards_give_the_size_of_the_networks(name):
    card = CARDS[name]
    network = build(card["architecture"], card["widths"], card["form"], **card["options"])
    parameters, cost = sum(p.numel() for p in network.parameters()), multiply_adds(network)
    assert (card["parameters"], card["multiply_adds_512"]) == (parameters, cost)
    row, = re.findall(rf"^\| `{name}` \|(.*)\|$", README, re.MULTILINE)
    assert [cell.strip() for cell in row.split("|")][1:] == [f"{parameters / 1e6:.2f} M", f"{cost / 1e9:.1f} G"]


def test_the_readme_gives_the_size_of_the_printed_unet():
    network = UNet(form="literal")
    parameters, cost = sum(p.numel() for p in network.parameters()), multiply_adds(network)
    assert f"(as printed: {parameters / 1e6:.1f} M, {cost / 1e9:.0f} G)" in README
