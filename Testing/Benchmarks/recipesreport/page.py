"""The report's page and table."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from .recipe import Recipe

_INTRODUCTION = """# Training recipes

Made by `python Testing/Benchmarks/recipes_report.py --data DATA` from runs of `--train`. Every recipe of
[configs/experiments](../../../configs/experiments) changes one thing in `base.toml`, the first stage of the shipped
HRNet made short; all are trained for the same number of steps on as many pixels, with up to {seeds} seeds. RMSE ratio:
RMSE after over RMSE before, geometric mean over the validation patients with one slice each, two noise indices (15 and
30 HU) and three doses (1/2, 1/4, 1/8); lower is better. Against base: the mean of the seeds over that of the base
recipe with the same seeds. Spread: half the distance between the seeds. A difference counts where it is larger than
the spreads of both recipes together. Seconds of training tell little of the speed of a network: the machine had other
work too.

These runs are far shorter than the trainings of the shipped networks: they show what helps a network to learn quickly,
which need not be what it learns best from in the end. The patients they are judged by also chose each run's best state.
"""
_NEIGHBOURS = ("Neighbouring slices as input (2.5-D) take stacks of slices and are judged by themselves: {where}, made "
               "by `python Testing/Benchmarks/neighbours_report.py`.")
_HEADER = ("| recipe | what it changes | matched | sharp | both | spread | against base | verdict "
           "| soft bias, worst HU | G multiply-adds | s |")


def write_report(rows: list[dict], recipes: list[Recipe], output: Path) -> None:
    """Write ``recipes.csv`` (a line a run) and ``README.md`` (a line a recipe) into ``output``."""
    output.mkdir(parents=True, exist_ok=True)
    with open(output / "recipes.csv", "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    lines = [_INTRODUCTION.format(seeds=len({row["seed"] for row in rows})), _HEADER,
             "|" + "---|" * (_HEADER.count("|") - 1)]
    for recipe in recipes:
        own = [row for row in rows if row["recipe"] == recipe.name]
        seeds = {row["seed"] for row in own}
        base = [row for row in rows if row["recipe"] == "base" and row["seed"] in seeds]
        if own and base:
            lines.append(_line(recipe, own, summary(base)))
    missing = [recipe.name for recipe in recipes if not any(row["recipe"] == recipe.name for row in rows)]
    if missing:
        lines += ["", f"Not trained yet: {', '.join(missing)}."]
    where = "[neighbours](neighbours.md)" if (output / "neighbours.md").is_file() else "not done yet"
    (output / "README.md").write_text("\n".join([*lines, "", _NEIGHBOURS.format(where=where)]) + "\n", encoding="utf-8")


def verdict(ratio: float, spread: float) -> str:
    """Say whether ``ratio`` (to the base recipe, lower is better) differs from 1 by more than ``spread``."""
    if abs(ratio - 1) <= spread:
        return "no difference"
    return "better" if ratio < 1 else "worse"


def summary(rows: list[dict]) -> tuple[float, float]:
    """Mean and spread (half the range) of the ratio over the seeds."""
    values = [row["rmse_ratio"] for row in rows]
    return float(np.mean(values)), (max(values) - min(values)) / 2


def _line(recipe: Recipe, rows: list[dict], base: tuple[float, float]) -> str:
    mean, spread = summary(rows)
    ratio = mean / base[0]
    if recipe.name == "base":
        said = ""
    elif len(rows) < 2:
        said = "one seed only"
    else:
        said = verdict(ratio, (spread + base[1]) / base[0])

    def average(key):
        return float(np.mean([row[key] for row in rows]))

    worst = max(row["soft_bias_hu"] for row in rows)
    return (f"| `{recipe.name}` | {recipe.change} | {average('matched_rmse_ratio'):.3f} | "
            f"{average('sharp_rmse_ratio'):.3f} | {mean:.3f} | {f'{spread:.3f}' if len(rows) > 1 else '-'} | "
            f"{ratio:.3f} | {said} | {worst:.1f} | {rows[0]['multiply_adds'] / 1e9:.1f} | {average('seconds'):.0f} |")
