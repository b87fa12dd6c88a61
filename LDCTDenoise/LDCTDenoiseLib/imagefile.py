"""CT volumes in single files (NIfTI, NRRD, MetaImage), read and written with SimpleITK.

SimpleITK uses LPS millimetres, as this package does, so geometry passes through unchanged. NIfTI stores it in float32:
positions come back to about 1e-5 mm, not bit for bit. None of the three formats holds a sheared stack of slices.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .ctvolume import CTVolume, VolumeError, check_axial, not_finite

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha")
_NIFTI_WHOLE_NUMBERS = (2, 4, 8, 256, 512, 768)
"""NIfTI data types uint8, int16, int32, int8, uint16 and uint32."""
_NIFTI_FLOATS = {16: np.dtype(np.float32), 64: np.dtype(np.float64)}
_NIFTI_HEADER_SIZES = (348, 540)
_BLOCK = 1 << 22
_GZIP_MAGIC = b"\x1f\x8b"
_SHEARED = "slices are not stacked at right angles (sheared geometry)"
_ITK_SHEARED = "orthonormal"
"""In what ITK says of a sheared NIfTI header, and of nothing else."""


def suffix_of(path: Path) -> str | None:
    """Return which of SUFFIXES the file name ends with, in lower case, or None."""
    name = path.name.lower()
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix)), None)


def read_image(path: Path) -> CTVolume:
    """Read one volume. Raises VolumeError for anything that is not one complete scalar 3-D image of axial slices."""
    import SimpleITK as sitk

    if path.stat().st_size == 0:
        raise VolumeError(f"{path.name} is empty. Copy or export it again.")
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    with _clear_errors(path, "cannot be read; it may be damaged, truncated or of another format"):
        reader.ReadImageInformation()
        _check_shape(path, reader)
        if suffix_of(path) in (".nii", ".nii.gz"):
            _check_nifti_data(path, reader)
        elif suffix_of(path) == ".mha":
            _check_metaimage_data(path, reader)
        image = reader.Execute()
    if image.GetDimension() == 4:
        image = image[:, :, :, 0]
    array = sitk.GetArrayFromImage(image)
    if suffix_of(path) in (".nii", ".nii.gz"):
        array = _stored_whole_numbers(array, reader)
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    check_axial(affine, path.name)
    return CTVolume(array=array, affine=affine, metadata={"format": suffix_of(path)[1:]}, files=(str(path),))


def check_geometry(affine: np.ndarray) -> None:
    """Raise VolumeError for a sheared geometry, which the formats cannot hold."""
    direction = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    if not np.allclose(direction.T @ direction, np.eye(3), atol=1e-4):
        raise VolumeError(
            f"The {_SHEARED}, which image files cannot hold. Write a DICOM folder, or resample the volume first."
        )


def write_image(volume: CTVolume, path: Path) -> None:
    """Write the volume to ``path`` in the format of its suffix, in the array's own type.

    Raises VolumeError for a geometry that the formats cannot hold and OSError if writing fails.
    """
    import SimpleITK as sitk

    check_geometry(volume.affine)
    spacing = np.linalg.norm(volume.affine[:3, :3], axis=0)
    direction = volume.affine[:3, :3] / spacing
    image = sitk.GetImageFromArray(np.ascontiguousarray(volume.array))
    image.SetSpacing(spacing.tolist())
    image.SetDirection(direction.ravel().tolist())
    image.SetOrigin(volume.affine[:3, 3].tolist())
    try:
        sitk.WriteImage(image, str(path), useCompression=suffix_of(path) != ".nii")
    except RuntimeError as error:
        raise OSError(f"Writing the image failed: {_last_line(error)}") from error


@contextmanager
def _clear_errors(path: Path, what: str) -> Iterator[None]:
    """Turn SimpleITK's multi-line errors into one sentence, and keep its warnings off the terminal."""
    import SimpleITK as sitk

    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    except RuntimeError as error:
        if _ITK_SHEARED in str(error):
            raise VolumeError(f"{path.name} cannot be read: its {_SHEARED}. Give the DICOM folder, or resample the "
                              "volume first.") from error
        raise VolumeError(f"{path.name} {what} ({_last_line(error)}).") from error
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return re.sub(r"^(ITK |sitk::)ERROR: ", "", lines[-1]).rstrip(".") if lines else type(error).__name__


def _check_shape(path: Path, reader) -> None:
    size, components = reader.GetSize(), reader.GetNumberOfComponents()
    if components != 1:
        raise VolumeError(
            f"{path.name} holds {components} values per voxel (a colour or vector image). "
            "Give a CT with one value in HU."
        )
    if len(size) < 3 or (len(size) == 4 and size[3] != 1) or len(size) > 4:
        raise VolumeError(
            f"{path.name} has {len(size)} dimensions, but a CT volume has three. "
            "Save each time point, or the single slice with its position, as a 3-D volume."
        )


def _check_nifti_data(path: Path, reader) -> None:
    """Look at the bytes of a NIfTI file, because ITK reads truncated files, and NaN as zero, without complaint."""
    offset = int(float(reader.GetMetaData("vox_offset")))
    floats = _NIFTI_FLOATS.get(int(reader.GetMetaData("datatype")))
    needed = offset + int(np.prod(reader.GetSize())) * int(reader.GetMetaData("bitpix")) // 8
    with open(path, "rb") as file:
        compressed = file.read(2) == _GZIP_MAGIC
    present = bad = 0
    try:
        with (gzip.open if compressed else open)(path, "rb") as file:
            header = file.read(offset)
            order = "<" if int.from_bytes(header[:4], "little") in _NIFTI_HEADER_SIZES else ">"
            present = len(header)
            while block := file.read(min(_BLOCK, max(needed - present, 0))):
                present += len(block)
                if floats is not None:
                    values = np.frombuffer(block[: len(block) // floats.itemsize * floats.itemsize],
                                           floats.newbyteorder(order))
                    bad += np.count_nonzero(~np.isfinite(values))
    except (EOFError, OSError, zlib.error) as error:
        raise VolumeError(f"{path.name} is truncated or damaged ({error}). Copy or export it again.") from error
    if present < needed:
        raise VolumeError(f"{path.name} is truncated: it holds {present} of {needed} bytes. Copy or export it again.")
    if bad:
        raise not_finite(path.name, bad)


def _check_metaimage_data(path: Path, reader) -> None:
    """Refuse a truncated MetaImage before ITK reads it, which prints lines of its own and names a wrong reason."""
    import SimpleITK as sitk

    fields, header = {}, 0
    with open(path, "rb") as file:
        for line in file:
            name, _, value = line.decode("latin-1").partition("=")
            fields[name.strip()] = value.strip()
            header += len(line)
            if name.strip() == "ElementDataFile":
                break
    if fields["ElementDataFile"].upper() != "LOCAL":
        return
    needed = int(np.prod(reader.GetSize())) * sitk.Image([1, 1, 1], reader.GetPixelID()).GetSizeOfPixelComponent()
    if fields.get("CompressedData", "").lower() == "true":
        needed = int(fields.get("CompressedDataSize", 0))
    present = path.stat().st_size - header
    if present < needed:
        raise VolumeError(f"{path.name} is truncated: it holds {present} of {needed} bytes. Copy or export it again.")


def _stored_whole_numbers(array: np.ndarray, reader) -> np.ndarray:
    """Undo ITK's cast to float where the NIfTI header scales whole numbers to whole numbers, as int16 minus 1024."""
    whole_on_disk = int(reader.GetMetaData("datatype")) in _NIFTI_WHOLE_NUMBERS
    slope, intercept = float(reader.GetMetaData("scl_slope")), float(reader.GetMetaData("scl_inter"))
    if array.dtype.kind != "f" or not whole_on_disk or not slope.is_integer() or not intercept.is_integer():
        return array
    low, high = array.min(), array.max()
    for dtype in (np.int16, np.int32):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            # float32 holds whole numbers exactly up to 2**24, far beyond any CT number.
            return np.rint(array).astype(dtype)
    return array
