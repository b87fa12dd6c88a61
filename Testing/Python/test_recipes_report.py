"""The report on training recipes: Testing/Benchmarks/recipes_report.py."""

import csv
import math
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "Testing" / "Benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from LDCTDenoiseLib.evaluationcases import Condition, Patient, simulate  # noqa: E402
from LDCTDenoiseLib.kernels import Kernel  # noqa: E402
from LDCTDenoiseLib.training.config import read_config  # noqa: E402
from recipesreport.judging import scores  # noqa: E402
from recipesreport.page import verdict, write_report  # noqa: E402
from recipesreport.recipe import read_recipes  # noqa: E402

RECIPES = ROOT / "configs" / "experiments"


def flat(mapping, prefix=""):
    """Leaves of nested tables as {dotted name: value}."""
    leaves = {}
    for key, value in mapping.items():
        leaves.update(flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return leaves


def test_every_recipe_but_the_base_changes_something_and_says_so():
    from dataclasses import asdict

    base = flat(asdict(read_config(RECIPES / "base.toml")))
    recipes = read_recipes(RECIPES)
    assert recipes[0].name == "base" and len(recipes) > 10
    for recipe in recipes[1:]:
        own = flat(asdict(read_config(recipe.path)))
        changed = {name for name in base.keys() | own.keys() if base.get(name) != own.get(name)}
        assert 1 <= len(changed) <= 2 and recipe.change, recipe.name


def test_a_recipe_without_its_explanation_is_refused(tmp_path):
    (tmp_path / "base.toml").write_text('seed = 1\n')
    with pytest.raises(ValueError, match="must be a comment"):
        read_recipes(tmp_path)


@pytest.fixture
def case():
    import numpy as np
    from LDCTDenoiseLib.metrics import body_mask

    target = np.full((1, 64, 64), -1000, np.int16)
    target[:, 8:56, 8:56] = 40
    body = body_mask(target, None)
    soft = np.zeros_like(body)
    soft[:, 16:48, 16:48] = True
    patient = Patient("disk", (0,), target, None, (1.0, 0.8, 0.8), Kernel(0.5, 4.0), body, {"soft": soft})
    return simulate(patient, Condition("matched", 30.0, 0.25), 0, "cpu")


class Shift(torch.nn.Module):
    """Returns its input, ``hu`` higher."""

    def __init__(self, hu):
        super().__init__()
        self.hu = hu

    def forward(self, image):
        return image + self.hu / 2000


def test_a_network_that_does_nothing_has_the_ratio_one(case):
    found = scores(Shift(0.0), [case])
    assert found["rmse_ratio"] == pytest.approx(1, abs=1e-4) and found["matched_rmse_ratio"] == found["rmse_ratio"]


def test_a_shift_counts_as_bias_and_as_error(case):
    before, after = scores(Shift(0.0), [case]), scores(Shift(100.0), [case])
    assert after["soft_bias_hu"] - 100 == pytest.approx(0, abs=before["soft_bias_hu"] + 0.01)
    noise = (case.low_dose.astype(float) - case.reference)[case.patient.body]
    expected = math.sqrt(((noise + 100) ** 2).mean() / (noise ** 2).mean())
    assert after["rmse_ratio"] == pytest.approx(expected, rel=1e-3)


def test_a_difference_counts_only_beyond_the_spread_of_the_seeds():
    assert verdict(0.97, 0.01) == "better" and verdict(1.03, 0.01) == "worse"
    assert verdict(0.97, 0.04) == "no difference" and verdict(1.03, 0.04) == "no difference"


def test_the_page_says_what_was_compared_and_what_is_missing(tmp_path):
    recipes = read_recipes(RECIPES)[:3]
    rows = [{"recipe": name, "seed": seed, "steps": 10, "seconds": 5, "multiply_adds": 2e9, "matched_rmse_ratio": ratio,
             "sharp_rmse_ratio": ratio, "rmse_ratio": ratio, "soft_bias_hu": 0.5}
            for name, ratios in (("base", (0.50, 0.52)), (recipes[1].name, (0.40, 0.41)))
            for seed, ratio in enumerate(ratios, 1)]
    write_report(rows, recipes, tmp_path)
    text = (tmp_path / "README.md").read_text()
    line = next(line for line in text.splitlines() if line.startswith(f"| `{recipes[1].name}`"))
    assert "| 0.794 | better |" in line
    assert f"Not trained yet: {recipes[2].name}." in text and "not done yet" in text
    with open(tmp_path / "recipes.csv", newline="") as stream:
        assert [float(row["rmse_ratio"]) for row in csv.DictReader(stream)] == [0.50, 0.52, 0.40, 0.41]
