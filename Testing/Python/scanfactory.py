"""Small scans with known answers, for the tests of the simulation."""

from __future__ import annotations

import math

import numpy as np
import torch

from LDCTDenoiseLib.fanbeam import FanBeamGeometry, pixel_positions
from LDCTDenoiseLib.simulation import MU_WATER, Scan

SMALL = FanBeamGeometry(views=240, channels=192, channel_pitch=4 * 1.2858)
"""A quarter of the resolution: 2.8 mm between rays at the isocentre."""
QUIET = Scan(SMALL, electronic_variance=0.0)
PIXEL = 2.5


def disk(radius=100.0, shape=(128, 128), pixel=(PIXEL, PIXEL), hu=0.0, outside=-1000.0, centre=(0.0, 0.0)):
    """A disk, float32 HU, at ``centre`` (x, y) in mm."""
    x, y = (t.numpy() for t in pixel_positions(shape, pixel))
    return np.where(np.hypot(x - centre[0], y - centre[1]) <= radius, hu, outside).astype(np.float32)


def disk_integrals(geometry, radius, centre=(0.0, 0.0), attenuation=MU_WATER) -> torch.Tensor:
    """Exact line integrals (1, views, channels) of a disk."""
    beta, gamma = geometry.view_angles().double()[:, None], geometry.fan_angles().double()
    toward = beta + math.pi - gamma
    distance = ((geometry.source_isocentre * beta.cos() - centre[0]) * toward.sin()
                - (geometry.source_isocentre * beta.sin() - centre[1]) * toward.cos())
    return (2 * attenuation * (radius ** 2 - distance ** 2).clamp(min=0).sqrt()).float()[None]
