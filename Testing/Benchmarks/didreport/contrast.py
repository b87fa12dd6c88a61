"""Where contrast to noise is taken: two discs near each other, chosen in the reference and not in any result."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from .tables import table, text

RADIUS = 4
"""Of both discs, pixels."""
FURTHEST = 28
"""Largest distance of their centres, pixels."""
LEAST_HU = -50.0
"""No pixel of the brighter disc lies below: neither fat nor lung takes part."""

Disc = tuple[int, int, int]
"""Row, column and radius in pixels."""


def disc(shape: tuple[int, int], row: int, column: int, radius: int) -> np.ndarray:
    """The pixels of a disc in an image of this shape, bool."""
    j, i = np.ogrid[:shape[0], :shape[1]]
    return (j - row) ** 2 + (i - column) ** 2 <= radius ** 2


def contrasting(reference: np.ndarray, soft: np.ndarray) -> tuple[Disc, Disc] | None:
    """The brighter disc (bone, a vessel) and the one in soft tissue near it that differ most for the SDs in them.

    ``reference`` (J, I) in HU, ``soft`` bool of the same shape. That is the pair with the largest contrast to noise as
    the DID paper defines it, both discs uniform. None for an image without such discs.
    """
    side = 2 * RADIUS + 1
    kernel = disc((side, side), RADIUS, RADIUS, RADIUS).astype(np.float64)
    image = reference.astype(np.float64)

    def mean(values: np.ndarray) -> np.ndarray:
        return ndimage.convolve(values, kernel / kernel.sum())

    centre = mean(image)
    sd = np.sqrt(np.maximum(mean(image ** 2) - centre ** 2, 1e-6))
    inside = np.zeros(image.shape, bool)
    inside[RADIUS:-RADIUS, RADIUS:-RADIUS] = True
    bright = inside & (ndimage.minimum_filter(image, footprint=kernel) >= LEAST_HU)
    quiet = inside & ndimage.minimum_filter(soft, footprint=kernel)
    best, found = 0.0, None
    for rows in range(-FURTHEST, FURTHEST + 1):
        for columns in range(-FURTHEST, FURTHEST + 1):
            if not (side + 1) ** 2 <= rows ** 2 + columns ** 2 <= FURTHEST ** 2:
                continue
            here, there = _overlap(rows, columns, image.shape)
            contrast = 2 * (centre[here] - centre[there]) / (sd[here] + sd[there])
            contrast[~(bright[here] & quiet[there])] = 0
            place = np.unravel_index(contrast.argmax(), contrast.shape)
            if contrast[place] > best:
                best = contrast[place]
                row, column = (int(p) + part.start for p, part in zip(place, here))
                found = (row, column, RADIUS), (row + rows, column + columns, RADIUS)
    return found


def _overlap(rows: int, columns: int, shape: tuple[int, int]):
    """Index of all pixels that have another pixel so many rows and columns on, and index of those others."""
    here = tuple(slice(max(0, -d), n - max(0, d)) for d, n in zip((rows, columns), shape))
    there = tuple(slice(part.start + d, part.stop + d) for d, part in zip((rows, columns), here))
    return here, there


def regions(rows: Sequence[dict]) -> list[str]:
    """The part of the page that tells where the discs of the figures' ``rows`` lie, and in what tissue."""
    figures: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        if row["foreground_row"] is None:
            continue
        discs = (f"{row[name + '_row']}, {row[name + '_column']}, {row[name + '_radius']} "
                 f"({text(row[name + '_hu'])} HU)" for name in ("foreground", "background"))
        figures.setdefault((row["scene"], *discs), []).append(row["figure"])
    return ["## Regions of the CNR", "", "Row, column and radius in pixels of the file, and the mean CT number in the "
            "reference. In figure 3 they are the lesion and the liver. Elsewhere code chose them in the reference, no "
            "result having a part in it: of all pairs of a disc without fat, lung or air and a darker disc of soft "
            "tissue near it, the pair with the largest CNR there. Where there is no reference they were chosen in the "
            "blurred input.", "",
            *table(["scene", "figures", "violet: foreground", "blue: background"],
                   [[scene, ", ".join(dict.fromkeys(shown)), *discs] for (scene, *discs), shown in figures.items()])]
