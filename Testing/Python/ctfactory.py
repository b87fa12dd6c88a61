"""Small synthetic CT series written as DICOM, for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SHAPE = (5, 24, 32)


def body(shape=SHAPE, seed=0) -> np.ndarray:
    """A soft-tissue ellipse in noisy air, int16 HU, different in every slice."""
    row, column = np.mgrid[: shape[1], : shape[2]]
    inside = ((row / shape[1] - 0.5) ** 2 + (column / shape[2] - 0.5) ** 2) < 0.1
    noise = np.random.default_rng(seed).normal(0, 10, shape)
    return np.clip(np.rint(np.where(inside, 40, -980) + noise), -1024, 3071).astype(np.int16)


def write_series(folder: Path, hu: np.ndarray | None = None, *, spacing=(2.5, 0.8, 0.7), origin=(-10.25, 20.5, -300.0),
                 orientation=(1, 0, 0, 0, 1, 0), positions=None, slope=1, intercept=-1024, signed=False, stored=None,
                 names=None, **tags) -> list[Path]:
    """Write one series and return its files in order along the normal.

    ``spacing`` is (slice, row, column) in mm; ``positions`` replaces the regular slice positions; ``stored`` gives the
    stored values directly; ``names`` the file names (default: in an order unlike the order of the slices); ``tags`` set
    or, with None, remove header elements of every slice.
    """
    hu = body() if hu is None and stored is None else hu
    stored = np.rint((hu.astype(float) - intercept) / slope).astype(int) if stored is None else np.asarray(stored)
    count = len(stored)
    row, column = np.array(orientation[:3], float), np.array(orientation[3:], float)
    if positions is None:
        positions = [np.array(origin) + k * spacing[0] * np.cross(row, column) for k in range(count)]
    names = names or [f"I{(7 * k + 3) % 101:03d}.dcm" for k in range(count)]
    folder.mkdir(parents=True, exist_ok=True)
    shared = {"SeriesInstanceUID": generate_uid(), "StudyInstanceUID": generate_uid(),
              "FrameOfReferenceUID": generate_uid()}
    paths = []
    for k in range(count):
        header = Dataset()
        header.SOPClassUID, header.SOPInstanceUID = CTImageStorage, generate_uid()
        header.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        header.Modality, header.Manufacturer, header.ConvolutionKernel, header.KVP = "CT", "Test", "B30f", 120
        header.PatientName, header.PatientID = "Doe^Jane", "12345"
        header.SeriesDescription, header.SeriesNumber, header.InstanceNumber = "Abdomen", 4, count - k
        header.SliceThickness, header.SoftwareVersions = spacing[0], "1.0"
        header.ImageOrientationPatient = [round(float(v), 12) for v in orientation]
        header.ImagePositionPatient = [round(float(v), 9) for v in positions[k]]
        header.PixelSpacing = list(spacing[1:])
        header.Rows, header.Columns = stored.shape[1:]
        header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
        header.BitsAllocated = header.BitsStored = 16
        header.HighBit, header.PixelRepresentation = 15, int(signed)
        header.RescaleSlope, header.RescaleIntercept, header.RescaleType = slope, intercept, "HU"
        header.WindowCenter, header.WindowWidth = 40, 400
        header.PixelData = stored[k].astype("<i2" if signed else "<u2").tobytes()
        for keyword, value in {**shared, **tags}.items():
            if value is None:
                delattr(header, keyword)
            else:
                setattr(header, keyword, value)
        paths.append(save(header, folder / names[k]))
    return paths


def save(header: Dataset, path: Path) -> Path:
    """Write a dataset as an explicit little-endian DICOM file, with pydicom 2 or 3."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
    file = FileDataset(str(path), header, file_meta=meta, preamble=b"\0" * 128)
    if pydicom.__version__.startswith("2."):  # there the dataset, not the file meta, decides on the encoding
        file.is_little_endian, file.is_implicit_VR = True, False
    file.save_as(path)
    return path


def coloured_noise(kernel, shape=(6, 192, 192), sd=12.0, pixel=(0.8, 0.8), seed=0) -> np.ndarray:
    """Noise with the power spectrum f H(f)^2."""
    f = np.hypot(np.fft.fftfreq(shape[1], pixel[0])[:, None], np.fft.rfftfreq(shape[2], pixel[1]))
    white = np.random.default_rng(seed).normal(size=shape)
    noise = np.fft.irfft2(np.fft.rfft2(white) * np.sqrt(f) * kernel.response(f), s=shape[1:])
    return noise * (sd / noise.std())
