"""How long a run will take: the network's multiply-adds, and how many a device does in a second.

The first estimate for a device is a rough one; every run that was timed on it replaces that.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from .modelregistry import ModelCard

START_SECONDS = 3.0
"""To start the worker and load the network."""
CPU_RATE_PER_CORE = 3e10
"""Multiply-adds a second in fp32; one core of an AMD EPYC does 4.3e10."""
MAX_CORES = 8
"""More cores than this add little: memory becomes the limit."""
GPU_RATE = 2e12
APPLE_RATE = 5e11


def multiply_adds(card: ModelCard, shape: Sequence[int]) -> float | None:
    """Return the multiply-adds for a volume of ``shape`` (slices, rows, columns); None if the card says nothing."""
    for_512 = card.details.get("multiply_adds_512")
    if not isinstance(for_512, (int, float)):
        return None
    return float(for_512) * math.prod(shape) / 512**2


def rough_rate(device: str) -> float:
    """Return the multiply-adds a second to expect of ``device`` ("cpu", "cuda:0", "mps") before a run was timed."""
    kind = device.partition(":")[0]
    if kind == "cuda":
        return GPU_RATE
    return APPLE_RATE if kind == "mps" else CPU_RATE_PER_CORE * min(MAX_CORES, max(1, (os.cpu_count() or 2) // 2))


def seconds(work: float, rate: float) -> float:
    """Return how long ``work`` multiply-adds take at ``rate`` a second, the start included."""
    return START_SECONDS + work / rate


def measured_rate(work: float | None, elapsed: float | None) -> float | None:
    """Return the rate of a run on which the network worked for ``elapsed`` seconds; None where either is unknown."""
    return work / elapsed if work and elapsed else None
