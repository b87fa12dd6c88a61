"""Contrast-to-noise ratios of the two seed papers, and the statistics of a region of interest (ROI).

The papers define CNR differently and their numbers cannot be compared with each other:
HRNet paper (doi:10.2991/jaims.d.210428.001, section 2.2.5)  2 |mean_fg - mean_bg| / |sd_fg - sd_bg|
DID paper (arXiv 2011.14873)                                 2 |mean_fg - mean_bg| / (sd_fg + sd_bg)
The first grows without limit as the two noises become alike, so it says little about detectability.
"""

from __future__ import annotations

import numpy as np

from .masks import masked_values


def roi_mean(image: np.ndarray, roi: np.ndarray) -> float:
    """Mean in HU where the bool array ``roi`` is True. Raises ValueError if it is empty or of another shape."""
    return float(masked_values(roi, image)[0].mean())


def roi_sd(image: np.ndarray, roi: np.ndarray) -> float:
    """Standard deviation in HU where the bool array ``roi`` is True. Raises ValueError as :func:`roi_mean`."""
    return float(masked_values(roi, image)[0].std())


def cnr_seed(image: np.ndarray, foreground: np.ndarray, background: np.ndarray) -> float:
    """CNR of the HRNet paper; infinite when both regions have the same standard deviation."""
    difference = abs(roi_sd(image, foreground) - roi_sd(image, background))
    return _ratio(image, foreground, background, difference)


def cnr_did(image: np.ndarray, foreground: np.ndarray, background: np.ndarray) -> float:
    """CNR of the DID paper; infinite when neither region has noise."""
    total = roi_sd(image, foreground) + roi_sd(image, background)
    return _ratio(image, foreground, background, total)


def _ratio(image: np.ndarray, foreground: np.ndarray, background: np.ndarray, noise: float) -> float:
    contrast = abs(roi_mean(image, foreground) - roi_mean(image, background))
    return float("inf") if noise == 0 else 2 * contrast / noise
