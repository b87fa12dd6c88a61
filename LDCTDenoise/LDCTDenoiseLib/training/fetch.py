"""``ldct fetch``: the public training data from its source, converted as it was for the shipped networks.

The sources (:mod:`.sources`) name collection, patient and geometry, not series, so a patient's series are tried: one
image of each is looked at, those of the right pixel size and position are downloaded, and the SHA-256 of the converted
voxels decides. How the slices were chosen and averaged follows from the geometry of the converted volumes (slice
position = mean position of what was averaged; rounded half to even); this reproduces the digests of
``crlm_1004_cap_ge`` from its DICOM series and the slices of ``lidc_0314_chest_philips_avg3`` from their raw slices. For
the other volumes it is inferred. The single slices came from a teaching set made of TCIA images and are looked for by
their digests among their patients' series; those that TCIA does not hold in this form are reported as missing.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..ctvolume import CTVolume, VolumeError
from ..hu import FLOOR_HU
from ..safewrite import complete_or_absent
from ..volumeio import read_volume, write_volume
from .archive import Archive, ArchiveError
from .mayo import read_slice
from .sources import COLLECTIONS, SOURCES, TCIA_CITATION, USAGE_POLICY, SliceSource, VolumeSource

_TOLERANCE_MM = 0.02
_SHORT_DIGEST = 16


class FetchError(RuntimeError):
    """Some of the data could not be fetched; what could is there."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``ldct fetch``."""
    parser.add_argument("folder", type=Path, help="where train/ and validation/ are written; complete files are kept")


def run(args: argparse.Namespace) -> Path:
    """Fetch what is missing in the folder and return it; a line per file on stderr. Raises FetchError."""
    return fetch(args.folder, report=lambda text: print(text, file=sys.stderr, flush=True))


def fetch(folder: Path, *, archive: Archive | None = None, sources=SOURCES, report=lambda text: None) -> Path:
    """Fetch and convert ``sources`` into ``folder``, skipping files that are there with the right voxels.

    Each file appears complete, with ``<file>.attribution.txt`` beside it, or not at all.

    Raises:
        FetchError: some files could not be fetched; the message names each and why. The others are there.
    """
    archive = archive or Archive()
    missing = []
    for source in sources:
        path = Path(folder) / source.path
        if is_valid(path, source):
            report(f"{source.path}: already there")
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write = _fetch_volume if isinstance(source, VolumeSource) else _fetch_slices
            write(archive, source, path)
            report(f"{source.path}: fetched, SHA-256 as expected")
        except (ArchiveError, VolumeError) as error:
            missing.append(f"{source.path}: {error}")
            report(missing[-1])
    if missing:
        raise FetchError(f"{len(missing)} of {len(sources)} files could not be fetched. " + " ".join(missing))
    return Path(folder)


def is_valid(path: Path, source: VolumeSource | SliceSource) -> bool:
    """Whether the file (and the table of single slices) is there and its voxels have the digest they should have."""
    if not path.is_file() or (isinstance(source, SliceSource) and not table_of(path).is_file()):
        return False
    try:
        return digest(read_volume(path).array) == source.sha256
    except VolumeError:
        return False


def digest(array: np.ndarray) -> str:
    """Return the SHA-256 of CT numbers as little-endian int16."""
    return hashlib.sha256(np.ascontiguousarray(array, "<i2").tobytes()).hexdigest()


def table_of(path: Path) -> Path:
    """Return the path of the table of pixel sizes of a file of single slices."""
    return path.with_name(path.name.removesuffix(".nii.gz") + ".csv")


def converted(volume: CTVolume, source: VolumeSource) -> np.ndarray | None:
    """Cut, average and clip a series as ``source`` says; None if it does not hold all of its slices."""
    bottom, step = volume.affine[2, 3], volume.affine[2, 2]
    width = source.spacing[2] / source.mean_of
    positions = (source.origin[2] + source.spacing[2] * np.arange(source.slices)[:, None]
                 + width * (np.arange(source.mean_of) - (source.mean_of - 1) / 2))
    indices = np.rint((positions - bottom) / step).astype(int)
    if indices.min() < 0 or indices.max() >= len(volume.array):
        return None
    if np.abs(bottom + step * indices - positions).max() > _TOLERANCE_MM:
        return None
    clipped = np.maximum(volume.array, int(FLOOR_HU))
    return np.rint(clipped[indices].mean(1)).astype(np.int16)


def _fetch_volume(archive: Archive, source: VolumeSource, path: Path):
    tried = 0
    for series in archive.series(source.collection, source.patient, source.slices * source.mean_of):
        if not _fits(archive.first_header(series), source.spacing[:2], source.origin[:2]):
            continue
        with tempfile.TemporaryDirectory() as downloads:
            archive.download(series, Path(downloads))
            volume = read_volume(downloads)
        tried += 1
        array = converted(volume, source)
        if array is not None and digest(array) == source.sha256:
            affine = np.diag([*source.spacing, 1.0])
            affine[:3, 3] = source.origin
            write_volume(CTVolume(array=array, affine=affine, metadata={}), path)
            _write_attribution(path, source)
            return
    raise ArchiveError(f"no series of the patient gives the expected voxels ({tried} downloaded).")


def _fetch_slices(archive: Archive, source: SliceSource, path: Path):
    wanted = {member[3] for member in source.members}
    slices: dict[str, np.ndarray] = {}
    for collection, patient in sorted({member[:2] for member in source.members}):
        theirs = {m[3] for m in source.members if m[:2] == (collection, patient)}
        sizes = [m[2] for m in source.members if m[:2] == (collection, patient)]
        for image in _images(archive, collection, patient, sizes):
            slices.update({d: image for d in [digest(image)[:_SHORT_DIGEST]] if d in theirs})
            if theirs <= slices.keys():
                break
    if wanted - slices.keys():
        raise ArchiveError(f"{len(wanted - slices.keys())} of {len(wanted)} slices were not found among their "
                           "patients' series.")
    array = np.stack([slices[member[3]] for member in source.members])
    rows = [{"slice": n, "collection": c, "patient": p, "spacing": s} for n, (c, p, s, _) in enumerate(source.members)]
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    with complete_or_absent(table_of(path)) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", newline="")
    write_volume(CTVolume(array=array, affine=np.eye(4), metadata={}), path)
    _write_attribution(path, source)


def _images(archive: Archive, collection: str, patient: str, sizes: list[float]) -> Iterator[np.ndarray]:
    """All slices of the patient's series with one of these pixel sizes, int16, clipped."""
    for series in archive.series(collection, patient):
        header = archive.first_header(series)
        if not any(_fits(header, (size, size)) for size in sizes):
            continue
        with tempfile.TemporaryDirectory() as downloads:
            archive.download(series, Path(downloads))
            for path in sorted(Path(downloads).iterdir()):
                yield np.rint(read_slice(path)).astype(np.int16)


def _fits(header, spacing, origin=None) -> bool:
    """Whether a slice is axial, with these pixel sizes (x, y) and, where given, this position in its plane."""
    keys = ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient")
    if any(header.get(key) is None for key in keys):
        return False
    pixel, position, orientation = (np.array([float(v) for v in header.get(key)]) for key in keys)
    if not np.allclose(orientation, (1, 0, 0, 0, 1, 0), atol=1e-3) or not np.allclose(pixel[::-1], spacing, atol=1e-4):
        return False
    return origin is None or np.allclose(position[:2], origin, atol=_TOLERANCE_MM)


def _write_attribution(path: Path, source: VolumeSource | SliceSource):
    lines = [f"{path.name}: CT images of The Cancer Imaging Archive, converted: slices chosen or averaged, clipped at "
             f"{FLOOR_HU:.0f} HU.", ""]
    for name in source.collections:
        licence, address, doi = COLLECTIONS[name]
        lines.append(f"Collection {name}, https://doi.org/{doi}, licence {licence} ({address}).")
    lines += ["", TCIA_CITATION, f"Data usage policy: {USAGE_POLICY}",
              "No attempt may be made to identify a person, faces included.", ""]
    with complete_or_absent(path.with_name(path.name + ".attribution.txt")) as temporary:
        temporary.write_text(os.linesep.join(lines), encoding="utf-8", newline="")
