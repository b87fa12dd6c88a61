"""Fixed regions in which every method is judged: the body, and tissue classes that noise does not bias.

All masks come from the reference alone, so that no method moves its own goalposts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

BODY_HU = -900.0
TISSUE_HU = {"lung": (-950.0, -500.0), "fat": (-140.0, -60.0), "soft": (0.0, 150.0), "bone": (250.0, 3000.0)}
"""HU range of each class in the smoothed reference."""
SMOOTHING_MM = 2.0
EROSION_MM = 2.0


def body_mask(reference: np.ndarray, padding: np.ndarray | None = None) -> np.ndarray:
    """The patient in every slice: largest region above -900 HU with its holes filled, padding left out.

    ``reference`` is (K,J,I) or (J,I) in HU; ``padding`` a bool array of the same shape, or None. Returns a bool array
    of the same shape, all False in slices without anything above -900 HU. Raises ValueError if the shapes disagree.
    """
    if reference.ndim not in (2, 3):
        raise ValueError(f"body_mask needs a slice (J,I) or a volume (K,J,I), got shape {reference.shape}.")
    if padding is not None and padding.shape != reference.shape:
        raise ValueError(f"Padding has shape {padding.shape} but the reference {reference.shape}; they must agree.")
    above = reference > BODY_HU
    if padding is not None:
        above &= ~padding
    if reference.ndim == 2:
        mask = _largest_filled(above)
    else:
        mask = np.stack([_largest_filled(one) for one in above])
    return mask if padding is None else mask & ~padding


def tissue_classes(reference: np.ndarray, spacing: Sequence[float], body: np.ndarray) -> dict[str, np.ndarray]:
    """Masks of lung, fat, soft tissue and bone, from the reference smoothed in plane and then eroded.

    A threshold on the noisy reference itself would pick pixels for their noise: the low end of the soft-tissue class
    would hold negative noise only, and a perfect denoiser would look biased there. Smoothing by 2 mm removes most of
    that choice and erosion by 2 mm removes the partial volume at the class borders.

    ``reference`` (K,J,I) or (J,I) in HU, ``spacing`` in mm with (row, column) last, ``body`` bool of the same shape.
    Returns class name -> bool mask; a class that is absent is an all-False mask.
    """
    row, column = tuple(spacing)[-2:]
    leading = (0,) * (reference.ndim - 2)
    sigma = leading + (SMOOTHING_MM / row, SMOOTHING_MM / column)
    smooth = ndimage.gaussian_filter(reference.astype(np.float32), sigma)
    element = _disk_mm(EROSION_MM, row, column)
    if reference.ndim == 3:
        element = element[None]
    return {
        name: ndimage.binary_erosion((smooth > low) & (smooth < high) & body, element)
        for name, (low, high) in TISSUE_HU.items()
    }


def masked_values(mask: np.ndarray | None, *arrays: np.ndarray) -> list[np.ndarray]:
    """Float64 values of ``arrays`` where ``mask`` is True (everywhere for None), flattened.

    Raises ValueError if shapes differ or the mask is empty: a mean over nothing would pass silently as NaN.
    """
    shape = arrays[0].shape
    for other in arrays[1:] + (() if mask is None else (mask,)):
        if other.shape != shape:
            raise ValueError(f"Images and mask must have one shape, got {shape} and {other.shape}.")
    if mask is None:
        return [a.astype(np.float64).ravel() for a in arrays]
    if not mask.any():
        raise ValueError("The mask is empty, so there is nothing to measure; choose a region that holds pixels.")
    return [a[mask].astype(np.float64) for a in arrays]


def _largest_filled(above: np.ndarray) -> np.ndarray:
    labels, count = ndimage.label(above)
    if count == 0:
        return np.zeros_like(above)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return ndimage.binary_fill_holes(labels == sizes.argmax())


def _disk_mm(radius_mm: float, row: float, column: float) -> np.ndarray:
    """Elliptic structuring element that is a disk of ``radius_mm`` in the patient."""
    rows, columns = int(radius_mm / row), int(radius_mm / column)
    j, i = np.ogrid[-rows:rows + 1, -columns:columns + 1]
    return (j * row) ** 2 + (i * column) ** 2 <= radius_mm**2
