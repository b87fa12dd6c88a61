"""One image of a candidate set. Importing this file needs numpy alone, so that every process can hold candidates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Candidate:
    """One image of the set.

    Attributes:
        array: (K, J, I) in HU, the input's dtype; padding and all outside the scan field are the input's, bit for bit.
        kind: "smoother", "default", "sharper" or "input".
        method: as in the settings, with ", mixture of images" (or how much of it is one) where the method "did-ordered"
            mixes and ", extrapolated" where the smooth bound was; "network" for the default and "input" for the input.
        iteration: step of the descent that it comes from; 0 where there is none.
        seconds: what it took, in seconds, since the one before.
        position: -1 smooth bound, 0 default, 1 input, linear in log noise SD on each side.
        tuning_noise_sd: HU, in the tuning slices.
    """

    array: np.ndarray
    kind: str
    method: str
    iteration: int
    seconds: float
    position: float
    tuning_noise_sd: float
