"""Hounsfield units and the units that the networks see.

The seed paper (doi:10.2991/jaims.d.210428.001, section 2.2.3) shifts CT numbers by 1000 HU and divides by 2000, so that
most of the image lies between 0 and 1. Only the engine knows these units.
"""

from __future__ import annotations

import numpy as np

AIR_HU = -1000.0
FLOOR_HU = -1024.0
"""Lowest value that scanners usually store."""
OFFSET_HU = 1000.0
SCALE_HU = 2000.0


def to_network(hu):
    """Convert HU (array or tensor of a floating type) to network units, (HU + 1000) / 2000."""
    return (hu + OFFSET_HU) / SCALE_HU


def to_hu(units):
    """Convert network units (array or tensor) to HU; the inverse of :func:`to_network`."""
    return units * SCALE_HU - OFFSET_HU


def round_to_dtype(hu: np.ndarray, dtype) -> np.ndarray:
    """Return ``hu`` as ``dtype``: rounded to nearest and limited to its range for integers, cast for floats.

    A bare cast truncates towards zero, which shifts lung and soft tissue by half a HU in opposite directions.
    """
    dtype = np.dtype(dtype)
    if dtype.kind not in "iu":
        return hu.astype(dtype)
    limits = np.iinfo(dtype)
    # Limits of 64-bit types are not exact in float32; every CT dtype (8 to 32 bit) is exact in float64.
    return np.clip(np.rint(hu.astype(np.float64)), limits.min, limits.max).astype(dtype)
