"""Detectability d' of low contrast: the scanned-in-simulation MITA disks, and lesions in squares of water."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from didreport.phantompart import DISK_PIXEL_MM, DISK_RING_MM, DISK_RODS, DISKS, WITHOUT
from didreport.tables import table, text, write_csv, write_page
from LDCTDenoiseLib.metrics import channel_outputs, dog_channels
from LDCTDenoiseLib.metrics.observer import detectability_squared
from LDCTDenoiseLib.volumeio import read_volume
from scipy import ndimage

from . import squares
from .context import Context
from .drawing import Box, Panel, draw_bars, draw_panels
from .methods import NO_BM3D, Scans
from .plan import STANDARD
from .statistics import CONFIDENCE, Aim, Estimate, jackknife, matched_strength

REGION_MM = 32.0
PLACES = 8
"""Places on the ring of the disks, 31 mm apart, between the rods' angles."""
LIKE = ("7 HU, 5 mm", "5 HU, 7 mm")
"""Two rods of the disks that differ in size and contrast, and hardly in their sum."""
DETECTION, KIND, ANY = "spot or none", "solid or rim", "all rods"
LEVELS = {"half the noise": "half", "full strength": "full"}
WEAK = 1.0
"""A ratio to an FBP d' below this says nothing; it is left out."""
ASKED = 50
"""Realisations that numbers of this kind should come from; the MITA disks hold fewer."""
LESIONS_HU = (-40.0, 60.0)
"""Window in which spots and rims can be seen."""
SMOOTHED = 2.0
"""Sigma in pixels with which the disks are shown."""

Outputs = dict[str, np.ndarray]
"""Channel outputs (scans, copies, channels) of every kind of signal."""


@dataclass(frozen=True)
class Task:
    """Pairs of kinds to be told apart, and further kinds with the same noise."""

    name: str
    pairs: tuple[tuple[str, str], ...]
    others: tuple[str, ...] = ()

    def measure(self, outputs: Outputs, chosen: np.ndarray) -> float:
        """d' from the chosen scans, each with one or more copies: the root mean square of the pairs' d'."""
        def kind(name: str) -> np.ndarray:
            return outputs[name][chosen].reshape(-1, outputs[name].shape[-1])

        others = [kind(name) for name in self.others]
        squared = float(np.mean([detectability_squared(kind(a), kind(b), others) for a, b in self.pairs]))
        return math.copysign(math.sqrt(abs(squared)), squared)


def write_disks(context: Context) -> list[Aim]:
    """Write disks.md, disks.csv, disks.png and disks-images.png, and return the aims."""
    plan = context.plan
    rows, pictures = _lesions(context)
    there = [name for name, file in DISKS.items() if (context.data / file).is_file()]
    for name in there:
        rows += _mita(context, name, pictures)
    write_csv(context.output / "disks.csv", rows)
    shown = [r for r in rows if r["ratio"] is not None and not (r["group"].startswith("MITA") and r["task"] != ANY)]
    draw_bars(context.output / "disks.png", shown)
    draw_panels(context.output / "disks-images.png", pictures, plan.square)
    write_page(context.output / "disks.md", _page(context, rows, there))
    names = {m.label for m in context.networks}
    return [Aim("disks", f"d' of FBP kept: {r['task']} (a limit of this report)", r["method"],
                f"{r['group']}, {_count(WITHOUT if r['group'].startswith('MITA') else plan.realisations)}", "at least",
                1.0, Estimate(r["ratio"], r["ratio_low"], r["ratio_high"])) for r in shown if r["method"] in names]


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
    flat = np.ones(images.shape[1:], bool)
    position = (np.arange(plan.square) - (plan.square - 1) / 2) * plan.pixel
    for y, x in four:
        flat &= np.hypot(position[:, None] - y, position[None, :] - x) > squares.LESION_MM + 4
    for y, x in five:
        flat &= np.hypot(position[:, None] - y, position[None, :] - x) > squares.SPOT_MM + 4
    side = round(REGION_MM / plan.pixel)
    half = plan.realisations

    def outputs(stack: np.ndarray) -> Outputs:
        def seen(part, where):
            return np.stack([_seen(part, plan.pixel, place, side) for place in where], axis=1)
        return {"none": seen(stack[:half], five), "solid": seen(stack[:half], four),
                "spot": seen(stack[half:], five), "rim": seen(stack[half:], four)}

    tasks = [Task(DETECTION, (("spot", "none"),)), Task(KIND, (("rim", "solid"),))]
    middle = (plan.square - 1) / 2
    marks = tuple(Box(middle + y / plan.pixel, middle + x / plan.pixel, 1.5 * radius / plan.pixel, "yellow", circle)
                  for radius, where, circle in ((squares.SPOT_MM, five, True), (squares.LESION_MM, four, False))
                  for y, x in where)
    scans, rows, panels = Scans(images, solid.spacing, flat), [], []
    for level in LEVELS:
        found, stacks = _rows(context, f"squares, {level}", "lesions", scans, outputs, tasks, half, level)
        rows += found
        panels = panels or [[Panel(pick(stack[half:]), label, words, marks if label == "FBP" else (), LESIONS_HU)
                             for label, stack in stacks.items()]
                            for words, pick in (("one scan", lambda part: part[0]),
                                                (f"mean of {half} scans", lambda part: part.mean(axis=0)))]
    return rows, panels


def _mita(context: Context, name: str, pictures: list[list[Panel]]) -> list[dict]:
    array = read_volume(context.data / DISKS[name]).array
    first = (array.shape[1] - context.plan.disk_crop) // 2
    window = slice(first, first + context.plan.disk_crop)
    images = np.ascontiguousarray(array[:, window, window]).round().astype(np.int16)
    ring = [(DISK_RING_MM * math.sin(a), DISK_RING_MM * math.cos(a))
            for a in (np.arange(PLACES) + 0.5) * (2 * math.pi / PLACES)]
    corner = DISK_RING_MM / math.sqrt(2)
    signals = {rod: (row * corner, column * corner) for rod, (row, column, _) in DISK_RODS.items()}
    position = (np.arange(images.shape[1]) - (images.shape[1] - 1) / 2) * DISK_PIXEL_MM
    flat = np.ones(images.shape[1:], bool)
    for rod, (y, x) in signals.items():
        flat &= np.hypot(position[:, None] - y, position[None, :] - x) > DISK_RODS[rod][2] + 4
    side = round(REGION_MM / DISK_PIXEL_MM)

    def outputs(stack: np.ndarray) -> Outputs:
        seen = {rod: _seen(stack[WITHOUT:], DISK_PIXEL_MM, place, side)[:, None] for rod, place in signals.items()}
        none = [_seen(stack[:WITHOUT], DISK_PIXEL_MM, place, side) for place in ring]
        return {**seen, "none": np.stack(none, axis=1)}

    tasks = [Task(ANY, tuple((rod, "none") for rod in signals)),
             *(Task(rod, ((rod, "none"),)) for rod in signals), Task(" or ".join(LIKE), (LIKE,), ("none",))]
    scans = Scans(images, (1.0, DISK_PIXEL_MM, DISK_PIXEL_MM), flat)
    rows = []
    for level in LEVELS:
        found, _ = _rows(context, f"MITA, {name}, {level}", f"MITA {name}", scans, outputs, tasks, WITHOUT, level)
        rows += found
    marks = tuple(Box((len(position) - 1) / 2 + y / DISK_PIXEL_MM, (len(position) - 1) / 2 + x / DISK_PIXEL_MM,
                      (DISK_RODS[rod][2] + 2) / DISK_PIXEL_MM, "yellow", True) for rod, (y, x) in signals.items())
    mean = [ndimage.gaussian_filter(part.mean(axis=0), SMOOTHED) for part in (images[:WITHOUT], images[WITHOUT:])]
    if len(pictures) == 2:
        pictures.append([])
    pictures[2].append(Panel(mean[1] - mean[0], f"MITA, {name}", "FBP: with rods - without", marks, (-15.0, 15.0)))
    return rows


def _seen(images: np.ndarray, pixel: float, place: tuple[float, float], side: int) -> np.ndarray:
    """Channel outputs (scans, channels) around a place in mm from the middle."""
    parts, centre = squares.region(images, pixel, place, side)
    return channel_outputs(parts, dog_channels(side, pixel, centre))


def _rows(context: Context, group: str, title: str, scans: Scans, outputs: Callable[[np.ndarray], Outputs],
          tasks: Sequence[Task], count: int, level: str) -> tuple[list[dict], dict[str, np.ndarray]]:
    """d' of every task and method at one level, and the scans as each method leaves them at it."""
    before = outputs(scans.images)
    noise = _noise(scans.images, scans.flat, count)
    rows, stacks = [], {"FBP": scans.images}
    fbp = {task.name: jackknife(lambda chosen: task.measure(before, chosen), count) for task in tasks}
    if level == next(iter(LEVELS)):
        rows += [_row(group, "FBP", task.name, "FBP", 0.0, math.nan, fbp[task.name], None) for task in tasks]
    for method in context.methods:
        images, parameter = context.denoised(title, scans, method)
        strength = 1.0
        if LEVELS[level] == "half":
            strength = matched_strength(noise, _noise(images, scans.flat, count), context.plan.noise_share)
        if strength is None:
            continue
        stacks[method.label] = (1 - strength) * scans.images + strength * images
        after = outputs(images)
        mixed = {kind: (1 - strength) * before[kind] + strength * after[kind] for kind in before}
        for task in tasks:
            found = jackknife(lambda chosen: task.measure(mixed, chosen), count)
            ratio = None
            if fbp[task.name].value >= WEAK:
                ratio = jackknife(lambda chosen: task.measure(mixed, chosen) / task.measure(before, chosen), count)
            rows.append(_row(group, method.label, task.name, level, strength, parameter, found, ratio))
    return rows, stacks


def _noise(images: np.ndarray, flat: np.ndarray, count: int) -> np.ndarray:
    """Noise in the flat part: what differs from the mean of the same kind of scan, (scans, pixels)."""
    values = images[:, flat].astype(np.float64)
    return np.concatenate([part - part.mean(axis=0) for part in (values[:count], values[count:])])


def _row(group, method, task, level, strength, parameter, found: Estimate, ratio: Estimate | None) -> dict:
    return {"group": group, "task": task, "method": method, "level": level, "strength": strength,
            "parameter": parameter, "d": found.value, "d_low": found.low, "d_high": found.high,
            "ratio": None if ratio is None else ratio.value, "ratio_low": None if ratio is None else ratio.low,
            "ratio_high": None if ratio is None else ratio.high}


def _page(context: Context, rows: list[dict], there: Sequence[str]) -> list[str]:
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
        "nothing was seen.", "",
        f"**Squares of water** as in [rods](rods.md), noise {plan.lesion_noise:g} HU, two kinds, {plan.realisations} "
        f"realisations of each, each with noise of its own. Detection: a spot of {squares.SPOT_HU:g} HU, "
        f"{2 * squares.SPOT_MM:g} mm wide, or none, at {len(five)} known places of each scan. Characterisation, this "
        f"project's own task: a solid lesion of {squares.LESION_HU:g} HU, {2 * squares.LESION_MM:g} mm wide, or one "
        f"with a rim of {squares.RIM_HU:g} HU around a core of {2 * squares.CORE_MM:g} mm without contrast, at "
        f"{len(four)} places: both have the same mean, so that only their inner structure tells a metastasis with a "
        f"dead core or an abscess from a solid lesion. {NO_BM3D}", ""]
    if there:
        lines += ["**MITA disks** (doi:10.5281/zenodo.7996580): per dose ten simulated slices with four rods and ten "
                  "without. Ten slices with one copy of each rod are few: the intervals are wide, and a ratio is "
                  f"given only where FBP's d' is at least {WEAK:g}. Detection of each rod and, as root mean square, of "
                  "all; as characterisation, which of two rods of nearly the same sum but different size and contrast "
                  f"it is. {_left_out(rows, there)}", ""]
    else:
        lines += ["The MITA disks are left out: the data folder has no phantom/sim_lcdct_*.", ""]
    lines += ["![d' relative to FBP's](disks.png)", ""]
    for group in dict.fromkeys(r["group"].rsplit(", ", 1)[0] for r in rows):
        for level in LEVELS:
            own = [r for r in rows if r["group"] == f"{group}, {level}"]
            fbp = {r["task"]: r for r in rows if r["group"].startswith(group) and r["level"] == "FBP"}
            tasks = list(fbp)
            body = [["FBP", "", *(_d(fbp[t]) for t in tasks)]]
            for name in dict.fromkeys(r["method"] for r in own if r["level"] != "FBP"):
                mine = {r["task"]: r for r in own if r["method"] == name}
                body.append([name, text(mine[tasks[0]]["strength"], 2), *(_d(mine[t]) for t in tasks)])
            lines += [f"## {group}, {level}", "", *table(["method", "strength", *tasks], body)]
            absent = [m.label for m in context.methods if m.label not in {r["method"] for r in own}]
            lines += [f"Never reaches half the noise: {', '.join(absent)}.", ""] if absent else []
    words = (" Below, the MITA disks: the mean of the slices with rods (circles) less that of those without, smoothed, "
             "-15 to 15 HU.")
    return [*lines, f"Spots (circles) and rims (squares) at half the noise, {LESIONS_HU[0]:g} to {LESIONS_HU[1]:g} HU: "
            f"one scan, and the mean of all, which shows what is left of the signal.{words if there else ''}", "",
            "![lesions](disks-images.png)"]


def _left_out(rows: list[dict], there: Sequence[str]) -> str:
    """Which doses have no place in the figure and among the aims, and why."""
    weak = [name for name in there for r in rows
            if r["group"].startswith(f"MITA, {name}, ") and (r["task"], r["level"]) == (ANY, "FBP") and r["d"] < WEAK]
    words = f"In the figure and among the aims stand only doses at which FBP's d' for all rods is at least {WEAK:g}"
    return words + (f", so these do not: {'; '.join(weak)}." if weak else ": all.")


def _d(row: dict) -> str:
    own = f"{text(row['d'], 2)} ({text(row['d_low'], 2)} .. {text(row['d_high'], 2)})"
    if row["ratio"] is None:
        return own
    return f"{own}; x {text(row['ratio'], 2)} ({text(row['ratio_low'], 2)} .. {text(row['ratio_high'], 2)})"
