"""Flicker along z: how much the mean of a slice jumps between neighbouring slices.

Weights that are tuned slice by slice shift every slice by an amount of its own, which shows while scrolling even where
no pixel stands out. The number means something only beside that of the input.
"""

from __future__ import annotations

import numpy as np

from LDCTDenoiseLib.metrics import body_mask, tissue_classes

MIN_PIXELS = 100
MAX_TRIPLES = 32


class FlickerProbe:
    """SD along z of the slice-mean noise, in soft tissue.

    From three neighbouring slices, (before - 2 middle + after) / sqrt(6) of their means over the pixels that are soft
    tissue in all three leaves the noise of a slice mean: constant and steadily changing tissue drop out, and
    independent noise keeps its SD. The root mean square over up to 32 such triples, evenly spread, is the flicker.

    Args:
        default_array: (K, J, I) in HU, a denoised image that shows where soft tissue is.
        spacing: (slice, row, column) in mm.
        padding: bool (K, J, I), voxels to leave out.

    Raises:
        ValueError: fewer than three slices, or no soft tissue in three neighbouring ones.
    """

    def __init__(self, default_array: np.ndarray, spacing, padding=None):
        if len(default_array) < 3:
            raise ValueError(f"Flicker is measured between at least three slices, but there are {len(default_array)}.")
        middles = range(1, len(default_array) - 1)
        chosen = np.unique(np.linspace(1, len(default_array) - 2, min(len(middles), MAX_TRIPLES)).round().astype(int))
        self._triples = []
        for k in chosen:
            part = slice(k - 1, k + 2)
            body = body_mask(default_array[part], None if padding is None else padding[part])
            mask = tissue_classes(default_array[part], spacing, body)["soft"].all(axis=0)
            if mask.sum() >= MIN_PIXELS:
                self._triples.append((int(k), mask))
        if not self._triples:
            raise ValueError("No three neighbouring slices share enough soft tissue to measure flicker in.")

    def sd(self, array: np.ndarray) -> float:
        """Return the flicker in HU of an image (K, J, I) in HU."""
        differences = []
        for k, mask in self._triples:
            before, middle, after = (float(one[mask].mean(dtype=np.float64)) for one in array[k - 1:k + 2])
            differences.append((before - 2 * middle + after) / 6 ** 0.5)
        return float(np.sqrt(np.mean(np.square(differences))))
