"""The images that a run works with, for a whole volume or for the slices on which noise is measured."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np

from .application import extrapolated
from .edges import EdgeProbe
from .noiseprobe import NoiseProbe
from .outcome import Outcome

DIRECTIONS = ("smoother", "sharper")
LEAST_CHANGE = 0.01
"""Relative differences of noise below this are none: there is nothing to put candidates into."""


class NothingToTradeError(ValueError):
    """The network does not lower the noise of this image, so there is no trade-off."""


class Images:
    """Input, default and smooth bound of some slices, (n, J, I) in HU.

    Attributes:
        array: the noisy input, t_high of the paper. default: the network's output.
        outside: bool, voxels that stay as they are.
        effect: share of the network's effect that the default has, 0..1.
    """

    def __init__(self, array: np.ndarray, default: np.ndarray, outside: np.ndarray, effect: float,
                 make_smooth: Callable[[Images], np.ndarray]):
        self.array, self.default, self.outside, self.effect = array, default, outside, effect
        self._make_smooth = make_smooth

    @cached_property
    def smooth(self) -> np.ndarray:
        """The smooth bound, t_low of the paper; made when it is first asked for, as it costs several runs."""
        return self._make_smooth(self)

    def with_array(self, array: np.ndarray) -> Images:
        """The same with another type of the input's values."""
        return Images(array, self.default, self.outside, self.effect, lambda _: self.smooth)

    def bound(self, direction: str) -> np.ndarray:
        """The image that lies at the end of a direction."""
        return self.smooth if direction == "smoother" else self.array


class Piece(Images):
    """Images with the noise in them: what descents work on and candidates are placed by.

    Raises:
        NothingToTradeError: the default is no less noisy than the input.
        ValueError: no tissue to measure noise in; see :class:`.noiseprobe.NoiseProbe`.
    """

    def __init__(self, images: Images, spacing, roi=None):
        super().__init__(images.array, images.default, images.outside, images.effect, lambda _: images.smooth)
        self._spacing = spacing
        self.probe = NoiseProbe(images.array, images.default, spacing, images.outside, roi)
        before, after = self.input_noise, self.default_noise
        if after <= 0 or after > before * (1 - LEAST_CHANGE):
            raise NothingToTradeError(
                f"The network does not lower the noise of this image ({before:.1f} HU before, {after:.1f} HU after), "
                "so there is no trade-off to choose from; take another model or a noisier image.")

    @cached_property
    def input_noise(self) -> float:
        return self.probe.sd(self.array)

    @cached_property
    def default_noise(self) -> float:
        return self.probe.sd(self.default)

    @cached_property
    def smooth_noise(self) -> float:
        return self.probe.sd(self.smooth)

    @cached_property
    def edges(self) -> EdgeProbe:
        """The sharpness by which candidates are put in order; as when they are measured, edges of the smooth bound."""
        return EdgeProbe(self.array, self.smooth, self._spacing, self.outside)

    def useful_extrapolation(self, wanted: float) -> float:
        """Return the share (0 to ``wanted``) of its distance from the default beyond the smooth bound with least noise.

        On the way through both, the noise's variance is a parabola in that distance. Past its lowest point the noise
        of the default comes back with its sign reversed. 0 where the noise would not fall by 1 %.
        """
        start, end = self.default_noise**2, self.smooth_noise**2
        curvature = self.probe.sd(self.smooth - self.default) ** 2
        if not curvature > 0:
            return 0.0
        share = min(max((start + curvature - end) / (2 * curvature) - 1, 0.0), wanted)
        lowest = self.probe.sd(extrapolated(self.default, self.smooth, share))
        return share if lowest < self.smooth_noise * (1 - LEAST_CHANGE) else 0.0

    def bound_noise(self, direction: str) -> float:
        return self.smooth_noise if direction == "smoother" else self.input_noise

    def ended(self, direction: str, noise: float) -> Outcome:
        """The beginning of the sentence that says where the candidates of a direction end, at a noise SD in HU."""
        return Outcome(f"The {direction} side ended at a noise of {{noise:.1f}} HU ({{percent:.0f}} % of the input's)",
                       {"noise": noise, "percent": 100 * noise / self.input_noise})

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
