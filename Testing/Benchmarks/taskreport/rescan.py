"""A patient's slice as another kernel, pixel size or reconstruction would show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from LDCTDenoiseLib.evaluationcases import Patient
from LDCTDenoiseLib.evaluationscores import MIN_PIXELS
from LDCTDenoiseLib.hu import FLOOR_HU, round_to_dtype
from LDCTDenoiseLib.kernels import SHARPENING_LIMIT, Kernel, extrapolated
from LDCTDenoiseLib.metrics import body_mask, tissue_classes
from LDCTDenoiseLib.noiselevel import local_sd
from LDCTDenoiseLib.scanfield import outside_scan_field
from LDCTDenoiseLib.simulation import body_centre
from scipy import fft, ndimage


@dataclass(frozen=True)
class Butterworth:
    """H(f) = 1 / (1 + (f / f50)^(2 order)): half the amplitude at ``f50`` per mm; no kernel of the training's kind."""

    f50: float
    order: int

    def response(self, frequency):
        """Return H at ``frequency`` (array or tensor, cycles per mm)."""
        return 1 / (1 + (frequency / self.f50) ** (2 * self.order))


def with_kernel(image: np.ndarray, spacing: Sequence[float], own: Kernel, new: Kernel) -> np.ndarray:
    """A slice (J, I) in HU of the kernel ``own`` as ``new`` would show it, noise and structure alike; float32."""
    rows, columns = image.shape
    frequency = np.hypot(np.arange(rows)[:, None] / (2 * rows * spacing[0]),
                         np.arange(columns) / (2 * columns * spacing[1]))
    gain = np.minimum(new.response(frequency) / np.maximum(own.response(frequency), 1e-3), SHARPENING_LIMIT)
    return fft.idctn(fft.dctn(image.astype(np.float32), norm="ortho") * gain.astype(np.float32), norm="ortho")


def zoomed(image: np.ndarray, spacing: Sequence[float], pixel: float, side: int) -> np.ndarray:
    """The middle of the body on ``side`` x ``side`` pixels of ``pixel`` mm; nothing is averaged, as in a zoomed FBP."""
    centre = body_centre(image, spacing)
    places = [((n - 1) / 2 + c / s) + (np.arange(side) - (side - 1) / 2) * pixel / s
              for n, s, c in zip(image.shape, spacing, centre[::-1])]
    return ndimage.map_coordinates(image, np.meshgrid(*places, indexing="ij"), order=3, mode="nearest")


def filled(patient: Patient) -> np.ndarray:
    """The only slice (J, I) of a patient with measured values continued beyond the scan field, float32."""
    return extrapolated(patient.target, outside_scan_field(patient.target, patient.padding))[0]


def stored(image: np.ndarray) -> np.ndarray:
    """HU as a scanner stores them: int16, from -1024."""
    return round_to_dtype(np.maximum(image, FLOOR_HU), np.dtype(np.int16))


def as_patient(name: str, target: np.ndarray, pixel: float, kernel) -> Patient:
    """A patient of one slice (J, I) int16 HU, with its body and tissues."""
    volume, spacing = target[None], (1.0, pixel, pixel)
    body = body_mask(volume)
    return Patient(name, (0,), volume, None, spacing, kernel, body, tissue_classes(volume, spacing, body))


def cropped(patient: Patient, window: tuple[slice, slice]) -> Patient:
    """The part of a patient inside a window of rows and columns; bodies and tissues stay what they were."""
    part = (slice(None), *window)
    return Patient(patient.name, patient.slices, np.ascontiguousarray(patient.target[part]), None, patient.spacing,
                   patient.kernel, patient.body[part], {name: mask[part] for name, mask in patient.classes.items()})


def middle(patient: Patient, length_mm: float) -> tuple[slice, slice]:
    """Window of ``length_mm`` around the middle of the body, as far as the image reaches."""
    centre = body_centre(patient.target[0], patient.spacing[1:])
    window = []
    for n, s, c in zip(patient.target.shape[1:], patient.spacing[1:], centre[::-1]):
        side = min(n, round(length_mm / s))
        first = int(np.clip(round((n - 1) / 2 + c / s - side / 2), 0, n - side))
        window.append(slice(first, first + side))
    return tuple(window)


def noise_ratio(after: np.ndarray, before: np.ndarray, spacing: Sequence[float], soft: np.ndarray) -> float:
    """Median SD in 7 mm windows around the pixels of ``soft`` (bool), after over before; NaN with too few of them.

    The windows are the same in both: a global noise level may find its mode in other tissue after denoising.
    """
    if np.count_nonzero(soft) < MIN_PIXELS:
        return float("nan")
    return float(np.median(local_sd(after, spacing)[1][soft]) / np.median(local_sd(before, spacing)[1][soft]))
