"""Reconstruction kernels: how a scanner's kernel colours the noise, and how to read that from an image.

A kernel is described by its amplitude response relative to the ideal ramp, H(f). Quantum noise reconstructed with it
has the noise power spectrum (NPS) A f H(f)^2 (Riederer, Pelc and Chesler, doi:10.1088/0031-9155/23/3/008), and a thin
object keeps the share H(f) of its contrast. Frequencies are in cycles per mm.

The bare ramp is no kernel of its own here: its images still carry the roll-off of linear interpolation between the
detector channels, sinc^2 of the frequency times the channels' pitch at the isocentre; see :mod:`.fanbeam`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage, optimize

from .fanbeam import FanBeamGeometry
from .hu import FLOOR_HU, round_to_dtype
from .scanfield import outside_scan_field

_ROI = 48
_TREND_DEGREE = 2
_BIN = 0.03
_UNIFORM_SHARE = 0.03
_MINIMUM_ROIS = 8
_SOFT_TISSUE = (-100.0, 150.0)
_SOFTEST = 0.2
"""A fit below this f50 followed anatomy, not noise: no body kernel is so soft."""
_NO_NOISE = 1e-6
"""Power in HU^2 mm^2 below which there is only the rounding of floating-point arithmetic."""
_CLEARLY_SOFT = 0.44
"""An f50 below this is no bare ramp's: 0.7 of what that has with the default geometry; one read from its noise is lower
by up to a quarter where small pixels show the cut-off."""
_ADVICE = ("take a larger part of the scan, or give the kernel explicitly by the frequency per mm at which its "
           "amplitude has fallen to half (ldct simulate --kernel F50, about 0.4 for soft body kernels)")
SHARPENING_LIMIT = 5.0
"""Largest gain of :func:`resharpen`: beyond it there is little but rounding noise to be raised."""


@dataclass(frozen=True)
class Kernel:
    """H(f) = exp(-ln 2 (f / f50)^power): half the amplitude at ``f50`` per mm, steeper for larger ``power``."""

    f50: float
    power: float

    def response(self, frequency):
        """Return H at ``frequency`` (array or tensor, cycles per mm)."""
        return 2.0 ** -((frequency / self.f50) ** self.power)


FALLBACK_KERNEL = Kernel(0.40, 2.5)
"""A soft body kernel, for single slices that show too little uniform tissue to read their own."""


class KernelError(ValueError):
    """The image holds no uniform region from which its kernel could be read."""


def uniform_spectrum(volume: np.ndarray, spacing, slices: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies (cycles per mm) and the radial NPS (HU^2 mm^2) of the most uniform soft-tissue regions.

    Args:
        volume: (K, J, I) in HU.
        spacing: (row, column) pixel size in mm.
        slices: how many evenly spaced slices to look at.

    Raises:
        KernelError: fewer than eight regions of 48 x 48 pixels hold soft tissue only.
    """
    y, x = np.mgrid[:_ROI, :_ROI] / _ROI - 0.5
    terms = np.stack([y ** i * x ** j for i in range(_TREND_DEGREE + 1) for j in range(_TREND_DEGREE + 1 - i)])
    terms = np.linalg.qr(terms.reshape(len(terms), -1).T)[0]
    regions = []
    if min(volume.shape[1:]) < _ROI:
        raise KernelError(f"Slices of {volume.shape[1]} x {volume.shape[2]} pixels are too small to read their "
                          f"reconstruction kernel, which takes {_ROI} x {_ROI}; {_ADVICE}.")
    for k in np.unique(np.linspace(0, len(volume) - 1, min(slices, len(volume))).astype(int)):
        windows = np.lib.stride_tricks.sliding_window_view(volume[k], (_ROI, _ROI))[::_ROI // 4, ::_ROI // 4]
        windows = windows.reshape(-1, _ROI * _ROI)
        mean, low, high = windows.mean(1), windows.min(1), windows.max(1)
        soft = (mean > _SOFT_TISSUE[0]) & (mean < _SOFT_TISSUE[1])
        # Gas, fat-bone mixtures and bone have no place in a noise measurement, noise peaks up to some hundred HU do.
        soft &= (low > -800) & (high < 900)
        chosen = windows[soft].astype(np.float64)
        regions.append(chosen - chosen @ terms @ terms.T)
    regions = np.concatenate(regions)
    if len(regions) < _MINIMUM_ROIS:
        raise KernelError("No uniform soft tissue was found from which to read the reconstruction kernel; "
                          f"{_ADVICE}.")
    count = max(_MINIMUM_ROIS, int(_UNIFORM_SHARE * len(regions)))
    regions = regions[np.argsort(regions.var(1))[:count]].reshape(-1, _ROI, _ROI)
    taper = np.outer(np.hanning(_ROI), np.hanning(_ROI))
    power = (np.abs(np.fft.fft2(regions * taper)) ** 2).mean(0) * (spacing[0] * spacing[1] / (taper ** 2).sum())
    frequency = np.hypot(np.fft.fftfreq(_ROI, spacing[0])[:, None], np.fft.fftfreq(_ROI, spacing[1]))
    index = (frequency / _BIN).astype(int)
    inside = index < int(0.5 / max(spacing) / _BIN)
    total = np.bincount(index[inside])
    used = total > 0
    mean_frequency = np.bincount(index[inside], frequency[inside])[used] / total[used]
    return mean_frequency, np.bincount(index[inside], power[inside])[used] / total[used]


def estimate_kernel(volume: np.ndarray, spacing) -> Kernel:
    """Read the kernel of a CT volume (K, J, I), HU, from its own noise; ``spacing`` is (row, column) in mm.

    Fits A f H(f)^2 + B f^-2 + C f^-4 + D to the measured spectrum: noise, anatomy at low frequencies, and a floor of
    rounding and of noise that is folded back at the pixels' Nyquist frequency.

    Raises:
        KernelError: no uniform soft tissue, or a spectrum in which noise cannot be told from anatomy.
    """
    frequency, power = uniform_spectrum(volume, spacing)
    frequency, power = frequency[1:], power[1:]
    if power.max() < _NO_NOISE:
        raise KernelError(f"The image holds no noise from which to read the reconstruction kernel; {_ADVICE}.")
    background = np.stack([frequency ** -2, frequency ** -4, np.ones_like(frequency)], 1)
    best = (math.inf, None)
    for f50 in np.geomspace(0.15, 1.5, 36):
        for steepness in (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0):
            kernel = Kernel(float(f50), steepness)
            model = np.column_stack((frequency * kernel.response(frequency) ** 2, background)) / power[:, None]
            # Scaled columns keep the solver well conditioned; the fit minimises relative errors.
            scale = np.linalg.norm(model, axis=0)
            residual = optimize.nnls(model / scale, np.ones_like(power))[1]
            best = min(best, (residual, kernel), key=lambda item: item[0])
    if best[1].f50 < _SOFTEST:
        raise KernelError("The image's fine structure falls off like anatomy, not like noise, so its reconstruction "
                          f"kernel cannot be read; {_ADVICE}.")
    return best[1]


def body_kernel(volume: np.ndarray, spacing) -> Kernel:
    """Return :func:`estimate_kernel` of a volume (K, J, I), or ``FALLBACK_KERNEL`` where it cannot be read."""
    try:
        return estimate_kernel(volume, spacing)
    except KernelError:
        return FALLBACK_KERNEL


def soft_kernel(volume: np.ndarray, spacing) -> Kernel | None:
    """Return the kernel of a volume (K, J, I) that is clearly softer than the bare ramp; None else or if unreadable."""
    try:
        kernel = estimate_kernel(volume, spacing)
    except KernelError:
        return None
    return kernel if kernel.f50 < _CLEARLY_SOFT else None


def bare_ramp_response(frequency, pitch: float | None = None) -> np.ndarray:
    """Return the amplitude of images from the bare ramp with linear interpolation, at ``frequency`` per mm.

    ``pitch`` is the channels' distance at the isocentre in mm, by default that of the default geometry. Beyond 3/4 of
    the channels' sampling frequency, where sinc^2 nears its zero, the value there is kept.
    """
    pitch = FanBeamGeometry().pitch_at_isocentre if pitch is None else pitch
    return np.sinc(np.minimum(np.asarray(frequency) * pitch, 0.75)) ** 2


def sharpening_gain(frequency, kernel: Kernel) -> np.ndarray:
    """Return the gain that takes an image of ``kernel`` to the bare ramp, at most ``SHARPENING_LIMIT``."""
    return np.minimum(bare_ramp_response(frequency) / np.maximum(kernel.response(frequency), 1e-3), SHARPENING_LIMIT)


def resharpen(volume: np.ndarray, spacing, kernel: Kernel, padding: np.ndarray | None = None) -> np.ndarray:
    """Return what a CT volume of ``kernel`` would look like had it been reconstructed with the bare ramp.

    Multiplies the spectrum of each slice by :func:`sharpening_gain`, noise and structure alike. Where the limit of
    the gain bites the result stays softer than the ramp's. Edges are continued by reflection. Values are clipped at
    -1024 HU as after any reconstruction.

    Args:
        volume: (K, J, I) in HU; spacing: (row, column) in mm.
        padding: what the file declares as padding; everything outside the scan field comes back as it was.
    """
    outside = outside_scan_field(volume, padding)
    rows, columns = volume.shape[1:]
    # A cosine transform is a Fourier transform of the image and its mirror images: nothing wraps around.
    frequency = np.hypot(np.arange(rows)[:, None] / (2 * rows * spacing[0]),
                         np.arange(columns) / (2 * columns * spacing[1]))
    gain = sharpening_gain(frequency, kernel).astype(np.float32)
    result = volume.copy()
    for image, mask, sharp in zip(volume, outside, result):
        spectrum = fft.dctn(extrapolated(image[None], mask[None])[0], norm="ortho")
        filtered = np.maximum(fft.idctn(spectrum * gain, norm="ortho"), FLOOR_HU)
        sharp[~mask] = round_to_dtype(filtered[~mask], volume.dtype)
    return result


def extrapolated(slices: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Fill what lies outside the scan field with the nearest measured value, so that cut anatomy goes on; float32."""
    filled = slices.astype(np.float32)
    for image, mask in zip(filled, outside):
        if mask.any() and not mask.all():
            nearest = ndimage.distance_transform_edt(mask, return_distances=False, return_indices=True)
            image[:] = image[tuple(nearest)]
    return filled


def radial_frequency(shape, spacing) -> np.ndarray:
    """Return |f| in cycles per mm for a real 2-D FFT of ``shape`` (rows, columns // 2 + 1)."""
    return np.hypot(np.fft.fftfreq(shape[0], spacing[0])[:, None], np.fft.rfftfreq(shape[1], spacing[1]))
