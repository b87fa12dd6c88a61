"""d' of the four rods of the MITA disk: on own scans of it, and on the few public slices as a check."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from didreport.phantompart import DISK_PIXEL_MM, DISK_RING_MM, DISK_RODS, DISKS, WITHOUT
from didreport.tables import table, text
from LDCTDenoiseLib.kernels import Kernel, estimate_kernel
from LDCTDenoiseLib.volumeio import read_volume
from scipy import ndimage

from .context import Context
from .drawing import Box, Panel
from .geometry import middle_window
from .methods import Scans
from .observing import Outputs, Task, d_words, empty_part, seen, task_rows
from .ownscans import SIGNALS, contrast_of, own_scans, ring_noise
from .statistics import CONFIDENCE

PLACES = 8
"""Places on the ring of the disks, 31 mm apart, between the rods' angles."""
LIKE = ("7 HU, 5 mm", "5 HU, 7 mm")
"""Two rods of the disks that differ in size and contrast, and not in the product of contrast and diameter."""
ANY = "all rods"
SMOOTHED = 2.0
"""Sigma in pixels with which the disks are shown."""
SHOWN_HU = (-8.0, 8.0)
"""Window in which they are."""

_RING = [(DISK_RING_MM * math.sin(a), DISK_RING_MM * math.cos(a))
         for a in (np.arange(PLACES) + 0.5) * (2 * math.pi / PLACES)]
_TASKS = (Task(ANY, tuple((rod, "none") for rod in DISK_RODS)), *(Task(rod, ((rod, "none"),)) for rod in DISK_RODS),
          Task(" or ".join(LIKE), (LIKE,), ("none",)))


@dataclass(frozen=True)
class DiskScans:
    """``images`` (2 count, J, I) int16 HU: ``count`` scans without rods, then as many with them; ``kernel`` of the
    public file, ``own`` if the scans were made here.
    """

    dose: str
    own: bool
    images: np.ndarray
    count: int
    kernel: Kernel

    @property
    def group(self) -> str:
        return f"MITA, own scans like {self.dose}" if self.own else f"MITA, {self.dose}"

    @property
    def noise(self) -> float:
        """SD in HU around the ring, of the scans without rods."""
        return ring_noise(self.images[:self.count])


def disk_scans(context: Context) -> list[DiskScans]:
    """The public slices of every dose that there is, and before them own scans with their kernels and noise."""
    plan, public, own = context.plan, [], []
    for number, (dose, file) in enumerate(DISKS.items()):
        if not (context.data / file).is_file():
            continue
        array = read_volume(context.data / file).array
        window = middle_window(array.shape[1:], plan.disk_crop)
        images = np.ascontiguousarray(array[(slice(None), *window)]).round().astype(np.int16)
        known = DiskScans(dose, False, images, WITHOUT, estimate_kernel(array, (DISK_PIXEL_MM, DISK_PIXEL_MM)))
        # Every dose has random numbers of its own.
        seeds = 2 * plan.realisations * number + np.arange(2 * plan.realisations)
        key = {"disk": DISK_RODS, "ring": DISK_RING_MM, "kernel": asdict(known.kernel), "noise": known.noise,
               "size": plan.disk_crop, "pixel": DISK_PIXEL_MM, "seeds": seeds.tolist()}
        made = context.simulated(f"MITA own {dose}", key, "ownscans.py", lambda: {
            "images": own_scans(known.kernel, known.noise, plan.disk_crop, seeds)}, "squares.py")
        public.append(known)
        own.append(DiskScans(dose, True, made["images"], plan.realisations, known.kernel))
    return own + public


def disk_rows(context: Context, stack: DiskScans) -> tuple[list[dict], Panel]:
    """d' of every task, method and level on one stack, and a picture of what FBP shows of the rods."""
    size = stack.images.shape[1]
    disks = [(*place, DISK_RODS[rod][2]) for rod, place in SIGNALS.items()]
    scans = Scans(stack.images, (1.0, DISK_PIXEL_MM, DISK_PIXEL_MM), empty_part(size, DISK_PIXEL_MM, disks))

    def outputs(images: np.ndarray) -> Outputs:
        signals = seen(images[stack.count:], DISK_PIXEL_MM, list(SIGNALS.values()))
        return {**{rod: signals[:, [k]] for k, rod in enumerate(SIGNALS)},
                "none": seen(images[:stack.count], DISK_PIXEL_MM, _RING)}

    rows = task_rows(context, stack.group, f"MITA {'own ' if stack.own else ''}{stack.dose}", scans, outputs, _TASKS,
                     stack.count)
    marks = tuple(Box((size - 1) / 2 + y / DISK_PIXEL_MM, (size - 1) / 2 + x / DISK_PIXEL_MM,
                      (radius + 2) / DISK_PIXEL_MM, "yellow", True) for y, x, radius in disks)
    without, there = (ndimage.gaussian_filter(part.mean(axis=0), SMOOTHED)
                      for part in (stack.images[:stack.count], stack.images[stack.count:]))
    # "own scans like dose 0.10" is too wide for a picture.
    title = f"own, like {stack.dose}" if stack.own else f"MITA, {stack.dose}"
    return rows, Panel(there - without, title, f"FBP, {stack.count} with - without", marks, SHOWN_HU)


def sums_words() -> str:
    """What the two rods that are told apart have in common, and what they have not."""
    return "; ".join(f"{rod}: contrast x diameter {contrast_of(rod) * 2 * radius:.0f} HU mm, contrast x area "
                     f"{contrast_of(rod) * math.pi * radius ** 2:.0f} HU mm^2"
                     for rod in LIKE for radius in [DISK_RODS[rod][2]])


def disk_lines(stacks: Sequence[DiskScans], rows: Sequence[dict]) -> list[str]:
    """What the own scans are, and how far FBP's d' on them and on the public slices differ."""
    fbp = {(r["group"].rsplit(", ", 1)[0], r["task"]): r for r in rows if r["level"] == "FBP"}
    body, apart, count = [], [], 0
    for own in (s for s in stacks if s.own):
        public = next(s for s in stacks if s.dose == own.dose and not s.own)
        for task in _TASKS:
            one, other = fbp[own.group, task.name], fbp[public.group, task.name]
            difference = one["d"] - other["d"]
            reach = math.hypot(*((r["d_high"] - r["d_low"]) / 2 for r in (one, other)))
            beside = abs(difference) > reach
            if task.name == ANY:
                body.append([own.dose, f"{own.kernel.f50:.3g} per mm, power {own.kernel.power:g}",
                             text(public.noise, 1), text(own.noise, 1), d_words(other), d_words(one),
                             f"{difference:+.2f} ({difference - reach:+.2f} .. {difference + reach:+.2f})",
                             "NO" if beside else "yes"])
                continue
            count += 1
            apart += [f"{own.dose}: {task.name} ({difference:+.2f})"] * beside
    words = (f"{len(apart)}: {'; '.join(apart)}; of {count} intervals of {CONFIDENCE:.0%}, about "
             f"{count * (1 - CONFIDENCE):.0f} would miss the truth by chance" if apart else "none")
    return [*table(["like", "kernel: half the amplitude at", "noise of the public slices, HU", "of the own scans, HU",
                    "FBP's d' of all rods, public slices", "own scans", "own - public", "0 inside the interval"], body),
            "The interval of the difference tells how far both d' are known from these scans. It does not hold the "
            "uncertainty of the kernel and the noise of the own scans, which were read from the same file as the "
            "public slices, and where it is wide, a 0 inside it shows little. Of the single rods and the "
            f"characterisation ({count} comparisons; those of all rods are left out, as they hold the single ones), 0 "
            f"lies outside the interval in {words}.", ""]
