"""True progress of a run whose stages take very different times, and may take turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Progress = Callable[[float, str, float], None]
"""``progress(fraction 0..1, text, remaining seconds)``; the fraction never falls."""
TRUSTED = 0.25
"""From this share on, a stage's own pace alone says how long its rest will take."""


@dataclass
class _Stage:
    cost: float
    share: float = 0.0
    seconds: float = 0.0

    def left(self, rate: float) -> float:
        """Seconds that the rest takes, if a unit of cost took ``rate`` seconds so far."""
        expected = self.cost * rate
        if self.share > 0:
            trust = min(1.0, self.share / TRUSTED)
            expected = trust * self.seconds / self.share + (1 - trust) * expected
        return (1 - self.share) * expected


class ProgressMeter:
    """Turns "this share of this stage is done" into a fraction of the whole and the time that remains.

    What is left of a stage is told from its own pace as soon as it has one: a descent needs a number of steps that
    nobody knows, but the way in log noise that it makes in a second. Before, and for stages to come, it is told from
    their costs and the pace of all others.

    Args:
        progress: whom to tell, or None.
        costs: for every stage, by name, what it is likely to take, in any unit, at least one of them above 0.
    """

    def __init__(self, progress: Progress | None, costs: Mapping[str, float]):
        self._progress = progress
        self._stages = {name: _Stage(cost) for name, cost in costs.items()}
        self._whole = sum(costs.values())
        self._highest, self._last = 0.0, time.monotonic()

    def report(self, name: str, share: float, text: str) -> None:
        """``share`` (0..1) of the stage is done, which may be less than was thought; the time since the last report was
        spent on it.
        """
        now = time.monotonic()
        stage = self._stages[name]
        stage.seconds += now - self._last
        stage.share = min(max(share, 0.0), 1.0)
        self._last = now
        if self._progress is not None:
            done = sum(one.cost * one.share for one in self._stages.values())
            self._highest = max(self._highest, min(done / self._whole, 1.0))
            self._progress(self._highest, text, self._remaining(done))

    def finish(self, *names: str) -> None:
        """These stages are behind us, however far they got."""
        for name in names:
            self._stages[name].share = 1.0

    def _remaining(self, done: float) -> float:
        if done <= 0:
            return float("inf")
        rate = sum(one.seconds for one in self._stages.values()) / done
        return sum(one.left(rate) for one in self._stages.values())
