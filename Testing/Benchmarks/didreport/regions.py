"""Two regions of flat tissue that interlock: one for the algorithm, the other for the judge."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .scenes import Scene

BLOCK_MM = 12.0
"""Side of a square of the checkerboard."""
ORGAN_HU = 15.0
"""Flat tissue lies within this of its most frequent value, so that it is one organ, or organs of one density."""
SMOOTHING_MM = 3.0
LEAST_WIDTH_MM = 6.0
"""Narrower parts are rims, where a smoothed edge passes through the organ's value."""


def halves(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Return the white and the black squares of a checkerboard over the flat soft tissue, bool (K, J, I) each.

    Soft tissue and flatness come from the reference, so neither the noise nor a method chooses them. Raises ValueError
    if one half is too small to measure noise in.
    """
    pixel = scene.spacing[1:]
    smooth = ndimage.gaussian_filter(scene.reference.astype(np.float32), (0, *(SMOOTHING_MM / p for p in pixel)))
    soft = scene.masks["soft"]
    values = smooth[soft]
    counts, edges = np.histogram(values, bins=np.arange(-50, 250, 5.0))
    counts = ndimage.gaussian_filter1d(counts.astype(float), 1.5)
    mode = edges[counts.argmax()] + 2.5
    width = tuple(round(LEAST_WIDTH_MM / p) for p in pixel)
    flat = ndimage.binary_opening(soft & (np.abs(smooth - mode) <= ORGAN_HU), np.ones((1, *width)))
    j, i = (np.arange(n) * p // BLOCK_MM for n, p in zip(flat.shape[1:], pixel))
    white = (j[:, None] + i[None, :]) % 2 == 0
    parts = flat & white, flat & ~white
    if min(part.sum() for part in parts) < 200:
        raise ValueError(f"{scene.name} shows too little flat soft tissue to be divided; choose other slices.")
    return parts
