"""d' of the four rods of the MITA disk: on own scans of it, and on the few public slices as a check."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from didreport.phantompart import DISK_PIXEL_MM, DISK_RING_MM, DISK_RODS, DISKS, WITHOUT
from didreport.tables import table, text
from LDCTDenoiseLib.evaluationphantoms import Phantom
from LDCTDenoiseLib.kernels import Kernel, estimate_kernel
from LDCTDenoiseLib.volumeio import read_volume
from scipy import ndimage

from . import squares
from .context import Context
from .drawing import Box, Panel
from .methods import Scans
from .observing import LEVELS, Outputs, Task, empty_part, seen, task_rows
from .statistics import CONFIDENCE

PLACES = 8
"""Places on the ring of the disks, 31 mm apart, between the rods' angles."""
LIKE = ("7 HU, 5 mm", "5 HU, 7 mm")
"""Two rods of the disks that differ in size and contrast, and hardly in their sum."""
ANY = "all rods"
NOISE_MM = 8.0
"""Noise is measured up to this far inside and outside of the ring."""
PILOTS, PILOT_SCANS = 3, 10
SMOOTHED = 2.0
"""Sigma in pixels with which the disks are shown."""
SHOWN_HU = (-8.0, 8.0)
"""Window in which they are."""

_CORNER = DISK_RING_MM / math.sqrt(2)
_SIGNALS = {rod: (row * _CORNER, column * _CORNER) for rod, (row, column, _) in DISK_RODS.items()}
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
        first = (array.shape[1] - plan.disk_crop) // 2
        window = slice(first, first + plan.disk_crop)
        images = np.ascontiguousarray(array[:, window, window]).round().astype(np.int16)
        known = DiskScans(dose, False, images, WITHOUT, estimate_kernel(array, (DISK_PIXEL_MM, DISK_PIXEL_MM)))
        # Every dose has random numbers of its own.
        seeds = 2 * plan.realisations * number + np.arange(2 * plan.realisations)
        key = {"disk": DISK_RODS, "ring": DISK_RING_MM, "kernel": asdict(known.kernel), "noise": known.noise,
               "around": NOISE_MM, "size": plan.disk_crop, "pixel": DISK_PIXEL_MM, "seeds": seeds.tolist(),
               "pilots": [PILOTS, PILOT_SCANS]}
        made = context.simulated(f"MITA own {dose}", key, "squares.py",
                                 lambda: {"images": own_scans(known.kernel, known.noise, plan.disk_crop, seeds)})
        public.append(known)
        own.append(DiskScans(dose, True, made["images"], plan.realisations, known.kernel))
    return own + public


def own_scans(kernel: Kernel, noise: float, size: int, seeds: Sequence[int]) -> np.ndarray:
    """Scans (seeds, size, size) int16 HU of the disk, half of them without rods, then half with them.

    Around the ring their noise has an SD of ``noise`` HU: as electronic noise comes on top of the noise index, the
    index is corrected until a few scans hold that SD.
    """
    without, there = disk(kernel, size, ()), disk(kernel, size, tuple(DISK_RODS))
    half = len(seeds) // 2
    index = noise
    for _ in range(PILOTS):
        index *= noise / ring_noise(squares.scans(without, index, seeds[:min(half, PILOT_SCANS)]))
    return np.concatenate([squares.scans(without, index, seeds[:half]), squares.scans(there, index, seeds[half:])])


def disk(kernel: Kernel, size: int, rods: Sequence[str]) -> Phantom:
    """The middle of the disk with the named rods, without noise."""
    # A rod's name begins with its contrast in HU.
    return squares.square("MITA disk", kernel, size, DISK_PIXEL_MM,
                          [(*_SIGNALS[rod], DISK_RODS[rod][2], float(rod.split()[0])) for rod in rods])


def ring_noise(images: np.ndarray) -> float:
    """SD in HU of scans (n, J, I) without rods around the ring: of what differs from their mean."""
    position = (np.arange(images.shape[1]) - (images.shape[1] - 1) / 2) * DISK_PIXEL_MM
    around = abs(np.hypot(position[:, None], position[None, :]) - DISK_RING_MM) <= NOISE_MM
    return float(np.sqrt(images[:, around].var(axis=0, ddof=1, dtype=np.float64).mean()))


def disk_rows(context: Context, stack: DiskScans) -> tuple[list[dict], Panel]:
    """d' of every task, method and level on one stack, and a picture of what FBP shows of the rods."""
    size = stack.images.shape[1]
    disks = [(*place, DISK_RODS[rod][2]) for rod, place in _SIGNALS.items()]
    scans = Scans(stack.images, (1.0, DISK_PIXEL_MM, DISK_PIXEL_MM), empty_part(size, DISK_PIXEL_MM, disks))

    def outputs(images: np.ndarray) -> Outputs:
        signals = seen(images[stack.count:], DISK_PIXEL_MM, list(_SIGNALS.values()))
        return {**{rod: signals[:, [k]] for k, rod in enumerate(_SIGNALS)},
                "none": seen(images[:stack.count], DISK_PIXEL_MM, _RING)}

    rows = []
    for level in LEVELS:
        title = f"MITA {'own ' if stack.own else ''}{stack.dose}"
        rows += task_rows(context, f"{stack.group}, {level}", title, scans, outputs, _TASKS, stack.count, level)[0]
    marks = tuple(Box((size - 1) / 2 + y / DISK_PIXEL_MM, (size - 1) / 2 + x / DISK_PIXEL_MM,
                      (radius + 2) / DISK_PIXEL_MM, "yellow", True) for y, x, radius in disks)
    without, there = (ndimage.gaussian_filter(part.mean(axis=0), SMOOTHED)
                      for part in (stack.images[:stack.count], stack.images[stack.count:]))
    # "own scans like dose 0.10" is too wide for a picture.
    title = f"own, like {stack.dose}" if stack.own else f"MITA, {stack.dose}"
    return rows, Panel(there - without, title, f"FBP, {stack.count} with - without", marks, SHOWN_HU)


def disk_lines(stacks: Sequence[DiskScans], rows: Sequence[dict]) -> list[str]:
    """What the own scans are, and how far FBP's d' on them and on the public slices agree."""
    fbp = {(r["group"].rsplit(", ", 1)[0], r["task"]): r for r in rows if r["level"] == "FBP"}
    body, apart = [], []
    for own in (s for s in stacks if s.own):
        public = next(s for s in stacks if s.dose == own.dose and not s.own)
        for task in _TASKS:
            one, other = fbp[own.group, task.name], fbp[public.group, task.name]
            difference = one["d"] - other["d"]
            reach = math.hypot(*((r["d_high"] - r["d_low"]) / 2 for r in (one, other)))
            if abs(difference) > reach:
                apart.append(f"{own.dose}: {task.name} ({difference:+.2f})")
            if task.name == ANY:
                body.append([own.dose, f"{own.kernel.f50:.3g} per mm, power {own.kernel.power:g}",
                             text(public.noise, 1), text(own.noise, 1), _d(other), _d(one),
                             f"{difference:+.2f} ({difference - reach:+.2f} .. {difference + reach:+.2f})",
                             "NO" if abs(difference) > reach else "yes"])
    count = len(body) * len(_TASKS)
    words = (f"the two differ beyond that interval in {len(apart)}: {'; '.join(apart)}; of {count} intervals of "
             f"{CONFIDENCE:.0%}, chance alone leaves about {count * (1 - CONFIDENCE):.0f} beside the truth"
             if apart else "the two differ beyond that interval in none")
    return [*table(["like", "kernel: half the amplitude at", "noise of the public slices, HU", "of the own scans, HU",
                    "FBP's d' of all rods, public slices", "own scans", "own - public", "agree"], body),
            "\"Agree\": 0 lies inside the interval of the difference, to which both d' contribute. Of all "
            f"{count} comparisons, single rods and the characterisation included, {words}.", ""]


def _d(row: dict) -> str:
    return f"{text(row['d'], 2)} ({text(row['d_low'], 2)} .. {text(row['d_high'], 2)})"
