"""The images that the report is about: slices of patients at a simulated dose, cut to the part that is looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from LDCTDenoiseLib import evaluationcases, fanbeam, kernels, simulation
from LDCTDenoiseLib.evaluationcases import Condition, Patient, load_patients, simulate
from LDCTDenoiseLib.metrics.masks import TISSUE_HU
from LDCTDenoiseLib.volumeio import read_volume

from .cache import Cache, digest_of_arrays, digest_of_files
from .plan import Choice

CODE = tuple(Path(module.__file__) for module in (evaluationcases, fanbeam, kernels, simulation)) + (Path(__file__),)
TISSUES = tuple(TISSUE_HU) + ("body",)


@dataclass(frozen=True)
class Scene:
    """Slices as a volume (K, J, I) in HU with what is known of them.

    Attributes:
        reference: the target dose, same shape; None for real noise.
        masks: for every name of :data:`TISSUES` a bool array of the same shape; empty where there is no reference.
        realisations: the slices show the same anatomy this many times, with other noise: all slices with the first,
            then all with the second.
        corner: (row, column) in the file of the first pixel.
    """

    name: str
    patient: str
    noise_index: float
    noisy: np.ndarray
    reference: np.ndarray | None
    spacing: tuple[float, float, float]
    masks: dict[str, np.ndarray]
    realisations: int = 1
    corner: tuple[int, int] = (0, 0)

    @property
    def fingerprint(self) -> str:
        return digest_of_arrays(self.noisy, np.array(self.spacing))

    def slice(self, number: int) -> Scene:
        """The scene of one slice of the first realisation."""
        def cut(array):
            return None if array is None else array[number:number + 1]
        return replace(self, noisy=cut(self.noisy), reference=cut(self.reference), realisations=1,
                       masks={name: cut(mask) for name, mask in self.masks.items()})


class Scenes:
    """Makes scenes from the files of the data folder; those that were made before are read from the cache."""

    def __init__(self, data: Path, cache: Cache):
        self.data, self.cache = data, cache
        self._code = digest_of_files(CODE)

    def patient(self, choice: Choice, noise_index: float, dose: float, realisations: int = 1) -> Scene:
        """The chosen slices at ``dose`` of theirs.

        Raises VolumeError or ValueError for a file that is missing or does not hold the slices.
        """
        title = f"{choice.name} NI {noise_index:g}" + ("" if dose == 0.25 else f" dose {dose:g}")
        key = {"file": digest_of_files([self.data / choice.file]), "code": self._code, "choice": str(choice),
               "noise_index": noise_index, "dose": dose, "realisations": realisations}

        def make() -> dict[str, np.ndarray]:
            patient = self.target(choice)
            condition = Condition("matched", noise_index, dose)
            low = np.concatenate([simulate(patient, condition, seed, "cpu").low_dose for seed in range(realisations)])
            window, corner = window_of(patient.body, choice)
            masks = {**patient.classes, "body": patient.body}
            return {"noisy": low[window], "reference": np.concatenate([patient.target[window]] * realisations),
                    "spacing": np.array(patient.spacing), "corner": np.array(corner),
                    **{f"mask {n}": np.concatenate([m[window]] * realisations) for n, m in masks.items()}}

        found = self.cache.arrays(title, key, make)
        return Scene(
            title, choice.name, noise_index, found["noisy"], found["reference"],
            tuple(float(s) for s in found["spacing"]), {n: found[f"mask {n}"] for n in TISSUES}, realisations,
            tuple(int(c) for c in found["corner"]))

    def target(self, choice: Choice) -> Patient:
        """The chosen slices as they are, whole."""
        return _chosen(_patients(self.data / choice.file)[choice.patient], choice)

    def real(self, file: str, number: int, choice: Choice) -> Scene:
        """One slice of a file as it is, with the noise it was scanned with; ``choice`` says which square of it."""
        volume = read_volume(self.data / file)
        window, corner = window_of(np.ones(volume.array.shape, bool), choice)
        return Scene(choice.name, choice.name, float("nan"), volume.array[number:number + 1][window], None,
                     volume.spacing, {}, 1, corner)

    def made(self, title: str, key: dict, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """Arrays of another kind of scene, from the cache where possible."""
        return self.cache.arrays(title, {**key, "code": self._code}, make)


@cache
def _patients(path: Path) -> list[Patient]:
    return list(load_patients(path, 10 ** 6))


def _chosen(patient: Patient, choice: Choice) -> Patient:
    missing = set(choice.slices) - set(patient.slices)
    if missing:
        raise ValueError(f"{patient.name} has no slices {sorted(missing)} with a body; it has {patient.slices}.")
    at = [patient.slices.index(number) for number in choice.slices]
    return replace(patient, slices=choice.slices, target=patient.target[at], body=patient.body[at],
                   padding=None if patient.padding is None else patient.padding[at],
                   classes={name: mask[at] for name, mask in patient.classes.items()})


def window_of(body: np.ndarray, choice: Choice):
    """Index of the chosen square in all slices of ``body`` (bool, (K, J, I)), and its corner (row, column)."""
    corner = []
    for axis, other in ((1, 2), (2, 1)):
        if choice.centre is None:
            filled = np.flatnonzero(body.any(axis=(0, other)))
            middle = (filled[0] + filled[-1] + 1) // 2
        else:
            middle = choice.centre[axis - 1]
        corner.append(int(np.clip(middle - choice.crop // 2, 0, max(body.shape[axis] - choice.crop, 0))))
    return (slice(None), *(slice(c, c + choice.crop) for c in corner)), tuple(corner)
