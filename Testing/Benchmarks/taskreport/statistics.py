"""The arithmetic of the report, without images: strength at matched noise, confidence intervals, verdicts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
BOOTSTRAPS = 200


@dataclass(frozen=True)
class Estimate:
    """A value with its confidence interval; both ends None where there is none."""

    value: float
    low: float | None = None
    high: float | None = None


def matched_strength(before: np.ndarray, after: np.ndarray, share: float) -> float | None:
    """Least strength s in 0..1 at which (1 - s) before + s after has ``share`` of the SD of ``before``.

    ``before`` and ``after`` are the noise of the same pixels, of any one shape, with mean 0. None where even the best
    strength leaves more noise.
    """
    own, other, both = (float(np.mean(a * b, dtype=np.float64))
                        for a, b in ((before, before), (after, after), (before, after)))
    curvature, slope, constant = own - 2 * both + other, 2 * (both - own), own * (1 - share ** 2)
    root = slope ** 2 - 4 * curvature * constant
    if curvature <= 0 or root < 0:
        return None
    strength = (-slope - math.sqrt(root)) / (2 * curvature)
    return strength if 0 <= strength <= 1 else None


def bootstrap(measure: Callable[[np.ndarray], Sequence[float]], count: int) -> list[Estimate]:
    """The values ``measure(indices)`` of all ``count`` realisations, and percentile intervals over resampled ones."""
    random = np.random.default_rng(0)
    found = [measure(random.integers(count, size=count)) for _ in range(BOOTSTRAPS)]
    ends = np.quantile(found, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
    values = measure(np.arange(count))
    return [Estimate(float(value), float(low), float(high)) for value, low, high in zip(values, *ends)]


def jackknife(measure: Callable[[np.ndarray], float], count: int) -> Estimate:
    """``measure(indices)`` of all ``count`` realisations, and its interval from leaving out one at a time.

    For statistics that repeated samples, as a bootstrap draws them, would bias: those that invert a covariance.
    """
    every = np.arange(count)
    parts = np.array([measure(np.delete(every, one)) for one in every])
    error = math.sqrt((count - 1) / count * float(((parts - parts.mean()) ** 2).sum()))
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)) * error
    value = measure(every)
    return Estimate(value, value - reach, value + reach)


def beyond_words(values: Sequence[float], limit: float, cells: str = "") -> str:
    """How many of the values, whatever their sign, lie beyond the limit, of the worst of which is told next."""
    return f"{sum(abs(v) > limit for v in values)} of {len(values)}{cells} beyond, worst: "


@dataclass(frozen=True)
class Aim:
    """What was asked for, and what was measured: ``sense`` "at least", "at most" or "within" (+/-) ``limit``."""

    part: str
    aim: str
    method: str
    case: str
    sense: str
    limit: float
    found: Estimate

    @property
    def verdict(self) -> str:
        """met; missed; open, where the interval holds the limit; not measured, where there is no value."""
        value, low, high = self.found.value, self.found.low, self.found.high
        if not math.isfinite(value):
            return "not measured"
        limit = math.copysign(self.limit, value) if self.sense == "within" else self.limit
        if low is not None and low < limit < high:
            return "open"
        return "met" if self.shortfall <= 0 else "missed"

    @property
    def shortfall(self) -> float:
        """By how much the value misses the limit; at most 0 where it does not."""
        if self.sense == "at least":
            return self.limit - self.found.value
        return (abs(self.found.value) if self.sense == "within" else self.found.value) - self.limit
