"""A CT volume in HU with its geometry, and the checks that every volume passes, whatever file it came from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

MAX_LABEL_VALUES = 128
"""A labelmap holds whole numbers from zero upwards, no more distinct ones than this, in uniform regions."""


class VolumeError(ValueError):
    """A volume that cannot be read, processed or written; the message says what is wrong and what to do."""


@dataclass(frozen=True)
class CTVolume:
    """A CT volume.

    ``array``     (slice, row, column) in HU; the stored type where the rescale allows it (int16 stays int16).
    ``affine``    4x4 float64, maps the voxel (i, j, k, 1) = (column, row, slice, 1) to LPS millimetres. Its columns may
                  point anywhere and may be left-handed.
    ``metadata``  what is known of the acquisition (modality, kernel, kvp, slice_thickness_mm ...), never patient data.
    ``padding``   bool (slice, row, column), voxels that the file itself declares as padding, or None.
    ``warnings``  sentences for the user about what was left out or looks unusual.
    ``files``     DICOM: one file per slice, in slice order; other formats: the one file.
    ``folder``    DICOM: the folder that was searched for them, subfolders included, or None.
    """

    array: np.ndarray
    affine: np.ndarray
    metadata: dict = field(default_factory=dict)
    padding: np.ndarray | None = None
    warnings: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    folder: str | None = None

    def __post_init__(self):
        if self.array.ndim != 3:
            raise VolumeError(f"A CT volume has three axes (slice, row, column), but this array has {self.array.ndim}.")
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all() or np.linalg.det(affine[:3, :3]) == 0:
            raise VolumeError("The geometry of the volume is not a 4x4 matrix that can be inverted.")
        object.__setattr__(self, "affine", affine)
        if self.padding is not None and self.padding.shape != self.array.shape:
            raise VolumeError(f"The padding mask is {self.padding.shape}, but the volume is {self.array.shape}.")

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance between voxel centres in mm along (slice, row, column)."""
        i, j, k = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(k), float(j), float(i)

    def replace_array(self, array: np.ndarray) -> CTVolume:
        """Return the same volume with other voxels of the same shape, for example the denoised ones."""
        if array.shape != self.array.shape:
            raise VolumeError(f"The new array is {array.shape}, but the volume is {self.array.shape}.")
        return replace(self, array=array)


def check_values(array: np.ndarray, name: str) -> list[str]:
    """Refuse values that cannot be a CT; return warnings for values that can hardly be HU.

    ``name`` says in messages which file or folder is meant. Raises VolumeError for an empty array, NaN or infinity, one
    value everywhere (unless it is below zero: a part may show nothing but air) and labelmaps. Cone-beam CT and other
    uncalibrated values pass with a warning.
    """
    if array.size == 0:
        raise VolumeError(f"{name} holds no voxels.")
    if array.dtype.kind == "f":
        bad = np.count_nonzero(~np.isfinite(array))
        if bad:
            raise not_finite(name, bad)
    low, high = float(array.min()), float(array.max())
    if low == high and low >= 0:
        raise VolumeError(f"{name} shows nothing: every voxel is {low:g}. Export it again, or choose another volume.")
    if _is_labelmap(array, low):
        raise VolumeError(
            f"{name} looks like a labelmap (a few whole numbers from {low:g} to {high:g}), not like a CT in HU. "
            "Choose the CT volume instead of its segmentation."
        )
    return _unlikely_hu(array, low, high)


def not_finite(name: str, count: int) -> VolumeError:
    """The error for a volume with ``count`` voxels that are NaN or infinite."""
    return VolumeError(
        f"{name} holds {count} voxels that are NaN or infinite. Replace them (air is -1000 HU) and read it again."
    )


def check_axial(affine: np.ndarray, name: str) -> None:
    """Refuse a volume whose slices do not lie across the body axis, such as a sagittal or coronal reformat.

    The networks work slice by slice on the plane in which the scanner reconstructs; noise looks different in others.
    Oblique volumes are welcome up to 45 degrees.
    """
    normal = np.cross(affine[:3, 0], affine[:3, 1])
    if abs(normal[2]) < np.linalg.norm(normal) * np.sqrt(0.5):
        plane = "sagittal" if abs(normal[0]) > abs(normal[1]) else "coronal"
        raise VolumeError(
            f"{name} is stored as {plane} slices, not stacked along the acquisition axis (foot to head). "
            "Use the axial series, or reorder the axes so that slices are axial."
        )


def _is_labelmap(array: np.ndarray, low: float) -> bool:
    if low < 0:
        return False
    # Most CT volumes are settled by a few voxels; only suspicious ones are looked at in full.
    for values in (array[:: max(1, array.shape[0] // 8), ::4, ::4], array):
        distinct = np.unique(values)
        if len(distinct) > MAX_LABEL_VALUES or np.any(distinct != np.rint(distinct)):
            return False
    # Neighbours of one label are equal; in a CT, noise makes nearly all of them differ.
    return bool(np.mean(array[:, :, 1:] == array[:, :, :-1]) > 0.5)


def _unlikely_hu(array: np.ndarray, low: float, high: float) -> list[str]:
    advice = "Check that the rescale slope and intercept were applied; the networks expect HU (air -1000, water 0)."
    if -10 <= low and high <= 10:
        return [f"All values lie between {low:g} and {high:g}, as if they had been scaled. {advice}"]
    if low >= 0:
        return [f"No value is below zero ({low:g} to {high:g}), so these can hardly be HU. {advice}"]
    sample = array[:, ::4, ::4]
    near_body = np.mean((sample >= -1050) & (sample <= 200))
    if near_body < 0.05:
        return [f"Only {100 * near_body:.1f} % of the values lie between -1050 and 200 HU. {advice}"]
    return []
