"""A candidate set as a folder: one volume per candidate, all numbers as JSON, a contact sheet and a trade-off plot."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from LDCTDenoiseLib import imagefile
from LDCTDenoiseLib.ctvolume import CTVolume, VolumeError
from LDCTDenoiseLib.safewrite import complete_or_absent
from LDCTDenoiseLib.volumeio import check_outside, write_volume

from .candidatedocument import document_of
from .candidatefigures import check_figures, draw_contact_sheet, draw_trade_off
from .candidateregion import as_dict, everything
from .didengine import CandidateReply

NUMBERS, CONTACT_SHEET, TRADE_OFF = "candidates.json", "contact_sheet.png", "trade_off.png"
DEFAULT_SUFFIX = ".nrrd"


def check_store(folder: str | os.PathLike, source: CTVolume) -> None:
    """Raise if a set made from ``source`` cannot be stored in ``folder``: before the work rather than after it.

    Raises:
        VolumeError: the folder is there and not empty, has no parent, or lies inside the DICOM folder of ``source``, or
            image files cannot hold the geometry.
        RuntimeError: matplotlib is missing.
    """
    folder = Path(folder).absolute()
    if not folder.parent.is_dir():
        raise VolumeError(f"The folder {folder.parent} does not exist. Create it first.")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise VolumeError(f"{folder} is already there and not an empty folder. Choose another name.")
    check_outside(folder, source)
    imagefile.check_geometry(source.affine)
    check_figures()


def store_candidates(reply: CandidateReply, source: CTVolume, folder: str | os.PathLike, name: str,
                     first_slice: int = 0, default_image: str | None = None,
                     box: tuple[slice, slice, slice] | None = None) -> dict:
    """Write a candidate set to ``folder``, which appears complete or not at all.

    Args:
        reply: the candidates of ``source``, of all its slices or of some.
        source: the volume they were made from. Its format is that of the candidates' files, ``.nrrd`` for DICOM.
        folder: is made, and may exist only if it is empty.
        name: of the source, for the JSON and the pictures; no patient's name.
        first_slice: number of the candidates' first slice in ``source``.
        default_image: the filter or image that the network was fitted to, if any.
        box: the slices, rows and columns of ``source`` that the candidates cover where these are no whole slices. The
            files then hold all of ``source``, with its own voxels around the box; the pictures show the box.

    Returns:
        What candidates.json says, see :func:`.candidatedocument.document_of`.

    Raises:
        VolumeError, RuntimeError: as :func:`check_store`.
        OSError: writing failed.
    """
    check_store(folder, source)
    slices = len(reply.candidates[0].array)
    limits = everything(source.array.shape)
    volume = _part(source, slices, first_slice) if box is None else source
    covered = box or (slice(first_slice, first_slice + slices), *limits[1:])
    document = _document(reply, volume, name, as_dict(covered, limits), default_image)
    shown = slices // 2
    title = f"{name}: {reply.model} {reply.version}, {reply.settings.method}"
    with complete_or_absent(folder) as temporary:
        temporary.mkdir()
        for candidate, entry in zip(reply.candidates, document["candidates"]):
            array = candidate.array if box is None else _placed(candidate.array, source.array, box)
            write_volume(volume.replace_array(array), temporary / entry["file"])
        (temporary / NUMBERS).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        draw_contact_sheet(
            temporary / CONTACT_SHEET, [candidate.array[shown] for candidate in reply.candidates], reply.measurements,
            volume.spacing, f"{title}; slice {covered[0].start + shown}, window -160 to 240 HU",
            flip=(bool(volume.affine[1, 1] < 0), bool(volume.affine[0, 0] < 0)))
        draw_trade_off(temporary / TRADE_OFF, reply.measurements, title)
    return document


def _part(source: CTVolume, slices: int, first: int) -> CTVolume:
    """The slices of the source that the candidates cover, in their place."""
    affine = source.affine.copy()
    affine[:3, 3] += first * affine[:3, 2]
    return replace(source, array=source.array[first:first + slices], affine=affine, padding=None, files=())


def _placed(part: np.ndarray, whole: np.ndarray, box) -> np.ndarray:
    """A copy of ``whole`` with ``part`` in its ``box``."""
    array = whole.copy()
    array[box] = part
    return array


def _document(reply: CandidateReply, volume: CTVolume, name: str, region: dict | None,
              default_image: str | None) -> dict:
    suffix = f".{volume.metadata.get('format')}"
    suffix = suffix if suffix in imagefile.SUFFIXES else DEFAULT_SUFFIX
    places = [{"file": f"{number:02d}-{one.kind}-{one.noise_sd_hu:.1f}HU{suffix}"}
              for number, one in enumerate(reply.measurements, 1)]
    geometry = {"shape": list(volume.array.shape), "dtype": str(volume.array.dtype),
                "spacing_mm": list(volume.spacing), "ijk_to_lps": np.asarray(volume.affine).tolist()}
    acquisition = {key: value for key, value in volume.metadata.items() if key != "format"}
    return document_of(reply, name, places, region=region, default_image=default_image, geometry=geometry,
                       acquisition=acquisition)
