"""The experiment's page and table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from didreport.tables import table, text, write_csv, write_page
from recipesreport.page import summary, verdict

from .stacks import FARTHEST_MM
from .training import ARMS, SHARED

PAGE, NUMBERS = "neighbours.md", "neighbours.csv"


def write_report(rows: list[dict], output: Path, slices: Sequence[int], patient: str) -> None:
    """Write the page and its table; ``slices`` of ``patient`` are those that were judged."""
    output.mkdir(parents=True, exist_ok=True)
    write_csv(output / NUMBERS, rows)
    steps = {row["steps"] for row in rows}
    lines = [
        "# Neighbouring slices as input (2.5-D)", "",
        "Made by `python Testing/Benchmarks/neighbours_report.py --data DATA` from runs of `--train`. The same short "
        f"training as the [recipes'](README.md) base ({' or '.join(f'{n:,}' for n in sorted(steps))} steps), of an "
        "HRNet that sees one slice, and of one that sees it between its two neighbours: the first convolution has "
        "three times the inputs, all else is alike. Phantoms, changes of pixel size and shifts of HU are left out for "
        f"both. Trained on stacks whose slices lie at most {FARTHEST_MM:g} mm apart; judged on slices "
        f"{', '.join(map(str, slices))} of {patient}, which trained nothing, at two noise indices, three doses, both "
        "tracks.", "",
        "**Noise that neighbours share.** Where slices overlap, as helical scans are mostly reconstructed, they share "
        f"noise: here they are {SHARED:g} times as thick as their distance, so that neighbours have a correlation of "
        f"{1 - 1 / SHARED:.2f}. A simulation slice by slice makes neighbours' noise independent; it promises a gain "
        "by averaging that such a scan does not hold. Hence networks trained with the one and with the other noise, "
        "each judged with both.", "",
        "RMSE ratio: RMSE after over RMSE before, geometric mean over the cases; lower is better. Spread: half the "
        "distance between the seeds. Against one slice: the mean of the seeds over that of the network with one "
        "slice under the same noise; a difference counts where it is larger than both spreads together.", ""]
    for noise in dict.fromkeys(row["noise"] for row in rows):
        lines += [f"## Judged with {noise} noise", "", *table(
            ["input", "seeds", "matched", "sharp", "both", "spread", "against one slice", "verdict",
             "soft bias, worst HU", "G multiply-adds", "s of training"],
            [_line(arm, rows, noise) for arm in ARMS if _own(rows, arm.name, noise)])]
    lines += ["The multiply-adds hardly differ, but three slices must be in memory at once and a stack must be one: "
              "unrelated slices, missing ones and gaps need a network for one slice all the same.", ""]
    write_page(output / PAGE, lines)


def _own(rows: list[dict], arm: str, noise: str) -> list[dict]:
    return [row for row in rows if (row["input"], row["noise"]) == (arm, noise)]


def _line(arm, rows: list[dict], noise: str) -> list[str]:
    own = _own(rows, arm.name, noise)
    one = [row for row in _own(rows, ARMS[0].name, noise) if row["seed"] in {mine["seed"] for mine in own}]
    (mean, spread), (base, base_spread) = summary(own), summary(one)
    said = ""
    if arm != ARMS[0]:
        said = verdict(mean / base, (spread + base_spread) / base) if len(own) > 1 else "one seed only"

    def average(key):
        return float(np.mean([row[key] for row in own]))

    return [arm.words, str(len(own)), text(average("matched_rmse_ratio"), 3), text(average("sharp_rmse_ratio"), 3),
            text(mean, 3), text(spread, 3) if len(own) > 1 else "-", text(mean / base, 3), said,
            text(max(row["soft_bias_hu"] for row in own), 1), text(own[0]["multiply_adds"] / 1e9, 1),
            text(average("seconds"), 0)]
