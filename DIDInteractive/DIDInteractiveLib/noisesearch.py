"""Finds the place between two images, or two sets of weights, at which the noise has a wanted SD."""

from __future__ import annotations

import math
from collections.abc import Callable

MAX_TRIALS = 14
MARGIN = 0.05
"""A trial keeps this share of the bracket away from its ends, so that the bracket always shrinks."""


def share_for_noise(sd: Callable[[float], float], target: float, ends: tuple[float, float],
                    tolerance: float = 0.005) -> tuple[float, float]:
    """Return the share (0..1) at which ``sd(share)`` is ``target`` within the relative ``tolerance``, and the SD there.

    ``ends`` are ``sd(0)`` and ``sd(1)``, positive, with ``target`` between them (the nearer end is returned where it is
    not). Between them the log of the SD is taken as linear, and the bracket narrowed until that is good enough. SDs are
    in HU. If the tolerance is not met after 14 trials, the nearest trial is returned.
    """
    goal = math.log(target)
    low, high = 0.0, 1.0
    at_low, at_high = (math.log(end) - goal for end in ends)
    best = min((abs(at_low), 0.0, ends[0]), (abs(at_high), 1.0, ends[1]))
    if at_low * at_high >= 0:
        return best[1:]
    for _ in range(MAX_TRIALS):
        if best[0] <= tolerance:
            break
        guess = min(max(at_low / (at_low - at_high), MARGIN), 1 - MARGIN)
        share = low + guess * (high - low)
        value = sd(share)
        if not (math.isfinite(value) and value > 0):
            # Weights in between may be unusable even where both ends are fine; nearer to the known end they are not.
            high, at_high = share, math.copysign(abs(at_high), at_high)
            continue
        off = math.log(value) - goal
        best = min(best, (abs(off), share, value))
        if off * at_low > 0:
            low, at_low = share, off
        else:
            high, at_high = share, off
    return best[1:]
