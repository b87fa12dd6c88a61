"""Segmentation takes the result as it is: the same geometry, voxel for voxel, also oblique and under a transform."""

import numpy as np
import pytest
from fakeengine import FakeEngine
from segmentscene import Segments
from slicerscene import mrml  # noqa: F401  (a fixture)

SPACING = (0.7, 0.7, 2.5)
AFFINES = {
    "straight": np.diag([-0.7, -0.7, 2.5, 1.0]),
    # turned by 20 degrees about an axis of the patient
    "oblique, moved": np.array([[1, 0, 0, 100], [0, 0.93969262, -0.34202014, 80], [0, 0.34202014, 0.93969262, -40],
                                [0, 0, 0, 1]]) @ np.diag([-0.7, -0.7, 2.5, 1.0]),
}


@pytest.fixture(params=AFFINES)
def volumes(mrml, request):
    """The scene, an input with a warm ball in cold noise, and its denoised volume."""
    import slicer
    import vtk
    from LDCTDenoise import LDCTDenoiseLogic

    k, j, i = np.indices((12, 40, 40))
    ball = (2.5 * (k - 6)) ** 2 + (j - 20) ** 2 + (i - 18) ** 2 < 144
    voxels = (np.where(ball, 200, 0) + np.random.default_rng(0).normal(0, 5, ball.shape)).astype(np.int16)
    volume = mrml.add_volume(voxels, AFFINES[request.param])
    if request.param != "straight":
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
        matrix = vtk.vtkTransform()
        matrix.RotateX(20)
        matrix.Translate(5, 6, 7)
        transform.SetMatrixTransformToParent(matrix.GetMatrix())
        volume.SetAndObserveTransformNodeID(transform.GetID())
    return mrml, volume, LDCTDenoiseLogic(FakeEngine()).process(volume), ball


def test_the_result_gives_a_segmentation_the_geometry_that_the_input_gives(volumes):
    scene, volume, result, _ = volumes
    assert Segments(scene, result).geometry() == Segments(scene, volume).geometry() != ""


def test_a_segment_drawn_on_the_result_lies_on_the_same_voxels_of_the_input(volumes):
    import slicer

    scene, volume, result, ball = volumes
    segments = Segments(scene, result)
    segments.set("ball", slicer.util.arrayFromVolume(result) > 100)
    np.testing.assert_array_equal(segments.get("ball"), ball)
    np.testing.assert_array_equal(segments.get("ball", volume), ball)


def test_the_segment_has_a_closed_surface_of_its_size(volumes):
    import slicer

    scene, _, result, ball = volumes
    segments = Segments(scene, result)
    segments.set("ball", slicer.util.arrayFromVolume(result) > 100)
    expected = ball.sum() * np.prod(SPACING)
    assert segments.surface_volume("ball") == pytest.approx(expected, rel=0.1)


def test_segments_come_back_with_the_scene(volumes, tmp_path):
    import slicer

    scene, _, result, ball = volumes
    segments = Segments(scene, result)
    segments.set("ball", slicer.util.arrayFromVolume(result) > 100)
    names = result.GetName(), segments.node.GetName()
    segments.node.AddDefaultStorageNode()
    scene.reload(tmp_path / "scene.mrb")
    volume, node = (slicer.util.getNode(name) for name in names)
    again = Segments(scene, volume)
    again.node = node
    np.testing.assert_array_equal(again.get("ball"), ball)
