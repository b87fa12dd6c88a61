"""Noise-free phantoms as a kernel shows them, and the noise of simulated scans of them.

On a phantom the truth is known, so noise, resolution and bias can be told apart, which no patient allows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .hu import FLOOR_HU
from .kernels import Kernel, radial_frequency
from .simulation import SliceSimulator, body_centre

WATER_RADIUS_MM = 100.0
ROD_RADIUS_MM = 9.0
ROD_RING_MM = 58.0
CONTRASTS_HU = (1000.0, 100.0, 50.0, 20.0, -20.0, -50.0, -100.0, -900.0)
"""Rods in water: bone, three organs or lesions brighter and darker than their surroundings, fat, lung."""
_BATCH = 8


@dataclass(frozen=True)
class Rod:
    """A disk in the slice: ``centre`` (row, column) in pixels, ``contrast`` to its surroundings in HU."""

    centre: tuple[float, float]
    radius_mm: float
    contrast: float


@dataclass(frozen=True)
class Phantom:
    """``image`` (J,I) float32 HU as ``kernel`` shows it, without noise; ``body`` bool; ``pixel`` in mm."""

    name: str
    image: np.ndarray
    body: np.ndarray
    pixel: float
    kernel: Kernel
    rods: tuple[Rod, ...] = ()

    @property
    def spacing(self) -> tuple[float, float, float]:
        """(slice, row, column) in mm; the slice distance has no meaning."""
        return 1.0, self.pixel, self.pixel

    def distance(self, centre: Sequence[float]) -> np.ndarray:
        """Distance in mm of every pixel from ``centre`` (row, column) in pixels."""
        j, i = np.ogrid[:self.image.shape[0], :self.image.shape[1]]
        return np.hypot(j - centre[0], i - centre[1]) * self.pixel


def water(kernel: Kernel, size: int, pixel: float) -> Phantom:
    """A disk of water, 200 mm wide."""
    return _phantom("water", kernel, size, pixel, [])


def rods_in_water(kernel: Kernel, size: int, pixel: float) -> Phantom:
    """The disk of water with a ring of eight rods, 18 mm wide, of :data:`CONTRASTS_HU`; all edges are uniform."""
    shapes, rods = [], []
    # Opposite contrasts lie opposite to each other; parts of a pixel off the grid, so that edges are well sampled.
    angles = [math.pi / 4 * k for k in (0, 1, 2, 3, 7, 6, 5, 4)]
    for contrast, angle in zip(CONTRASTS_HU, angles):
        y, x = ROD_RING_MM * math.sin(angle) + 0.3 * pixel, ROD_RING_MM * math.cos(angle) + 0.2 * pixel
        shapes.append((y, x, ROD_RADIUS_MM, ROD_RADIUS_MM, contrast))
        middle = (size - 1) / 2
        rods.append(Rod((middle + y / pixel, middle + x / pixel), ROD_RADIUS_MM, contrast))
    return _phantom("rods", kernel, size, pixel, shapes, tuple(rods))


def chest(kernel: Kernel, size: int, pixel: float) -> Phantom:
    """Soft tissue with two lungs that hold vessels, a spine and ribs."""
    shapes = [(-5, sign * 46, 55, 34, -890) for sign in (-1, 1)]
    shapes += [(62, 0, 15, 15, 600), (62, 0, 9, 9, -350)]
    shapes += [(-5 + 68 * math.sin(a), 94 * math.cos(a), 4, 4, 700) for a in np.linspace(0.3, 2 * np.pi + 0.3, 12)[:-1]]
    vessels = [(y, sign * (30 + 8 * n), 1 + 0.8 * n, 1 + 0.8 * n, 880)
               for sign in (-1, 1) for n, y in enumerate((-32, -14, 4, 22))]
    return _phantom("chest", kernel, size, pixel, shapes + vessels)


PHANTOMS: tuple[Callable[[Kernel, int, float], Phantom], ...] = (water, rods_in_water, chest)


class PhantomScanner:
    """Scans one phantom again and again; the projections are computed once."""

    def __init__(self, phantom: Phantom, device: str = "cpu"):
        self.phantom = phantom
        self._simulator = SliceSimulator(phantom.image.shape, phantom.spacing[1:], phantom.kernel, device=device)
        self._integrals = self._simulator.line_integrals(phantom.image[None])

    def noise(self, noise_index: float, dose: float, seeds: Sequence[int]) -> np.ndarray:
        """Return the noise (n, J, I) in HU that the fraction ``dose`` adds, one image for every seed.

        The phantom's full dose has no noise, so ``dose`` 0.5 gives what a scan of this noise index holds in all.
        """
        centre = body_centre(self.phantom.image, self.phantom.spacing[1:])
        photons = self._simulator.full_dose_photons(self._integrals, [centre], noise_index)
        parts = []
        for start in range(0, len(seeds), _BATCH):
            batch = seeds[start:start + _BATCH]
            parts.append(self._simulator.added_noise(
                self._integrals.expand(len(batch), -1, -1), photons.expand(len(batch)), dose, batch).cpu().numpy())
        return np.concatenate(parts)

    def scan(self, noise: np.ndarray) -> np.ndarray:
        """Return the phantom with ``noise`` (n, J, I), clipped below as scanners do, float32 HU."""
        return np.maximum(self.phantom.image + noise, FLOOR_HU).astype(np.float32)


def _phantom(name, kernel: Kernel, size: int, pixel: float, shapes, rods: tuple[Rod, ...] = ()) -> Phantom:
    """Draw ``shapes`` (y, x, vertical and horizontal radius in mm, contrast) into water and blur by the kernel."""
    position = (np.arange(size) - (size - 1) / 2) * pixel
    y, x = position[:, None], position[None, :]
    body = np.hypot(y, x) <= WATER_RADIUS_MM
    image = 1000 * _cover(np.hypot(y, x) - WATER_RADIUS_MM, pixel) - 1000
    for top, left, vertical, horizontal, contrast in shapes:
        distance = np.hypot((y - top) / vertical, (x - left) / horizontal) - 1
        image = image + contrast * _cover(distance * min(vertical, horizontal), pixel)
    spectrum = np.fft.rfft2(image) * kernel.response(radial_frequency(image.shape, (pixel, pixel)))
    shown = np.maximum(np.fft.irfft2(spectrum, s=image.shape), FLOOR_HU).astype(np.float32)
    return Phantom(name, shown, body, pixel, kernel, rods)


def _cover(distance: np.ndarray, pixel: float) -> np.ndarray:
    """Part of each pixel that lies inside an edge at signed ``distance`` mm: partial volume."""
    return np.clip(0.5 - distance / pixel, 0, 1)
