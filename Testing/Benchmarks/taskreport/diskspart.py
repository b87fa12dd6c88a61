"""Detectability d' of low contrast: lesions in squares of water, and the rods of the MITA disk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from didreport.phantompart import WITHOUT
from didreport.tables import table, text, write_csv, write_page

from . import squares
from .context import Context
from .drawing import Box, Panel, draw_bars, draw_panels
from .methods import NO_BM3D, Scans
from .mitapart import ANY, SHOWN_HU, DiskScans, disk_lines, disk_rows, disk_scans, sums_words
from .observing import HALF, LEVELS, Outputs, Task, d_words, empty_part, seen, task_rows
from .ownscans import NOISE_MM
from .plan import STANDARD
from .statistics import CONFIDENCE, Aim, Estimate

DETECTION, KIND = "spot or none", "solid or rim"
ASKED = 50
"""Realisations that numbers of this kind should come from."""
LESIONS_HU = (-40.0, 60.0)
"""Window in which spots and rims can be seen."""


def write_disks(context: Context) -> list[Aim]:
    """Write disks.md, disks.csv, disks.png and disks-images.png, and return the aims."""
    plan = context.plan
    rows, pictures = _lesions(context)
    stacks = disk_scans(context)
    found = [disk_rows(context, stack) for stack in stacks]
    rows += [row for some, _ in found for row in some]
    if found:
        pictures.append([panel for _, panel in found])
    write_csv(context.output / "disks.csv", rows)
    shown = _judged(rows, stacks)
    draw_bars(context.output / "disks.png", shown)
    draw_panels(context.output / "disks-images.png", pictures, plan.square)
    write_page(context.output / "disks.md", _page(context, rows, stacks))
    names = {m.label for m in context.networks}
    return [Aim("disks", f"d' of FBP kept: {r['task']} (a limit of this report)", r["method"],
                f"{r['group']}, {_count(plan.realisations)}", "at least", 1.0,
                Estimate(r["ratio"], r["ratio_low"], r["ratio_high"])) for r in shown if r["method"] in names]


def _judged(rows: Sequence[dict], stacks: Sequence[DiskScans]) -> list[dict]:
    """The rows that stand in the figure and among the aims: of the MITA disk, all rods at once in the own scans."""
    tasks = {stack.group: (ANY,) if stack.own else () for stack in stacks}
    return [r for r in rows if r["ratio"] is not None and r["task"] in tasks.get(_group(r), (r["task"],))]


def _group(row: dict) -> str:
    """The group of a row without its level."""
    return row["group"].rsplit(", ", 1)[0]


def _count(realisations: int) -> str:
    return f"{realisations} realisations" + (f" of {ASKED} that were asked for" if realisations < ASKED else "")


def _lesions(context: Context) -> tuple[list[dict], list[list[Panel]]]:
    plan = context.plan
    solid, mixed = squares.lesions(STANDARD, plan.square, plan.pixel)
    key = {"lesions": plan.lesion_noise, "size": plan.square, "pixel": plan.pixel, "count": plan.realisations}

    def make() -> dict[str, np.ndarray]:
        seeds = np.arange(2 * plan.realisations)
        return {"images": np.concatenate([squares.scans(solid, plan.lesion_noise, seeds[::2]),
                                          squares.scans(mixed, plan.lesion_noise, seeds[1::2])])}

    images = context.simulated("lesions", key, "squares.py", make)["images"]
    five, four = squares.places()
    flat = empty_part(plan.square, plan.pixel, [*((y, x, squares.LESION_MM) for y, x in four),
                                                *((y, x, squares.SPOT_MM) for y, x in five)])
    half = plan.realisations

    def outputs(stack: np.ndarray) -> Outputs:
        return {"none": seen(stack[:half], plan.pixel, five), "solid": seen(stack[:half], plan.pixel, four),
                "spot": seen(stack[half:], plan.pixel, five), "rim": seen(stack[half:], plan.pixel, four)}

    tasks = [Task(DETECTION, (("spot", "none"),)), Task(KIND, (("rim", "solid"),))]
    middle = (plan.square - 1) / 2
    marks = tuple(Box(middle + y / plan.pixel, middle + x / plan.pixel, 1.5 * radius / plan.pixel, "yellow", circle)
                  for radius, where, circle in ((squares.SPOT_MM, five, True), (squares.LESION_MM, four, False))
                  for y, x in where)
    scans, title = Scans(images, solid.spacing, flat), "lesions"
    rows = task_rows(context, "squares", title, scans, outputs, tasks, half)
    strengths = {r["method"]: r["strength"] for r in rows if r["level"] == HALF}
    shown = {"FBP": images[half:]}
    for method in (m for m in context.methods if m.label in strengths):
        strength = strengths[method.label]
        shown[method.label] = ((1 - strength) * images[half:]
                               + strength * context.denoised(title, scans, method)[0][half:])
    return rows, [[Panel(pick(stack), label, words, marks if label == "FBP" else (), LESIONS_HU)
                   for label, stack in shown.items()]
                  for words, pick in (("one scan", lambda stack: stack[0]),
                                      (f"mean of {half} scans", lambda stack: stack.mean(axis=0)))]


def _page(context: Context, rows: list[dict], stacks: Sequence[DiskScans]) -> list[str]:
    plan = context.plan
    five, four = squares.places()
    lines = [
        "# Detectability of low contrast", "",
        "d' of a channelised Hotelling observer with round dense difference-of-Gaussian channels (Abbey and Barrett, "
        "doi:10.1364/JOSAA.18.000473), without internal noise, freed from the bias of few samples "
        "(doi:10.1109/TMI.2009.2012705). It weights frequencies as the noise left in them allows, so smoothing alone "
        "neither helps nor harms it: what lowers its d' is signal that is gone. Where a signal is known exactly in "
        "white noise it gives the root of the signal's energy over the noise SD, as it must "
        f"(Testing/Python/test_metrics_observer.py). In brackets the {CONFIDENCE:.0%} interval, from leaving out one "
        "scan at a time; the ratio to FBP, on the same scans, is steadier than either d'. Negative values mean that "
        "nothing was seen. Leaving out one scan at a time gives intervals that are too narrow near 0, so that some lie "
        "below 0 as a whole.", "",
        f"**Squares of water** as in [rods](rods.md), noise {plan.lesion_noise:g} HU, two kinds, {plan.realisations} "
        f"realisations of each, each with noise of its own. Detection: a spot of {squares.SPOT_HU:g} HU, "
        f"{2 * squares.SPOT_MM:g} mm wide, or none, at {len(five)} known places of each scan. Characterisation, this "
        f"project's own task: a solid lesion of {squares.LESION_HU:g} HU, {2 * squares.LESION_MM:g} mm wide, or one "
        f"with a rim of {squares.RIM_HU:g} HU around a core of {2 * squares.CORE_MM:g} mm without contrast, at "
        f"{len(four)} places: both have the same mean, so that only their inner structure tells a metastasis with a "
        f"dead core or an abscess from a solid lesion. {NO_BM3D}", ""]
    if stacks:
        lines += ["**MITA disk** (doi:10.5281/zenodo.7996580): detection of each of four rods and, as root mean "
                  "square, of all; as characterisation, which of two rods of different size and contrast it is "
                  f"({sums_words()}). The public files hold {WITHOUT} simulated slices with the rods and {WITHOUT} "
                  "without per dose, with one copy of each rod: too few, so their intervals are wide, and they stand "
                  "in the tables as a check alone. What is judged comes from own scans like those of each dose: "
                  f"{plan.realisations} with the rods and {plan.realisations} without, each with noise of its own, "
                  "from this project's fan-beam simulator in a disk of water 200 mm wide. Place, size and contrast of "
                  "the rods are those of the phantom, the pixels those of the files; the kernel and the SD of the "
                  f"noise (up to {NOISE_MM:g} mm inside and outside of the ring on which the rods lie) were read from "
                  "the files. In own scans that SD holds electronic noise too; what the rods attenuate is left out of "
                  "it.", "", *disk_lines(stacks, rows),
                  f"A ratio is given only where the interval of FBP's d' lies above 0. {_left_out(rows, stacks)}", ""]
    else:
        lines += ["The MITA disk is left out: the data folder has no phantom/sim_lcdct_*, from which the kernels and "
                  "the noise of own scans are read too.", ""]
    lines += ["![d' relative to FBP's](disks.png)", ""]
    for group in dict.fromkeys(map(_group, rows)):
        for level in LEVELS:
            own = [r for r in rows if r["group"] == f"{group}, {level}"]
            fbp = {r["task"]: r for r in rows if _group(r) == group and r["level"] == "FBP"}
            tasks = list(fbp)
            body = [["FBP", "", *(d_words(fbp[t]) for t in tasks)]]
            for name in dict.fromkeys(r["method"] for r in own if r["level"] != "FBP"):
                mine = {r["task"]: r for r in own if r["method"] == name}
                body.append([name, text(mine[tasks[0]]["strength"], 2), *(d_words(mine[t]) for t in tasks)])
            lines += [f"## {group}, {level}", "", *table(["method", "strength", *tasks], body)]
            absent = [m.label for m in context.methods if m.label not in {r["method"] for r in own}]
            lines += [f"Never reaches half the noise: {', '.join(absent)}.", ""] if absent else []
    words = (" Below, the MITA disk, own scans and public slices: the mean of those with rods (circles) less that "
             f"of those without, smoothed, {SHOWN_HU[0]:g} to {SHOWN_HU[1]:g} HU.")
    return [*lines, f"Spots (circles) and rims (squares) at half the noise, {LESIONS_HU[0]:g} to {LESIONS_HU[1]:g} HU: "
            f"one scan, and the mean of all, which shows what is left of the signal.{words if stacks else ''}", "",
            "![lesions](disks-images.png)"]


def _left_out(rows: Sequence[dict], stacks: Sequence[DiskScans]) -> str:
    """Which own scans have no place in the figure and among the aims, and why."""
    known = {_group(r): r["d_low"] for r in rows if (r["task"], r["level"]) == (ANY, "FBP")}
    weak = [stack.dose for stack in stacks if stack.own and known[stack.group] <= 0]
    words = ("The own scans like a dose stand in the figure and among the aims where the interval of their FBP's d' of "
             "all rods lies above 0; ")
    return words + (f"these do not: {'; '.join(weak)}." if weak else "all do.")
