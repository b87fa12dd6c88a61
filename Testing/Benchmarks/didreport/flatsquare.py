"""The square of flat soft tissue in which the figures take the SD."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

FLAT_HALF = 8
"""Half side in pixels of the square."""


def flattest(image: np.ndarray, soft: np.ndarray) -> tuple[int, int]:
    """Centre (row, column) of the most uniform square that lies in ``soft`` as far as possible."""
    side = 2 * FLAT_HALF
    smooth = ndimage.gaussian_filter(image.astype(np.float64), 2)
    variance = ndimage.uniform_filter(smooth ** 2, side) - ndimage.uniform_filter(smooth, side) ** 2
    inside = ndimage.uniform_filter(soft.astype(np.float64), side)
    inside[:side], inside[-side:], inside[:, :side], inside[:, -side:] = 0, 0, 0, 0
    possible = inside >= min(0.999, inside.max())
    row, column = np.unravel_index(np.where(possible, variance, np.inf).argmin(), image.shape)
    return int(row), int(column)


def spread(image: np.ndarray, centre: tuple[int, int]) -> float:
    """SD in HU in the square of an image (J, I) around ``centre`` (row, column)."""
    row, column = centre
    return float(image[row - FLAT_HALF:row + FLAT_HALF, column - FLAT_HALF:column + FLAT_HALF].std())
