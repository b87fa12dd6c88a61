"""Writing a processed CT volume as a DICOM series derived from its source.

The headers are those of the source images, with what PS3.3 asks of a derived image: new instance and series UIDs,
ImageType DERIVED\\SECONDARY, DerivationDescription, SourceImageSequence (C.7.6.1.1.3-4) and an item of the
ContributingEquipmentSequence (C.12.1.1.5). There is no DerivationCodeSequence: the standard's list of derivations
(CID 7203) has no code for noise reduction, and "smoothing" would be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from . import __version__
from .ctvolume import CTVolume, VolumeError
from .dicompixels import is_lossy, rescale_of, stored_values
from .safewrite import complete_or_absent

SOFTWARE = f"LDCTDenoise {__version__}"
NOT_CLINICAL = "Not for clinical use."
_EARLIER = " | before: "
_STALE = (
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "SmallestPixelValueInSeries",
    "LargestPixelValueInSeries",
    "IconImageSequence",
    "DigitalSignaturesSequence",
    "MACParametersSequence",
    "InstanceCreatorUID",
)
_MAX_SHORT_TEXT, _MAX_LONG_STRING, _MAX_SERIES_NUMBER = 1024, 64, 2**31 - 1


@dataclass(frozen=True)
class _Derivation:
    """What all images of the new series share."""

    series_uid: str
    time: datetime
    provenance: Mapping[str, object]


def write_dicom(volume: CTVolume, folder: Path, source: CTVolume, provenance: Mapping[str, object],
                tell: Callable[[], None] = lambda: None) -> None:
    """Write ``volume`` as a new CT series into ``folder``, which must be empty or absent.

    ``source`` is the volume read from DICOM that ``volume`` was made from: same shape, same geometry. Stored values use
    the source's own rescale and are limited to its pixel type; voxels that did not change, and padding in any case, are
    copied bit for bit. Study, patient, frame of reference, acquisition and window stay; private elements, which
    describe the source's pixels, are left out. DerivationDescription says that this is not for clinical use, then the
    ``provenance``, apart from entries whose name starts with "source": the source is referenced by UID instead, and
    paths can hold names. ``tell`` is called after each image; what it raises ends the writing.

    Raises VolumeError before anything is written if the volumes do not match or ``source`` was not read from DICOM.
    """
    check_dicom_output(volume, folder, source)
    from pydicom.uid import generate_uid

    derivation = _Derivation(generate_uid(prefix=None), datetime.now(), provenance)
    with complete_or_absent(folder) as temporary:
        temporary.mkdir()
        for k, name in enumerate(source.files):
            dataset = _derived(k, Path(name), volume, source, derivation)
            _save(dataset, temporary / f"{k + 1:04d}.dcm")
            tell()


def check_dicom_output(volume: CTVolume, folder: Path, source: CTVolume) -> None:
    """Raise VolumeError if ``volume`` cannot be written to ``folder`` as a series derived from ``source``."""
    if source.metadata.get("format") != "dicom":
        raise VolumeError(
            "A DICOM series can only be written for a volume that was read from DICOM, because study and patient come "
            "from there. Give the output a suffix (.nii.gz, .nrrd or .mha)."
        )
    if volume.array.shape != source.array.shape or not np.allclose(volume.affine, source.affine, atol=1e-3):
        raise VolumeError("The volume and its DICOM source differ in size or geometry, so slices cannot be matched.")
    if volume.array.dtype.kind == "f" and not np.isfinite(volume.array).all():
        raise VolumeError("The volume holds NaN or infinite values, which DICOM cannot store.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise VolumeError(f"{folder.name} exists and is not an empty folder. Choose a new folder for the DICOM series.")


def provenance_in(path: Path) -> dict[str, object]:
    """Return the provenance that :func:`write_dicom` put into the header of a file, as texts; empty for other files."""
    import pydicom

    header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["DerivationDescription"])
    latest = str(header.get("DerivationDescription") or "").partition(_EARLIER)[0]
    found = re.search(r"LDCTDenoise \S+: (.*)", latest)
    return dict(part.split("=", 1) for part in found[1].split("; ") if "=" in part) if found else {}


def _derived(k: int, path: Path, volume: CTVolume, source: CTVolume, derivation: _Derivation):
    """Return the dataset of slice ``k``, made from its source file."""
    import pydicom

    try:
        dataset = pydicom.dcmread(path)
    except Exception as error:  # The file was read before, so it has changed or gone since.
        raise VolumeError(f"The source file {path.name} can no longer be read ({error}).") from error
    stored = stored_values(dataset, path)
    if stored.shape != volume.array.shape[1:]:
        raise VolumeError(f"The source file {path.name} has changed since it was read. Read the series again.")
    slope, intercept = rescale_of(dataset, path)
    unchanged = volume.array[k] == source.array[k]
    if source.padding is not None:
        unchanged |= source.padding[k]
    lossy = is_lossy(dataset)
    _reference_source(dataset)
    _set_identity(dataset, derivation)
    _set_pixels(dataset, stored, np.rint((volume.array[k].astype(np.float64) - intercept) / slope), unchanged)
    if lossy:
        dataset.LossyImageCompression = "01"
    return dataset


def _reference_source(dataset) -> None:
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    reference = Dataset()
    reference.ReferencedSOPClassUID = dataset.SOPClassUID
    reference.ReferencedSOPInstanceUID = dataset.SOPInstanceUID
    reference.PurposeOfReferenceCodeSequence = _code("121322", "Source image for image processing operation")
    dataset.SourceImageSequence = Sequence([reference])


def _set_identity(dataset, derivation: _Derivation) -> None:
    from pydicom.uid import generate_uid

    dataset.remove_private_tags()
    for keyword in _STALE:
        if keyword in dataset:
            delattr(dataset, keyword)
    day, time = derivation.time.strftime("%Y%m%d"), derivation.time.strftime("%H%M%S")
    for event in ("InstanceCreation", "Series", "Content"):
        setattr(dataset, f"{event}Date", day)
        setattr(dataset, f"{event}Time", time)
    plane = list(dataset.get("ImageType") or [])[2:3] or ["AXIAL"]
    dataset.ImageType = ["DERIVED", "SECONDARY", *plane]
    dataset.SOPInstanceUID = generate_uid(prefix=None)
    dataset.SeriesInstanceUID = derivation.series_uid
    number = int(dataset.get("SeriesNumber") or 0) * 100 + 1
    dataset.SeriesNumber = number if number <= _MAX_SERIES_NUMBER else 1
    dataset.SeriesDescription = _series_description(str(dataset.get("SeriesDescription") or ""), derivation.provenance)
    described = f"{NOT_CLINICAL} {SOFTWARE}: {_as_text(derivation.provenance)}"
    earlier = str(dataset.get("DerivationDescription") or "")
    history = f"{described}{_EARLIER}{earlier}" if earlier else described
    dataset.DerivationDescription = _shortened(history, _MAX_SHORT_TEXT)
    _add_software(dataset, derivation.time, described)


def _add_software(dataset, time: datetime, description: str) -> None:
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    versions = dataset.get("SoftwareVersions") or []
    dataset.SoftwareVersions = [*([versions] if isinstance(versions, str) else versions), SOFTWARE]
    equipment = Dataset()
    equipment.PurposeOfReferenceCodeSequence = _code("109102", "Processing Equipment")
    equipment.Manufacturer = "LDCTDenoise, extension of 3D Slicer"
    equipment.ManufacturerModelName = "LDCTDenoise"
    equipment.SoftwareVersions = SOFTWARE
    equipment.ContributionDateTime = time.strftime("%Y%m%d%H%M%S")
    equipment.ContributionDescription = _shortened(description, _MAX_SHORT_TEXT)
    dataset.ContributingEquipmentSequence = Sequence([*dataset.get("ContributingEquipmentSequence", []), equipment])


def _set_pixels(dataset, source: np.ndarray, wanted: np.ndarray, unchanged: np.ndarray) -> None:
    """Store ``wanted`` values, except the ``unchanged`` ones of ``source``, in the pixel type of the source."""
    bits, signed = int(dataset.BitsAllocated), int(dataset.PixelRepresentation) == 1
    dtype = np.dtype(f"<{'i' if signed else 'u'}{bits // 8}")
    values = np.where(unchanged, source, np.clip(wanted, np.iinfo(dtype).min, np.iinfo(dtype).max)).astype(dtype)
    # Fewer stored bits are kept where they suffice; padding and metal may need the whole word.
    used = int(dataset.BitsStored)
    lowest, highest = (-(1 << (used - 1)), (1 << (used - 1)) - 1) if signed else (0, (1 << used) - 1)
    if values.min() < lowest or values.max() > highest:
        dataset.BitsStored, dataset.HighBit = bits, bits - 1
    del dataset.PixelData  # A compressed element would keep its encapsulation.
    dataset.PixelData = values.tobytes()
    dataset["PixelData"].VR = "OW"


def _save(dataset, path: Path) -> None:
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    # A new one: that of the source names the software that wrote the source.
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if int(pydicom.__version__.split(".")[0]) >= 3:
        dataset.save_as(path, enforce_file_format=True)
    else:
        dataset.is_little_endian, dataset.is_implicit_VR = True, False
        dataset.save_as(path, write_like_original=False)


def _code(value: str, meaning: str):
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
    return Sequence([code])


def _as_text(provenance: Mapping[str, object]) -> str:
    return "; ".join(f"{name}={value}" for name, value in provenance.items() if not name.lower().startswith("source"))


def _series_description(original: str, provenance: Mapping[str, object]) -> str:
    """``<original> denoised <model> <strength> %``; the original is shortened to fit, never what was done.

    Of a candidate: ``<original> <operation> <model> <method> noise <share of the input's> %``, or ``<SD> HU``.
    """
    words = [str(provenance.get("operation", "denoised"))]
    words += [str(provenance.get(name, "")) for name in ("model", "method")]
    if "strength" in provenance:
        words.append(f"{100 * float(provenance['strength']):g} %")
    if "noise_share" in provenance:
        words.append(f"noise {100 * float(provenance['noise_share']):.0f} %")
    elif "noise_sd_hu" in provenance:
        words.append(f"noise {float(provenance['noise_sd_hu']):.1f} HU")
    done = " ".join(filter(None, words))[:_MAX_LONG_STRING]
    return f"{_shortened(original, _MAX_LONG_STRING - len(done) - 1)} {done}".strip()


def _shortened(text: str, limit: int) -> str:
    """Cut ``text`` to ``limit`` bytes: DICOM limits characters, but some validators and archives count bytes."""
    return text.encode("utf-8")[:limit].decode("utf-8", errors="ignore")
