"""Structural similarity with the constants of the seed.

Seed (doi:10.2991/jaims.d.210428.001, section 2.2.5): a1 = 1e-4 and a2 = 9e-4 on images divided by 2000, that is K1 =
.01 and K2 = .03 of Wang et al. (doi:10.1109/TIP.2003.819861) with a data range of 2000 HU. CT numbers are shifted by
1000 HU first, as the seed does: SSIM's luminance term depends on where zero is.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..hu import OFFSET_HU
from .masks import masked_values
from .rmse import DATA_RANGE_HU

SIGMA = 1.5
TRUNCATE = 3.5
"""Gaussian window of 11 x 11 pixels, as in Wang et al."""
A1, A2 = 1e-4, 9e-4


def ssim_map(image: np.ndarray, reference: np.ndarray, data_range: float = DATA_RANGE_HU) -> np.ndarray:
    """Local SSIM of two slices (J,I) in HU, float64, same shape. Raises ValueError if shapes differ or are not 2-D."""
    if image.ndim != 2 or image.shape != reference.shape:
        raise ValueError(f"SSIM needs two slices (J,I) of one shape, got {image.shape} and {reference.shape}.")
    x = (image.astype(np.float64) + OFFSET_HU) / data_range
    y = (reference.astype(np.float64) + OFFSET_HU) / data_range
    mean_x, mean_y = _window(x), _window(y)
    var_x = _window(x * x) - mean_x**2
    var_y = _window(y * y) - mean_y**2
    covariance = _window(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + A1) / (mean_x**2 + mean_y**2 + A1)
    structure = (2 * covariance + A2) / (var_x + var_y + A2)
    return luminance * structure


def ssim(
    image: np.ndarray, reference: np.ndarray, mask: np.ndarray | None = None, data_range: float = DATA_RANGE_HU
) -> float:
    """Mean of :func:`ssim_map` inside ``mask`` (bool, same shape).

    Without a mask the mean is over the pixels whose window lies inside the image.
    """
    values = ssim_map(image, reference, data_range)
    if mask is None:
        edge = int(TRUNCATE * SIGMA + 0.5)
        return float(values[edge:-edge, edge:-edge].mean())
    return float(masked_values(mask, values)[0].mean())


def _window(image: np.ndarray) -> np.ndarray:
    return ndimage.gaussian_filter(image, SIGMA, truncate=TRUNCATE)
