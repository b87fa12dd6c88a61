"""Cases of an evaluation: the slices of one patient at one simulated dose, with the regions in which all are judged."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from .classical import Noise
from .kernels import Kernel, body_kernel, resharpen
from .metrics import body_mask, noise_power_spectrum, rois_in_mask, tissue_classes
from .noiselevel import global_noise_level
from .simulation import simulate_low_dose
from .volumeio import read_volume

TRACKS = ("matched", "sharp")


@dataclass(frozen=True)
class Condition:
    """One simulated scan.

    ``track`` "matched" colours the noise as the image's own; "sharp" adds the noise of the bare ramp to the image
    re-sharpened to the bare ramp, which is then the reference too.
    """

    track: str
    noise_index: float
    dose: float

    def __str__(self) -> str:
        return f"{self.track}, NI {self.noise_index:g} HU, dose {self.dose:g}"


@dataclass(frozen=True)
class Patient:
    """The slices of one patient that are judged: the target dose, HU.

    ``name`` comes from the file's name; ``slices`` are their numbers in the file. ``target``, ``body`` and every
    mask of ``classes`` are (K,J,I); ``spacing`` is (slice, row, column) in mm. Masks come from the target as it was
    reconstructed in every track: it holds less noise than the re-sharpened one.
    """

    name: str
    slices: tuple[int, ...]
    target: np.ndarray
    padding: np.ndarray | None
    spacing: tuple[float, float, float]
    kernel: Kernel
    body: np.ndarray
    classes: dict[str, np.ndarray]

    @cached_property
    def sharp_target(self) -> np.ndarray:
        """What the target would be had it been reconstructed with the bare ramp, (K,J,I) in HU."""
        return resharpen(self.target, self.spacing[1:], self.kernel, self.padding)

    @cached_property
    def target_noise(self) -> dict[str, tuple[float, ...]]:
        """GNL in HU of each slice of the reference, for every track."""
        return {track: tuple(global_noise_level(one, self.spacing) for one in self.reference(track))
                for track in TRACKS}

    @cached_property
    def fingerprint(self) -> dict:
        """What tells these slices from others, as JSON data: finished scores are filed under it."""
        digest = hashlib.sha256(str((self.target.dtype.str, self.target.shape)).encode())
        for array in (self.target, self.padding):
            digest.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
        return {"name": self.name, "slices": list(self.slices), "spacing": list(self.spacing),
                "kernel": [self.kernel.f50, self.kernel.power], "pixels": digest.hexdigest()}

    def reference(self, track: str) -> np.ndarray:
        """What a perfect method would return in this track, (K,J,I) in HU."""
        return self.target if track == "matched" else self.sharp_target


@dataclass(frozen=True)
class Case:
    """A patient under a condition: ``low_dose`` (K,J,I) as a scanner would store it, ``noise`` what was added, HU."""

    patient: Patient
    condition: Condition
    low_dose: np.ndarray
    noise: np.ndarray

    @property
    def reference(self) -> np.ndarray:
        """What a perfect method would return, (K,J,I) in HU."""
        return self.patient.reference(self.condition.track)

    @property
    def target_noise(self) -> tuple[float, ...]:
        """GNL in HU of each slice of the reference."""
        return self.patient.target_noise[self.condition.track]

    @cached_property
    def added_sd(self) -> tuple[float, ...]:
        """SD in HU of the added noise in the body, of each slice."""
        return tuple(float(n[m].std()) for n, m in zip(self.noise, self.patient.body))

    @cached_property
    def known_noise(self) -> Noise:
        """SD and power spectrum of the very noise that was added: more than a filter can know in practice."""
        rois = rois_in_mask(self.noise, self.patient.body)
        spectrum = noise_power_spectrum(rois, self.patient.spacing, 0) if len(rois) else None
        return Noise(float(self.noise[self.patient.body].std()), spectrum)


def load_patients(path: Path, slices_per_patient: int) -> Iterator[Patient]:
    """Read a volume and choose evenly spaced slices that show a body.

    A file of unrelated slices has a CSV of the same name beside it with the columns ``slice``, ``patient`` and
    ``spacing`` (mm); then every patient of that table is one of its own, numbered in the order of the table.
    Raises VolumeError for unreadable volumes and ValueError if there is no body in any slice or if the table does not
    fit the volume.
    """
    volume = read_volume(path)
    name = path.name.split(".")[0]
    members = _read_table(path.with_name(name + ".csv"), len(volume.array))
    if not members:
        yield _patient(name, volume.array, range(len(volume.array)), volume.padding, volume.spacing, slices_per_patient)
        return
    for number, rows in enumerate(members, 1):
        # Slices of one patient share their spacing but for re-scans; those with another one are left out.
        spacing = rows[0][1]
        chosen = [index for index, own in rows if own == spacing]
        padding = None if volume.padding is None else volume.padding[chosen]
        yield _patient(f"{name}-{number}", volume.array[chosen], chosen, padding, (1.0, spacing, spacing),
                       slices_per_patient)


def simulate(patient: Patient, condition: Condition, seed: int, device: str) -> Case:
    """Give the patient's slices the noise of ``condition``; slices are independent of each other."""
    if condition.track not in TRACKS:
        raise ValueError(f"Unknown track {condition.track!r}; choose {' or '.join(TRACKS)}.")
    result = simulate_low_dose(
        patient.reference(condition.track), patient.spacing, noise_index=condition.noise_index, dose=condition.dose,
        kernel=patient.kernel if condition.track == "matched" else "sharp", seed=seed, padding=patient.padding,
        device=device,
    )
    return Case(patient, condition, result.array, result.noise)


def evenly_spaced(count: int, wanted: int) -> list[int]:
    """At most ``wanted`` of ``count`` positions, evenly spaced, the ends left out where there is room."""
    if count <= wanted:
        return list(range(count))
    # With one position to spare, leaving out both ends would take another one twice.
    inner = np.linspace(0, count - 1, wanted + 2)[1:-1] if count > wanted + 1 else np.linspace(0, count - 1, wanted)
    return [int(position) for position in inner.round()]


def _read_table(path: Path, slices: int) -> list[list[tuple[int, float]]]:
    """Slice numbers and pixel sizes of every patient of a table, or an empty list if there is no such table."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        if not {"slice", "patient", "spacing"} <= set(reader.fieldnames or ()):
            return []
        members: dict[str, list[tuple[int, float]]] = {}
        for row in reader:
            try:
                entry = int(row["slice"]), float(row["spacing"])
            except ValueError:
                raise ValueError(f"{path.name}, line {reader.line_num}: slice and spacing must be numbers.") from None
            if not 0 <= entry[0] < slices:
                raise ValueError(f"{path.name}, line {reader.line_num}: the volume has no slice {entry[0]}, it has "
                                 f"{slices}.")
            members.setdefault(row["patient"], []).append(entry)
    return list(members.values())


def _patient(name, array, numbers, padding, spacing, wanted: int) -> Patient:
    numbers = list(numbers)
    body = body_mask(array, padding)
    with_body = np.flatnonzero(body.any(axis=(1, 2)))
    if len(with_body) == 0:
        raise ValueError(f"{name} shows no body above -900 HU in any slice, so there is nothing to judge.")
    chosen = with_body[evenly_spaced(len(with_body), wanted)]
    target, body = array[chosen], body[chosen]
    return Patient(
        name=name, slices=tuple(numbers[c] for c in chosen), target=target,
        padding=None if padding is None else padding[chosen], spacing=tuple(float(s) for s in spacing),
        kernel=body_kernel(array, spacing[1:]), body=body, classes=tissue_classes(target, spacing, body),
    )
