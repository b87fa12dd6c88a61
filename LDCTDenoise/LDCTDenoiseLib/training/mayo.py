"""Pairs of full-dose and quarter-dose slices of the AAPM/Mayo low-dose CT data, for sites that hold it.

Two layouts are understood. That of the 2016 Grand Challenge has folders such as ``L067/full_1mm`` and
``L067/quarter_1mm`` (or ``full_3mm_sharp`` ...), anywhere below the root. That of the TCIA collection
LDCT-and-Projection-data (doi:10.7937/9npb-2637) has ``L004/<study>/1.000000-Full dose images-12345`` and
``...Low Dose Images...``; its projections are left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..ctvolume import VolumeError
from ..dicompixels import rescale_of, stored_values, to_hu
from ..hu import FLOOR_HU

_PATIENT = re.compile(r"[A-Z]\d{3}")
_SUFFIXES = (".dcm", ".ima")
_TOLERANCE_MM = 0.01
_VALIDATION_SHARE = 0.2


class MayoError(ValueError):
    """The folder does not hold complete pairs of full-dose and quarter-dose slices."""


@dataclass(frozen=True)
class MayoPatient:
    """One patient's slices: files of low dose and of full dose at the same positions, in order."""

    name: str
    low: tuple[Path, ...]
    full: tuple[Path, ...]


class MayoPairs:
    """Slices of some patients; each slice is drawn equally often. See :class:`~.slicesampler.Pairs`."""

    def __init__(self, patients: Sequence[MayoPatient]):
        self.files = [pair for patient in patients for pair in zip(patient.low, patient.full)]

    def __len__(self) -> int:
        return len(self.files)

    def pair(self, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Read one slice from disk: noisy and target, float32 (rows, columns) in HU, at least -1024."""
        low, full = self.files[int(random.integers(len(self.files)))]
        return read_slice(low), read_slice(full)


def find_patients(root: Path, series: str = "") -> list[MayoPatient]:
    """Return the patients below ``root``, sorted by name, with their slices paired by position.

    Args:
        root: folder of the data.
        series: what follows ``full_`` and ``quarter_`` in the folder names (``"1mm_sharp"``); needed only where a
            patient has several series.

    Raises:
        MayoError: no patients, a dose without its partner, several series to choose from, slices without a partner or
            of other size.
    """
    root = Path(root)
    if not root.is_dir():
        raise MayoError(f"The Mayo data folder {root} does not exist.")
    found: dict[str, dict[str, dict[str, list[Path]]]] = {}
    for path in sorted(p for p in root.rglob("*") if p.suffix.lower() in _SUFFIXES and p.is_file()):
        sort = _dose_and_series(path.parent.name)
        names = [part for part in path.relative_to(root).parts if _PATIENT.fullmatch(part)]
        if sort and names and series in ("", sort[1]):
            found.setdefault(names[-1], {}).setdefault(sort[1], {}).setdefault(sort[0], []).append(path)
    if not found:
        wanted = f" of series {series!r}" if series else ""
        raise MayoError(f"{root} holds no Mayo data{wanted}: expected folders such as L067/full_1mm and "
                        "L067/quarter_1mm, or those of the TCIA collection LDCT-and-Projection-data.")
    return [_patient(name, kinds) for name, kinds in sorted(found.items())]


def split_patients(patients: Sequence[MayoPatient], seed: int = 0) -> tuple[list[MayoPatient], list[MayoPatient]]:
    """Return training and validation patients, a fifth of them (2 of 10) drawn for validation as in the seed paper.

    Raises:
        MayoError: fewer than two patients; slices of one patient must not be on both sides.
    """
    if len(patients) < 2:
        raise MayoError(f"Training and validation need two patients at least; there is {len(patients)}.")
    count = max(1, round(_VALIDATION_SHARE * len(patients)))
    drawn = set(np.random.default_rng(seed).permutation(len(patients))[:count].tolist())
    return ([p for n, p in enumerate(patients) if n not in drawn], [p for n, p in enumerate(patients) if n in drawn])


def read_slice(path: Path) -> np.ndarray:
    """Return one DICOM slice, float32 (rows, columns) in HU; padding below -1024 is raised to that.

    Raises:
        VolumeError: a damaged file.
    """
    import pydicom

    try:
        dataset = pydicom.dcmread(path)
    except Exception as error:  # pydicom raises many types on damaged files
        raise VolumeError(f"{path} cannot be read as DICOM ({error}). Copy it again.") from error
    hu = to_hu(stored_values(dataset, path), *rescale_of(dataset, path))
    return np.maximum(hu, FLOOR_HU).astype(np.float32)


def _dose_and_series(folder: str) -> tuple[str, str] | None:
    """``("full", "1mm")`` for ``full_1mm``; the TCIA collection's folders have one series only; None for others."""
    name = folder.lower()
    challenge = re.fullmatch(r"(full|quarter)_(.+)", name)
    if challenge:
        return ("full" if challenge[1] == "full" else "low"), challenge[2]
    tcia = re.search(r"(full|low) dose images", name)
    return (tcia[1], "images") if tcia else None


def _patient(name: str, kinds: dict[str, dict[str, list[Path]]]) -> MayoPatient:
    if len(kinds) > 1:
        raise MayoError(f"Patient folder {name} holds several series ({', '.join(sorted(kinds))}); choose one as "
                        "'mayo_series'.")
    doses = next(iter(kinds.values()))
    for dose, word in (("low", "quarter"), ("full", "full")):
        if dose not in doses:
            raise MayoError(f"Patient folder {name} holds no {word}-dose series to pair the other dose with.")
    low, full = (_by_position(doses[dose]) for dose in ("low", "full"))
    for word, here, there in (("quarter", low, full), ("full", full, low)):
        alone = sorted(set(here) - set(there))
        if alone:
            raise MayoError(f"{len(alone)} {word}-dose slice(s) of patient folder {name} have no partner at their "
                            f"position (the first is {here[alone[0]][0].name}, at {alone[0] * _TOLERANCE_MM:.2f} mm); "
                            "copy the data again.")
    order = sorted(low)
    for place in order:
        if low[place][1] != full[place][1]:
            raise MayoError(f"{low[place][0]} and {full[place][0]} differ in size or pixel spacing.")
    return MayoPatient(name, tuple(low[p][0] for p in order), tuple(full[p][0] for p in order))


def _by_position(paths: list[Path]) -> dict[int, tuple[Path, tuple]]:
    """File and in-plane geometry by slice position in units of the tolerance."""
    import pydicom

    slices: dict[int, tuple[Path, tuple]] = {}
    for path in paths:
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True)
            place = round(float(header.ImagePositionPatient[2]) / _TOLERANCE_MM)
            shape = (int(header.Rows), int(header.Columns), *(round(float(s), 4) for s in header.PixelSpacing))
        except Exception as error:  # pydicom raises many types on damaged files
            raise MayoError(f"{path} is no complete CT slice ({error}); copy it again.") from error
        if place in slices:
            raise MayoError(f"{path} and {slices[place][0].name} lie at the same position.")
        slices[place] = (path, shape)
    return slices
