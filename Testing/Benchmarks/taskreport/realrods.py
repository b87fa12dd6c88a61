"""Rods of known size and contrast, put into slices of patients: the resolution that real noise leaves them.

A slice is denoised with and without rods, and the difference of the two outputs is what the method shows of a rod:
the patient, the noise and what was done to them cancel. The places are where soft tissue is flattest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from LDCTDenoiseLib.evaluationphantoms import Rod
from LDCTDenoiseLib.hu import round_to_dtype
from LDCTDenoiseLib.kernels import Kernel
from scipy import ndimage, signal

from . import rodspart, squares
from .statistics import bootstrap

RADIUS_MM = 6.0
"""Smaller than the rods in water: a patient has few wide places without an edge."""
FLAT_MM = 2.2 * RADIUS_MM
"""Soft tissue reaches this far around the centre of a rod."""
APART_MM, PLACES = 40.0, 6
"""Least distance of rods in a slice, and their largest number."""
SMOOTHING_MM = 2.0
EDGE_MM = 3.0
"""A rod's mean keeps this distance from its edge."""
CONTRASTS_HU = tuple(sorted({abs(c) for c in squares.CONTRASTS_HU}, reverse=True))


def flat_places(image: np.ndarray, soft: np.ndarray, pixel: float) -> list[tuple[int, int]]:
    """(row, column) of at most ``PLACES`` discs of ``soft`` tissue (bool) in a slice (J, I) in HU, the flattest first.

    Flat is where the slice, smoothed by ``SMOOTHING_MM``, varies least within ``FLAT_MM``.
    """
    smooth = ndimage.gaussian_filter(image.astype(float), SMOOTHING_MM / pixel)
    reach = int(FLAT_MM / pixel)
    j, i = np.ogrid[-reach:reach + 1, -reach:reach + 1]
    disc = np.hypot(j, i) <= reach
    smooth -= smooth.mean()  # keeps the difference of squares below well conditioned
    mean, square = (signal.fftconvolve(one, disc / disc.sum(), mode="same") for one in (smooth, smooth ** 2))
    # The image's border counts as the end of the tissue.
    room = ndimage.distance_transform_edt(np.pad(soft, 1))[1:-1, 1:-1] * pixel
    rough = np.where(room >= FLAT_MM, square - mean ** 2, np.inf)
    found: list[tuple[int, int]] = []
    while len(found) < PLACES and np.isfinite(rough.min()):
        row, column = (int(n) for n in np.unravel_index(rough.argmin(), rough.shape))
        found.append((row, column))
        j, i = np.ogrid[:rough.shape[0], :rough.shape[1]]
        rough[np.hypot(j - row, i - column) * pixel < APART_MM] = np.inf
    return found


@dataclass(frozen=True)
class RodScans:
    """Slices with rods: ``images`` (slices x contrasts, J, I) int16, slice by slice; ``places`` of each slice.

    In image number m of a slice, place number p holds the contrast number p + m of ``squares.CONTRASTS_HU``, in
    turns, so every place holds every contrast once.
    """

    images: np.ndarray
    places: list[list[tuple[int, int]]]
    pixel: float
    kernel: Kernel

    @property
    def count(self) -> int:
        return sum(map(len, self.places))

    def parts(self, contrast: float, plain: np.ndarray, rods: np.ndarray) -> np.ndarray:
        """What is shown of the rods of +/- ``contrast``, (places, rows, columns): half the brighter less the darker.

        ``plain`` (slices, J, I) and ``rods`` (as ``images``) are slices without and with rods.
        """
        reach, total = round(2 * RADIUS_MM / self.pixel), len(squares.CONTRASTS_HU)
        found = []
        for number, places in enumerate(self.places):
            for p, (row, column) in enumerate(places):
                window = slice(row - reach, row + reach + 2), slice(column - reach, column + reach + 2)
                shown = [rods[number * total + (squares.CONTRASTS_HU.index(sign * contrast) - p) % total][window]
                         - plain[number][window].astype(float) for sign in (1, -1)]
                found.append(0.5 * (shown[0] - shown[1]))
        return np.stack(found)


def with_rods(images: np.ndarray, soft: np.ndarray, pixel: float, kernel: Kernel) -> RodScans:
    """Put rods, whose edges are those of ``kernel``, into square slices (K, J, J) int16 HU; ``soft`` bool.

    Methods are given whole HU. On a slice of whole HU all rods, equally far off the grid, would be rounded alike; so
    the slice gets random fractions in place of those that the scanner's rounding took from it.
    """
    size, total, random = images.shape[1], len(squares.CONTRASTS_HU), np.random.default_rng(0)
    places = [flat_places(image, mask, pixel) for image, mask in zip(images, soft)]
    made = []
    for image, here in zip(images, places):
        for m in range(total):
            disks = [(*_centre_mm(place, size, pixel), RADIUS_MM, squares.CONTRASTS_HU[(p + m) % total])
                     for p, place in enumerate(here)]
            fraction = random.uniform(-0.5, 0.5, image.shape)
            made.append(round_to_dtype(image + fraction + squares.square("rods", kernel, size, pixel, disks).image,
                                       image.dtype))
    return RodScans(np.stack(made), places, pixel, kernel)


def _centre_mm(place: tuple[int, int], size: int, pixel: float) -> tuple[float, float]:
    """Centre of a rod in mm from the image's; parts of a pixel off the grid, so that its edge is well sampled."""
    return tuple((n - (size - 1) / 2 + part) * pixel for n, part in zip(place, (0.3, 0.2)))


def measured(scans: RodScans, before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> list[dict]:
    """TTF50 and mean of the rods relative to the inserted ones, for every contrast.

    ``before`` and ``after`` a method are both (slices without rods, slices with rods).
    """
    reach = round(2 * RADIUS_MM / scans.pixel)
    centre = [reach + part for part in (0.3, 0.2)]
    rod = squares.square("rod", scans.kernel, 2 * reach + 2, scans.pixel, [], [Rod(tuple(centre), RADIUS_MM, 1.0)])
    inside = rod.distance(centre) < RADIUS_MM - EDGE_MM
    rows = []
    for contrast in CONTRASTS_HU:
        own, shown = (scans.parts(contrast, *stacks) for stacks in (before, after))

        def sharpness(parts: np.ndarray) -> float:
            return rodspart.ttf50(parts, centre, rod, RADIUS_MM)

        def relative(some: np.ndarray, own=own, shown=shown) -> list[float]:
            return [sharpness(shown[some]) / sharpness(own[some]),
                    shown[some][:, inside].mean() / own[some][:, inside].mean()]

        ratio, kept = bootstrap(relative, scans.count)
        rows.append({"contrast_hu": contrast, "places": scans.count, "ttf50_inserted_per_mm": sharpness(own),
                     "ratio": ratio.value, "low": ratio.low, "high": ratio.high, "contrast_kept": kept.value,
                     "contrast_kept_low": kept.low, "contrast_kept_high": kept.high})
    return rows
