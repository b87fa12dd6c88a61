"""Random noise-free phantoms: rods, ellipses and bars of all contrasts.

Real targets hold noise of their own; these do not, and they teach the networks what low-contrast edges look like.
"""

from __future__ import annotations

import numpy as np

from ..kernels import Kernel, radial_frequency

_BACKGROUNDS = ((0.7, -100.0, 120.0), (0.2, -950.0, -700.0), (0.1, 200.0, 600.0))
"""(share, lowest, highest) HU of the background: soft tissue, lung, bone and contrast agent."""


def random_phantom(shape, pixel, kernel: Kernel, random: np.random.Generator) -> np.ndarray:
    """Return a phantom, float32 HU of ``shape`` (rows, columns), as ``kernel`` would show it; ``pixel`` in mm."""
    shares = [b[0] for b in _BACKGROUNDS]
    _, low, high = _BACKGROUNDS[random.choice(len(_BACKGROUNDS), p=shares)]
    image = np.full(shape, random.uniform(low, high), np.float32)
    y, x = np.mgrid[:shape[0], :shape[1]].astype(np.float32)
    for _ in range(random.integers(4, 24)):
        centre = random.uniform(0, shape)
        radii = np.exp(random.uniform(np.log(1.5), np.log(60.0))) * np.exp(random.uniform(-0.7, 0.7, 2))
        angle = random.uniform(0, np.pi)
        dy, dx = y - centre[0], x - centre[1]
        u = (np.cos(angle) * dx + np.sin(angle) * dy) / radii[0]
        v = (-np.sin(angle) * dx + np.cos(angle) * dy) / radii[1]
        distance = np.maximum(np.abs(u), np.abs(v)) if random.random() < 0.3 else np.hypot(u, v)
        # Signed distance in pixels, one pixel wide edge: partial-volume averaging.
        cover = np.clip((1 - distance) * radii.min() + 0.5, 0, 1)
        contrast = np.exp(random.uniform(np.log(5), np.log(900))) * random.choice((-1, 1))
        image += contrast * cover
    image = np.clip(image, -1000, 2500)
    spectrum = np.fft.rfft2(image) * kernel.response(radial_frequency(shape, pixel))
    return np.fft.irfft2(spectrum, s=shape).astype(np.float32)
