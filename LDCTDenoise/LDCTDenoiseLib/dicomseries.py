"""Finding the CT series in a DICOM folder and choosing one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from .ctvolume import VolumeError

_DICOM_SUFFIXES = (".dcm", ".ima", ".dicom")
_ENHANCED_CT = ("1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2")
_LOCALIZER_TYPES = {"LOCALIZER", "SCOUT"}


@dataclass
class Slice:
    """One DICOM file: its path and its header without pixel data (a pydicom Dataset)."""

    path: Path
    header: object


@dataclass
class Series:
    """The files of one series, without localizers, and why it cannot be read as a CT volume (None if it can)."""

    uid: str
    slices: list[Slice]
    localizers: int
    obstacle: str | None

    @property
    def voxels(self) -> int:
        return sum(int(s.header.get("Rows", 0)) * int(s.header.get("Columns", 0)) for s in self.slices)

    @property
    def is_original(self) -> bool:
        return "ORIGINAL" in (self.slices[0].header.get("ImageType") or ())

    def __str__(self) -> str:
        header = self.slices[0].header
        number = header.get("SeriesNumber")
        described = f"series {number if number is not None else 'without a number'}"
        if header.get("SeriesDescription"):
            described += f" '{header.SeriesDescription}'"
        return f"{described} ({len(self.slices)} images, series UID {self.uid})"


def choose_series(folder: Path, series_uid: str | None) -> tuple[Series, list[str]]:
    """Return the series with this UID, or the largest CT series of the folder, and warnings about what was left out.

    Raises VolumeError if there is no readable CT series, or for files that are empty or damaged: with them, slices of
    the series would be missing unnoticed.
    """
    found = _find_series(folder)
    if series_uid is not None:
        chosen = next((series for series in found if series.uid == series_uid), None)
        if chosen is None:
            raise VolumeError(
                f"{folder.name} holds no series {series_uid}. It holds: " + "; ".join(str(series) for series in found)
            )
        if chosen.obstacle:
            raise VolumeError(f"In {folder.name}, {chosen} {chosen.obstacle}.")
        others = []
    else:
        usable = [series for series in found if series.obstacle is None]
        if not usable:
            reasons = "; ".join(f"{series} {series.obstacle}" for series in found)
            raise VolumeError(f"{folder.name} holds no CT series that can be read: {reasons}.")
        # Of two series of one size, the scanner's own comes before one derived from it.
        chosen = max(usable, key=lambda series: (series.voxels, series.is_original))
        others = [series for series in usable if series is not chosen]
    warnings = []
    if others:
        warnings.append(
            f"{folder.name} holds {len(others) + 1} CT series; the largest was taken, {chosen}. "
            "To read another one, give its series UID: " + "; ".join(str(series) for series in others)
        )
    if chosen.localizers:
        warnings.append(f"{chosen.localizers} localizer image(s) of the series were left out.")
    return chosen, warnings


def series_of(files: Iterable[Path], tell: Callable[[], None]) -> Series:
    """Return the CT series that consists of these files; ``tell`` is called after each.

    Raises VolumeError where they are no such series, or where there are files or localizers besides.
    """
    found = _group(files, tell)
    if len(found) != 1 or found[0].localizers:
        raise VolumeError("The files are not the slices of one DICOM series. Load the series again.")
    if found[0].obstacle:
        raise VolumeError(f"The DICOM series {found[0].obstacle}.")
    return found[0]


def _find_series(folder: Path) -> list[Series]:
    # Folders such as .git and __MACOSX/._1.dcm hold nothing that was scanned.
    found = _group(sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")))
    if not found:
        raise VolumeError(f"{folder.name} holds no DICOM files. Give the folder with the slices of the CT series.")
    return found


def _group(files: Iterable[Path], tell: Callable[[], None] = lambda: None) -> list[Series]:
    groups: dict[str, list[Slice]] = {}
    for path in files:
        header = _read_header(path)
        if header is not None:
            groups.setdefault(str(header.SeriesInstanceUID), []).append(Slice(path, header))
        tell()
    return [_series(uid, slices) for uid, slices in groups.items()]


def _read_header(path: Path):
    """Header of a DICOM file, or None for other files. Damaged DICOM files are refused."""
    import pydicom
    from pydicom.misc import is_dicom

    named_dicom = path.suffix.lower() in _DICOM_SUFFIXES
    empty = path.stat().st_size == 0
    # Many scanners name files without a suffix, or by a UID, whose last number looks like one.
    if empty and (named_dicom or not path.suffix or path.suffix[1:].isdigit()):
        raise VolumeError(f"{path.name} is empty. Copy the series again, or remove the file if it is not part of it.")
    if empty or path.name.upper() == "DICOMDIR":
        return None
    if not is_dicom(path):
        if named_dicom:
            raise VolumeError(f"{path.name} is no complete DICOM file (no DICM header). Copy the series again.")
        return None
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True)
    except Exception as error:  # pydicom raises a dozen types on damaged files, struct.error and KeyError among them.
        raise VolumeError(f"The DICOM header of {path.name} is damaged ({error}). Copy the series again.") from error
    if "SeriesInstanceUID" not in header:
        raise VolumeError(f"{path.name} is truncated or no image (it belongs to no series). Copy the series again.")
    return header


def _series(uid: str, slices: list[Slice]) -> Series:
    kept = [s for s in slices if not _is_localizer(s.header)]
    if not kept:
        return Series(uid, slices, len(slices), "holds only localizers")
    obstacle = next((reason for reason in (_obstacle(s.header) for s in kept) if reason), None)
    return Series(uid, kept, len(slices) - len(kept), obstacle)


def _is_localizer(header) -> bool:
    return bool(_LOCALIZER_TYPES.intersection(str(value).upper() for value in header.get("ImageType") or ()))


def _obstacle(header) -> str | None:
    """Why this image is no slice of a CT volume, as the end of a sentence, or None."""
    modality = str(header.get("Modality", "")) or "of unknown modality"
    if modality != "CT":
        return f"is {modality}, not CT"
    if header.get("SOPClassUID") in _ENHANCED_CT or int(header.get("NumberOfFrames") or 1) > 1:
        return (
            "is enhanced multi-frame CT, which is not read yet; convert it to single-frame CT images or to NIfTI first "
            "(for example with dcm2niix or 3D Slicer)"
        )
    if int(header.get("SamplesPerPixel") or 1) != 1 or "RGB" in str(header.get("PhotometricInterpretation", "")):
        return "holds colour images (a screenshot or a report), not CT numbers"
    if not header.get("Rows") or not header.get("Columns"):
        return "holds files without an image (no Rows and Columns; damaged or truncated)"
    return None
