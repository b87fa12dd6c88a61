"""What the descents must beat: mixtures of images, which take hardly any time, and mixtures of weights.

Weights are mixed between the network's own and those at the end of a descent, which has to be made first.
"""

from __future__ import annotations

import numpy as np
import torch

from LDCTDenoiseLib.hu import round_to_dtype


def blend(default: np.ndarray, bound: np.ndarray, share: float, original: np.ndarray,
          outside: np.ndarray) -> np.ndarray:
    """Return the default + ``share`` (0..1) of the way to ``bound``, in the dtype of ``original``.

    ``bound`` is the smooth bound or the input itself; all are (K, J, I) in HU. Together the two directions are
    piecewise linear through the smooth bound, the default and the input, and exact there. Voxels ``outside`` (bool) are
    those of ``original``.
    """
    if share == 1 and bound is original:
        return original.copy()
    exact = np.result_type(original.dtype, np.float32)
    start = default.astype(exact)
    mixed = round_to_dtype(start + exact.type(share) * (bound.astype(exact) - start), original.dtype)
    return np.where(outside, original, mixed)


def interpolate(start: torch.Tensor, end: torch.Tensor, share: float) -> torch.Tensor:
    """Return weights ``share`` (0..1) of the way from ``start`` to ``end``; Wang et al., arXiv 1811.10515."""
    return torch.lerp(start, end, share)
