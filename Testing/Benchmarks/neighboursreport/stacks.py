"""Training samples of three slices that lie upon each other, drawn from a noise bank."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from LDCTDenoiseLib.hu import FLOOR_HU, to_network
from LDCTDenoiseLib.kernels import radial_frequency
from LDCTDenoiseLib.training.bank import Bank
from LDCTDenoiseLib.training.config import DataConfig
from LDCTDenoiseLib.training.sampler import (
    MARGIN, PatchSampling, added_sd, faded, fresh_noise, joint_filter, matching_filter, patient_window,
)
from networksreport.trainingdata import stem
from scipy import linalg

OFFSETS = (0, -1, 1)
"""The slices of a sample: the one to be denoised, that below and that above."""
FARTHEST_MM = 5.0
"""Slices farther apart than this show too little of each other to be neighbours."""


def mixing(overlap: float) -> np.ndarray:
    """Return the (3, 3) factor that gives independent noise of the slices of ``OFFSETS`` the noise they share.

    Slices m apart get the correlation max(0, 1 - m / overlap), as ``simulate_low_dose`` gives it to slices that are
    ``overlap`` times as thick as their distance.
    """
    apart = np.abs(np.subtract.outer(OFFSETS, OFFSETS))
    return linalg.cholesky(np.maximum(0, 1 - apart / overlap), lower=True)


@dataclass(frozen=True)
class Inner:
    """Which slices have a neighbour on both sides.

    Attributes:
        slices: their numbers in the noise bank.
        left_out: the training files that hold no such slices.
        count: slices of all training files.
    """

    slices: np.ndarray
    left_out: tuple[str, ...]
    count: int


def inner_slices(data: DataConfig, root: Path) -> Inner:
    """Find the slices with a neighbour on both sides at most ``FARTHEST_MM`` away, by the files' headers."""
    found, left_out, first = [], [], 0
    for entry in data.train:
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(root / entry["path"]))
        reader.ReadImageInformation()
        count = reader.GetSize()[2]
        if "table" not in entry and reader.GetSpacing()[2] <= FARTHEST_MM:
            found += range(first + 1, first + count - 1)
        else:
            left_out.append(stem(entry["path"]))
        first += count
    return Inner(np.array(found), tuple(left_out), first)


class StackSampler:
    """Draws batches of stacks with shared noise; the same (seed, iteration) gives the same batch.

    Drawn as :class:`LDCTDenoiseLib.training.sampler.PatchSampler` draws patches, but without phantoms, without changes
    of pixel size and without shifts of all HU. ``slices`` are numbers in the bank, each between its neighbours.
    """

    def __init__(self, bank: Bank, slices: np.ndarray, sampling: PatchSampling, overlap: float, seed: int):
        self.bank, self.slices, self.sampling, self.seed = bank, slices, sampling, seed
        self._mixing = mixing(overlap).astype(np.float32)
        self._weights = bank.weights[slices] / bank.weights[slices].sum()

    def batch(self, iteration: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return noisy (size, 3, patch, patch) and target (size, 1, patch, patch), float32 in network units."""
        random = np.random.default_rng([self.seed, iteration])
        noisy, target = zip(*(self._sample(random) for _ in range(size)))
        return torch.from_numpy(np.stack(noisy)), torch.from_numpy(np.stack(target))

    def _sample(self, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        s, bank = self.sampling, self.bank
        index = int(random.choice(self.slices, p=self._weights))
        window = patient_window(bank.targets[index], s.patch + 2 * MARGIN, random)
        numbers = [index + offset for offset in OFFSETS]
        target = np.stack([bank.targets[n][window] for n in numbers]).astype(np.float32)
        noise = np.stack([fresh_noise(bank.noise[n][(slice(None), *window)], random) for n in numbers])
        noise = np.tensordot(self._mixing, noise, 1) * added_sd(s, bank.noise_levels[index], random)
        frequency = radial_frequency(target.shape[1:], bank.pixels[index])
        kernel = bank.kernels[index]
        joint = joint_filter(frequency, kernel, s.colour_share, random)
        target = _filtered(target, joint)
        noise = _filtered(noise, joint * matching_filter(frequency, kernel))
        turn = random.integers(8)
        noisy, target = (self._patch(to_network(np.maximum(part, FLOOR_HU)), turn)
                         for part in (target + noise, target[:1]))
        return noisy, target

    def _patch(self, stack: np.ndarray, turn: int) -> np.ndarray:
        stack = stack[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
        stack = np.swapaxes(stack, 1, 2) if turn >= 4 else stack
        return np.ascontiguousarray(np.rot90(stack, turn % 4, (1, 2)), np.float32)


def _filtered(stack: np.ndarray, response) -> np.ndarray:
    return np.fft.irfft2(np.fft.rfft2(faded(stack)) * response, s=stack.shape[1:]).astype(np.float32)
