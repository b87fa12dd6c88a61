"""d' of tasks for every method at matched noise and at full strength, on stacks of scans with and without signals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from didreport.tables import text
from LDCTDenoiseLib.metrics import channel_outputs, dog_channels
from LDCTDenoiseLib.metrics.observer import detectability_squared

from . import squares
from .context import Context
from .methods import Scans
from .statistics import Estimate, jackknife, matched_strength

REGION_MM = 32.0
LEVELS = HALF, FULL = "half the noise", "full strength"

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


def seen(images: np.ndarray, pixel: float, places: Sequence[tuple[float, float]]) -> np.ndarray:
    """Channel outputs (scans, places, channels) around places (y, x) in mm from the middle."""
    side = round(REGION_MM / pixel)
    found = []
    for place in places:
        parts, centre = squares.region(images, pixel, place, side)
        found.append(channel_outputs(parts, dog_channels(side, pixel, centre)))
    return np.stack(found, axis=1)


def empty_part(size: int, pixel: float, disks: Sequence[tuple[float, float, float]]) -> np.ndarray:
    """Pixels (size, size) that lie farther than 4 mm from all disks (y, x, radius in mm from the middle)."""
    position = (np.arange(size) - (size - 1) / 2) * pixel
    flat = np.ones((size, size), bool)
    for y, x, radius in disks:
        flat &= np.hypot(position[:, None] - y, position[None, :] - x) > radius + 4
    return flat


def task_rows(context: Context, group: str, title: str, scans: Scans, outputs: Callable[[np.ndarray], Outputs],
              tasks: Sequence[Task], count: int) -> list[dict]:
    """d' of every task and method, level by level; each level is a group of its own, and FBP stands in the first.

    ``scans`` holds ``count`` scans of one kind and then ``count`` of the other.
    """
    before = outputs(scans.images)
    noise = _noise(scans.images, scans.flat, count)
    fbp = {task.name: jackknife(lambda chosen: task.measure(before, chosen), count) for task in tasks}
    rows: dict[str, list[dict]] = {level: [] for level in LEVELS}
    rows[HALF] = [_row(f"{group}, {HALF}", "FBP", name, "FBP", 0.0, math.nan, found, None)
                  for name, found in fbp.items()]
    for method in context.methods:
        images, parameter = context.denoised(title, scans, method)
        half = matched_strength(noise, _noise(images, scans.flat, count), context.plan.noise_share)
        after = outputs(images)
        for level, strength in zip(LEVELS, (half, 1.0)):
            if strength is None:
                continue
            mixed = {kind: (1 - strength) * before[kind] + strength * after[kind] for kind in before}
            for task in tasks:
                found = jackknife(lambda chosen: task.measure(mixed, chosen), count)
                ratio = None
                # A ratio to what may be nothing says nothing.
                if fbp[task.name].low > 0:
                    ratio = jackknife(lambda chosen: task.measure(mixed, chosen) / task.measure(before, chosen), count)
                rows[level].append(_row(f"{group}, {level}", method.label, task.name, level, strength, parameter,
                                        found, ratio))
    return [row for own in rows.values() for row in own]


def d_words(row: dict) -> str:
    """d' of a row and, where there is one, its ratio to FBP's, with their intervals."""
    own = f"{text(row['d'], 2)} ({text(row['d_low'], 2)} .. {text(row['d_high'], 2)})"
    if row["ratio"] is None:
        return own
    return f"{own}; x {text(row['ratio'], 2)} ({text(row['ratio_low'], 2)} .. {text(row['ratio_high'], 2)})"


def _noise(images: np.ndarray, flat: np.ndarray, count: int) -> np.ndarray:
    """Noise in the flat part: what differs from the mean of the same kind of scan, (scans, pixels)."""
    values = images[:, flat].astype(np.float64)
    return np.concatenate([part - part.mean(axis=0) for part in (values[:count], values[count:])])


def _row(group, method, task, level, strength, parameter, found: Estimate, ratio: Estimate | None) -> dict:
    return {"group": group, "task": task, "method": method, "level": level, "strength": strength,
            "parameter": parameter, "d": found.value, "d_low": found.low, "d_high": found.high,
            "ratio": None if ratio is None else ratio.value, "ratio_low": None if ratio is None else ratio.low,
            "ratio_high": None if ratio is None else ratio.high}
