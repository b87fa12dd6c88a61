"""A progress bar with the remaining time, on a terminal only."""

from __future__ import annotations

import shutil
import sys
import time

_WIDTH = 30
_LEAST_INTERVAL = 0.1


class ProgressBar:
    """Shows ``label [####....] 12/41  0:35 left`` on stderr while a ``with`` block runs.

    Nothing is shown where stderr is no terminal.
    """

    def __init__(self, label: str):
        self.label = label
        self._start = time.monotonic()
        self._last = 0.0
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_) -> None:
        self._write("")

    def __call__(self, done: int, total: int, remaining: float | None = None, note: str = "") -> None:
        """Show that ``done`` of ``total`` are done; ``remaining`` in seconds, None: from the time so far."""
        now = time.monotonic()
        if now - self._last < _LEAST_INTERVAL and done < total:
            return
        self._last = now
        if remaining is None:
            remaining = (now - self._start) / max(done, 1) * (total - done)
        filled = _WIDTH * done // max(total, 1)
        self._write(f"{self.label} [{'#' * filled}{'.' * (_WIDTH - filled)}] {done}/{total}  "
                    f"{duration(remaining)} left  {note}")

    def _write(self, line: str) -> None:
        if self._shown:
            columns = shutil.get_terminal_size().columns - 1
            sys.stderr.write("\r" + line[:columns].ljust(columns) + ("\r" if not line else ""))
            sys.stderr.flush()


def duration(seconds: float) -> str:
    """Return ``seconds`` as m:ss or h:mm:ss."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
