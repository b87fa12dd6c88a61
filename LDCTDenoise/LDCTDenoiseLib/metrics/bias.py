"""HU bias: does denoising shift CT numbers?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .masks import masked_values


def hu_bias(image: np.ndarray, reference: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Mean of image - reference in HU inside ``mask``. Raises ValueError if shapes differ or the mask is empty."""
    a, b = masked_values(mask, image, reference)
    return float(np.mean(a - b))


def bias_per_class(image: np.ndarray, reference: np.ndarray, classes: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Bias in HU for each tissue class of :func:`..masks.tissue_classes`; NaN where a class has no pixels."""
    return {
        name: hu_bias(image, reference, mask) if mask.any() else float("nan") for name, mask in classes.items()
    }
