"""Noise power spectrum (NPS), AAPM TG-233 (doi:10.37206/186), section on noise texture.

NPS(u, v) = dx dy / (Nx Ny) < |DFT(ROI - trend)|^2 >, in HU^2 mm^2. Its integral over both frequencies is the variance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage


@dataclass(frozen=True)
class NoisePowerSpectrum:
    """A two-dimensional NPS.

    ``power`` (row, column) in HU^2 mm^2, in the order of ``numpy.fft.fftfreq`` (zero frequency first);
    ``spacing`` the pixel size in mm, (row, column).
    """

    power: np.ndarray
    spacing: tuple[float, float]

    @property
    def radial_frequency(self) -> np.ndarray:
        """|f| in 1/mm of every entry of ``power``."""
        f_row, f_column = (np.fft.fftfreq(n, d) for n, d in zip(self.power.shape, self.spacing))
        return np.hypot(f_row[:, None], f_column[None, :])

    @property
    def variance(self) -> float:
        """Noise variance in HU^2: the integral of the NPS."""
        cell = 1.0 / np.prod([n * d for n, d in zip(self.power.shape, self.spacing)])
        return float(self.power.sum() * cell)

    def radial(self) -> tuple[np.ndarray, np.ndarray]:
        """Frequencies (1/mm) and NPS averaged over rings as wide as one frequency step, up to the Nyquist frequency."""
        f = self.radial_frequency
        step = 1.0 / min(n * d for n, d in zip(self.power.shape, self.spacing))
        ring = np.rint(f / step).astype(int)
        counts = np.bincount(ring.ravel())
        last = int(round(0.5 / max(self.spacing) / step))
        power = np.bincount(ring.ravel(), self.power.ravel())[: last + 1] / counts[: last + 1]
        frequency = np.bincount(ring.ravel(), f.ravel())[: last + 1] / counts[: last + 1]
        return frequency, power

    @property
    def peak_frequency(self) -> float:
        """Frequency in 1/mm of the maximum of the (lightly smoothed) radial NPS, zero frequency left out."""
        frequency, power = self.radial()
        smooth = ndimage.gaussian_filter1d(power[1:], 1.0)  # one ring has few samples near zero frequency
        return float(frequency[1:][np.argmax(smooth)])

    @property
    def mean_frequency(self) -> float:
        """Mean frequency in 1/mm of the radial NPS, sum(f NPS) / sum(NPS) (TG-233); NaN without noise."""
        frequency, power = self.radial()
        return float((frequency * power).sum() / power.sum()) if power.sum() > 0 else float("nan")

    def expected_dft_power(self, shape: tuple[int, int], spacing: Sequence[float] | None = None) -> np.ndarray:
        """Expected |DFT|^2 (HU^2) of this noise on an image of ``shape``: the spectrum that BM3D asks for.

        ``spacing`` (row, column) in mm, by default that of the spectrum. White noise of variance s^2 gives s^2 N.
        """
        spacing = self.spacing if spacing is None else tuple(spacing)
        positions = []
        for n, d, own_n, own_d in zip(shape, spacing, self.power.shape, self.spacing):
            positions.append(np.fft.fftfreq(n, d) * own_n * own_d)
        grid = np.meshgrid(*positions, indexing="ij")
        power = ndimage.map_coordinates(self.power, grid, order=1, mode="grid-wrap")
        return power * (shape[0] * shape[1] / (spacing[0] * spacing[1]))


def noise_power_spectrum(rois: np.ndarray, spacing: Sequence[float], detrend_order: int = 2) -> NoisePowerSpectrum:
    """Mean NPS of an ensemble of regions of interest.

    ``rois`` (N, rows, columns) or (rows, columns) in HU, ``spacing`` in mm with (row, column) last. From every region a
    polynomial of ``detrend_order`` (0 mean, 1 plane, 2 quadratic surface) is subtracted: anatomy and cupping would
    otherwise count as low-frequency noise. Raises ValueError for wrong shapes or regions smaller than 8 x 8 pixels.
    """
    rois = np.asarray(rois, dtype=np.float64)
    rois = rois[None] if rois.ndim == 2 else rois
    if rois.ndim != 3 or len(rois) == 0 or min(rois.shape[1:]) < 8:
        raise ValueError(f"The NPS needs regions (N, rows, columns) of at least 8 x 8 pixels, got shape {rois.shape}.")
    row, column = tuple(float(s) for s in spacing)[-2:]
    residual = _detrend(rois, detrend_order)
    periodogram = np.mean(np.abs(np.fft.fft2(residual)) ** 2, axis=0)
    return NoisePowerSpectrum(periodogram * (row * column / (rois.shape[1] * rois.shape[2])), (row, column))


def rois_in_mask(image: np.ndarray, mask: np.ndarray, size: int = 64, stride: int | None = None) -> np.ndarray:
    """Square regions of ``size`` pixels of a slice (J,I) or volume (K,J,I) that lie wholly inside the bool ``mask``.

    They are placed on a grid of ``stride`` pixels (default: half the size). Returns (N, size, size), N may be 0.
    """
    if image.shape != mask.shape:
        raise ValueError(f"Image and mask must have one shape, got {image.shape} and {mask.shape}.")
    stride = size // 2 if stride is None else stride
    slices = zip(image[None], mask[None]) if image.ndim == 2 else zip(image, mask)
    found = []
    for pixels, inside in slices:
        for j in range(0, pixels.shape[0] - size + 1, stride):
            for i in range(0, pixels.shape[1] - size + 1, stride):
                if inside[j:j + size, i:i + size].all():
                    found.append(pixels[j:j + size, i:i + size])
    return np.stack(found) if found else np.empty((0, size, size), image.dtype)


def _detrend(rois: np.ndarray, order: int) -> np.ndarray:
    """Subtract from every region its least-squares polynomial surface of total degree ``order``."""
    rows, columns = rois.shape[1:]
    j, i = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
    terms = [j**a * i**b for a in range(order + 1) for b in range(order + 1 - a)]
    basis, _ = np.linalg.qr(np.stack([t.ravel() for t in terms], axis=1))
    flat = rois.reshape(len(rois), -1)
    return (flat - (flat @ basis) @ basis.T).reshape(rois.shape)
