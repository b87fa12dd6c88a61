"""Squares of water with rods or lesions, and scans of them: the middle of a disk of water, with no edge but theirs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from LDCTDenoiseLib.evaluationphantoms import WATER_RADIUS_MM, Phantom, Rod, water
from LDCTDenoiseLib.hu import round_to_dtype
from LDCTDenoiseLib.kernels import Kernel, radial_frequency
from LDCTDenoiseLib.simulation import SliceSimulator

ROD_MM, RING_MM = 9.0, 42.0
CONTRASTS_HU = (100.0, 50.0, 20.0, -100.0, -50.0, -20.0)
"""Around a ring; opposite contrasts lie opposite to each other."""
PITCH_MM = 42.0
BATCH = 8
LESION_MM, CORE_MM, SPOT_MM = 6.0, 3.0, 3.0
"""Radii: of a lesion, of the core of one with a rim, and of the spot that is to be detected."""
SPOT_HU, LESION_HU = 14.0, 24.0
"""Contrast of the spot, and mean contrast of either lesion."""
RIM_HU = LESION_HU / (1 - (CORE_MM / LESION_MM) ** 2)
"""The rim of a lesion whose core has none: its mean is the solid lesion's, so only structure tells them apart."""


def square(name: str, kernel: Kernel, size: int, pixel: float, disks: Sequence[tuple[float, float, float, float]],
           rods: Sequence[Rod] = ()) -> Phantom:
    """Water with ``disks`` (y, x, radius in mm, contrast in HU) around the middle, as ``kernel`` shows it."""
    position = (np.arange(size) - (size - 1) / 2) * pixel
    image = np.zeros((size, size))
    for y, x, radius, contrast in disks:
        distance = np.hypot(position[:, None] - y, position[None, :] - x) - radius
        image += contrast * np.clip(0.5 - distance / pixel, 0, 1)
    shown = np.fft.irfft2(np.fft.rfft2(image) * kernel.response(radial_frequency(image.shape, (pixel, pixel))),
                          s=image.shape)
    return Phantom(name, shown.astype(np.float32), np.ones(image.shape, bool), pixel, kernel, tuple(rods))


def rods(kernel: Kernel, size: int, pixel: float) -> Phantom:
    """Six rods, 18 mm wide, on a ring around an empty middle."""
    disks, found = [], []
    for number, contrast in enumerate(CONTRASTS_HU):
        angle = math.pi / 3 * number
        # Parts of a pixel off the grid, so that edges are well sampled.
        y, x = RING_MM * math.sin(angle) + 0.3 * pixel, RING_MM * math.cos(angle) + 0.2 * pixel
        disks.append((y, x, ROD_MM, contrast))
        found.append(Rod(((size - 1) / 2 + y / pixel, (size - 1) / 2 + x / pixel), ROD_MM, contrast))
    return square("rods", kernel, size, pixel, disks, found)


def places() -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Nine places in mm around the middle: the five of a quincunx, and the four between them."""
    grid = [(row * PITCH_MM, column * PITCH_MM) for row in (-1, 0, 1) for column in (-1, 0, 1)]
    return grid[::2], grid[1::2]


def lesions(kernel: Kernel, size: int, pixel: float) -> tuple[Phantom, Phantom]:
    """Two squares: one with solid lesions at the four places, the other with spots at the five and rims at the four."""
    five, four = places()
    solid = [(y, x, LESION_MM, LESION_HU) for y, x in four]
    rim = [disk for y, x in four for disk in ((y, x, LESION_MM, RIM_HU), (y, x, CORE_MM, -RIM_HU))]
    spots = [(y, x, SPOT_MM, SPOT_HU) for y, x in five]
    return (square("solid lesions", kernel, size, pixel, solid),
            square("spots and rims", kernel, size, pixel, spots + rim))


def scans(phantom: Phantom, noise: float, seeds: Sequence[int], signs: Sequence[int] = (1,)) -> np.ndarray:
    """Scans (signs x seeds, J, I) int16 HU, for all seeds sign by sign.

    The noise has an SD of ``noise`` HU in the middle and is that of a disk of water, 200 mm wide, around the square;
    what rods and lesions attenuate beyond water is left out of it.
    """
    pixel = phantom.spacing[1:]
    disk = water(phantom.kernel, math.ceil(2 * WATER_RADIUS_MM / phantom.pixel) + 8, phantom.pixel).image
    integrals = SliceSimulator(disk.shape, pixel, phantom.kernel).line_integrals(disk[None])
    inside = SliceSimulator(phantom.image.shape, pixel, phantom.kernel)
    photons = inside.full_dose_photons(integrals, [(0.0, 0.0)], noise)
    added = np.concatenate([  # half the dose of a scan without noise holds the noise index in all
        inside.added_noise(integrals.expand(len(some), -1, -1), photons.expand(len(some)), 0.5, some).numpy()
        for some in (seeds[first:first + BATCH] for first in range(0, len(seeds), BATCH))])
    return round_to_dtype(np.concatenate([phantom.image + sign * added for sign in signs]), np.dtype(np.int16))


def region(image: np.ndarray, pixel: float, place: tuple[float, float], side: int):
    """Cut squares of ``side`` pixels around ``place`` (y, x in mm from the middle) out of images (..., J, I).

    Returns them with the place's (row, column) in them.
    """
    middle = [(n - 1) / 2 + p / pixel for n, p in zip(image.shape[-2:], place)]
    first = [round(m - (side - 1) / 2) for m in middle]
    cut = image[..., first[0]:first[0] + side, first[1]:first[1] + side]
    return cut, tuple(m - f for m, f in zip(middle, first))
