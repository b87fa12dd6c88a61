"""Own scans of the MITA disk with the kernel and the noise of a public file."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from didreport.phantompart import DISK_PIXEL_MM, DISK_RING_MM, DISK_RODS
from LDCTDenoiseLib.evaluationphantoms import Phantom
from LDCTDenoiseLib.kernels import Kernel

from . import squares

NOISE_MM = 8.0
"""Noise is measured up to this far inside and outside of the ring."""
PILOTS, PILOT_SCANS = 3, 10

_CORNER = DISK_RING_MM / math.sqrt(2)
SIGNALS = {rod: (row * _CORNER, column * _CORNER) for rod, (row, column, _) in DISK_RODS.items()}
"""Where the rods lie, (y, x) in mm from the middle."""


def contrast_of(rod: str) -> float:
    """Contrast in HU, with which a rod's name begins."""
    return float(rod.split()[0])


def own_scans(kernel: Kernel, noise: float, size: int, seeds: Sequence[int]) -> np.ndarray:
    """Scans (seeds, size, size) int16 HU of the disk, half of them without rods, then half with them.

    Around the ring their noise has an SD of ``noise`` HU: as electronic noise comes on top of the noise index, the
    index is corrected until a few scans hold that SD.
    """
    without, there = disk(kernel, size, ()), disk(kernel, size, tuple(DISK_RODS))
    half = len(seeds) // 2
    index = noise
    for _ in range(PILOTS):
        index *= noise / ring_noise(squares.scans(without, index, seeds[:min(half, PILOT_SCANS)]))
    return np.concatenate([squares.scans(without, index, seeds[:half]), squares.scans(there, index, seeds[half:])])


def disk(kernel: Kernel, size: int, rods: Sequence[str]) -> Phantom:
    """The middle of the disk with the named rods, without noise."""
    return squares.square("MITA disk", kernel, size, DISK_PIXEL_MM,
                          [(*SIGNALS[rod], DISK_RODS[rod][2], contrast_of(rod)) for rod in rods])


def ring_noise(images: np.ndarray) -> float:
    """SD in HU of scans (n, J, I) without rods around the ring: of what differs from their mean."""
    position = (np.arange(images.shape[1]) - (images.shape[1] - 1) / 2) * DISK_PIXEL_MM
    around = abs(np.hypot(position[:, None], position[None, :]) - DISK_RING_MM) <= NOISE_MM
    return float(np.sqrt(images[:, around].var(axis=0, ddof=1, dtype=np.float64).mean()))
