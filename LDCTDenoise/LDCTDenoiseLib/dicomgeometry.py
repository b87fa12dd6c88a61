"""Where the slices of a DICOM series lie: their order and the affine of the volume (DICOM PS3.3 C.7.6.2.1.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .ctvolume import VolumeError, check_axial
from .dicomseries import Slice

SAME_POSITION_MM = 1e-3
MAX_SHEAR_PIXELS = 0.5
"""How far a slice may lie beside the line through the first one along the normal before the stack counts as sheared."""
IRREGULAR_FRACTION = 0.1
"""How far, in slice spacings, a slice may lie from a regular grid before a warning is given."""


@dataclass
class Stack:
    """Slices sorted along their normal and the affine from voxel (i, j, k) to LPS mm."""

    slices: list[Slice]
    affine: np.ndarray
    warnings: list[str]


def stack_slices(slices: list[Slice]) -> Stack:
    """Sort the slices by position along their normal and build the affine, exact for the first slice.

    Raises VolumeError for mixed sizes, orientations or pixel spacings, slices at the same position, slices that are
    not stacked along their normal (gantry tilt) and reformats that are not axial. Missing slices and irregular spacing
    give a warning: each slice is still right, and the spacing of the affine is the mean.
    """
    orientation, pixel_spacing = _common_plane(slices)
    row, column = orientation[:3], orientation[3:]
    normal = np.cross(row, column)
    positions = np.array([_numbers(s, "ImagePositionPatient", 3) for s in slices])
    order = np.argsort(positions @ normal, kind="stable")
    slices, positions = [slices[n] for n in order], positions[order]
    distances = (positions - positions[0]) @ normal

    _check_distinct(slices, distances)
    _check_straight(positions, distances, normal, pixel_spacing)
    spacing, warnings = _slice_spacing(slices[0], distances)
    affine = np.eye(4)
    affine[:3, 0] = row * pixel_spacing[1]
    affine[:3, 1] = column * pixel_spacing[0]
    affine[:3, 2] = normal * spacing
    affine[:3, 3] = positions[0]
    if not _acquired_like_this(slices[0].header):
        check_axial(affine, "The series")
    return Stack(slices, affine, warnings)


def _numbers(item: Slice, keyword: str, count: int) -> np.ndarray:
    try:
        values = np.array([float(value) for value in item.header[keyword].value])
    except (KeyError, TypeError, ValueError):
        values = np.array([])
    if values.shape != (count,) or not np.isfinite(values).all():
        raise VolumeError(f"{item.path.name} has no valid {keyword}, so its place in the volume is unknown.")
    return values


def _common_plane(slices: list[Slice]) -> tuple[np.ndarray, np.ndarray]:
    """Orientation (unit row and column vectors) and pixel spacing (row, column distance) that all slices share."""
    first = slices[0]
    orientation, spacing = _numbers(first, "ImageOrientationPatient", 6), _numbers(first, "PixelSpacing", 2)
    row, column = orientation[:3], orientation[3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if not np.allclose(lengths, 1, atol=1e-3) or abs(row @ column) > 1e-3 or np.any(spacing <= 0):
        raise VolumeError(f"{first.path.name} has no valid ImageOrientationPatient and PixelSpacing.")
    for item in slices[1:]:
        size, other = [(s.header.Rows, s.header.Columns) for s in (first, item)]
        if size != other:
            what = f"sizes ({size[0]}x{size[1]} and {other[0]}x{other[1]})"
        elif not np.allclose(_numbers(item, "ImageOrientationPatient", 6), orientation, atol=1e-3):
            what = "orientations"
        elif not np.allclose(_numbers(item, "PixelSpacing", 2), spacing, rtol=1e-4):
            what = "pixel spacings"
        else:
            continue
        raise VolumeError(
            f"The series mixes images of different {what}: {first.path.name} and {item.path.name}. "
            "Move the images that do not belong to the volume into another folder."
        )
    return np.concatenate([row / lengths[0], column / lengths[1]]), spacing


def _check_distinct(slices: list[Slice], distances: np.ndarray) -> None:
    same = np.flatnonzero(np.diff(distances) < SAME_POSITION_MM)
    if len(same):
        first, second = slices[same[0]].path.name, slices[same[0] + 1].path.name
        raise VolumeError(
            f"{len(same) + 1} or more images lie at the same position, for example {first} and {second}: copies, or "
            "several time points in one series. Put each time point into a folder of its own."
        )


def _check_straight(positions, distances, normal, pixel_spacing) -> None:
    beside = np.linalg.norm(positions - positions[0] - distances[:, None] * normal, axis=1).max()
    if beside > MAX_SHEAR_PIXELS * pixel_spacing.min():
        angle = np.degrees(np.arctan2(beside, distances[-1]))
        raise VolumeError(
            "The slices are not stacked along the acquisition axis: they are shifted sideways by up to "
            f"{beside:.1f} mm ({angle:.1f} degrees; gantry tilt?). "
            "Straighten the volume first, for example with dcm2niix or 3D Slicer."
        )


def _slice_spacing(first: Slice, distances: np.ndarray) -> tuple[float, list[str]]:
    if len(distances) == 1:
        for keyword in ("SpacingBetweenSlices", "SliceThickness"):
            value = first.header.get(keyword)
            if value is not None and float(value) > 0:
                return float(value), []
        return 1.0, ["The single slice has no SliceThickness; 1 mm was assumed."]
    gaps = np.diff(distances)
    mean, usual = distances[-1] / len(gaps), float(np.median(gaps))
    off_grid = np.abs(distances - mean * np.arange(len(distances))).max()
    if off_grid <= IRREGULAR_FRACTION * mean:
        return float(mean), []
    missing = int(np.sum(np.rint(gaps / usual) - 1, where=gaps > 1.5 * usual))
    problem = f"{missing} slice(s) seem to be missing" if missing else "The slice spacing is irregular"
    return float(mean), [
        f"{problem}: gaps between slices run from {gaps.min():.3g} to {gaps.max():.3g} mm. Slices are denoised one by "
        f"one, so each of them is right, but the volume is shown with the mean spacing of {mean:.4g} mm; "
        "a DICOM result keeps the position of every slice."
    ]


def _acquired_like_this(header) -> bool:
    """Whether the scanner itself made these slices in this plane, as in direct coronal scans of the sinuses."""
    kinds = [str(value).upper() for value in header.get("ImageType") or ()]
    reformatted = any("MPR" in kind or "REFORMAT" in kind for kind in kinds)
    return kinds[:1] == ["ORIGINAL"] and "AXIAL" in kinds and not reformatted
