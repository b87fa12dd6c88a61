"""A candidate set as a folder: one volume per candidate, all numbers as JSON, a contact sheet and a trade-off plot."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from LDCTDenoiseLib import __version__, imagefile
from LDCTDenoiseLib.ctvolume import CTVolume, VolumeError
from LDCTDenoiseLib.safewrite import complete_or_absent
from LDCTDenoiseLib.volumeio import write_volume

from .candidatefigures import check_figures, draw_contact_sheet, draw_trade_off
from .didengine import CandidateReply

NUMBERS, CONTACT_SHEET, TRADE_OFF = "candidates.json", "contact_sheet.png", "trade_off.png"
DEFAULT_SUFFIX = ".nrrd"


def check_store(folder: str | os.PathLike, source: CTVolume) -> None:
    """Raise if a set made from ``source`` cannot be stored in ``folder``: before the work rather than after it.

    Raises:
        VolumeError: the folder is there and not empty, or has no parent, or image files cannot hold the geometry.
        RuntimeError: matplotlib is missing.
    """
    folder = Path(folder).absolute()
    if not folder.parent.is_dir():
        raise VolumeError(f"The folder {folder.parent} does not exist. Create it first.")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise VolumeError(f"{folder} is already there and not an empty folder. Choose another name.")
    imagefile.check_geometry(source.affine)
    check_figures()


def store_candidates(reply: CandidateReply, source: CTVolume, folder: str | os.PathLike, name: str,
                     first_slice: int = 0) -> dict:
    """Write a candidate set to ``folder``, which appears complete or not at all.

    Args:
        reply: the candidates of ``source``, of all its slices or of some.
        source: the volume they were made from. Its format is that of the candidates' files, ``.nrrd`` for DICOM.
        folder: is made, and may exist only if it is empty.
        name: of the source, for the JSON and the pictures; no patient's name.
        first_slice: number of the candidates' first slice in ``source``.

    Returns:
        What candidates.json says: model, weights, settings, software, geometry, acquisition, and for every candidate
        its file and measurements.

    Raises:
        VolumeError, RuntimeError: as :func:`check_store`.
        OSError: writing failed.
    """
    check_store(folder, source)
    volume = _part(source, reply.candidates[0].array.shape[0], first_slice)
    document = _document(reply, volume, name, first_slice)
    shown = len(volume.array) // 2
    title = f"{name}: {reply.model} {reply.version}, {reply.settings.method}"
    with complete_or_absent(folder) as temporary:
        temporary.mkdir()
        for candidate, entry in zip(reply.candidates, document["candidates"]):
            write_volume(volume.replace_array(candidate.array), temporary / entry["file"])
        (temporary / NUMBERS).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        draw_contact_sheet(
            temporary / CONTACT_SHEET, [candidate.array[shown] for candidate in reply.candidates], reply.measurements,
            volume.spacing, f"{title}; slice {first_slice + shown}, window -160 to 240 HU",
            flip=(bool(volume.affine[1, 1] < 0), bool(volume.affine[0, 0] < 0)))
        draw_trade_off(temporary / TRADE_OFF, reply.measurements, title)
    return document


def _part(source: CTVolume, slices: int, first: int) -> CTVolume:
    """The slices of the source that the candidates cover, in their place."""
    affine = source.affine.copy()
    affine[:3, 3] += first * affine[:3, 2]
    return replace(source, array=source.array[first:first + slices], affine=affine, padding=None, files=())


def _document(reply: CandidateReply, volume: CTVolume, name: str, first_slice: int) -> dict:
    suffix = f".{volume.metadata.get('format')}"
    suffix = suffix if suffix in imagefile.SUFFIXES else DEFAULT_SUFFIX
    candidates = []
    for number, (candidate, measured) in enumerate(zip(reply.candidates, reply.measurements), 1):
        candidates.append({
            "file": f"{number:02d}-{candidate.kind}-{measured.noise_sd_hu:.1f}HU{suffix}",
            "words": measured.sentence(), "tuning_noise_sd_hu": candidate.tuning_noise_sd, **measured.as_dict()})
    return {
        "format": 1, "software_version": __version__, "source": name, "model": reply.model, "version": reply.version,
        "weights_sha256": reply.weights_sha256, "device": reply.device, "precision": reply.precision,
        "seconds": reply.seconds, "settings": asdict(reply.settings), "fit_to_default_image": reply.fit,
        "geometry": {
            "shape": list(volume.array.shape), "first_slice": first_slice, "dtype": str(volume.array.dtype),
            "spacing_mm": list(volume.spacing), "ijk_to_lps": np.asarray(volume.affine).tolist()},
        "acquisition": {key: value for key, value in volume.metadata.items() if key != "format"},
        "default": reply.default, "outcomes": dict(reply.outcomes), "messages": list(reply.messages),
        "candidates": candidates,
    }
