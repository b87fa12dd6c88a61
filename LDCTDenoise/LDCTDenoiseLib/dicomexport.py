"""A result of the scene as a DICOM series derived from the series that its source was loaded from.

Slicer's own export writes new headers and calls the images original; here the headers are those of the source, see
:mod:`dicomwriter`. They come from Slicer's DICOM database, or from the files that the volume itself was read from.
Nothing is written unless every slice of the result lies where its header says. Which volumes are results, and how they
were made (their ``provenance``), is for each module to know: :mod:`resultexport`, and ``candidateexport`` of the other.

All of it is done in Slicer's process, with pydicom and without torch: 10 to 60 ms a slice of 512 x 512, during which
``progress`` can keep the application responsive.
"""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import slicer
from slicer.i18n import tr as _

from . import provenance as made
from . import scene
from .ctvolume import CTVolume, VolumeError
from .engine import Cancelled
from .framesequence import sequence_of
from .region import ijk_to_ras

UIDS_ATTRIBUTE = "DICOM.instanceUIDs"
"""Set by Slicer on what it loads from its database: one SOP instance UID for each file, in the order of the slices."""
SAME_PLACE_MM = 0.05
"""Headers hold positions with few digits, and a volume that was saved may hold them in single precision."""
SAME_HU = 0.5
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_SHORTEST_NAME = 4
"""File names below this length name nobody."""


def problem(volume, source) -> str:
    """Return why ``volume``, made from ``source`` (None: gone), cannot be exported, in one sentence, or "".

    Quick enough for the state of a button: files are looked for, not read.
    """
    try:
        _check(volume, source)
        _files_of(_loaded(volume, source)[0], first_only=True)
    except ValueError as error:
        return str(error)
    return ""


def export(volume, source, folder: str | os.PathLike, provenance: Mapping[str, object],
           progress: Callable[[int, int], None] | None = None, cancelled: Callable[[], bool] | None = None) -> Path:
    """Write ``volume``, made from ``source``, as a derived CT series to ``folder``, new or empty; return the folder.

    ``provenance`` says how it was made. ``progress(done, total)`` is called several times for every slice, then
    ``cancelled()``. Raises ValueError for what cannot be exported, :class:`.engine.Cancelled` when stopped, and
    RuntimeError when writing fails. Nothing is left behind then. No message names a file of the source.
    """
    _check(volume, source)
    loaded, steps = _loaded(volume, source)
    files = _files_of(loaded)
    folder = Path(folder).absolute()
    _check_folder(folder)
    told = 0

    def tell() -> None:
        nonlocal told
        told += 1
        if progress is not None:
            progress(told, 3 * len(files))
        if cancelled is not None and cancelled():
            raise Cancelled(_("The export was stopped, and nothing was written."))

    from .dicomreader import read_dicom_files
    from .dicomwriter import write_dicom

    with _quiet_pydicom():
        try:
            headers = read_dicom_files([Path(file) for file in files], tell)
            order = _order(volume, headers)
            said = dict(provenance)
            if steps:
                said["before"] = ", ".join(steps)
            if _changed(slicer.util.arrayFromVolume(loaded)[order], headers):
                said["input"] = "changed in 3D Slicer"
            write_dicom(headers.replace_array(slicer.util.arrayFromVolume(volume)[order]), folder, headers, said, tell)
        except VolumeError as error:
            raise ValueError(_without_names(str(error), files)) from error
        except Cancelled:
            raise
        except OSError as error:
            raise RuntimeError(_("The DICOM series could not be written to '{folder}' ({reason}), and nothing was left "
                                 "there: choose another place.").format(
                folder=folder.name, reason=error.strerror)) from error
        except Exception as error:  # pydicom raises many types on odd headers, and their messages quote the values.
            raise RuntimeError(_("The DICOM headers of '{name}' cannot be used for another series ({reason}), and "
                                 "nothing was written.").format(
                name=loaded.GetName(), reason=type(error).__name__)) from error
    return folder


def free_folder(chosen: str | os.PathLike, name: str) -> Path:
    """Return ``chosen`` where it is empty or not there, else a new folder in it named like the volume ``name``.

    Raises ValueError when it cannot be looked into.
    """
    chosen = Path(chosen)
    base = re.sub(r'[<>:"/\\|?*\x00-\x1f\s]+', " ", name).strip(" .") or "series"
    with _usable(chosen):
        if not chosen.is_dir() or not any(chosen.iterdir()):
            return chosen
        number, folder = 1, chosen / base
        while folder.exists():
            number += 1
            folder = chosen / f"{base} {number}"
        return folder


def database():
    """Return Slicer's DICOM database (ctkDICOMDatabase) if there is one and it is open, or None."""
    found = getattr(slicer, "dicomDatabase", None)
    return found if found is not None and found.isOpen else None


def add_to_database(folder: Path) -> bool:
    """Let Slicer's DICOM database know the series in ``folder``, which stays where it is; return whether it does."""
    from DICOMLib import DICOMUtils

    return database() is not None and DICOMUtils.importDicom(str(folder))


def _check(volume, source) -> None:
    """Raise ValueError for a volume whose voxels have no place in the series of its source."""
    name = volume.GetName()
    if volume.GetImageData() is None:
        raise ValueError(_("'{name}' holds no image: load or make it again.").format(name=name))
    if source is None:
        raise ValueError(_("The volume that '{name}' was made from is no longer in the scene, and its DICOM headers "
                           "are needed: load the series and make the result again.").format(name=name))
    for one in (volume, source):
        if sequence_of(one) is not None:
            raise ValueError(_("'{name}' shows a frame of a sequence, and only single volumes can be exported as "
                               "DICOM.").format(name=one.GetName()))
        if one.GetParentTransformNode() is not None:
            raise ValueError(_("'{name}' stands under a transform, which its DICOM headers do not know: take it out of "
                               "the transform.").format(name=one.GetName()))


def _loaded(volume, source) -> tuple[object, list[str]]:
    """Return the volume loaded from DICOM that is behind ``source``, and what was done to it before, latest first.

    Raises ValueError where there is none, or where it covers another part of space than ``volume``.
    """
    steps, seen = [], [volume]
    while source not in seen and not source.GetAttribute(UIDS_ATTRIBUTE) and not _own_files(source):
        seen.append(source)
        step = made.of_node(source)
        earlier = source.GetNodeReference(scene.SOURCE_ROLE)
        if earlier is None:
            break
        strength = f"at strength {step['strength']}" if "strength" in step else ""
        steps.append(" ".join(filter(None, (step.get("model"), step.get("version"), strength))))
        source = earlier
    name = source.GetName()
    if source in seen:
        raise ValueError(_("'{name}' was not loaded from DICOM, so there are no headers to export with: load the "
                           "series with the DICOM module and denoise that.").format(name=name))
    shape = volume.GetImageData().GetDimensions()
    if (source.GetImageData() is None or source.GetImageData().GetDimensions() != shape
            or _apart(ijk_to_ras(volume), ijk_to_ras(source), shape) > SAME_PLACE_MM):
        raise ValueError(_("'{name}' does not cover the slices of '{source}' (it was made of a region or one slice, or "
                           "cropped, moved or resampled): export a result of the whole volume.").format(
            name=volume.GetName(), source=name))
    return source, steps


def _files_of(loaded, first_only: bool = False) -> list[str]:
    """Return the files that ``loaded`` was loaded from, one for each slice, or raise ValueError."""
    uids, known = (loaded.GetAttribute(UIDS_ATTRIBUTE) or "").split(), database()
    own = _own_files(loaded)
    slices = loaded.GetImageData().GetDimensions()[2]
    number = len(uids) or len(own)
    if number != slices:
        raise ValueError(_("'{name}' has {slices} slices but {files} DICOM file(s): only series with one slice in each "
                           "file (no multi-frame images), loaded as a whole, can be exported.").format(
            name=loaded.GetName(), slices=slices, files=number))
    part = slice(1 if first_only else None)
    listed = [known.fileForInstance(uid) for uid in uids[part]] if known else []
    for files in (listed, own[part] if len(own) == slices else []):
        if files and all(map(os.path.isfile, files)):
            return files
    raise ValueError(_("The DICOM files of '{name}' are not found: they were moved or deleted, or are not in the DICOM "
                       "database of this computer. Import the series with the DICOM module, then export.").format(
        name=loaded.GetName()))


def _own_files(volume) -> list[str]:
    """Return the DICOM files that ``volume`` itself was read from, without the database, or none."""
    storage = volume.GetStorageNode()
    if storage is None:
        return []
    files = [storage.GetFullNameFromNthFileName(n) for n in range(storage.GetNumberOfFileNames())]
    return files if files and _is_dicom(files[0]) else []


def _is_dicom(file: str) -> bool:
    try:
        with open(file, "rb") as stream:
            return stream.read(132)[128:] == b"DICM"
    except OSError:
        return False


def _check_folder(folder: Path) -> None:
    with _usable(folder):
        above, free = folder.parent.is_dir(), not folder.exists() or folder.is_dir() and not any(folder.iterdir())
    if not above:
        raise ValueError(_("The folder above '{folder}' does not exist: create it, or choose another one.").format(
            folder=folder.name))
    if not free:
        raise ValueError(_("'{folder}' is not an empty folder, and nothing was written: choose an empty or new one, so "
                           "that no series are mixed.").format(folder=folder.name))


@contextmanager
def _usable(folder: Path) -> Iterator[None]:
    """Turn errors of the file system, as for a folder that may not be read, into a ValueError about ``folder``."""
    try:
        yield
    except OSError as error:
        raise ValueError(_("The folder '{folder}' cannot be used ({reason}): choose another place.").format(
            folder=folder.name, reason=error.strerror)) from error


def _order(volume, headers: CTVolume) -> slice:
    """Return the order of the volume's slices that is that of the headers; raise VolumeError where there is none."""
    matrix, shape = ijk_to_ras(volume), volume.GetImageData().GetDimensions()
    if headers.array.shape == shape[::-1]:
        wanted = _LPS_TO_RAS @ headers.affine
        reversed_k = np.diag([1.0, 1.0, -1.0, 1.0])
        reversed_k[2, 3] = shape[2] - 1
        for order, found in ((slice(None), matrix), (slice(None, None, -1), matrix @ reversed_k)):
            if _apart(found, wanted, shape) <= SAME_PLACE_MM:
                return order
    raise VolumeError(_("'{name}' does not lie where the DICOM headers say (a transform was hardened, or it was "
                        "cropped or resampled): load the series again and denoise that.").format(
        name=volume.GetName()))


def _apart(first: np.ndarray, second: np.ndarray, shape: tuple[int, int, int]) -> float:
    """Return how far, in mm, a corner of a volume of ``shape`` (I, J, K) lies from itself under the other matrix."""
    ends = [(0, n - 1) for n in shape]
    corners = np.stack([axis.ravel() for axis in np.meshgrid(*ends)] + [np.ones(8)])
    return float(np.linalg.norm(((first - second) @ corners)[:3], axis=0).max())


def _changed(array: np.ndarray, headers: CTVolume) -> bool:
    """Return whether ``array``, what was denoised, differs from what the files hold, apart from padding."""
    for k, (here, there) in enumerate(zip(array, headers.array)):
        differs = np.abs(here.astype(np.float64) - there) > SAME_HU
        if headers.padding is not None:
            differs &= ~headers.padding[k]
        if differs.any():
            return True
    return False


@contextmanager
def _quiet_pydicom() -> Iterator[None]:
    """Keep pydicom's warnings out of the log: they quote the headers, and with them perhaps the patient."""
    logger = logging.getLogger("pydicom")
    disabled = logger.disabled
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.disabled = True
        try:
            yield
        finally:
            logger.disabled = disabled


def _without_names(text: str, files: list[str]) -> str:
    """Return ``text`` with numbers for the files of the source: their names and folders may hold the patient's."""
    for number, file in enumerate(files, 1):
        path = str(Path(file))
        for name in (file, path, path.replace("\\", "\\\\"), Path(file).name):  # errors double the backslashes
            if len(name) >= _SHORTEST_NAME:
                text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", f"file {number} of the series", text)
    return text
