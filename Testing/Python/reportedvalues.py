"""What the committed reports and model cards say, as numbers, for comparison with what is written in sentences."""

from __future__ import annotations

import csv
import json
from functools import lru_cache
from math import nan
from pathlib import Path
from statistics import mean

from LDCTDenoiseLib.modelregistry import PACKAGED_FOLDER

ROOT = Path(__file__).resolve().parents[2]
REPORTS = ROOT / "Testing" / "Benchmarks"
CARDS = {card["name"]: card
         for card in json.loads((PACKAGED_FOLDER / "models.json").read_text(encoding="utf-8"))["models"]}
CONDITIONS = [(track, noise_index) for track in ("matched", "sharp") for noise_index in (15, 30)]
"""The rows of the README's table: track and noise index in HU, at a quarter of the dose."""


@lru_cache
def rows(name: str) -> list[dict[str, str]]:
    """The rows of a report's table, such as "did/range.csv"."""
    with open(REPORTS / name, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@lru_cache
def settings() -> dict:
    """The settings of the validation at a quarter of the dose."""
    return json.loads((REPORTS / "validation" / "settings.json").read_text(encoding="utf-8"))


@lru_cache
def tutorial() -> dict:
    """What is seen when the steps of the README's tutorial are followed on the shipped sample."""
    return json.loads((REPORTS / "tutorial" / "numbers.json").read_text(encoding="utf-8"))


def patients(method: str) -> dict[tuple[str, str, float], dict[str, str]]:
    """The rows of a method at a quarter of the dose, by (patient, track, noise index in HU)."""
    return {(row["patient"], row["track"], float(row["noise_index_hu"])): row
            for row in rows("validation/patients.csv") if row["method"] == method and float(row["dose"]) == 0.25}


def reported(method: str, track: str, noise_index: float, column: str = "rmse_hu") -> float:
    """The mean over the patients at a quarter of the dose."""
    return mean(float(row[column]) for (_, *condition), row in patients(method).items()
                if condition == [track, noise_index])


def ratios(method: str, other: str, column: str = "rmse_hu") -> list[float]:
    """What a method has over what another has, for each of the CONDITIONS."""
    return [reported(method, *condition, column) / reported(other, *condition, column) for condition in CONDITIONS]


def better_in_both(method: str, other: str) -> tuple[int, int]:
    """In how many cases of how many a method has the lower error and the higher SSIM."""
    own, others = patients(method), patients(other)
    return sum(float(own[case]["rmse_hu"]) < float(others[case]["rmse_hu"])
               and float(own[case]["ssim"]) > float(others[case]["ssim"]) for case in own), len(own)


def largest_bias(method: str, *tissues: str) -> tuple[float, tuple[str, str, float]]:
    """The largest |bias| in HU in these tissues at a quarter of the dose, and the case that has it."""
    return max((abs(float(row[f"bias_{tissue}_hu"])), case) for case, row in patients(method).items()
               for tissue in tissues if row[f"bias_{tissue}_hu"])


def harm(method: str, *words: str) -> dict[str, float]:
    """The values of the do-no-harm checks whose description has all these words, by case."""
    found = {f"{row['check']}: {row['case']}": float(row["value"]) for row in rows("validation/harm.csv")
             if row["method"] == method and all(one in row["check"] for one in words)}
    assert found, f"validation/harm.csv has no check of {method} with the words {words}"
    return found


def resolution(method: str, lowest: float, highest: float = float("inf")) -> list[float]:
    """The shares of TTF50 kept at full dose by rods of these contrasts in HU."""
    return [value for case, value in harm(method, "full dose", "TTF50").items()
            if lowest <= abs(float(case.split("contrast ")[1].split()[0])) <= highest]


def trained_alike(other: str) -> list[float]:
    """RMSE of the HRNet of equal terms over another's that was trained as it was, under each condition."""
    return [float(row["ratio"]) for row in rows("networks/versus.csv")
            if (row["network"], row["other"]) == ("hrnet_equal", other)]


def real_rods(contrast: int) -> float:
    """TTF50 that HRNet at full strength leaves of rods in the scan with a lung kernel."""
    ratio, = (float(row["ratio"]) for row in rows("task/real-rods.csv") if row["method"].startswith("hrnet ")
              and "LUNGKERNEL" in row["scan"] and int(row["contrast_hu"]) == contrast)
    return ratio


def water_rods(method: str, contrast: int) -> list[float]:
    """TTF50 that a method leaves of rods in water at half the noise, for every noise."""
    return [float(row["ratio"]) for row in rows("task/rods.csv") if row["method"].startswith(method)
            and row["level"] == "half the noise" and int(row["contrast_hu"]) == contrast]


def detectability(level: str, task: str, group: str = "squares") -> list[dict[str, str]]:
    """Rows of HRNet's d' over that of its input for a task, at a level of noise, in the groups that begin so."""
    return [row for row in rows("task/disks.csv") if row["method"].startswith("hrnet ") and row["task"] == task
            and row["level"] == level and row["group"].startswith(group)]


def lesions(method: str) -> list[dict[str, str]]:
    """What a method leaves of each inserted lesion under each condition."""
    return [row for row in rows("networks/lesions.csv") if row["method"] == method]


def training_hours(name: str) -> float:
    """The hours of all parts of a network's training."""
    def total(part) -> float:
        if not isinstance(part, dict):
            return 0.0
        return sum(value if key == "hours" else total(value) for key, value in part.items())
    return total(CARDS[name]["training"])


def candidate_sets(method: str) -> dict[tuple[str, str], list[dict[str, str]]]:
    """The rows of the candidates of each set made by ``method``, by (scene, model), the smoothest first."""
    sets: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows("did/range.csv"):
        if row["method"] == method:
            sets.setdefault((row["scene"], row["model"]), []).append(row)
    return sets


def column(candidates: list[dict[str, str]], name: str) -> list[float]:
    return [float(one[name]) for one in candidates]


def rises(values: list[float]) -> bool:
    """Whether every value is above the one before."""
    return all(a < b for a, b in zip(values, values[1:]))


def default_of(candidates: list[dict[str, str]]) -> int:
    return [one["kind"] for one in candidates].index("default")


def smoothest_over_default(candidates: list[dict[str, str]]) -> float:
    """The smoothest candidate's noise as a share of the default's."""
    noise = column(candidates, "noise_hu")
    return noise[0] / noise[default_of(candidates)]


def at_matched_noise(method: str, tissue: str, name: str = "ratio") -> dict[tuple[str, float], float]:
    """A column of the comparison with blending, by (scene, position), where the method gets that far."""
    return {(row["scene"], float(row["position"])): float(row[name]) for row in rows("did/matched.csv")
            if (row["method"], row["tissue"]) == (method, tissue) and row[name]}


def more_edges_than_blending(method: str) -> float:
    """What a method keeps of the slope of the edges beyond blending, on the sharper side, in per cent; the mean."""
    own, blend = (at_matched_noise(name, "body", "edges_kept") for name in (method, "blend"))
    return 100 * mean(own[place] - blend[place] for place in own if place in blend and place[1] > 0)
