"""Which slice of a volume a slice view shows, if it shows one as it was acquired."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from .region import ijk_to_world

LARGEST_ANGLE = 0.6
"""Degrees between a view and the slices: over 250 mm, less than the 2.6 mm of half a usual slice."""


def shown_slice(volume, slice_node) -> int:
    """Return the index of the slice of ``volume`` (vtkMRMLScalarVolumeNode) that ``slice_node`` shows.

    Raises ValueError, with what to do about it, when the view lies across the slices or beside the volume.
    """
    place = ijk_to_world(volume)
    view = slicer.util.arrayFromVTKMatrix(slice_node.GetSliceToRAS())
    normal = np.cross(place[:3, 0], place[:3, 1])
    cosine = abs(normal @ view[:3, 2]) / (np.linalg.norm(normal) * np.linalg.norm(view[:3, 2]))
    angle = np.degrees(np.arccos(min(1.0, cosine)))
    names = {"view": slice_node.GetName(), "volume": volume.GetName()}
    if angle > LARGEST_ANGLE:
        text = (_("The {view} view is oblique to the slices of '{volume}' ({angle:.0f} degrees), and the network works "
                  "on slices as they were acquired: choose 'Rotate to volume plane' in the view's menu.")
                if angle < 85 else
                _("The {view} view lies across the slices of '{volume}', and the network works on slices as they were "
                  "acquired: let the view show the plane of the slices, usually Axial."))
        raise ValueError(text.format(angle=angle, **names))
    k = int(np.rint(np.linalg.solve(place, view[:, 3])[2]))
    if not 0 <= k < volume.GetImageData().GetDimensions()[2]:
        raise ValueError(_("The {view} view shows a plane beside '{volume}': scroll to one of its slices.").format(
            **names))
    return k


def place_slice(volume, source, k: int) -> None:
    """Give ``volume``, which holds one slice, the place of slice ``k`` of ``source``."""
    matrix = vtk.vtkMatrix4x4()
    source.GetIJKToRASMatrix(matrix)
    for row in range(3):
        matrix.SetElement(row, 3, matrix.GetElement(row, 3) + k * matrix.GetElement(row, 2))
    volume.SetIJKToRASMatrix(matrix)
    volume.SetAndObserveTransformNodeID(source.GetTransformNodeID())
