"""Memory that a set of candidates needs, and how many candidates fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .freememory import free_memory
from .settings import LIMITS, CandidateSettings

WORKING_VOLUMES = 7
"""Float32 copies of the volume that the engine holds at its peak (6.3 were measured): default, smooth bound, masks,
what a mixture takes on its way."""
TUNING_BYTES_PER_PIXEL = 2500
"""Of a descent, for each pixel of a slice: the features that its gradients need; it takes one slice after the other."""
USABLE_SHARE = 0.9
"""Of the free memory; what is free changes from one second to the next."""


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes: ``candidates`` and ``proxy``, which stay as long as the set does, and ``engine``, while it is made.

    An engine in a worker process keeps the candidates that it has handed over until the whole set is measured.
    """

    candidates: int
    proxy: int
    engine: int

    @property
    def total(self) -> int:
        return self.candidates + self.proxy + self.engine


def estimate_memory(shape: Sequence[int], dtype, settings: CandidateSettings, worker: bool = True) -> MemoryEstimate:
    """Return what the candidates of a volume of ``shape`` (slices, rows, columns) and ``dtype`` need.

    ``shape`` is that of the part to be worked on. The proxy is the volume through which Slicer shows a candidate.
    ``worker``: they are made in another process than the one that keeps them.
    """
    voxels = math.prod(shape)
    size = voxels * np.dtype(dtype).itemsize
    tuning = 0 if settings.method == "blend" else TUNING_BYTES_PER_PIXEL * shape[1] * shape[2]
    candidates = settings.count * size
    return MemoryEstimate(candidates, size, WORKING_VOLUMES * 4 * voxels + tuning + (candidates if worker else 0))


def fit_into_memory(shape: Sequence[int], dtype, settings: CandidateSettings,
                    free: int | None = None, worker: bool = True) -> tuple[CandidateSettings, str | None]:
    """Return the settings, with fewer candidates where all do not fit, and a sentence about that, or None.

    ``free`` in bytes, by default what :func:`.freememory.free_memory` says; where that is unknown, everything fits.
    ``worker`` as in :func:`estimate_memory`.

    Raises:
        ValueError: not even the smallest set fits.
    """
    free = free_memory() if free is None else free
    if free is None:
        return settings, None
    usable = USABLE_SHARE * free
    estimate = estimate_memory(shape, dtype, settings, worker)
    wanted = estimate.total
    if wanted <= usable:
        return settings, None
    need = f"{settings.count} candidates of this volume need {_size(wanted)}, but {_size(free)} are free"
    advice = "choose a region or fewer slices, or close other programs"
    each = estimate.candidates // settings.count * (2 if worker else 1)
    count = settings.count - math.ceil((wanted - usable) / each)
    if count < LIMITS["count"][0]:
        raise ValueError(f"{need}, too few even for {LIMITS['count'][0]}; {advice}.")
    return replace(settings, count=count), f"{need}: {count} are made; for more, {advice}."


def _size(number: int) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e8 else f"{number / 1e6:.1f} MB"
