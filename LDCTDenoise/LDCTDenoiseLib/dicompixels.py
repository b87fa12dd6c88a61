"""Pixel data of one DICOM slice: stored values, rescale to HU, declared padding (PS3.3 C.7.5.1.1, C.7.6.3, C.11.1)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .ctvolume import VolumeError

_LOSSY_SYNTAXES = {
    "1.2.840.10008.1.2.4.50",  # JPEG baseline
    "1.2.840.10008.1.2.4.51",  # JPEG extended
    "1.2.840.10008.1.2.4.81",  # JPEG-LS near-lossless
}


def stored_values(dataset, path: Path) -> np.ndarray:
    """Return the stored values (row, column) of a slice, before the rescale, as whole numbers.

    Raises VolumeError for pixel data that is missing, truncated or compressed in a way nobody here can decode.
    """
    if "TransferSyntaxUID" not in dataset.file_meta:
        raise VolumeError(f"{path.name} does not say how its pixels are encoded (no TransferSyntaxUID). "
                          "Export the series again.")
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        pixels = _decoded_by_gdcm(dataset, path)
    else:
        try:
            pixels = dataset.pixel_array
        except Exception as error:  # ValueError for short data, AttributeError and others for missing elements.
            raise VolumeError(
                f"The pixel data of {path.name} is missing or truncated ({error}). Copy the series again."
            ) from error
    if pixels.dtype.kind not in "iu":
        raise VolumeError(f"{path.name} stores {pixels.dtype} pixels, which a CT image does not have.")
    return _without_unused_bits(pixels, dataset)


def rescale_of(dataset, path: Path) -> tuple[float, float]:
    """Return slope and intercept of the rescale from stored values to HU; 1 and 0 where the header has none."""
    if "ModalityLUTSequence" in dataset:
        raise VolumeError(f"{path.name} has a lookup table instead of a rescale slope and intercept. Export it as HU.")
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    slope = 1.0 if slope is None else float(slope)
    intercept = 0.0 if intercept is None else float(intercept)
    if slope == 0 or not np.isfinite([slope, intercept]).all():
        raise VolumeError(f"{path.name} has a rescale slope of {slope} and an intercept of {intercept}.")
    return slope, intercept


def to_hu(stored: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    """Apply the rescale: int16 where slope and intercept are whole and the values fit, else int32, else float32."""
    if not slope.is_integer() or not intercept.is_integer():
        return (stored * slope + intercept).astype(np.float32)
    hu = stored.astype(np.int64) * int(slope) + int(intercept)
    limits = np.iinfo(np.int16)
    fits = limits.min <= hu.min() and hu.max() <= limits.max
    return hu.astype(np.int16 if fits else np.int32)


def padding_of(stored: np.ndarray, dataset) -> np.ndarray:
    """Return where the stored values are the declared PixelPaddingValue, or up to its PixelPaddingRangeLimit."""
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return np.zeros(stored.shape, dtype=bool)
    limit = dataset.get("PixelPaddingRangeLimit")
    ends = [_as_stored(int(end), dataset) for end in (value, value if limit is None else limit)]
    return (stored >= min(ends)) & (stored <= max(ends))


def is_lossy(dataset) -> bool:
    """Whether the slice was compressed with losses, by its header or by its transfer syntax."""
    return dataset.get("LossyImageCompression") == "01" or dataset.file_meta.TransferSyntaxUID in _LOSSY_SYNTAXES


def _as_stored(value: int, dataset) -> int:
    """Padding values are often written as unsigned in signed images and the reverse; wrap them into the right range."""
    bits = int(dataset.BitsAllocated)
    if dataset.PixelRepresentation == 1 and value >= 1 << (bits - 1):
        return value - (1 << bits)
    if dataset.PixelRepresentation == 0 and value < 0:
        return value + (1 << bits)
    return value


def _without_unused_bits(pixels: np.ndarray, dataset) -> np.ndarray:
    """Drop bits above BitsStored (old overlays) and extend the sign, but leave padding, which may use all bits."""
    unused = 8 * pixels.dtype.itemsize - int(dataset.get("BitsStored") or 8 * pixels.dtype.itemsize)
    if unused <= 0:
        return pixels
    shifted = (pixels << unused) >> unused
    return np.where(padding_of(pixels, dataset), pixels, shifted)


def _decoded_by_gdcm(dataset, path: Path) -> np.ndarray:
    """Decode with SimpleITK's GDCM: JPEG, JPEG-LS, JPEG 2000 and RLE, for which pydicom needs further packages."""
    import SimpleITK as sitk

    try:
        hu = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0].astype(np.float64)
    except RuntimeError as error:
        raise VolumeError(
            f"The pixel data of {path.name} ({dataset.file_meta.TransferSyntaxUID.name}) cannot be decoded; it is "
            "damaged or of a rare compression. Export the series uncompressed."
        ) from error
    slope, intercept = rescale_of(dataset, path)
    dtype = np.int32 if int(dataset.BitsAllocated) > 16 else (np.int16 if dataset.PixelRepresentation else np.uint16)
    return np.rint((hu - intercept) / slope).astype(dtype)
