"""Lesions of known contrast: how they are inserted, and what is measured in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from LDCTDenoiseLib.hu import round_to_dtype
from scipy import special

from .plan import Lesion

EDGE_MM = 1.0
"""Standard deviation of the Gaussian with which the edge of a disk is smoothed."""
INSIDE_MM, GAP_MM, RING_MM = 1.5, 3.0, 6.0
"""The foreground ends so far inside the edge; the background begins so far outside it and is so wide."""


def distance(shape: tuple[int, int], pixel: Sequence[float], lesion: Lesion) -> np.ndarray:
    """Distance in mm of every pixel (J,I) from a lesion's centre; ``pixel`` is (row, column) in mm."""
    j, i = np.ogrid[:shape[0], :shape[1]]
    return np.hypot((j - lesion.row) * pixel[0], (i - lesion.column) * pixel[1])


def drawn(shape: tuple[int, int], pixel: Sequence[float], lesions: Sequence[Lesion]) -> np.ndarray:
    """What the lesions add to a slice (J,I), float64 HU: full contrast within, half of it at the diameter, smooth."""
    image = np.zeros(shape)
    for one in lesions:
        outside = distance(shape, pixel, one) - one.diameter_mm / 2
        image += one.contrast_hu * 0.5 * special.erfc(outside / (np.sqrt(2) * EDGE_MM))
    return image


def inserted(images: np.ndarray, lesion_image: np.ndarray) -> np.ndarray:
    """Slices (..., J, I) in HU with the lesions, in the slices' own type."""
    return round_to_dtype(images + lesion_image, images.dtype)


def regions(shape, pixel, lesion: Lesion, all_lesions: Sequence[Lesion]) -> tuple[np.ndarray, np.ndarray]:
    """Foreground and background of a lesion, bool (J,I): its core, and a ring around it that leaves out all others."""
    radius, own = lesion.diameter_mm / 2, distance(shape, pixel, lesion)
    ring = (own > radius + GAP_MM) & (own < radius + GAP_MM + RING_MM)
    for other in all_lesions:
        ring &= distance(shape, pixel, other) > other.diameter_mm / 2 + GAP_MM
    return own <= radius - INSIDE_MM, ring


def contrast(image: np.ndarray, foreground: np.ndarray, background: np.ndarray) -> float:
    """Difference in HU of the means in two regions of an image."""
    return float(image[foreground].mean() - image[background].mean())


def kept_contrast(with_lesions: np.ndarray, without: np.ndarray, lesion_image: np.ndarray, foreground: np.ndarray,
                  background: np.ndarray) -> float:
    """The part of a lesion's contrast that is left: 1 for an untouched image.

    Both images are of the same noise, so that only the lesions differ; what the lesions add there is what they added.
    """
    difference = with_lesions.astype(np.float64) - without
    return contrast(difference, foreground, background) / contrast(lesion_image, foreground, background)
