"""Reading a CT series from a DICOM folder."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from .ctvolume import CTVolume, VolumeError
from .dicomgeometry import stack_slices
from .dicompixels import is_lossy, padding_of, rescale_of, stored_values, to_hu
from .dicomseries import Series, Slice, choose_series, series_of
from .hu import FLOOR_HU
from .scanfield import outside_scan_field

_TEXTS = {
    "modality": "Modality",
    "manufacturer": "Manufacturer",
    "scanner": "ManufacturerModelName",
    "series_description": "SeriesDescription",
    "series_uid": "SeriesInstanceUID",
}
_NUMBERS = {
    "kvp": "KVP",
    "tube_current_ma": "XRayTubeCurrent",
    "slice_thickness_mm": "SliceThickness",
    "reconstruction_diameter_mm": "ReconstructionDiameter",
    "series_number": "SeriesNumber",
}


def read_dicom(folder: Path, series_uid: str | None = None) -> CTVolume:
    """Read a CT series from a folder and its subfolders; the largest one unless ``series_uid`` names another.

    Slices are sorted along their normal, so the third axis of the affine points along (row x column) and the affine is
    right-handed. The array is int16 where the rescale and the values allow it, then int32, and float32 for a slope or
    intercept that is not whole. ``padding`` marks declared padding: everywhere where its value lies below the range of
    CT numbers, and only outside the scan field where air can be clipped to the same value.

    Raises VolumeError: no readable CT series (other modalities, colour, enhanced multi-frame, only localizers), damaged
    or truncated files, slices that do not form a straight stack of axial images.
    """
    series, notes = choose_series(folder, series_uid)
    return _read(series, notes)


def read_dicom_files(files: Iterable[Path], tell: Callable[[], None] = lambda: None) -> CTVolume:
    """Read the CT series that consists of these files, in whatever order; see :func:`read_dicom`.

    ``tell`` is called twice for each file, after its header and after its pixels; what it raises ends the reading.
    """
    return _read(series_of(files, tell), [], tell)


def _read(series: Series, notes: list[str], tell: Callable[[], None] = lambda: None) -> CTVolume:
    stack = stack_slices(series.slices)
    images, masks, lossy = [], [], 0
    for item in stack.slices:
        dataset = _read_complete(item.path)
        stored = stored_values(dataset, item.path)
        images.append(to_hu(stored, *rescale_of(dataset, item.path)))
        masks.append(padding_of(stored, dataset))
        lossy += is_lossy(dataset)
        tell()
    array = np.stack(images)
    if lossy:
        notes.append(
            f"{lossy} of {len(images)} slices were compressed with losses; their noise is no longer that of CT, so the "
            "result may be worse. Use the uncompressed series if there is one."
        )
    return CTVolume(
        array=array,
        affine=stack.affine,
        metadata=_metadata(stack.slices),
        padding=_certain_padding(array, np.stack(masks)),
        warnings=tuple(notes + stack.warnings + _rescale_warnings(stack.slices[0])),
        files=tuple(str(item.path) for item in stack.slices),
    )


def _read_complete(path: Path):
    import pydicom

    try:
        with warnings.catch_warnings():
            # pydicom only warns about truncated compressed data, and some decoders then fill the rest with anything.
            warnings.filterwarnings("error", message="End of file reached")
            return pydicom.dcmread(path)
    except Exception as error:  # As for headers: pydicom raises many types on damaged files.
        raise VolumeError(f"{path.name} is damaged or truncated ({error}). Copy the series again.") from error


def _certain_padding(array: np.ndarray, declared: np.ndarray) -> np.ndarray | None:
    """Padding that shares its value with clipped air counts only outside the scan field."""
    if declared.any() and array[declared].max() >= FLOOR_HU:
        declared = declared & outside_scan_field(array)
    return declared if declared.any() else None


def _rescale_warnings(first: Slice) -> list[str]:
    header = first.header
    if "RescaleIntercept" not in header:
        return ["The series has no rescale intercept; its stored values were taken as HU."]
    kind = str(header.get("RescaleType") or "HU")
    return [] if kind == "HU" else [f"The values are declared as {kind}, not as HU."]


def _metadata(slices: list[Slice]) -> dict:
    """What is known of the acquisition; nothing about the patient, the place or the date."""
    header = slices[0].header
    known = {name: str(header.get(keyword) or "") for name, keyword in _TEXTS.items()}
    for name, keyword in _NUMBERS.items():
        values = [value for value in (_number(s.header.get(keyword)) for s in slices) if value is not None]
        known[name] = float(np.median(values)) if values else None
    known["kernel"] = _joined(header.get("ConvolutionKernel"))
    known["image_type"] = _joined(header.get("ImageType"))
    known["window"] = tuple(_number(_first(header.get(keyword))) for keyword in ("WindowCenter", "WindowWidth"))
    found = {name: value for name, value in known.items() if value not in ("", None, (None, None))}
    return {"format": "dicom", **found}


def _number(value) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _first(value):
    return value if value is None or isinstance(value, (str, int, float)) or not len(value) else value[0]


def _joined(value) -> str:
    return "" if value is None else str(value) if isinstance(value, str) else "\\".join(str(part) for part in value)
