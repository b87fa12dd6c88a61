"""Boxes drawn in Slicer (vtkMRMLMarkupsROINode) as voxels of a volume.

A box may be rotated and stand under a transform, and so may the volume. A voxel belongs to a box when its centre lies
in it.
"""

from __future__ import annotations

import numpy as np
import slicer
import vtk

TOUCH_MM = 1e-6
"""A voxel centre on the border belongs to the box, whatever its last digit."""


def mask_of(roi, volume) -> np.ndarray:
    """Return which voxels (slice, row, column) of ``volume`` lie in ``roi``, bool.

    Raises ValueError when there are none, or when box and volume cannot be brought together.
    """
    if min(roi.GetSize()) <= 0:
        raise ValueError(f"The region '{roi.GetName()}' has no size yet: draw the box in a slice view.")
    to_roi = np.linalg.solve(slicer.util.arrayFromVTKMatrix(roi.GetObjectToWorldMatrix()), ijk_to_world(volume))
    i, j, k = (np.arange(n, dtype=np.float64) for n in volume.GetImageData().GetDimensions())
    mask = np.ones((len(k), len(j), len(i)), dtype=bool)
    for axis, size in enumerate(roi.GetSize()):
        along_i, along_j, along_k, start = to_roi[axis]
        plane = along_j * j[:, None] + along_i * i + start
        for number, inside in enumerate(mask):  # slice by slice, to need no more memory than the mask itself
            inside &= np.abs(plane + along_k * k[number]) <= size / 2 + TOUCH_MM
    if not mask.any():
        raise ValueError(f"The region '{roi.GetName()}' holds no voxel of '{volume.GetName()}': move it onto the volume.")
    return mask


def ijk_to_world(volume) -> np.ndarray:
    """Return the matrix from voxel indices (i, j, k, 1) of ``volume`` to mm in the scene.

    Raises ValueError under a transform that no matrix describes.
    """
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    ijk_to_ras = slicer.util.arrayFromVTKMatrix(matrix)
    transform = volume.GetParentTransformNode()
    if transform is None:
        return ijk_to_ras
    if not transform.IsTransformToWorldLinear():
        raise ValueError(f"'{volume.GetName()}' stands under a transform that is not linear, such as that of a tilted "
                         "gantry, so its slices are no planes and its voxels no boxes: harden the transform, or go on "
                         "without.")
    transform.GetMatrixTransformToWorld(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix) @ ijk_to_ras
