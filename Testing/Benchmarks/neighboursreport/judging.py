"""Scores of the trained networks on slices of a validation patient, with shared noise and with independent noise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from LDCTDenoiseLib.evaluationcases import Condition, Patient, evenly_spaced
from LDCTDenoiseLib.hu import to_hu, to_network
from LDCTDenoiseLib.kernels import body_kernel
from LDCTDenoiseLib.metrics import body_mask, hu_bias, rmse, tissue_classes
from LDCTDenoiseLib.simulation import simulate_low_dose
from LDCTDenoiseLib.volumeio import read_volume
from networksreport.trainingdata import stem

from .network import StackHRNet
from .stacks import OFFSETS
from .training import SHARED

SLICES = 4
OVERLAPS = {"shared": SHARED, "independent": 1.0}


@dataclass(frozen=True)
class Scene:
    """A stack (3, J, I) in the order of ``OFFSETS`` at a simulated dose, HU, and what its first slice should be."""

    noise: str
    track: str
    low_dose: np.ndarray
    target: np.ndarray
    body: np.ndarray
    soft: np.ndarray


def stacks(path: Path, count: int = SLICES) -> list[Patient]:
    """``count`` evenly spaced slices of a volume that show a body, each between its neighbours, in their order."""
    volume = read_volume(path)
    body = body_mask(volume.array, volume.padding)
    kernel = body_kernel(volume.array, volume.spacing[1:])
    inside = [k for k in range(1, len(body) - 1) if body[k].any()]
    found = []
    for k in (inside[position] for position in evenly_spaced(len(inside), count)):
        part = slice(k - 1, k + 2)
        target = volume.array[part]
        found.append(Patient(
            stem(path.name), (k - 1, k, k + 1), target,
            None if volume.padding is None else volume.padding[part], volume.spacing, kernel, body[part],
            tissue_classes(target, volume.spacing, body[part])))
    return found


def scenes(patients: list[Patient], conditions: tuple[Condition, ...]) -> Iterator[Scene]:
    """Every stack under every condition, once with noise that neighbours share and once with independent noise."""
    order = [1 + offset for offset in OFFSETS]
    for patient in patients:
        for condition in conditions:
            for noise, overlap in OVERLAPS.items():
                reference = patient.reference(condition.track)
                low = simulate_low_dose(
                    reference, patient.spacing, noise_index=condition.noise_index, dose=condition.dose,
                    kernel=patient.kernel if condition.track == "matched" else "sharp", seed=patient.slices[1],
                    padding=patient.padding, slice_thickness=overlap * patient.spacing[0]).array
                yield Scene(noise, condition.track, low[order], reference[1:2], patient.body[1:2],
                            patient.classes["soft"][1:2])


def scores(network: StackHRNet, shown: list[Scene]) -> dict[str, dict[str, float]]:
    """Per kind of noise the geometric mean of RMSE after / RMSE before (all, and per track), and the largest |bias| in
    soft tissue, HU."""
    logs: dict[str, dict[str, list[float]]] = {noise: {} for noise in OVERLAPS}
    bias = dict.fromkeys(OVERLAPS, 0.0)
    for scene in shown:
        with torch.inference_mode():
            image = to_network(torch.from_numpy(np.ascontiguousarray(scene.low_dose, np.float32))[None])
            output = to_hu(network(image))[0].numpy()
        after, before = (rmse(part, scene.target, scene.body) for part in (output, scene.low_dose[:1]))
        logs[scene.noise].setdefault(scene.track, []).append(math.log(after / before))
        if scene.soft.any():
            bias[scene.noise] = max(bias[scene.noise], abs(hu_bias(output, scene.target, scene.soft)))
    return {noise: {**{f"{track}_rmse_ratio": _mean(values) for track, values in own.items()},
                    "rmse_ratio": _mean([value for values in own.values() for value in values]),
                    "soft_bias_hu": bias[noise]} for noise, own in logs.items()}


def _mean(logs: list[float]) -> float:
    return math.exp(np.mean(logs))
