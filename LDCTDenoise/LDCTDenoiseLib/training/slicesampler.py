"""Whole slices with the augmentation of the seed paper (doi:10.2991/jaims.d.210428.001, section 2.2.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from scipy import ndimage

from ..hu import FLOOR_HU, to_network
from ..kernels import radial_frequency
from .bank import Bank
from .sampler import fresh_noise, matching_filter


@dataclass(frozen=True)
class SliceSampling:
    """How whole slices are augmented, and which noise they get if they come without.

    Attributes:
        translation: largest shift along each axis, pixels.
        rotation: largest angle, degrees.
        smallest_crop: side of the smallest crop as a share of the slice; the rest is padded with zeros. The paper names
            cropping without saying how much.
        noise_index, dose, kernel: noise added to slices of a bank as in ``simulate_low_dose``; real pairs ignore them.
    """

    translation: int = 128
    rotation: float = 10.0
    smallest_crop: float = 0.75
    noise_index: float = 30.0
    dose: float = 0.25
    kernel: str = "matched"

    def __post_init__(self):
        if self.kernel not in ("matched", "sharp"):
            raise ValueError(f"Unknown kernel {self.kernel!r} in [slices]; choose 'matched' or 'sharp'.")
        if not 0 < self.dose < 1:
            raise ValueError(f"The dose in [slices] is a fraction between 0 and 1, not {self.dose}.")
        if not 0 < self.smallest_crop <= 1:
            raise ValueError(f"smallest_crop in [slices] lies above 0 and at most at 1, not {self.smallest_crop}.")


NO_AUGMENTATION = {"translation": 0, "rotation": 0.0, "smallest_crop": 1.0}


class Pairs(Protocol):
    """Slices of low and normal dose."""

    def pair(self, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw one slice: noisy and target, float32 (rows, columns) in HU."""


class BankPairs:
    """Slices of a noise bank, all at one dose."""

    def __init__(self, bank: Bank, sampling: SliceSampling):
        self.bank, self.sampling = bank, sampling
        self.noise_sd = sampling.noise_index * math.sqrt(1 / sampling.dose - 1)

    def pair(self, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """See :class:`Pairs`; the noise is a fresh combination of the bank's realisations."""
        index = int(random.choice(len(self.bank), p=self.bank.weights))
        target = self.bank.targets[index].astype(np.float32)
        noise = fresh_noise(self.bank.noise[index], random) * np.float32(self.noise_sd)
        if self.sampling.kernel == "matched":
            frequency = radial_frequency(target.shape, self.bank.pixels[index])
            spectrum = np.fft.rfft2(noise) * matching_filter(frequency, self.bank.kernels[index])
            noise = np.fft.irfft2(spectrum, s=target.shape).astype(np.float32)
            noise[self.bank.outside[index]] = 0
        return np.maximum(target + noise, FLOOR_HU), target


class SliceSampler:
    """Draws batches of whole slices; the same (seed, iteration) gives the same batch."""

    def __init__(self, pairs: Pairs, sampling: SliceSampling, seed: int):
        self.pairs, self.sampling, self.seed = pairs, sampling, seed

    def batch(self, iteration: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return noisy and target slices, float32 (size, 1, rows, columns) in network units."""
        random = np.random.default_rng([self.seed, iteration])
        pairs = [augmented(np.stack(self.pairs.pair(random)), self.sampling, random) for _ in range(size)]
        noisy, target = torch.from_numpy(np.stack(pairs, 1)[:, :, None])
        return noisy, target


def augmented(images: np.ndarray, sampling: SliceSampling, random: np.random.Generator) -> np.ndarray:
    """Return ``images`` (B, rows, columns), HU, in network units, all rotated, shifted and cropped alike.

    What comes from outside the slice is zero in network units, -1000 HU.
    """
    units = to_network(images.astype(np.float32))
    angle = math.radians(random.uniform(-1, 1) * sampling.rotation)
    shift = random.integers(-sampling.translation, sampling.translation, 2, endpoint=True)
    share = random.uniform(sampling.smallest_crop, 1)
    size = np.array(images.shape[1:])
    side = np.rint(share * size).astype(int)
    corner = random.integers(size - side, endpoint=True)
    if angle or shift.any():
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        centre = (size - 1) / 2
        # scipy maps output to input positions: undo the shift, then turn about the centre.
        offset = centre - turn @ (centre + shift)
        units = np.stack([ndimage.affine_transform(image, turn, offset, order=1, cval=0.0) for image in units])
    cropped = np.zeros_like(units)
    window = (slice(None), *(slice(c, c + s) for c, s in zip(corner, side)))
    cropped[window] = units[window]
    return cropped
