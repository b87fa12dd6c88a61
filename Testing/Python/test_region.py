"""A box drawn in Slicer is the voxels whose centres lie in it, however box and volume are turned and moved."""

import numpy as np
import pytest
from slicerscene import mrml  # noqa: F401  (a fixture)

OBLIQUE = np.array([[0.6, -0.48, 0.8832, -11.0], [0.64, 0.45, -0.828, 3.5], [0, 0.46, 1.7316, 8.25], [0, 0, 0, 1]])


@pytest.fixture
def volume(mrml):  # noqa: F811
    return mrml.add_volume(np.zeros((6, 9, 8), np.int16), OBLIQUE)


def box(mrml, center, size, turn=0.0):  # noqa: F811
    import vtk

    roi = mrml.scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "box")
    roi.SetSize(*size)
    matrix = vtk.vtkTransform()
    matrix.Translate(*center)
    matrix.RotateWXYZ(turn, 1, 2, 3)
    roi.SetAndObserveObjectToNodeMatrix(matrix.GetMatrix())
    return roi


def expected(roi, volume):
    """The slow way: ask the box itself about every voxel."""
    import vtk

    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    if volume.GetParentTransformNode() is not None:
        world = vtk.vtkMatrix4x4()
        volume.GetParentTransformNode().GetMatrixTransformToWorld(world)
        vtk.vtkMatrix4x4.Multiply4x4(world, matrix, matrix)
    i, j, k = volume.GetImageData().GetDimensions()
    found = np.zeros((k, j, i), bool)
    for index in np.ndindex(found.shape):
        point = matrix.MultiplyPoint((*index[::-1], 1.0))[:3]
        found[index] = roi.IsPointInROIWorld(point)
    return found


@pytest.mark.parametrize("turn", [0.0, 37.0])
@pytest.mark.parametrize("moved", [False, True])
def test_the_mask_holds_the_voxels_that_the_box_holds(mrml, volume, turn, moved):  # noqa: F811
    import vtk
    from LDCTDenoiseLib.region import mask_of

    if moved:
        transform, matrix = mrml.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "table"), vtk.vtkTransform()
        matrix.Translate(4, -2, 1)
        matrix.RotateX(20)
        transform.SetMatrixTransformToParent(matrix.GetMatrix())
        volume.SetAndObserveTransformNodeID(transform.GetID())
    center = np.array(volume.GetImageData().GetDimensions()) / 2
    place = OBLIQUE @ [*center, 1]
    if moved:
        place = np.array(matrix.GetMatrix().MultiplyPoint(place))
    roi = box(mrml, place[:3], (3.1, 4.3, 5.7), turn)
    mask = mask_of(roi, volume)
    np.testing.assert_array_equal(mask, expected(roi, volume))
    assert 10 < mask.sum() < mask.size


def test_a_box_beside_the_volume_or_without_a_size_is_refused(mrml, volume):  # noqa: F811
    from LDCTDenoiseLib.region import mask_of

    with pytest.raises(ValueError, match="holds no voxel of 'CT'"):
        mask_of(box(mrml, (500, 0, 0), (5, 5, 5)), volume)
    with pytest.raises(ValueError, match="has no size yet"):
        mask_of(box(mrml, (0, 0, 0), (0, 0, 0)), volume)


def test_a_volume_under_a_warp_is_refused(mrml, volume):  # noqa: F811
    from LDCTDenoiseLib.region import mask_of

    volume.SetAndObserveTransformNodeID(mrml.scene.AddNewNodeByClass("vtkMRMLGridTransformNode", "warp").GetID())
    with pytest.raises(ValueError, match="not linear"):
        mask_of(box(mrml, (0, 0, 0), (5, 5, 5)), volume)
