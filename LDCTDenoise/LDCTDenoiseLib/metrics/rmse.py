"""Root mean square error and peak signal-to-noise ratio."""

from __future__ import annotations

import numpy as np

from .masks import masked_values

DATA_RANGE_HU = 2000.0
"""The seed divides HU by 2000, so its unit range is 2000 HU."""


def rmse(image: np.ndarray, reference: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Root mean square error in HU inside ``mask`` (bool, same shape; None for all pixels).

    The seed (doi:10.2991/jaims.d.210428.001, section 2.2.5) prints the square root of the squared norm without 1/N; its
    numbers (113.80 HU) are only possible with it, so the mean is taken here.
    Raises ValueError if shapes differ or the mask is empty.
    """
    a, b = masked_values(mask, image, reference)
    return float(np.sqrt(np.mean((a - b) ** 2)))


def psnr(
    image: np.ndarray, reference: np.ndarray, mask: np.ndarray | None = None, data_range: float = DATA_RANGE_HU
) -> float:
    """Peak signal-to-noise ratio in dB, 20 log10(data_range / RMSE); infinite for identical images."""
    error = rmse(image, reference, mask)
    return float("inf") if error == 0 else float(20 * np.log10(data_range / error))
