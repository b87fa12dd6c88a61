"""Boxes drawn in Slicer (vtkMRMLMarkupsROINode) as voxels of a volume.

A box may be rotated and stand under a transform, and so may the volume. A voxel belongs to a box when its centre lies
in it.
"""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

TOUCH_MM = 1e-6
"""A voxel centre on the border belongs to the box, whatever its last digit."""
NEW_SIZE_MM = 20.0
"""A new box fits into the liver or the spleen of an adult."""

Box = tuple[slice, slice, slice]
"""Slices, rows and columns of a volume."""


def whole(volume) -> Box:
    """Return the box of all voxels of ``volume``."""
    return tuple(slice(0, n) for n in reversed(volume.GetImageData().GetDimensions()))


def place_new(roi, volume) -> None:
    """Give the new box ``roi`` a size, and a place where the Red view shows ``volume``, ready to be dragged."""
    bounds = np.zeros(6)
    volume.GetRASBounds(bounds)
    red = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")
    center = bounds.reshape(3, 2).mean(1)
    if red is not None:
        center = slicer.util.arrayFromVTKMatrix(red.GetSliceToRAS())[:3, 3]
    # Where the view shows another part of space, at the nearest place in the volume
    roi.SetCenter(*np.clip(center, bounds[::2], bounds[1::2]))
    roi.SetSize(*[NEW_SIZE_MM] * 3)
    roi.CreateDefaultDisplayNodes()
    roi.GetDisplayNode().SetHandlesInteractive(True)


def mask_of(roi, volume, box: Box | None = None) -> np.ndarray:
    """Return which voxels (slice, row, column) of ``volume``, or of a box of it, lie in ``roi``, bool.

    Raises ValueError when there are none, or when region and volume cannot be brought together.
    """
    box = box or whole(volume)
    to_roi = roi_from_ijk(roi, volume)
    k, j, i = (np.arange(part.start, part.stop, dtype=np.float64) for part in box)
    mask = np.ones((len(k), len(j), len(i)), dtype=bool)
    for axis, size in enumerate(roi.GetSize()):
        along_i, along_j, along_k, start = to_roi[axis]
        plane = along_j * j[:, None] + along_i * i + start
        for number, inside in enumerate(mask):  # slice by slice, to need no more memory than the mask itself
            inside &= np.abs(plane + along_k * k[number]) <= size / 2 + TOUCH_MM
    if not mask.any():
        text = (_("The region '{region}' holds no voxel of '{volume}': move it onto the volume.")
                if box == whole(volume) else
                _("The region '{region}' holds no voxel of the part of '{volume}' to work on: move it there."))
        raise ValueError(text.format(region=roi.GetName(), volume=volume.GetName()))
    return mask


def roi_from_ijk(roi, volume) -> np.ndarray:
    """Return the matrix from voxel indices (i, j, k, 1) of ``volume`` to mm along the edges of ``roi`` from its centre.

    Raises ValueError for what is no box, a box without a size, and transforms that no matrix describes.
    """
    if roi.GetClassName() != "vtkMRMLMarkupsROINode":
        raise ValueError(_("'{name}' is a {kind}, not a region: draw a box with the Markups module (ROI).").format(
            name=roi.GetName(), kind=roi.GetNodeTagName()))
    if min(roi.GetSize()) <= 0:
        raise ValueError(_("The region '{name}' has no size yet: draw the box in a slice view.").format(
            name=roi.GetName()))
    check_linear(roi)
    return np.linalg.solve(slicer.util.arrayFromVTKMatrix(roi.GetObjectToWorldMatrix()), ijk_to_world(volume))


def ijk_to_ras(volume) -> np.ndarray:
    """Return the matrix from voxel indices (i, j, k, 1) of ``volume`` to mm, without its parent transform."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def ijk_to_world(volume) -> np.ndarray:
    """Return the matrix from voxel indices (i, j, k, 1) of ``volume`` to mm in the scene.

    Raises ValueError under a transform that no matrix describes.
    """
    transform = volume.GetParentTransformNode()
    if transform is None:
        return ijk_to_ras(volume)
    check_linear(volume)
    matrix = vtk.vtkMatrix4x4()
    transform.GetMatrixTransformToWorld(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix) @ ijk_to_ras(volume)


def check_linear(node) -> None:
    """Raise ValueError when ``node`` stands under a transform that no matrix describes."""
    transform = node.GetParentTransformNode()
    if transform is not None and not transform.IsTransformToWorldLinear():
        raise ValueError(_(
            "'{name}' stands under a transform that is not linear, such as that of a tilted gantry, so its slices are "
            "no planes and its voxels no boxes: harden the transform, or go on without.").format(name=node.GetName()))
