"""The part of a volume that a run works on, in Slicer from a region of interest drawn there (vtkMRMLMarkupsROINode).

Only that needs Slicer; boxes are slices, rows and columns of a volume, see :data:`LDCTDenoiseLib.region.Box`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from LDCTDenoiseLib.region import Box

MARGIN = 32
"""Voxels around a region, in plane, that networks see besides: most of what influences a voxel, so that the result has
no border of its own."""
TOUCH = 1e-6
"""A voxel centre on the border belongs to the region, whatever its last digit."""


def box_of(roi, volume) -> Box:
    """Return the box of the voxels of ``volume`` around ``roi``; a rotated region leaves corners of it free.

    Raises ValueError when no voxel lies in the region, or when region and volume cannot be brought together.
    """
    from LDCTDenoiseLib.region import mask_of, roi_from_ijk, whole

    to_roi = roi_from_ijk(roi, volume)  # first: it refuses what is no box
    corners = np.array(np.meshgrid(*([-size / 2, size / 2] for size in roi.GetSize()))).reshape(3, 8)
    ijk = np.linalg.solve(to_roi, np.vstack([corners, np.ones(8)]))[:3]
    box = tuple(
        slice(max(int(np.ceil(low - TOUCH)), part.start), min(int(np.floor(high + TOUCH)) + 1, part.stop))
        for low, high, part in zip(ijk.min(axis=1)[::-1], ijk.max(axis=1)[::-1], whole(volume)))
    empty = any(part.start >= part.stop for part in box)
    mask_of(roi, volume, None if empty else box)
    return box


def everything(shape: tuple[int, int, int]) -> Box:
    """Return the box of all voxels of an array."""
    return tuple(slice(0, n) for n in shape)


def only_slice(box: Box, number: int) -> Box | None:
    """Return ``box`` with slice ``number`` of the volume alone, or None where the box does not have it."""
    return (slice(number, number + 1), *box[1:]) if number in range(box[0].start, box[0].stop) else None


def with_margin(box: Box, limits: Box) -> tuple[Box, Box]:
    """Return ``box`` widened in plane within ``limits``, and where the box lies in that."""
    wide = tuple(slice(max(part.start - margin, 0), min(part.stop + margin, limit.stop))
                 for part, margin, limit in zip(box, (0, MARGIN, MARGIN), limits))
    inner = tuple(slice(part.start - outer.start, part.stop - outer.start) for part, outer in zip(box, wide))
    return wide, inner


def padding_in(wide: Box, voxels: np.ndarray, known: np.ndarray | None = None) -> np.ndarray | None:
    """Return which voxels of ``wide`` were not measured, bool, or None where an engine is to find them itself.

    It finds them in whole slices only. ``voxels`` are those of the whole volume in HU, ``known`` (bool) is its padding.
    """
    known = None if known is None else known[wide[0]]
    if wide[1:] == everything(voxels.shape)[1:]:
        return known
    from LDCTDenoiseLib.scanfield import outside_scan_field

    return outside_scan_field(voxels[wide[0]], known)[:, wide[1], wide[2]]


def as_dict(box: Box, limits: Box) -> dict[str, list[int]] | None:
    """Return the first and last slice, row and column of ``box``, or None where that is all of ``limits``."""
    if box == limits:
        return None
    return {name: [part.start, part.stop - 1] for name, part in zip(("slice", "row", "column"), box)}
