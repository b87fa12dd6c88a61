"""What denoising did to a volume, in a few numbers: noise before and after, shift of the HU, and what was removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .metrics.bias import bias_per_class
from .metrics.masks import body_mask, tissue_classes
from .noiselevel import global_noise_level

MAX_SLICES = 5
"""Enough for numbers that do not change with the choice of slices, few enough to take about a second."""
MIN_VOXELS = 30
"""Fewer voxels than this give no standard deviation worth telling."""


@dataclass(frozen=True)
class ResultStatistics:
    """All in HU."""

    noise_before: float
    """In a region its standard deviation, else the global noise level of soft tissue."""
    noise_after: float
    bias: dict[str, float]
    """Mean of after - before: of each tissue that there is ("lung", "fat", "soft", "bone"), or of the "region"."""
    removed_sd: float
    """Standard deviation of before - after, in the region, else in soft tissue or, where there is none, everywhere."""
    voxels: int
    """How many voxels the region has; 0 without one."""


def measure(before: np.ndarray, after: np.ndarray, spacing: Sequence[float],
            region: np.ndarray | None = None) -> ResultStatistics:
    """Compare two volumes (slice, row, column) in HU.

    Args:
        spacing: (slice, row, column) in mm.
        region: bool, the volumes' shape; None measures soft tissue in at most five slices.

    Raises ValueError if the shapes differ or the region has fewer than 30 voxels.
    """
    if before.shape != after.shape or (region is not None and region.shape != before.shape):
        raise ValueError("The volumes to compare differ in size: run again.")
    if region is None:
        return _whole(before, after, spacing)
    voxels = int(np.count_nonzero(region))
    if voxels < MIN_VOXELS:
        raise ValueError(f"The region holds {voxels} voxels, too few to measure noise: make it larger.")
    old, new = before[region].astype(np.float64), after[region].astype(np.float64)
    return ResultStatistics(float(old.std(ddof=1)), float(new.std(ddof=1)), {"region": float((new - old).mean())},
                            float((old - new).std(ddof=1)), voxels)


def _whole(before: np.ndarray, after: np.ndarray, spacing: Sequence[float]) -> ResultStatistics:
    # Away from the ends of the scan, where anatomy is least like the rest.
    chosen = np.unique(np.linspace(0, len(before) - 1, min(len(before), MAX_SLICES) + 2)[1:-1].round().astype(int))
    old, new = before[chosen], after[chosen]
    classes = tissue_classes(old, spacing, body_mask(old))
    bias = {name: value for name, value in bias_per_class(new, old, classes).items() if np.isfinite(value)}
    inside = classes["soft"] if classes["soft"].any() else np.ones(old.shape, bool)
    removed = old[inside].astype(np.float64) - new[inside]
    return ResultStatistics(global_noise_level(old, spacing), global_noise_level(new, spacing), bias,
                            float(removed.std()), 0)
