"""Training pairs (noisy, target) drawn from a noise bank."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from ..fanbeam import FanBeamGeometry
from ..hu import FLOOR_HU, to_network
from ..kernels import Kernel, bare_ramp_response, radial_frequency, sharpening_gain
from .bank import Bank
from .phantoms import random_phantom

MARGIN = 24
"""Pixels at the edges of a region that are given up: faded out before filtering, then reached by the wrap-around."""
_FADE = 14
_PITCH = FanBeamGeometry().pitch_at_isocentre


@dataclass(frozen=True)
class PatchSampling:
    """How training patches are drawn.

    Attributes:
        patch: side of a square patch in pixels.
        patches_per_region: 1 or 4; four neighbours share one slice, colour and noise level, and one filtering.
        noise_sd: range of the added noise's SD in the body centre, HU; drawn log-uniformly.
        noise_ratio: least added noise relative to the noise that the target has already. Where both are alike, nothing
            tells them apart, and a network learns to leave half of all noise in place.
        clean_share: share of regions with less noise than that, down to none: there the target is to be kept.
        colour_share: share of regions in which image *and* noise are made softer, and equally of those made sharper,
            so that the noise keeps the colour of the image it lies on.
        zoom: range of the change of pixel size, image and noise together.
        phantom_share: share of regions that show a synthetic, noise-free phantom.
        offset: largest shift of all HU, so that the networks follow shifts.
    """

    patch: int = 128
    patches_per_region: int = 1
    noise_sd: tuple[float, float] = (4.0, 150.0)
    noise_ratio: float = 1.3
    clean_share: float = 0.1
    colour_share: float = 0.3
    zoom: tuple[float, float] = (0.75, 1.35)
    phantom_share: float = 0.2
    offset: float = 80.0

    def __post_init__(self):
        if self.patches_per_region not in (1, 4):
            raise ValueError(f"patches_per_region in [sampling] is 1 or 4, not {self.patches_per_region}.")


class PatchSampler:
    """Draws batches; the same (seed, iteration) gives the same batch, so training can be resumed exactly."""

    def __init__(self, bank: Bank, sampling: PatchSampling, seed: int):
        self.bank, self.sampling, self.seed = bank, sampling, seed
        self.side = sampling.patch * (2 if sampling.patches_per_region == 4 else 1) + 2 * MARGIN

    def batch(self, iteration: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return noisy and target patches, float32 (size, 1, patch, patch) in network units."""
        random = np.random.default_rng([self.seed, iteration])
        regions = [self._region(random) for _ in range(math.ceil(size / self.sampling.patches_per_region))]
        noisy, target = (torch.from_numpy(np.concatenate(parts)[:size, None]) for parts in zip(*regions))
        return noisy, target

    def _region(self, random: np.random.Generator):
        s = self.sampling
        index = int(random.choice(len(self.bank), p=self.bank.weights))
        zoom = math.exp(random.uniform(*np.log(s.zoom))) if random.random() < 0.5 else 1.0
        cut = min(2 * round(self.side * zoom / 2), *self.bank.targets.shape[1:])
        target, noise = self._cut(index, cut, random)
        pixel, kernel, level = self.bank.pixels[index], self.bank.kernels[index], self.bank.noise_levels[index]
        if random.random() < s.phantom_share:
            pixel, kernel = np.array([1.0, 1.0]) * random.uniform(0.5, 1.0), random_kernel(random)
            target, level = random_phantom(target.shape, pixel, kernel, random), 0.0
        target, noise = self._colour(target, noise * added_sd(s, level, random), pixel, kernel, random)
        noisy = np.maximum(target + noise, FLOOR_HU)
        target = np.maximum(target, FLOOR_HU)
        shift = random.uniform(-s.offset, s.offset) if random.random() < 0.3 else 0.0
        return tuple(self._patches(to_network(image + np.float32(shift)), random_turn)
                     for random_turn in [random.integers(8)] for image in (noisy, target))

    def _cut(self, index: int, cut: int, random):
        """Region of a slice and fresh noise for it."""
        window = patient_window(self.bank.targets[index], cut, random)
        target = self.bank.targets[index][window].astype(np.float32)
        return target, fresh_noise(self.bank.noise[index][(slice(None), *window)], random)

    def _colour(self, target, noise, pixel, kernel: Kernel, random):
        """Give the noise the image's kernel, filter both alike, resample both to ``side`` pixels."""
        cut = target.shape[0]
        frequency = radial_frequency(target.shape, pixel)
        joint = joint_filter(frequency, kernel, self.sampling.colour_share, random)
        spectra = np.fft.rfft2(faded(np.stack((target, noise))))
        spectra[0] *= joint
        spectra[1] *= joint * matching_filter(frequency, kernel)
        spectra = _resize_spectrum(spectra, self.side) * (self.side / cut) ** 2
        target, noise = np.fft.irfft2(spectra, s=(self.side, self.side)).astype(np.float32)
        return target, noise

    def _patches(self, image: np.ndarray, turn: int) -> np.ndarray:
        image = image[MARGIN:-MARGIN, MARGIN:-MARGIN]
        image = np.rot90(image.T if turn >= 4 else image, turn % 4)
        p = self.sampling.patch
        return np.stack([image[r:r + p, c:c + p] for r in range(0, image.shape[0], p)
                         for c in range(0, image.shape[1], p)])


def patient_window(target: np.ndarray, side: int, random: np.random.Generator) -> tuple[slice, slice]:
    """Return a random square of (rows, columns) HU that shows some of the patient, if a few tries find one."""
    rows, columns = target.shape
    for _ in range(4):
        row, column = random.integers(rows - side + 1), random.integers(columns - side + 1)
        window = (slice(row, row + side), slice(column, column + side))
        if (target[window] > -900).mean() > 0.1:
            break
    return window


def added_sd(sampling: PatchSampling, level: float, random: np.random.Generator) -> float:
    """Return a random SD in HU of the noise to be added to a target whose own noise level is ``level`` HU."""
    least = min(max(sampling.noise_sd[0], sampling.noise_ratio * level), sampling.noise_sd[1])
    sd = math.exp(random.uniform(math.log(least), math.log(sampling.noise_sd[1])))
    if random.random() < sampling.clean_share:
        sd = random.uniform(0, least)
    return sd


def fresh_noise(realisations: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return noise (rows, columns) drawn from (R, rows, columns): two realisations rotated in their plane.

    Independent noise of equal variance keeps variance and spectrum under the rotation, so a few stored realisations
    give endlessly many.
    """
    angle = random.uniform(0, 2 * math.pi)
    if len(realisations) == 1:
        return realisations[0].astype(np.float32)
    first, second = random.permutation(len(realisations))[:2]
    return (math.cos(angle) * realisations[first].astype(np.float32)
            + math.sin(angle) * realisations[second].astype(np.float32))


def matching_filter(frequency: np.ndarray, kernel: Kernel) -> np.ndarray:
    """Return the filter that turns ramp noise of unit SD into noise of ``kernel`` of unit SD, on ``frequency`` per mm.

    Ramp noise from linear interpolation between channels has the NPS f sinc(f d)^4; see :mod:`..fanbeam`.
    """
    f = np.linspace(0, 0.5 / _PITCH, 512)
    power_ramp = np.sum(f ** 2 * np.sinc(f * _PITCH) ** 4)
    power_kernel = np.sum(f ** 2 * kernel.response(f) ** 2)
    return kernel.response(frequency) / bare_ramp_response(frequency) * math.sqrt(power_ramp / power_kernel)


def faded(images: np.ndarray) -> np.ndarray:
    """Fade the edges of (B, n, n) to the images' means: opposite edges then meet without a jump under the FFT."""
    ramp = np.ones(images.shape[-1], np.float32)
    ramp[:_FADE] = 0.5 - 0.5 * np.cos(np.pi * (np.arange(_FADE) + 0.5) / _FADE)
    ramp[-_FADE:] = ramp[:_FADE][::-1]
    mean = images.mean((1, 2), keepdims=True)
    return mean + (images - mean) * np.outer(ramp, ramp)


def joint_filter(frequency: np.ndarray, kernel: Kernel, share: float, random: np.random.Generator):
    """Return a random filter for image and noise together: none, a softer kernel or a sharper one."""
    choice = random.random()
    if choice < share:
        return Kernel(random.uniform(0.25, 0.8), random.uniform(1.5, 4.0)).response(frequency)
    if choice < 2 * share:
        # Part of the way from the image's kernel to the bare ramp.
        exponent = random.uniform(0.1, 1.0)
        return sharpening_gain(frequency, kernel) ** exponent
    return 1.0


def random_kernel(random: np.random.Generator) -> Kernel:
    """Return a kernel between soft body and sharp lung kernels."""
    return Kernel(random.uniform(0.28, 0.7), random.uniform(1.5, 4.0))


def _resize_spectrum(spectra: np.ndarray, side: int) -> np.ndarray:
    """Cut or zero-pad the 2-D real spectra (B, n, n // 2 + 1) of square images to those of ``side`` pixels."""
    n = spectra.shape[1]
    if n == side:
        return spectra
    keep = min(n, side)
    half = keep // 2
    resized = np.zeros((spectra.shape[0], side, side // 2 + 1), spectra.dtype)
    resized[:, :half, :half] = spectra[:, :half, :half]
    resized[:, -half + 1:, :half] = spectra[:, -half + 1:, :half]
    return resized
