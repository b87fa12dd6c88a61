"""What did the denoiser remove: the added noise, the noise the target already had, or something else?

Seed, doi:10.2991/jaims.d.210428.001, section 2.2.6. All three noises are compared in their high frequencies, because
anatomy in the removed part, and the anatomy that the target noise cannot be told from, lies in the low ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CUTOFF = 150 / 256
"""Lowest frequency kept, in units of the Nyquist frequency (pi per pixel)."""


@dataclass(frozen=True)
class NoiseAnalysis:
    """Cosine correlations, projection lengths and the energy that remains, all without unit.

    ``removed_on_added`` and ``removed_on_target`` are <removed, n> / <n, n>: the part of that noise which was removed
    (the seed prints .78 and .61). ``remaining_energy`` is the part of the removed noise's energy that is left after its
    least-squares combination of added and target noise has been subtracted (the seed prints .11).
    """

    removed_added: float
    removed_target: float
    target_added: float
    removed_on_added: float
    removed_on_target: float
    remaining_energy: float


def high_pass(image: np.ndarray) -> np.ndarray:
    """The part of slices (..., J, I) whose radial frequency is at least 150/256 pi per pixel, float64."""
    f_row, f_column = (np.fft.fftfreq(n) * 2 for n in image.shape[-2:])
    keep = np.hypot(f_row[:, None], f_column[None, :]) >= CUTOFF
    return np.fft.ifft2(np.fft.fft2(image.astype(np.float64)) * keep).real


def noise_analysis(low_dose: np.ndarray, denoised: np.ndarray, reference: np.ndarray) -> NoiseAnalysis:
    """Analyse slices or volumes (..., J, I) in HU: removed = low dose - denoised, added = low dose - reference.

    Raises ValueError if shapes differ or if one of the noises is zero.
    """
    if not low_dose.shape == denoised.shape == reference.shape:
        raise ValueError(f"Low dose, denoised and reference must have one shape, got {low_dose.shape}, "
                         f"{denoised.shape} and {reference.shape}.")
    low_dose, denoised, reference = (a.astype(np.float64) for a in (low_dose, denoised, reference))
    removed, added, target = (high_pass(a).ravel() for a in (low_dose - denoised, low_dose - reference, reference))
    energies = {"removed noise": removed @ removed, "added noise": added @ added, "target noise": target @ target}
    for name, energy in energies.items():
        if energy == 0:
            raise ValueError(f"The {name} is zero, so nothing can be projected on it.")

    basis = np.stack([added, target], axis=1)
    parts, *_ = np.linalg.lstsq(basis, removed, rcond=None)
    rest = removed - basis @ parts
    return NoiseAnalysis(
        removed_added=_cosine(removed, added),
        removed_target=_cosine(removed, target),
        target_added=_cosine(target, added),
        removed_on_added=float(removed @ added / (added @ added)),
        removed_on_target=float(removed @ target / (target @ target)),
        remaining_energy=float(rest @ rest / (removed @ removed)),
    )


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))
