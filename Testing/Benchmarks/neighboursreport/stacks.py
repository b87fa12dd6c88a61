"""Training samples of three slices that lie upon each other, drawn from a noise bank."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from LDCTDenoiseLib.hu import FLOOR_HU, to_network
from LDCTDenoiseLib.kernels import radial_frequency
from LDCTDenoiseLib.training.bank import Bank
from LDCTDenoiseLib.training.config import DataConfig
from LDCTDenoiseLib.training.sampler import PatchSampling, faded, fresh_noise, joint_filter, matching_filter
from scipy import linalg

OFFSETS = (0, -1, 1)
"""The slices of a sample: the one to be denoised, that below and that above."""
FARTHEST_MM = 5.0
"""Slices farther apart than this show too little of each other to be neighbours."""
_MARGIN = 24


def mixing(overlap: float) -> np.ndarray:
    """Return the (3, 3) factor that gives independent noise of the slices of ``OFFSETS`` the noise they share.

    Slices m apart get the correlation max(0, 1 - m / overlap), as ``simulate_low_dose`` gives it to slices that are
    ``overlap`` times as thick as their distance.
    """
    apart = np.abs(np.subtract.outer(OFFSETS, OFFSETS))
    return linalg.cholesky(np.maximum(0, 1 - apart / overlap), lower=True)


def inner_slices(data: DataConfig, root: Path) -> np.ndarray:
    """Numbers in the noise bank of all slices that have a neighbour on both sides, at most ``FARTHEST_MM`` away."""
    found, first = [], 0
    for entry in data.train:
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(root / entry["path"]))
        reader.ReadImageInformation()
        count = reader.GetSize()[2]
        if "table" not in entry and reader.GetSpacing()[2] <= FARTHEST_MM:
            found += range(first + 1, first + count - 1)
        first += count
    return np.array(found)


class StackSampler:
    """Draws batches of stacks with shared noise; the same (seed, iteration) gives the same batch.

    Drawn as :class:`LDCTDenoiseLib.training.sampler.PatchSampler` draws patches, but without phantoms, without changes
    of pixel size and without shifts of all HU.
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
        window = self._window(index, random)
        numbers = [index + offset for offset in OFFSETS]
        target = np.stack([bank.targets[n][window] for n in numbers]).astype(np.float32)
        noise = np.stack([fresh_noise(bank.noise[n][(slice(None), *window)], random) for n in numbers])
        least = min(max(s.noise_sd[0], s.noise_ratio * bank.noise_levels[index]), s.noise_sd[1])
        sd = math.exp(random.uniform(math.log(least), math.log(s.noise_sd[1])))
        if random.random() < s.clean_share:
            sd = random.uniform(0, least)
        noise = np.tensordot(self._mixing, noise, 1) * sd
        frequency = radial_frequency(target.shape[1:], bank.pixels[index])
        kernel = bank.kernels[index]
        joint = joint_filter(frequency, kernel, s.colour_share, random)
        target = _filtered(target, joint)
        noise = _filtered(noise, joint * matching_filter(frequency, kernel))
        turn = random.integers(8)
        noisy, target = (self._patch(to_network(np.maximum(part, FLOOR_HU)), turn)
                         for part in (target + noise, target[:1]))
        return noisy, target

    def _window(self, index: int, random) -> tuple[slice, slice]:
        side = self.sampling.patch + 2 * _MARGIN
        rows, columns = self.bank.targets.shape[1:]
        for _ in range(4):
            row, column = random.integers(rows - side + 1), random.integers(columns - side + 1)
            window = (slice(row, row + side), slice(column, column + side))
            if (self.bank.targets[index][window] > -900).mean() > 0.1:
                break
        return window

    def _patch(self, stack: np.ndarray, turn: int) -> np.ndarray:
        stack = stack[:, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
        stack = np.swapaxes(stack, 1, 2) if turn >= 4 else stack
        return np.ascontiguousarray(np.rot90(stack, turn % 4, (1, 2)), np.float32)


def _filtered(stack: np.ndarray, response) -> np.ndarray:
    return np.fft.irfft2(np.fft.rfft2(faded(stack)) * response, s=stack.shape[1:]).astype(np.float32)
