"""The slices on which a descent works, with their end points and the noise at each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .noiseprobe import NoiseProbe

DIRECTIONS = ("smoother", "sharper")
LEAST_CHANGE = 0.01
"""Relative differences of noise below this are none: there is nothing to put candidates into."""


class NothingToTradeError(ValueError):
    """The network does not lower the noise of this image, so there is no trade-off."""


@dataclass(frozen=True)
class Piece:
    """Some slices, (n, J, I) in HU, all arrays of one shape.

    Attributes:
        array: the noisy input, t_high of the paper. default: the network's output. smooth: the smooth bound, t_low.
        outside: bool, voxels that stay as they are.
        effect: share of the network's effect that the default has, 0..1.
        probe: where noise is measured.

    Raises:
        NothingToTradeError: the default is no less noisy than the input.
    """

    array: np.ndarray
    default: np.ndarray
    smooth: np.ndarray
    outside: np.ndarray
    effect: float
    probe: NoiseProbe

    def __post_init__(self) -> None:
        before, after = self.input_noise, self.default_noise
        if after <= 0 or after > before * (1 - LEAST_CHANGE):
            raise NothingToTradeError(
                f"The network does not lower the noise of this image ({before:.1f} HU before, {after:.1f} HU after), so "
                "there is no trade-off to choose from; take another model or a noisier image.")

    @cached_property
    def input_noise(self) -> float:
        return self.probe.sd(self.array)

    @cached_property
    def default_noise(self) -> float:
        return self.probe.sd(self.default)

    @cached_property
    def smooth_noise(self) -> float:
        return self.probe.sd(self.smooth)

    def bound(self, direction: str) -> np.ndarray:
        """The image that lies at the end of a direction."""
        return self.smooth if direction == "smoother" else self.array

    def bound_noise(self, direction: str) -> float:
        return self.smooth_noise if direction == "smoother" else self.input_noise

    def open(self, direction: str) -> bool:
        """Whether there is room for candidates in a direction; on the sharper side there always is."""
        return direction == "sharper" or 0 < self.smooth_noise < self.default_noise * (1 - LEAST_CHANGE)

    def noise_at(self, position: float) -> float:
        """Noise SD in HU at a position from -1 (smooth bound) over 0 (default) to 1 (input), linear in its log."""
        bound = self.bound_noise("smoother" if position < 0 else "sharper")
        return self.default_noise * (bound / self.default_noise) ** abs(position)

    def position_of(self, noise: float) -> float:
        """The inverse of :meth:`noise_at`; beyond a bound it goes on beyond -1 or 1."""
        direction = "smoother" if noise < self.default_noise else "sharper"
        if not self.open(direction) or noise <= 0:
            return 0.0
        share = math.log(noise / self.default_noise) / math.log(self.bound_noise(direction) / self.default_noise)
        return -share if direction == "smoother" else share
