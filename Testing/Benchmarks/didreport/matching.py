"""Methods compared at equal noise: the arithmetic, without images.

A method's candidates are points (noise SD, score), from the smoothest to the noisiest. Between them, on each side of
the default, where curves may bend, the score follows a monotone cubic (Fritsch and Carlson, doi:10.1137/0717021) over
the log of the noise SD, so that every method can be read at one and the same noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

WORSE, BETTER = 1.01, 0.97
"""Ratios beyond which a method counts as worse (by more than 1 %) or better (by at least 3 %)."""
SIDES = ("smoother", "sharper")


@dataclass(frozen=True)
class Curve:
    """Scores of one method against noise.

    ``noise`` (n,) in HU, strictly rising, and ``score`` (n,); number ``default`` is the network's own output.
    """

    noise: np.ndarray
    score: np.ndarray
    default: int

    def at(self, noise) -> np.ndarray:
        """Scores at other noise SDs in HU; NaN beyond the method's ends."""
        wanted = np.log(np.asarray(noise, dtype=float))
        known = np.log(self.noise)
        smoother, sharper = slice(0, self.default + 1), slice(self.default, len(known))
        return np.where(wanted < known[self.default], _between(wanted, known[smoother], self.score[smoother]),
                        _between(wanted, known[sharper], self.score[sharper]))


def _between(wanted: np.ndarray, known: np.ndarray, score: np.ndarray) -> np.ndarray:
    if len(known) == 1:
        return np.where(np.isclose(wanted, known[0], atol=1e-9), score[0], np.nan)
    return PchipInterpolator(known, score, extrapolate=False)(wanted)


def curve(noise: Sequence[float], score: Sequence[float], default: int) -> Curve:
    """Return the curve of candidates that are ordered from smooth to noisy.

    The candidates were ordered by the noise elsewhere; where in this region one is not noisier than its neighbour on
    the default's side, it is left out. ``default`` is the index of the default, which stays. Points without a finite
    score are left out too. Raises ValueError if the default's own score is not finite.
    """
    noise, score = np.asarray(noise, dtype=float), np.asarray(score, dtype=float)
    usable = np.isfinite(noise) & np.isfinite(score) & (noise > 0)
    if not usable[default]:
        raise ValueError("The default candidate has no score here, so there is no curve.")
    kept = [default]
    for number in range(default + 1, len(noise)):
        if usable[number] and noise[number] > noise[kept[-1]]:
            kept.append(number)
    for number in range(default - 1, -1, -1):
        if usable[number] and noise[number] < noise[kept[0]]:
            kept.insert(0, number)
    return Curve(noise[kept], score[kept], kept.index(default))


def noise_at(position, default: float, bounds: tuple[float, float]) -> np.ndarray:
    """Noise SD in HU at positions from -1 (smooth bound) over 0 (default) to 1 (input), linear in its log.

    ``default`` is the default's noise SD and ``bounds`` that of the smooth bound and of the input, HU. NaN on the
    smoother side where the smooth bound is no smoother than the default.
    """
    position = np.asarray(position, dtype=float)
    bound = np.where(position < 0, bounds[0] if bounds[0] < default else np.nan, bounds[1])
    return default * (bound / default) ** np.abs(position)


def positions(per_side: int) -> np.ndarray:
    """Positions between the three points in which all methods agree or end: ``per_side`` of them on each side."""
    steps = np.arange(1, per_side + 1) / (per_side + 1)
    return np.concatenate([-steps[::-1], steps])


@dataclass(frozen=True)
class Summary:
    """Ratios method / blend over cases and positions; shares are 0..1 of ``count``, NaN if there are none."""

    count: int
    mean: float
    lowest: float
    highest: float
    worse: float
    better: float


def summary(ratios) -> Summary:
    """Return the summary of ratios; those that are not finite are places that a method does not reach."""
    found = np.asarray(ratios, dtype=float).ravel()
    found = found[np.isfinite(found)]
    if len(found) == 0:
        return Summary(0, *(float("nan"),) * 5)
    return Summary(len(found), float(found.mean()), float(found.min()), float(found.max()),
                   float(np.mean(found > WORSE)), float(np.mean(found <= BETTER)))


def without_noise(error, noise) -> np.ndarray:
    """The part of a root mean square error that is not noise, HU; NaN where the noise alone exceeds the error."""
    rest = np.asarray(error, dtype=float) ** 2 - np.asarray(noise, dtype=float) ** 2
    return np.sqrt(np.where(rest > 0, rest, np.nan))


def strictly_rising(values: Sequence[float]) -> bool:
    """Whether every value is finite and greater than the one before."""
    values = np.asarray(values, dtype=float)
    return bool(np.isfinite(values).all() and (np.diff(values) > 0).all())
