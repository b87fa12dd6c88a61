"""Terms of the training loss."""

from __future__ import annotations

import torch

_RINGS = 12


def noise_weighted_error(output: torch.Tensor, noisy: torch.Tensor, target: torch.Tensor, floor: float | None):
    """Return the mean squared error, a scalar; all images (N, 1, H, W) in network units.

    With ``floor`` (network units) every sample's error is divided by its noise variance plus ``floor`` squared, so that
    low and high doses count alike; None is the plain mean squared error of the HRNet paper, section 2.2.3.
    """
    error = (output - target) ** 2
    if floor is not None:
        variance = ((noisy - target) ** 2).mean((1, 2, 3), keepdim=True)
        error = error / (variance + floor ** 2)
    return error.mean()


def spectrum_mismatch(output: torch.Tensor, noisy: torch.Tensor, target: torch.Tensor, floor: float) -> torch.Tensor:
    """Return the mean squared difference of two log noise power spectra, those of removed and of added noise, a scalar.

    Images (N, 1, H, W) in network units, weighted by a Hann window; spectra are averaged over rings of equal width up
    to the Nyquist frequency. ``floor`` (SD, network units) is added to both as white noise: without noise nothing
    counts.
    """
    rows, columns = output.shape[-2:]
    window = torch.outer(torch.hann_window(rows, False), torch.hann_window(columns, False)).to(output)
    frequency = torch.hypot(torch.fft.fftfreq(rows)[:, None], torch.fft.rfftfreq(columns)[None]).to(output.device)
    ring = (frequency * 2 * _RINGS).long().flatten()
    inside = ring < _RINGS
    count = torch.bincount(ring[inside], minlength=_RINGS)
    power = torch.fft.rfft2(torch.cat((noisy - output, noisy - target)) * window, norm="ortho").abs() ** 2
    power = power.flatten(1)[:, inside] / (window ** 2).mean()
    mean = power.new_zeros(len(power), _RINGS).index_add_(1, ring[inside], power) / count
    removed, added = (mean + floor ** 2).log().chunk(2)
    return ((removed - added) ** 2).mean()
