"""Regions drawn in Slicer choose the voxels that their box holds, however region and volume are turned and moved."""

import numpy as np
import pytest
from didscene import CT, array_of, didlogic, voxels  # noqa: F401  (one is a fixture)
from fakedidengine import FakeDIDEngine
from slicerscene import mrml  # noqa: F401  (a fixture)

OBLIQUE = np.array([[0.6, -0.48, 0.8832, -110.0], [0.64, 0.45, -0.828, 35.5], [0, 0.46, 1.7316, 812.25], [0, 0, 0, 1]])
SHAPE = (10, 100, 90)


@pytest.fixture
def wide(mrml):
    """A CT of ten slices that is larger than a region with its margin."""
    return mrml.add_volume(voxels(shape=SHAPE), CT)


def add_region(mrml, centre, size, name="R", rotation=None):
    """Add a region with its centre and size in mm; ``rotation`` turns it about its centre."""
    import slicer

    roi = mrml.scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", name)
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3) if rotation is None else rotation
    matrix[:3, 3] = centre
    roi.SetSize(*size)
    roi.SetAndObserveObjectToNodeMatrix(slicer.util.vtkMatrixFromArray(matrix))
    return roi


def region_of_voxels(mrml, affine, box, name="R"):
    """Add a region around the voxels of a box, ((first, last) slice, row, column), of a volume along the axes."""
    low, high = (affine @ [*(limits[n] for limits in reversed(box)), 1] for n in (0, 1))
    size = np.abs(high - low)[:3] + 0.5 * np.abs(np.diag(affine))[:3]
    return add_region(mrml, ((low + high) / 2)[:3], size, name)


def turned(degrees_x, degrees_z):
    x, z = np.radians([degrees_x, degrees_z])
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return about_x @ about_z


def transform(mrml, matrix):
    import slicer

    node = mrml.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    return node


@pytest.mark.parametrize("moved", ["neither", "region", "volume", "both"])
def test_a_voxel_belongs_to_a_region_when_slicer_says_its_centre_lies_in_it(mrml, moved):
    from DIDInteractiveLib.candidateregion import box_of
    from LDCTDenoiseLib.region import ijk_to_ras, mask_of, whole

    volume = mrml.add_volume(np.zeros((8, 20, 18), np.int16), OBLIQUE)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turned(10, -35), (5, -8, 3)
    parent, world_from_ijk = transform(mrml, matrix), ijk_to_ras(volume)
    if moved in ("volume", "both"):
        volume.SetAndObserveTransformNodeID(parent.GetID())
        world_from_ijk = matrix @ world_from_ijk
    centre = world_from_ijk @ [8, 9, 4, 1]
    if moved in ("region", "both"):
        centre = np.linalg.solve(matrix, centre)
    roi = add_region(mrml, centre[:3], (9.3, 6.1, 8.7), rotation=turned(25, 40))
    if moved in ("region", "both"):
        roi.SetAndObserveTransformNodeID(parent.GetID())

    expected = np.zeros((8, 20, 18), bool)
    for k, j, i in np.ndindex(expected.shape):
        expected[k, j, i] = roi.IsPointInROIWorld((world_from_ijk @ [i, j, k, 1])[:3])
    assert 20 < expected.sum() < expected.size / 4
    np.testing.assert_array_equal(mask_of(roi, volume, whole(volume)), expected)
    box = box_of(roi, volume)
    around = np.zeros_like(expected)
    around[box] = True
    assert not (expected & ~around).any()
    np.testing.assert_array_equal(mask_of(roi, volume, box), expected[box])


def test_a_region_under_a_transform_that_scales_is_as_large_as_it_is_drawn(mrml):
    from LDCTDenoiseLib.region import mask_of, whole

    volume = mrml.add_volume(np.zeros((1, 1, 41), np.int16), np.diag([1.0, 1, 1, 1]))
    roi = add_region(mrml, (10, 0, 0), (10, 4, 4))
    roi.SetAndObserveTransformNodeID(transform(mrml, np.diag([2.0, 2, 2, 1])).GetID())
    bounds = [0.0] * 6
    roi.GetRASBounds(bounds)
    held = np.flatnonzero(mask_of(roi, volume, whole(volume)))
    assert (held[0], held[-1]) == (bounds[0], bounds[1]) == (10, 30)


def test_a_region_restricts_the_run_to_its_voxels_and_a_margin_that_is_cut_off(mrml, didlogic, wide):
    from DIDInteractiveLib.candidateregion import MARGIN
    from LDCTDenoiseLib.region import ijk_to_ras

    roi = region_of_voxels(mrml, CT, ((3, 6), (40, 49), (5, 24)))
    sequence = didlogic.generateCandidates(wide, count=3, regionROI=roi)
    [request] = didlogic.engine.requests
    seen = array_of(wide)[3:7, 40 - MARGIN:50 + MARGIN, 0:25 + MARGIN]
    np.testing.assert_array_equal(request.array, seen)
    assert request.padding.shape == seen.shape
    proxy = didlogic.proxyVolume(sequence)
    part = array_of(wide)[3:7, 40:50, 5:25]
    for number in range(3):
        didlogic.selectCandidate(sequence, number)
        np.testing.assert_array_equal(array_of(proxy), FakeDIDEngine.result_of(part, number, 3))
    np.testing.assert_allclose(ijk_to_ras(proxy) @ [2, 3, 1, 1], ijk_to_ras(wide) @ [7, 43, 4, 1])
    assert didlogic.facts(sequence)["region"] == {"slice": [3, 6], "row": [40, 49], "column": [5, 24]}
    assert array_of(didlogic.differenceToInput(sequence, 1)).shape == part.shape


def test_what_lies_outside_the_scan_field_is_judged_on_whole_slices(mrml, didlogic):
    values = voxels(shape=(2, 120, 120))
    j, i = np.mgrid[:120, :120] - 59.5
    outside = j**2 + i**2 > 59**2
    values[:, outside] = -2000
    volume = mrml.add_volume(values, CT)
    didlogic.generateCandidates(volume, count=3, regionROI=region_of_voxels(mrml, CT, ((0, 1), (35, 50), (35, 50))))
    np.testing.assert_array_equal(didlogic.engine.requests[0].padding[1], outside[3:83, 3:83])
    assert outside[3:83, 3:83].any()


def test_a_region_of_the_whole_volume_is_no_restriction(mrml, didlogic, wide):
    roi = region_of_voxels(mrml, CT, ((0, 9), (0, 99), (0, 89)))
    roi.SetSize(*(2 * np.array(roi.GetSize())))
    sequence = didlogic.generateCandidates(wide, count=3, regionROI=roi)
    assert didlogic.facts(sequence)["region"] is None
    assert didlogic.engine.requests[0].padding is None


def test_noise_is_measured_in_the_user_s_region_and_contrast_between_two(mrml, didlogic, wide):
    lesion = region_of_voxels(mrml, CT, ((2, 4), (10, 19), (30, 39)), "lesion")
    liver = region_of_voxels(mrml, CT, ((2, 4), (60, 69), (30, 39)), "liver")
    didlogic.generateCandidates(wide, count=3, statisticsROI=lesion, backgroundROI=liver)
    [request] = didlogic.engine.requests
    expected = np.zeros(SHAPE, bool)
    expected[2:5, 10:20, 30:40] = True
    np.testing.assert_array_equal(request.roi, expected)
    np.testing.assert_array_equal(request.background_roi, np.roll(expected, 50, axis=1))
    didlogic.preview(wide, 3, count=3, statisticsROI=lesion)
    np.testing.assert_array_equal(didlogic.engine.requests[-1].roi, expected[3:4])


def test_a_region_for_statistics_outside_the_part_to_work_on_is_refused(mrml, didlogic, wide):
    lesion = region_of_voxels(mrml, CT, ((2, 4), (10, 19), (30, 39)), "lesion")
    with pytest.raises(ValueError, match="'lesion' holds no voxel of the part of 'CT' to work on"):
        didlogic.preview(wide, 7, statisticsROI=lesion)
    with pytest.raises(ValueError, match="Slice 7 is not in the region 'lesion': choose one from 2 to 4"):
        didlogic.preview(wide, 7, regionROI=lesion)
    assert didlogic.engine.requests == []


@pytest.mark.parametrize("size", [(20, 20, 20), (0.1, 0.1, 0.1)], ids=["far away", "between the voxels"])
@pytest.mark.parametrize("purpose", ["regionROI", "statisticsROI"])
def test_a_region_without_a_voxel_is_refused(mrml, didlogic, wide, size, purpose):
    centre = (1000, 0, 0) if size[0] > 1 else (CT @ [20.5, 20.5, 2.5, 1])[:3]
    before = mrml.node_ids()
    roi = add_region(mrml, centre, size)
    with pytest.raises(ValueError, match="'R' holds no voxel of 'CT'"):
        didlogic.generateCandidates(wide, **{purpose: roi})
    mrml.scene.RemoveNode(roi)
    assert [node for node in mrml.node_ids() if node not in before] == []


PURPOSES = ["regionROI", "statisticsROI", "backgroundROI"]


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_region_without_a_size_or_that_is_no_box_is_refused(mrml, didlogic, wide, purpose):
    with pytest.raises(ValueError, match="'R' has no size"):
        didlogic.generateCandidates(wide, **{purpose: add_region(mrml, (0, 0, 0), (0, 0, 0))})
    for kind in ("MarkupsPlane", "MarkupsFiducial", "ScalarVolume"):
        other = mrml.scene.AddNewNodeByClass(f"vtkMRML{kind}Node", "other")
        with pytest.raises(ValueError, match=f"'other.*' is a {other.GetNodeTagName()}, not a region"):
            didlogic.generateCandidates(wide, **{purpose: other})


def test_a_region_is_refused_under_a_transform_that_bends(mrml, didlogic, wide):
    bent = mrml.scene.AddNewNodeByClass("vtkMRMLGridTransformNode", "tilt")
    bent.GetTransformFromParent()
    roi = region_of_voxels(mrml, CT, ((3, 6), (40, 49), (5, 24)))
    wide.SetAndObserveTransformNodeID(bent.GetID())
    with pytest.raises(ValueError, match="'CT' stands under a transform that is not linear"):
        didlogic.generateCandidates(wide, regionROI=roi)
    assert didlogic.generateCandidates(wide, count=3) is not None
