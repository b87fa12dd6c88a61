"""What is known of how a volume in the scene was acquired: much where Slicer has its DICOM headers, else little."""

from __future__ import annotations

from dataclasses import dataclass

import slicer

_TAGS = {"modality": "0008,0060", "kernel": "0018,1210", "thickness": "0018,0050", "contrast": "0018,0010",
         "age": "0010,1010"}
_YEARS = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}


@dataclass(frozen=True)
class Acquisition:
    """None stands for unknown."""

    pixel_mm: tuple[float, float]
    """Pixel size along rows and columns."""
    thickness_mm: float
    """Slice thickness or, where that is unknown, the distance of the slices."""
    has_header: bool = False
    """Whether the rest was looked for in a DICOM header."""
    modality: str | None = None
    kernel: str | None = None
    contrast: bool | None = None
    """Whether contrast agent was given; a header without an agent says nothing about it."""
    age_years: float | None = None


def acquisition_of(volume) -> Acquisition:
    """Return what is known of ``volume`` (vtkMRMLScalarVolumeNode); reads no voxels."""
    i, j, k = volume.GetSpacing()
    values = _header_values(volume)
    return Acquisition(
        pixel_mm=(j, i), thickness_mm=_number(values.get("thickness")) or k, has_header=bool(values.get("modality")),
        modality=values.get("modality") or None, kernel=values.get("kernel") or None,
        contrast=True if values.get("contrast") else None, age_years=_years(values.get("age")))


def _header_values(volume) -> dict[str, str]:
    """Return the values of _TAGS in the header of the first slice; empty where Slicer's database has no header."""
    database = getattr(slicer, "dicomDatabase", None)
    instance = (volume.GetAttribute("DICOM.instanceUIDs") or "").split(" ")[0]
    if database is None or not instance or not database.isOpen:
        return {}
    return {name: database.instanceValue(instance, tag).strip() for name, tag in _TAGS.items()}


def _number(text: str | None) -> float | None:
    try:
        return float(text.split("\\")[0]) if text else None
    except ValueError:
        return None


def _years(text: str | None) -> float | None:
    """Return the years in a DICOM age such as "007M"."""
    if not text or text[-1:] not in _YEARS or not text[:-1].isdigit():
        return None
    return int(text[:-1]) * _YEARS[text[-1]]
