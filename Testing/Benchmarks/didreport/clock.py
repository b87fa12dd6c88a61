"""How long a task takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

REPEATS = 5


def clock_of(device: str) -> Callable[[], float]:
    """What tells the time of work on a device, in seconds.

    On the CPU that of the processor's own work, in which waiting for memory counts. Elsewhere the time that
    passes: all that is timed ends with an image in the computer's memory, so nothing is still under way then.
    """
    return time.process_time if device == "cpu" else time.perf_counter


def busy(task: Callable[[], object], repeats: int = REPEATS, clock: Callable[[], float] = time.process_time) -> float:
    """Median time of ``task`` in seconds, after one run that is not counted: the first of its kind takes longer."""
    task()
    times = []
    for _ in range(repeats):
        start = clock()
        task()
        times.append(clock() - start)
    return statistics.median(times)
