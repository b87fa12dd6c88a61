"""Slices that stand for a volume when weights are tuned."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .noiseprobe import NoiseProbe

LOOKED_AT = 5
"""Slices that are looked at for every one that is chosen."""


def representative_slices(array, default, spacing, count: int, padding=None, roi=None,
                          before_slice: Callable[[], object] | None = None) -> list[int]:
    """Return the numbers of at most ``count`` slices of a volume, rising: spread over it, and of typical noise.

    The slices with tissue to measure noise in (or with pixels of the region) are cut into ``count`` stretches; from
    each comes the slice with the median noise, as the ends of a scan, the shoulders or metal are no good example.

    The other arguments are those of :class:`.noiseprobe.NoiseProbe`, of which every look takes a tenth of a second;
    ``before_slice`` is called before each, and may stop the work by raising.

    Raises:
        ValueError: there is no slice in which noise can be measured.
    """
    every = np.arange(len(array)) if roi is None else np.flatnonzero(roi.any(axis=(1, 2)))
    even = every[np.unique(np.linspace(0, len(every) - 1, min(len(every), LOOKED_AT * count)).round().astype(int))]
    problem = ValueError("The region of interest is empty.")
    # Where tissue is rare, an even choice may miss it.
    for numbers in (even, every):
        noise = {}
        for k in numbers:
            if before_slice:
                before_slice()
            one = slice(k, k + 1)
            try:
                probe = NoiseProbe(array[one], default[one], spacing, None if padding is None else padding[one],
                                   None if roi is None else roi[one])
            except ValueError as error:
                problem = error
                continue
            noise[int(k)] = probe.sd(array[one])
        if noise:
            stretches = np.array_split(sorted(noise), min(count, len(noise)))
            return [int(sorted(part, key=noise.get)[(len(part) - 1) // 2]) for part in stretches]
    raise problem
