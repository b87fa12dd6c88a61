"""Noise bank: training slices together with noise that was simulated once and is coloured and scaled in training.

Projecting and reconstructing in every iteration would cost more than the network. The bank therefore holds, for every
slice, a few realisations of noise reconstructed with the bare ramp and scaled to an SD of 1 HU in the body centre; the
sampler (:mod:`.sampler`) filters them to the slice's own kernel.
"""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..kernels import Kernel, body_kernel
from ..noiselevel import global_noise_level
from ..scanfield import outside_scan_field
from ..simulation import SliceSimulator, body_centre, extrapolated
from ..volumeio import read_volume

_DOSE = 0.25
_NOISE_INDEX_RANGE = (15.0, 120.0)
_BATCH = 16
_FILES = ("targets.npy", "outside.npy", "noise.npy", "slices.json")
_ORIGIN = "origin.json"


@dataclass(frozen=True)
class Source:
    """One file of training targets.

    Attributes:
        path: any file that ``read_volume`` takes.
        weight: how often its slices are drawn, relative to the other sources.
        table: CSV with a ``spacing`` column, one row per slice, for a file of unrelated slices of 512 x 512 pixels.
    """

    path: Path
    weight: float = 1.0
    table: Path | None = None


class Bank:
    """Memory-mapped bank of N slices with R noise realisations each.

    Attributes:
        targets: int16 (N, rows, columns) in HU.
        outside: bool (N, rows, columns), outside the scan field.
        noise: float16 (N, R, rows, columns), SD of 1 HU in the body centre.
        pixels: (N, 2) row and column spacing in mm; kernels: list of N; weights: (N,), summing to 1;
            noise_levels: (N,), GNL of the targets in HU.
    """

    def __init__(self, folder: Path):
        missing = [name for name in _FILES if not (folder / name).is_file()]
        if missing:
            raise ValueError(f"{folder} is not a complete noise bank ({', '.join(missing)} missing); delete it to have "
                             "it made again.")
        self.targets, self.outside, self.noise = (np.load(folder / name, mmap_mode="r") for name in _FILES[:3])
        slices = json.loads((folder / _FILES[3]).read_text(encoding="utf-8"))
        self.pixels = np.array([s["pixel_mm"] for s in slices])
        self.kernels = [Kernel(*s["kernel"]) for s in slices]
        self.noise_levels = np.array([global_noise_level(t, p) for t, p in zip(self.targets, self.pixels)])
        weights = np.array([s["weight"] for s in slices])
        self.weights = weights / weights.sum()

    def __len__(self) -> int:
        return len(self.targets)


def build_bank(sources: list[Source], folder: Path, *, realisations: int = 2, seed: int = 0, device="cpu",
               progress=None) -> Bank:
    """Simulate the noise for all slices of ``sources`` and write it to ``folder``, or open it if it is there already.

    All slices must have the same size in pixels. ``progress`` is called with (slices done, slices in all).

    Raises:
        ValueError: ``folder`` holds a bank of other sources, or something else.
    """
    folder = Path(folder)
    origin = {"sources": [[s.path.name, s.weight] for s in sources], "realisations": realisations, "seed": seed}
    if folder.exists():
        _check_origin(folder, origin)
        return Bank(folder)
    pieces = [_slices(source) for source in sources]
    if len({p[0].shape[1:] for p in pieces}) > 1:
        raise ValueError("The slices of a noise bank must have one size; these have "
                         + ", ".join(f"{s.path.name}: {p[0].shape[1:]}" for s, p in zip(sources, pieces)) + ".")
    targets = np.concatenate([p[0] for p in pieces])
    outside = np.concatenate([p[1] for p in pieces])
    slices = [record for p in pieces for record in p[2]]
    noise = np.empty((len(targets), realisations, *targets.shape[1:]), np.float16)
    random = np.random.default_rng(seed)
    done = 0
    for pixel in sorted({tuple(s["pixel_mm"]) for s in slices}):
        members = [n for n, s in enumerate(slices) if tuple(s["pixel_mm"]) == pixel]
        simulator = SliceSimulator(targets.shape[1:], pixel, None, device=device)
        for start in range(0, len(members), _BATCH):
            batch = members[start:start + _BATCH]
            filled = extrapolated(targets[batch], outside[batch])
            integrals = simulator.line_integrals(filled)
            centres = [body_centre(image, pixel) for image in filled]
            for r in range(realisations):
                index = float(np.exp(random.uniform(*np.log(_NOISE_INDEX_RANGE))))
                photons = simulator.full_dose_photons(integrals, centres, index)
                made = simulator.added_noise(integrals, photons, _DOSE, random.integers(2 ** 62, size=len(batch)))
                made = made.cpu().numpy() / (index * np.sqrt(1 / _DOSE - 1))
                made[outside[batch]] = 0
                noise[batch, r] = made
            done += len(batch)
            if progress:
                progress(done, len(targets))
    # A fixed name, so that what a killed run left is replaced and does not pile up.
    temporary = folder.with_name(folder.name + ".part")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        for name, array in zip(_FILES, (targets, outside, noise)):
            np.save(temporary / name, array)
        (temporary / _FILES[3]).write_text(json.dumps(slices))
        (temporary / _ORIGIN).write_text(json.dumps(origin))
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Bank(folder)


def _check_origin(folder: Path, origin: dict):
    record = folder / _ORIGIN
    if record.is_file() and json.loads(record.read_text(encoding="utf-8")) != origin:
        raise ValueError(f"The noise bank {folder} was made from other data; delete it, or name another folder as "
                         "'bank' in the configuration.")


def _slices(source: Source):
    """Targets, outside masks and records (pixel size, kernel, weight) of one source."""
    volume = read_volume(source.path)
    array = np.clip(volume.array, -1024, np.iinfo(np.int16).max).astype(np.int16)
    outside = outside_scan_field(volume.array, volume.padding)
    if source.table is None:
        pixel = volume.spacing[1:]
        kernels, pixels = [body_kernel(array, pixel)] * len(array), [pixel] * len(array)
    else:
        with open(source.table, newline="", encoding="utf-8") as stream:
            pixels = [(float(row["spacing"]),) * 2 for row in csv.DictReader(stream)]
        if len(pixels) != len(array):
            raise ValueError(f"{source.table.name} lists {len(pixels)} slices, but {source.path.name} holds "
                             f"{len(array)}.")
        kernels = [body_kernel(array[k:k + 1], pixel) for k, pixel in enumerate(pixels)]
    records = [{"pixel_mm": [round(float(p), 6) for p in pixel], "kernel": [kernel.f50, kernel.power],
                "weight": source.weight / len(array)} for pixel, kernel in zip(pixels, kernels)]
    return array, outside, records
