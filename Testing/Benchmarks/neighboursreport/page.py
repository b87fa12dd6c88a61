"""The experiment's page and table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from didreport.tables import share, table, text, write_csv, write_page
from LDCTDenoiseLib.evaluationcases import Condition, Patient
from LDCTDenoiseLib.training.config import DataConfig
from networksreport.trainingdata import stem, trained_on
from recipesreport.page import summary, verdict

from .stacks import FARTHEST_MM
from .training import ARMS, SHARED, Arm

PAGE, NUMBERS = "neighbours.md", "neighbours.csv"


def write_report(rows: list[dict], output: Path, judged: Sequence[str], trained: Sequence[str]) -> None:
    """Write the page and its table; ``judged`` and ``trained`` are sentences on the slices that took part."""
    output.mkdir(parents=True, exist_ok=True)
    write_csv(output / NUMBERS, rows)
    lines = [
        "# Neighbouring slices as input (2.5-D)", "",
        "Made by `python Testing/Benchmarks/neighbours_report.py --data DATA` from runs of `--train`. An HRNet that "
        "sees one slice, and one that sees it between its two neighbours: the first convolution has three times the "
        f"inputs, all else is alike. Trained for {rows[0]['steps']:,} steps by the [recipes'](README.md) `base.toml`, "
        "but on samples of stacks, without phantoms, changes of pixel size and shifts of HU, and judged in the state "
        "of the last step: compare within this page only.", "", *trained, *judged, "",
        "**Noise that neighbours share.** Slices that overlap share noise; slices that were simulated each by itself "
        f"do not. Shared noise is that of slices {SHARED:g} times as thick as their distance, so that neighbours have "
        f"a correlation of {1 - 1 / SHARED:.2f}. Three slices are trained with the one and with the other, and all "
        "networks are judged with both: whether a gain with independent noise holds where noise is shared.", "",
        "RMSE ratio: RMSE after over RMSE before, geometric mean over the cases; lower is better. Spread: half the "
        "distance between the seeds. Against one slice: the mean over that of the network with one slice, the same "
        "seeds and the same noise; a difference counts where it is larger than both spreads together. The spread tells "
        "nothing of other patients. Seconds of training tell little of a network: the machine had other work too.", ""]
    for noise in dict.fromkeys(row["noise"] for row in rows):
        own = {arm: _own(rows, arm.name, noise) for arm in ARMS}
        lines += [f"## Judged with {noise} noise", "", *table(
            ["input", "seeds", "matched", "sharp", "both", "spread", "against one slice", "verdict",
             "soft bias, worst HU", "G multiply-adds", "s of training"],
            [_line(arm, own[arm], own[ARMS[0]]) for arm in ARMS if own[arm]])]
    lines += ["Three slices need a stack without gaps; unrelated slices take a network for one slice all the same.", ""]
    write_page(output / PAGE, lines)


def trained_words(data: DataConfig, left_out: Sequence[str]) -> list[str]:
    """What the samples come from."""
    weights = {stem(entry["path"]): entry.get("weight", 1.0) for entry in data.train}
    words = [f"Trained on stacks whose slices lie at most {FARTHEST_MM:g} mm apart."]
    if left_out:
        part = sum(weights[name] for name in left_out) / sum(weights.values())
        words.append(f"That leaves out {', '.join(left_out)}: {share(part)} of what the recipes draw.")
    return words


def judged_words(patients: Sequence[Patient], file: str, conditions: Sequence[Condition], data: DataConfig,
                 root: Path) -> list[str]:
    """What the networks were judged by, stacks of ``file`` in the folder ``root``, and whether training saw them."""
    numbers = [str(patient.slices[1]) for patient in patients]
    seen = trained_on(file, [{"data": [{"file": entry["path"]} for entry in data.train]}], root)
    tracks, indices, doses = ({getattr(one, name) for one in conditions} for name in ("track", "noise_index", "dose"))
    return [
        f"Judged by slices {', '.join(numbers)} of {stem(file)}, {patients[0].spacing[0]:g} mm apart from their "
        f"neighbours, under {len(conditions)} conditions: tracks {' and '.join(sorted(tracks))}, noise indices of "
        f"{' and '.join(f'{n:g}' for n in sorted(indices))} HU, {', '.join(f'{n:g}' for n in sorted(doses))} of the "
        "dose.",
        {True: "**Training saw slices of this patient.**", False: "Training saw no slice of this patient.",
         None: "Whether training saw slices of this patient is not known."}[seen],
        "One patient is narrow evidence, and thinner slices show more of each other."]


def _own(rows: list[dict], arm: str, noise: str) -> list[dict]:
    return [row for row in rows if (row["input"], row["noise"]) == (arm, noise)]


def _line(arm: Arm, rows: list[dict], single: list[dict]) -> list[str]:
    mean, spread = summary(rows)
    common = {row["seed"] for row in rows} & {row["seed"] for row in single}
    ratio, said = "-", ""
    if common and arm != ARMS[0]:
        (here, ours), (base, theirs) = (
            summary([row for row in some if row["seed"] in common]) for some in (rows, single))
        ratio = text(here / base, 3)
        said = verdict(here / base, (ours + theirs) / base) if len(common) > 1 else "one seed only"

    def average(key):
        return float(np.mean([row[key] for row in rows]))

    return [arm.words, str(len(rows)), text(average("matched_rmse_ratio"), 3), text(average("sharp_rmse_ratio"), 3),
            text(mean, 3), text(spread, 3) if len(rows) > 1 else "-", ratio, said,
            text(max(row["soft_bias_hu"] for row in rows), 1), text(rows[0]["multiply_adds"] / 1e9, 1),
            text(average("seconds"), 0)]
