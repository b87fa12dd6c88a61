"""A network's output as a volume: applied once or repeatedly, as ``LDCTDenoiseLib.inference.Denoiser`` applies it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from LDCTDenoiseLib.hu import round_to_dtype
from LDCTDenoiseLib.inference import Denoiser, stops


def apply(denoiser: Denoiser, array: np.ndarray, outside: np.ndarray, effect: float,
          progress: Callable[[float], None] | None = None, cancelled=None) -> np.ndarray:
    """Return the image minus ``effect`` times what the network removes, in the dtype of ``array``.

    ``array`` is (K, J, I) in HU; voxels ``outside`` (bool) are copied. ``effect`` is the share of the network's effect
    that the whole volume gets, which a single slice could not tell. ``progress`` gets the share done. Raises Cancelled
    and RuntimeError as ``Denoiser.denoise`` does.
    """
    result = array.copy()
    with stops(denoiser.network, cancelled) as stop_if_cancelled:
        for start in range(0, len(array), denoiser.batch_size):
            stop_if_cancelled()
            part = slice(start, start + denoiser.batch_size)
            exact = array[part].astype(np.result_type(array.dtype, np.float32))
            new = round_to_dtype(exact - np.float32(effect) * denoiser.removed_noise(array[part]), array.dtype)
            result[part] = np.where(outside[part], array[part], new)
            if progress:
                progress(min(part.stop, len(array)) / len(array))
    return result


def smooth_bound(denoiser: Denoiser, array, default, outside, effect: float, repetitions: int,
                 cancelled=None) -> np.ndarray:
    """Return t_low of the DID paper, (K, J, I) in HU, float: the network applied ``repetitions`` times to ``array``.

    ``default`` is the first of them.
    """
    image = default.astype(np.result_type(array.dtype, np.float32))
    for _ in range(1, repetitions):
        image = apply(denoiser, image, outside, effect, cancelled=cancelled)
    return image


def extrapolated(default: np.ndarray, smooth: np.ndarray, share: float) -> np.ndarray:
    """Return the default + (1 + ``share``) (``smooth`` - default), in HU and of the dtype of ``smooth``."""
    if share == 0:
        return smooth
    start = default.astype(smooth.dtype)
    return start + smooth.dtype.type(1 + share) * (smooth - start)
