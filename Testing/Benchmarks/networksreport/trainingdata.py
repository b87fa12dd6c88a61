"""Whom networks were trained on: what their cards say, beside the patients of a report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from didreport.tables import read_csv

from .nets import ReportNetwork, stages, values

TRAINING_FOLDER = "train"
"""Where the training data lies in the data folder; cards name files without it."""
PHANTOMS = ("phantom", "sim")
"""What the names of files begin with that show no patient."""
_NUMBER = re.compile(r"[A-Z]*\d[A-Z\d]*(?:-[A-Z]*\d[A-Z\d]*)*")


def stem(file: str) -> str:
    """The name of a file without its folder and what it ends on."""
    return PurePosixPath(file).name.split(".")[0]


def patient_of(name: str) -> str | None:
    """The number of the patient of an identity or of the name of a file; None where there is none, and for phantoms.

    It is the first part with a digit, with those that follow it after a hyphen, and without the collection, which
    names and identities write in ways of their own: "lidc_0314_chest" and "LIDC-IDRI-0314" are both "0314",
    "cptac_pda_C3N-00249_a" and "C3N-00249" both "C3N-00249".
    """
    found = None if _shows_nobody(name) else _NUMBER.search(name.upper())
    return found and found.group()


def patients_in(path: Path) -> set[str | None]:
    """The patients of a file, as :func:`patient_of` writes them: those of the table beside it, or else its name's.

    None among them stands for whoever is not told; phantoms hold nobody.
    """
    name = stem(path.name)
    if _shows_nobody(name):
        return set()
    named = [row["patient"] for row in read_csv(path.with_name(f"{name}.csv")) if "patient" in row]
    return {patient_of(one or "") for one in named or [name]}


def training_files(training: dict) -> set[str]:
    """The stems of the files that a card's entry on the training names, of all its stages."""
    return {stem(entry["file"]) for entry in _data(training) if isinstance(entry, dict)}


def trained_on(file: str, trainings: Iterable[dict], data: Path) -> bool | None:
    """Whether any of the trainings, entries of cards, saw a patient of ``file`` in the folder ``data``.

    None where that is not known. Patients of two collections who have the same number count as one.
    """
    own, seen = patients_in(data / file), set().union(*(_seen(training, data) for training in trainings))
    if (own & seen) - {None}:
        return True
    return None if own and None in own | seen else False


def trained_on_words(networks: Sequence[ReportNetwork], files: Sequence[str], data: Path) -> str:
    """Whether any network was trained on a patient of ``files`` in the folder ``data``, and how far that is known."""
    known = set().union(*(training_files(network.training) for network in networks))
    found = [f"{network.key} on one of {stem(file)}" for network in networks for file in files
             if trained_on(file, [network.training], data)]
    untold = [network.key for network in networks if not _told(network.training)]
    unclear = [stem(file) for file in files if None in patients_in(data / file)]
    unclear += [f"{TRAINING_FOLDER}/{name}" for name in sorted(known)
                if None in patients_in(data / TRAINING_FOLDER / name)]
    if found:
        words = f"**Trained on patients of this report: {'; '.join(found)}.**"
    elif known:
        words = ("As far as is known, no network" if untold or unclear else "No network") + (
            " was trained on a patient of this report, by the files that the networks' cards name.")
    else:
        words = "Whom the networks were trained on is not known."
    if known and untold:
        words += f" Not told in full by the cards of {', '.join(untold)}."
    return words + (f" Whose images these hold is not known here: {', '.join(unclear)}." if unclear else "")


def _shows_nobody(name: str) -> bool:
    return name.split("_")[0].lower() in PHANTOMS


def _data(training: dict) -> list:
    """What the entry names as data, files as tables and all else as words."""
    return [entry for data in values(training, "data") for entry in data]


def _told(training: dict) -> bool:
    """Whether the entry names its data file by file and, where it began with earlier weights, how these were made."""
    entries = _data(training)
    begun = training.get("initial_weights") and len(stages(training)) < 2
    return bool(entries) and all(isinstance(entry, dict) for entry in entries) and not begun


def _seen(training: dict, data: Path) -> set[str | None]:
    """The patients of a training, None among them for whoever is not told."""
    named = set().union(*(patients_in(data / TRAINING_FOLDER / name) for name in training_files(training)))
    return named if _told(training) else {*named, None}
