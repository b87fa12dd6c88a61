"""Global noise level (GNL) of a CT image: the mode of the local standard deviation over soft tissue.

Method of Christianson et al., AJR 2015;205:W93, doi:10.2214/AJR.14.13613: a small window is moved over the image, the
standard deviation in it is noted wherever the window lies on soft tissue, and the most frequent value is the noise.
Windows on edges have larger values, but they are spread out and do not move the mode. Needs no ROI and no reference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import ndimage

WINDOW_MM = 7.0
DEFAULT_PIXEL_MM = 0.8
"""Pixel size assumed when none is given: a body scan of about 400 mm on 512 pixels."""
SOFT_TISSUE_HU = (-50.0, 150.0)
"""Window means taken as soft tissue: above fat, below bone, contrast-enhanced organs and water included."""
BODY_HU = -900.0
MAX_SLICES = 16
GRAIN_MM = 3.0
"""Averaging length that calms noise enough to tell fat and air from soft tissue inside a window."""
GRAIN_HU = (-75.0, 250.0)
"""Range of such averages in soft tissue. Wider than for whole windows, or heavy noise would select its calm parts."""
MIN_WINDOWS = 200
"""Fewer windows than this give no stable histogram."""
CONSTANT_SD_HU = 1e-3
"""Standard deviations below this are arithmetic noise of constant image parts."""
BIN, SMOOTHING = 0.01, 0.06
"""Width of a histogram bin and of its Gaussian smoothing, relative to the value."""


def local_sd(image: np.ndarray, spacing: Sequence[float] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sample standard deviation in 7 mm windows around every pixel.

    ``image`` is (row, column) in HU, ``spacing`` the pixel size in mm, (row, column); a leading slice spacing is
    ignored. Both results have the image's shape, in HU, float64. Raises ValueError if the image is not 2-D.
    """
    if image.ndim != 2:
        raise ValueError(f"local_sd needs one slice (row, column), got an array of shape {image.shape}.")
    size = _window_pixels(spacing, WINDOW_MM)
    offset = float(np.mean(image, dtype=np.float64))
    centred = image.astype(np.float64) - offset  # keeps the difference of squares below well conditioned
    mean = ndimage.uniform_filter(centred, size)
    variance = ndimage.uniform_filter(centred * centred, size) - mean * mean
    count = size[0] * size[1]
    return mean + offset, np.sqrt(np.maximum(variance, 0.0) * count / (count - 1))


def global_noise_level(array: np.ndarray, spacing: Sequence[float] | None = None,
                       before_slice: Callable[[], object] | None = None) -> float:
    """Global noise level in HU of a slice (J,I) or volume (K,J,I); of a volume, at most 16 evenly spaced slices.

    ``spacing`` is the pixel size in mm, its last two entries being (row, column); without it 0.8 mm are assumed.
    Windows wholly in soft tissue are used; where there are too few of them (thin muscles, extreme noise), all windows
    whose mean is soft tissue, then all of the body, then the whole image take their place. Constant images have
    noise 0.0. ``before_slice`` is called before each slice, which takes a tenth of a second, and may stop the work by
    raising. Raises ValueError unless the array is 2-D or 3-D.
    """
    if array.ndim not in (2, 3) or array.size == 0:
        raise ValueError(f"Noise level needs a slice (J,I) or a volume (K,J,I) with pixels, got shape {array.shape}.")
    slices = array[None] if array.ndim == 2 else array
    chosen = np.unique(np.linspace(0, len(slices) - 1, min(len(slices), MAX_SLICES)).round().astype(int))
    means, deviations, pure = [], [], []
    for index in chosen:
        if before_slice:
            before_slice()
        mean, deviation = local_sd(slices[index], spacing)
        inner = _whole_windows(mean.shape, _window_pixels(spacing, WINDOW_MM))
        means.append(mean[inner].ravel())
        deviations.append(deviation[inner].ravel())
        pure.append(_wholly_soft(slices[index], spacing)[inner].ravel())
    mean, deviation = np.concatenate(means), np.concatenate(deviations)

    for region in (np.concatenate(pure), _between(mean, SOFT_TISSUE_HU), mean > BODY_HU):
        if np.count_nonzero(region) >= MIN_WINDOWS:
            return _mode(deviation[region])
    return _mode(deviation)


def _between(hu: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    return (hu > limits[0]) & (hu < limits[1])


def _wholly_soft(image: np.ndarray, spacing: Sequence[float] | None) -> np.ndarray:
    """True where every part of the 7 mm window looks like soft tissue: no fat, air or bone edge in it."""
    grain = ndimage.uniform_filter(image.astype(np.float32), _window_pixels(spacing, GRAIN_MM))
    soft = _between(grain, GRAIN_HU).view(np.uint8)
    return ndimage.minimum_filter(soft, _window_pixels(spacing, WINDOW_MM)).view(bool)


def _window_pixels(spacing: Sequence[float] | None, length_mm: float) -> tuple[int, int]:
    """Odd window size in pixels, (row, column), nearest to ``length_mm`` and at least 3."""
    pixel = (DEFAULT_PIXEL_MM, DEFAULT_PIXEL_MM) if spacing is None else tuple(spacing)[-2:]
    if len(pixel) != 2 or not all(np.isfinite(p) and p > 0 for p in pixel):
        raise ValueError(f"Pixel spacing must be two positive numbers in mm (row, column), got {spacing}.")
    row, column = (max(3, 2 * round((length_mm / p - 1) / 2) + 1) for p in pixel)
    return row, column


def _whole_windows(shape: tuple[int, ...], size: tuple[int, int]) -> tuple[slice, ...]:
    """The part of an image where windows do not reach over its border (all of it if the image is too small)."""
    return tuple(slice(s // 2, n - s // 2) if n > 2 * s else slice(None) for n, s in zip(shape, size, strict=True))


def _mode(values: np.ndarray) -> float:
    """Most frequent value, from a histogram whose bins and smoothing grow with the value, so mode(c x) = c mode(x).

    The spread of a noise peak is proportional to its place; a fixed bandwidth would wash out the low peak of a clean
    image under its own edges.
    """
    if np.median(values) < CONSTANT_SD_HU:
        return 0.0
    logs = np.log(values[values >= CONSTANT_SD_HU])
    low = float(logs.min())
    counts = np.bincount(((logs - low) / BIN).astype(int)).astype(np.float64)
    centres = np.exp(low + (np.arange(len(counts)) + 0.5) * BIN)
    density = ndimage.gaussian_filter1d(counts, SMOOTHING / BIN, mode="constant") / centres
    return float(centres[np.argmax(density)])
