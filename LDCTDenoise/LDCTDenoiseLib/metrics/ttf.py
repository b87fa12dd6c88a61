"""Task transfer function (TTF): resolution at the contrast of a real task, by the circular-edge method.

AAPM TG-233 (doi:10.37206/186); Richard et al., Med Phys 2012;39:4115, doi:10.1118/1.4725171. Pixels around a disk or
rod of known centre are sorted by their distance from it (edge spread function), differentiated (line spread function)
and transformed. Non-linear denoisers have no single MTF: always state the contrast and the noise together with a TTF.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BINS_PER_PIXEL = 5
FREQUENCIES = 400
FLAT_PART = 0.5
"""Part of the line spread function, around the edge, that the taper leaves alone."""


@dataclass(frozen=True)
class TaskTransferFunction:
    """``frequency`` (1/mm) and ``transfer`` (1 at zero frequency); ``contrast`` of the disk in HU, inside - outside."""

    frequency: np.ndarray
    transfer: np.ndarray
    contrast: float

    def frequency_at(self, level: float) -> float:
        """Lowest frequency in 1/mm at which the transfer falls to ``level`` (0.5 gives TTF50); NaN if it does not."""
        below = np.flatnonzero(self.transfer <= level)
        if len(below) == 0 or below[0] == 0:
            return float("nan")
        high = below[0]
        t0, t1 = self.transfer[high - 1], self.transfer[high]
        f0, f1 = self.frequency[high - 1], self.frequency[high]
        return float(f0 + (t0 - level) / (t0 - t1) * (f1 - f0))


def task_transfer_function(
    image: np.ndarray,
    centre: Sequence[float],
    radius_mm: float,
    spacing: Sequence[float],
    half_width_mm: float | None = None,
) -> TaskTransferFunction:
    """TTF of a disk in a slice (J,I), or in the mean of repeated slices (K,J,I), in HU.

    ``centre`` (row, column) in pixels, fractions allowed; ``spacing`` in mm with (row, column) last. The profile
    reaches ``half_width_mm`` to either side of the edge (default: 0.8 radii); the image must be uniform there but for
    the edge. With noise, give repeated slices: one noisy edge yields the spectrum of its noise. Raises ValueError if
    the profile leaves the image or if the disk has no contrast.
    """
    row, column = tuple(float(s) for s in spacing)[-2:]
    half_width = 0.8 * radius_mm if half_width_mm is None else float(half_width_mm)
    mean = image.astype(np.float64) if image.ndim == 2 else image.mean(axis=0, dtype=np.float64)
    reach = radius_mm + half_width
    room = min(centre[0] * row, centre[1] * column,
               (mean.shape[0] - 1 - centre[0]) * row, (mean.shape[1] - 1 - centre[1]) * column)
    if not 0 < half_width < radius_mm or reach > room:
        raise ValueError(f"The edge profile reaches {reach:.1f} mm from the centre, but the half width must be below "
                         f"the radius ({radius_mm} mm) and the image border is {room:.1f} mm away.")

    j, i = np.ogrid[:mean.shape[0], :mean.shape[1]]
    distance = np.hypot((j - centre[0]) * row, (i - centre[1]) * column) - radius_mm
    width = max(row, column) / BINS_PER_PIXEL
    position, edge = _edge_spread(distance, mean, half_width, width)
    line = -np.diff(edge)  # positive for a disk brighter than its surroundings
    middle = 0.5 * (position[1:] + position[:-1])

    tail = half_width * FLAT_PART
    contrast = float(edge[position < -tail].mean() - edge[position > tail].mean())
    line = line * _taper(np.abs(middle) / half_width)
    total = line.sum()
    if total == 0:
        raise ValueError("The disk has no contrast at this place, so it has no transfer function; check its centre.")

    frequency = np.linspace(0, 1 / max(row, column), FREQUENCIES)
    wave = np.exp(-2j * np.pi * frequency[:, None] * middle[None, :])
    # Sorting into bins and differencing them are two averages over one bin width each.
    transfer = np.abs(wave @ line) / abs(total) / np.sinc(frequency * width) ** 2
    return TaskTransferFunction(frequency, transfer, contrast)


def _edge_spread(distance: np.ndarray, image: np.ndarray, half_width: float, width: float):
    """Mean of the pixels in bins of ``width`` mm of distance from the edge; empty bins are interpolated."""
    bins = 2 * int(np.ceil(half_width / width))
    position = (np.arange(bins) - bins / 2 + 0.5) * width
    index = np.floor(distance / width).astype(int) + bins // 2
    used = (index >= 0) & (index < bins)
    counts = np.bincount(index[used], minlength=bins)
    sums = np.bincount(index[used], image[used], minlength=bins)
    filled = counts > 0
    return position, np.interp(position, position[filled], sums[filled] / counts[filled])


def _taper(relative: np.ndarray) -> np.ndarray:
    """Tukey window: 1 near the edge, a raised cosine to 0 at the ends, where there is only noise."""
    falling = np.clip((relative - FLAT_PART) / (1 - FLAT_PART), 0, 1)
    return 0.5 * (1 + np.cos(np.pi * falling))
