"""Reading and writing CT volumes: a DICOM folder, .nii, .nii.gz, .nrrd or .mha."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from . import imagefile
from .ctvolume import CTVolume, VolumeError, check_values
from .safewrite import complete_or_absent

_KNOWN = "a DICOM folder, " + ", ".join(imagefile.SUFFIXES)


def read_volume(path: str | os.PathLike, series_uid: str | None = None) -> CTVolume:
    """Read a CT volume in HU from a DICOM folder (with its subfolders), .nii, .nii.gz, .nrrd or .mha.

    ``series_uid`` chooses a series of a DICOM folder that holds several; without it the largest CT series is taken and
    a warning names the others. Raises VolumeError, with one sentence for the user, for anything that is not a complete
    CT volume of axial slices; see :mod:`dicomreader`, :mod:`imagefile` and :func:`ctvolume.check_values`.
    """
    if not Path(path).exists():
        raise VolumeError(f"{path} does not exist.")
    # Messages and provenance name the folder, and "." has no name.
    path = Path(path).absolute()
    if series_uid is not None and not path.is_dir():
        raise VolumeError(f"{path.name} is not a DICOM folder, so no series of it can be chosen. Leave the series out.")
    if path.is_dir():
        from .dicomreader import read_dicom

        volume = replace(read_dicom(path, series_uid), folder=str(path))
    elif imagefile.suffix_of(path):
        volume = imagefile.read_image(path)
    elif path.suffix.lower() in (".dcm", ".ima", ".dicom"):
        raise VolumeError(f"{path.name} is one slice of a DICOM series. Give the folder that holds all of them.")
    else:
        raise VolumeError(f"{path.name} is not of a known format. Give {_KNOWN}.")
    return replace(volume, warnings=volume.warnings + tuple(check_values(volume.array, path.name)))


def write_volume(
    volume: CTVolume,
    path: str | os.PathLike,
    *,
    source: CTVolume | None = None,
    provenance: Mapping[str, object] | None = None,
) -> None:
    """Write a volume in the format of the suffix of ``path``, or as a DICOM folder where it has none.

    A DICOM folder is written as a series derived from ``source`` (default: ``volume`` itself, which knows its files if
    it was read from DICOM), see :mod:`dicomwriter`. ``provenance`` says where the voxels come from (model, version,
    weights_sha256, strength, device, precision, source, software_version ...): it goes into the DICOM headers, or into
    a side-car ``<file name>.json``. The output appears complete or not at all; an input file is never overwritten,
    a DICOM folder with anything in it neither. Raises VolumeError for what cannot be written, OSError if writing fails.
    """
    path = Path(path)
    source = source or volume
    check_output(path, source)
    _refuse_inputs(path, volume.files)
    if _is_dicom(path):
        from .dicomwriter import write_dicom

        write_dicom(volume, path, source, provenance or {})
    else:
        _write_file(volume, path, provenance)


def check_output(path: str | os.PathLike, source: CTVolume) -> None:
    """Raise VolumeError if a volume made from ``source`` cannot be written to ``path``.

    :func:`write_volume` does so itself; this tells it before the work is done rather than after.
    """
    path = Path(path)
    if not path.absolute().parent.is_dir():
        raise VolumeError(f"The folder {path.absolute().parent} does not exist. Create it first.")
    _refuse_inputs(path, source.files)
    if _is_dicom(path):
        from .dicomwriter import check_dicom_output

        check_outside(path, source)
        check_dicom_output(source, path, source)
    elif imagefile.suffix_of(path):
        imagefile.check_geometry(source.affine)
    else:
        raise VolumeError(f"{path.name} does not end with a known format. Give {', '.join(imagefile.SUFFIXES)}, or a "
                          "name without a dot for a DICOM folder.")


def made_by(volume: CTVolume) -> dict[str, object]:
    """Return what DICOM header or side-car say of how a volume that was read was made; empty where they say nothing.

    The names are those of the provenance that :func:`write_volume` was given, or as many as are legible.
    """
    if volume.metadata.get("format") == "dicom":
        from .dicomwriter import provenance_in

        return provenance_in(Path(volume.files[0]))
    try:
        said = json.loads(sidecar_of(volume.files[0]).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    # Any program may keep a file of this name.
    return said if isinstance(said, dict) and "software_version" in said else {}


def check_outside(folder: str | os.PathLike, source: CTVolume) -> None:
    """Raise VolumeError if ``folder`` lies under the DICOM folder that ``source`` was read from.

    Who reads that folder again, subfolders included, would find the result among the input.
    """
    if source.folder is not None and Path(source.folder).resolve() in Path(folder).resolve().parents:
        raise VolumeError(f"{Path(folder).name} lies inside the input folder {Path(source.folder).name}, which is left "
                          "as it is. Choose a folder outside it.")


def sidecar_of(path: str | os.PathLike) -> Path:
    """Return where the provenance of an image file is kept: ``<file name>.json`` beside it."""
    return Path(f"{os.fspath(path)}.json")


def _is_dicom(path: Path) -> bool:
    return path.is_dir() or not path.suffix


def _refuse_inputs(path: Path, inputs: tuple[str, ...]) -> None:
    if path.exists() and any(os.path.exists(name) and os.path.samefile(path, name) for name in inputs):
        raise VolumeError(f"{path.name} is the input, which is never overwritten. Choose another output name.")


def _write_file(volume: CTVolume, path: Path, provenance: Mapping[str, object] | None) -> None:
    with complete_or_absent(path) as temporary:
        imagefile.write_image(volume, temporary)
        if provenance is not None:
            with complete_or_absent(sidecar_of(path)) as sidecar:
                sidecar.write_text(json.dumps(dict(provenance), indent=2, default=_plain) + "\n", encoding="utf-8")


def _plain(value):
    """JSON form of what the json module does not know: numpy scalars as numbers, paths and the like as text."""
    return value.item() if hasattr(value, "item") else str(value)
