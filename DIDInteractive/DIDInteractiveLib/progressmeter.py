"""True progress of a run that consists of parts of about equal length."""

from __future__ import annotations

import time
from collections.abc import Callable

Progress = Callable[[float, str, float], None]
"""``progress(fraction 0..1, text, remaining seconds)``; the fraction never falls."""


class ProgressMeter:
    """Turns "this share of this part is done" into a fraction of the whole and the time that remains."""

    def __init__(self, progress: Progress | None, parts: int):
        self._progress, self._parts = progress, parts
        self._done, self._highest = 0, 0.0
        self._start = time.monotonic()

    def report(self, share: float, text: str) -> None:
        """``share`` (0..1) of the current part is done."""
        if self._progress is None:
            return
        self._highest = max(self._highest, min((self._done + min(share, 1.0)) / self._parts, 1.0))
        elapsed = time.monotonic() - self._start
        remaining = elapsed * (1 / self._highest - 1) if self._highest > 0 else float("inf")
        self._progress(self._highest, text, remaining)

    def advance(self, parts: int = 1) -> None:
        """The current part, or several, are behind us."""
        self._done += parts
