"""Small noise banks with known noise, for tests of the training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from LDCTDenoiseLib.fanbeam import FanBeamGeometry
from LDCTDenoiseLib.kernels import Kernel, radial_frequency
from LDCTDenoiseLib.training.bank import Bank

KERNEL = Kernel(0.4, 2.0)
PIXEL_MM = 0.7


def ramp_noise(shape, pixel_mm: float, random: np.random.Generator) -> np.ndarray:
    """White noise shaped to the NPS f sinc(f d)^4 of the bare ramp, SD of 1."""
    frequency = radial_frequency(shape[-2:], (pixel_mm, pixel_mm))
    pitch = FanBeamGeometry().pitch_at_isocentre
    amplitude = np.where(frequency < 0.5 / pitch, np.sqrt(frequency) * np.sinc(frequency * pitch) ** 2, 0)
    full = np.concatenate((amplitude, amplitude[:, 1:-1]), 1)  # all columns of the spectrum
    amplitude /= np.sqrt((full ** 2).mean())
    return np.fft.irfft2(np.fft.rfft2(random.normal(size=shape)) * amplitude, s=shape[-2:])


def discs(count: int, size: int, random: np.random.Generator) -> np.ndarray:
    """Smooth, noise-free anatomy: a body of 0 HU with discs between -150 and 150 HU in air; int16."""
    row, column = np.mgrid[:size, :size] / size - 0.5
    images = np.where(np.hypot(row, column) < 0.46, 0.0, -1000.0)[None].repeat(count, 0)
    for image in images:
        for _ in range(12):
            y, x = random.uniform(-0.3, 0.3, 2)
            image[np.hypot(row - y, column - x) < random.uniform(0.02, 0.1)] += random.uniform(-150, 150)
    return np.rint(images).astype(np.int16)


def write_bank(folder: Path, targets: np.ndarray, noise: np.ndarray | None = None, kernel: Kernel = KERNEL,
               pixel_mm: float = PIXEL_MM, seed: int = 0) -> Bank:
    """Write a complete bank of ``targets`` (N, rows, columns), with two ramp realisations unless ``noise`` is given."""
    random = np.random.default_rng(seed)
    if noise is None:
        noise = ramp_noise((len(targets), 2, *targets.shape[1:]), pixel_mm, random)
    folder.mkdir(parents=True)
    np.save(folder / "targets.npy", targets.astype(np.int16))
    np.save(folder / "outside.npy", np.zeros(targets.shape, bool))
    np.save(folder / "noise.npy", noise.astype(np.float16))
    slices = [{"pixel_mm": [pixel_mm, pixel_mm], "kernel": [kernel.f50, kernel.power], "weight": 1.0}] * len(targets)
    (folder / "slices.json").write_text(json.dumps(slices))
    return Bank(folder)
