"""Noise SD in one fixed region, by which candidates are placed, compared and named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from LDCTDenoiseLib.metrics import body_mask, tissue_classes

WINDOW_MM = 7.0
"""Deviations are taken from the mean over a window of this width, so that slow changes of tissue are no noise."""
SMOOTHING_MM = 2.0
FLAT_SHARE = 0.2
"""Share of the soft tissue that counts as flat: where the smoothed default varies least."""
MIN_PIXELS = 100
MIN_ROI_PIXELS = 16


class NoiseProbe:
    """Noise SD in flat soft tissue, or in a region of the user's choice.

    The flat region is the fifth of the soft tissue (0 to 150 HU, as in :mod:`LDCTDenoiseLib.metrics.masks`) in which
    the smoothed default image varies least: chosen from the default because the input's own noise would choose its calm
    parts, and fixed, so that all candidates are measured in the same pixels. Where there is no soft tissue (lung, a
    phantom of another material), the flattest fifth of the body takes its place. There, the deviation of every pixel
    from the mean of the region's pixels in the 7 mm window around it counts. In the user's region it is the
    deviation from the region's mean in the slice, as other tools show it.

    Args:
        input_array, default_array: (K, J, I) in HU.
        spacing: (slice, row, column) in mm.
        padding: bool (K, J, I), voxels to leave out.
        roi: bool (K, J, I), the user's region.

    Attributes:
        mask: bool (K, J, I), the region.

    Raises:
        ValueError: arrays that do not fit, a region too small, no usable tissue.
    """

    def __init__(self, input_array, default_array, spacing: Sequence[float], padding=None, roi=None):
        shape = input_array.shape
        for name, other in (("default image", default_array), ("padding", padding), ("region", roi)):
            if other is not None and other.shape != shape:
                raise ValueError(f"The {name} has the shape {other.shape}, but the image {shape}; they must agree.")
        size = tuple(max(3, 2 * round((WINDOW_MM / s - 1) / 2) + 1) for s in tuple(spacing)[-2:])
        self._size = (0, *size)
        self._local = roi is None
        if roi is None:
            self.mask = _flat_tissue(default_array, spacing, padding)
        else:
            self.mask = roi.astype(bool) if padding is None else roi & ~padding
            if self.mask.sum() < MIN_ROI_PIXELS:
                raise ValueError(f"The region for the noise holds {int(self.mask.sum())} voxels of the scan, too few "
                                 f"to measure noise in; choose one of at least {MIN_ROI_PIXELS}.")
        self._slices = np.flatnonzero(self.mask.any(axis=(1, 2)))
        self._mask = self.mask[self._slices]
        if self._local:
            inside = self._mask.astype(np.float32)
            share = ndimage.uniform_filter(inside, (0, *size), mode="constant")[self._mask]
            self._share = np.maximum(share, 1 / (size[0] * size[1]))
            count = share * size[0] * size[1]
            # A pixel is part of its own window's mean, which so follows it by 1 / count.
            self._weight = np.where(count > 1.5, count / np.maximum(count - 1, 0.5), 0.0)

    def sd(self, array: np.ndarray) -> float:
        """Return the noise SD in HU of an image (K, J, I) in HU."""
        image = array[self._slices].astype(np.float32)
        values = image[self._mask].astype(np.float64)
        if self._local:
            offset = values.mean()
            centred = np.where(self._mask, image - np.float32(offset), np.float32(0))
            means = ndimage.uniform_filter(centred, self._size, mode="constant")[self._mask] / self._share
            return float(np.sqrt(np.mean((values - offset - means) ** 2 * self._weight)))
        variance = sum(np.sum((image[k][m].astype(np.float64) - image[k][m].mean(dtype=np.float64)) ** 2)
                       for k, m in enumerate(self._mask))
        return float(np.sqrt(variance / max(len(values) - len(self._slices), 1)))


def _flat_tissue(default: np.ndarray, spacing, padding) -> np.ndarray:
    body = body_mask(default, padding)
    soft = tissue_classes(default, spacing, body)["soft"]
    for region in (soft, ndimage.binary_erosion(body, np.ones((1, 3, 3)))):
        if region.sum() * FLAT_SHARE >= MIN_PIXELS:
            pixel = tuple(spacing)[-2:]
            smooth = ndimage.gaussian_filter(default.astype(np.float32), (0, *(SMOOTHING_MM / s for s in pixel)))
            slope = np.hypot(*np.gradient(smooth, axis=(1, 2)))
            variation = ndimage.uniform_filter(slope, (0, *(max(3, round(WINDOW_MM / s)) for s in pixel)))
            return region & (variation <= np.quantile(variation[region], FLAT_SHARE))
    raise ValueError("The image shows too little tissue to measure noise in (air only, or a very small image); "
                     "choose other slices or give a region of interest.")
