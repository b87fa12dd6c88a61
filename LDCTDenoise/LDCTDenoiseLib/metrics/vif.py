"""Visual information fidelity in the pixel domain, over four scales.

Sheikh and Bovik 2006, doi:10.1109/TIP.2005.859378, pixel-domain form: the information that the image keeps about the
reference through a gain-and-noise channel, over the information in the reference itself. 1 for an identical image.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .rmse import DATA_RANGE_HU

GREY_LEVELS = 255.0
OBSERVER_VARIANCE = 2.0
"""Noise of the visual system in squared grey levels of an image with 255 of them."""
SCALES = 4
TINY = 1e-10


def vif(
    image: np.ndarray, reference: np.ndarray, mask: np.ndarray | None = None, data_range: float = DATA_RANGE_HU
) -> float:
    """VIF of two slices (J,I) in HU inside ``mask`` (bool, same shape, or None).

    ``data_range`` in HU is spread over 255 grey levels. NaN if the reference has no structure in the mask. Raises
    ValueError if shapes differ or are not 2-D.
    """
    if image.ndim != 2 or image.shape != reference.shape or (mask is not None and mask.shape != image.shape):
        raise ValueError("VIF needs two slices (J,I) and a mask of one shape.")
    test = image.astype(np.float64) * (GREY_LEVELS / data_range)
    truth = reference.astype(np.float64) * (GREY_LEVELS / data_range)
    weight = np.ones(image.shape, bool) if mask is None else mask
    kept = available = 0.0
    for scale in range(SCALES):
        sigma = (2 ** (SCALES - scale) + 1) / 5.0
        if scale:
            test = ndimage.gaussian_filter(test, sigma)[::2, ::2]
            truth = ndimage.gaussian_filter(truth, sigma)[::2, ::2]
            weight = weight[::2, ::2]
        information, reference_information = _information(test, truth, sigma)
        kept += float(information[weight].sum())
        available += float(reference_information[weight].sum())
    return kept / available if available > 0 else float("nan")


def _information(test: np.ndarray, truth: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Bits per pixel at one scale: about the reference in the test image, and in the reference."""
    mean_truth, mean_test = ndimage.gaussian_filter(truth, sigma), ndimage.gaussian_filter(test, sigma)
    var_truth = np.maximum(ndimage.gaussian_filter(truth * truth, sigma) - mean_truth**2, 0)
    var_test = np.maximum(ndimage.gaussian_filter(test * test, sigma) - mean_test**2, 0)
    covariance = ndimage.gaussian_filter(truth * test, sigma) - mean_truth * mean_test

    gain = np.where(var_truth > TINY, covariance / (var_truth + TINY), 0.0)
    # A negative gain is no transmission of information but inversion: all of the variance counts as distortion.
    gain = np.maximum(gain, 0.0)
    distortion = np.maximum(var_test - gain * covariance, TINY)
    kept = np.log2(1 + gain**2 * var_truth / (distortion + OBSERVER_VARIANCE))
    return kept, np.log2(1 + var_truth / OBSERVER_VARIANCE)
