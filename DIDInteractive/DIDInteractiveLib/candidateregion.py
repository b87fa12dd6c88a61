"""The part of a volume that a run works on, from a region of interest drawn in Slicer (vtkMRMLMarkupsROINode)."""

from __future__ import annotations

import numpy as np

from LDCTDenoiseLib.region import Box, mask_of, roi_from_ijk, whole

MARGIN = 32
"""Voxels around a region, in plane, that networks see besides: most of what influences a voxel, so that the result has
no border of its own."""
TOUCH = 1e-6
"""A voxel centre on the border belongs to the region, whatever its last digit."""


def box_of(roi, volume) -> Box:
    """Return the box of the voxels of ``volume`` around ``roi``; a rotated region leaves corners of it free.

    Raises ValueError when no voxel lies in the region, or when region and volume cannot be brought together.
    """
    corners = np.array(np.meshgrid(*([-size / 2, size / 2] for size in roi.GetSize()))).reshape(3, 8)
    ijk = np.linalg.solve(roi_from_ijk(roi, volume), np.vstack([corners, np.ones(8)]))[:3]
    box = tuple(
        slice(max(int(np.ceil(low - TOUCH)), part.start), min(int(np.floor(high + TOUCH)) + 1, part.stop))
        for low, high, part in zip(ijk.min(axis=1)[::-1], ijk.max(axis=1)[::-1], whole(volume)))
    empty = any(part.start >= part.stop for part in box)
    mask_of(roi, volume, None if empty else box)
    return box


def with_margin(box: Box, volume) -> tuple[Box, Box]:
    """Return ``box`` widened in plane within ``volume``, and where the box lies in that."""
    wide = tuple(slice(max(part.start - margin, 0), min(part.stop + margin, limit.stop))
                 for part, margin, limit in zip(box, (0, MARGIN, MARGIN), whole(volume)))
    inner = tuple(slice(part.start - outer.start, part.stop - outer.start) for part, outer in zip(box, wide))
    return wide, inner


def as_dict(box: Box, volume) -> dict[str, list[int]] | None:
    """Return the first and last slice, row and column of ``box``, or None for the whole of ``volume``."""
    if box == whole(volume):
        return None
    return {name: [part.start, part.stop - 1] for name, part in zip(("slice", "row", "column"), box)}
