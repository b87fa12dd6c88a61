"""Whom networks were trained on: what their cards say, beside the patients of a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from didreport.tables import read_csv

from .nets import ReportNetwork, values

TRAINING_FOLDER = "train"
"""Where the training data lies in the data folder; cards name files without it."""


def stem(file: str) -> str:
    """The name of a file without its folder and what it ends on."""
    return PurePosixPath(file).name.split(".")[0]


def patient_of(name: str) -> str | None:
    """Collection and number of the patient with which a file's name begins; None where it names no single one.

    The number is the first part with a digit: "lidc_0314_chest" and "lidc_0314_raw" are of one patient.
    """
    parts = name.split("_")
    number = next((part for part in parts if any(c.isdigit() for c in part)), None)
    return number and f"{parts[0]} {number}"


def patients_in(path: Path) -> set[str]:
    """The patients of a file, as :func:`patient_of` writes them: those of the table beside it, or else its name's.

    Empty where neither tells any.
    """
    named = {row["patient"] for row in read_csv(path.with_name(f"{stem(path.name)}.csv")) if row.get("patient")}
    if named:
        return {" ".join([name.split("-")[0].lower(), *name.split("-", 1)[1:]]) for name in named}
    return {patient for patient in [patient_of(stem(path.name))] if patient}


def training_files(training: dict) -> set[str]:
    """The stems of the files that a card's entry on the training names, of all its stages."""
    return {stem(entry["file"]) for data in values(training, "data") for entry in data if isinstance(entry, dict)}


def trained_on_words(networks: Sequence[ReportNetwork], files: Sequence[str], data: Path) -> str:
    """Whether any network was trained on a patient of ``files`` in the folder ``data``, and how far that is known."""
    here = {file: patients_in(data / file) for file in files}
    known: set[str] = set()
    found, untold = [], []
    for network in networks:
        names = training_files(network.training)
        if not names:
            untold.append(network.key)
        known |= names
        seen = set().union(*(patients_in(data / TRAINING_FOLDER / name) for name in names))
        found += [f"{network.key} on one of {stem(file)}" for file, own in here.items() if own & seen]
    unclear = [stem(file) for file, own in here.items() if not own]
    unclear += [f"{TRAINING_FOLDER}/{name}" for name in sorted(known) if not patients_in(data / TRAINING_FOLDER / name)]
    if found:
        words = f"**Trained on patients of this report: {'; '.join(found)}.**"
    elif known:
        words = "No network was trained on a patient of this report, by the files that the networks' cards name."
    else:
        words = "Whom the networks were trained on is not known."
    if known and untold:
        words += f" Not told by the cards of {', '.join(untold)}."
    return words + (f" Whose images these hold is not known here: {', '.join(unclear)}." if unclear else "")
