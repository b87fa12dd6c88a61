"""Segmentation takes the result as it is: the same geometry, voxel for voxel, also oblique and under a transform."""

import csv
import sys
from pathlib import Path

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


@pytest.fixture
def report(monkeypatch):
    """The script that writes the report."""
    monkeypatch.setattr(sys, "path", [str(Path(__file__).resolve().parents[1] / "Benchmarks"), *sys.path])
    import segmentation_report

    return segmentation_report


def test_dice_has_its_known_values(report):
    one = np.array([True, True, False, False])
    assert report.dice(one, one) == 1.0
    assert report.dice(one, ~one) == 0.0
    assert report.dice(one, np.array([True, False, False, False])) == pytest.approx(2 / 3)
    assert report.dice(one & ~one, one & ~one) == 1.0


def test_region_growing_stays_on_one_side_of_an_edge_and_takes_what_noise_does_not_cut_off(report):
    array = np.full((3, 30, 30), 100, np.int16)
    array[:, :, 15:] = 300
    left = report.connected((1, 5, 5), 50, 150)(array)
    assert left[:, :, :15].all() and not left[:, :, 15:].any()
    np.testing.assert_array_equal(report.confidence((1, 5, 25), 2.5)(array), ~left)
    array[1, 10, 10] = 200
    assert not report.connected((1, 5, 5), 50, 150)(array)[1, 10, 10]


def test_growing_from_seeds_gives_every_seed_the_side_that_it_lies_on(report, monkeypatch):
    array = np.full((6, 30, 30), 100, np.int16)
    array[:, :, 15:] = 300
    monkeypatch.setattr(report, "STROKES", (((15, 7),), ((15, 22),)))
    left, right = report.grown_from_seeds(1)(array), report.grown_from_seeds(2)(array)
    np.testing.assert_array_equal(left, array == 100)
    np.testing.assert_array_equal(right, array == 300)


def test_the_table_compares_with_the_full_dose_and_says_the_volumes(report, tmp_path):
    full = np.zeros((2, 4, 5), bool)
    full[0] = True
    low = full.copy()
    low[0, :2] = False
    masks = {report.LOW_DOSE: low, report.DENOISED: full, report.FULL_DOSE: full}
    table = report.rows({name: dict.fromkeys((task.name for task in report.TASKS), mask)
                         for name, mask in masks.items()}, voxel_ml=0.5)
    report.write_tables(table, "Made by a test.", tmp_path)
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        first = next(csv.DictReader(file))
    assert first["Dice, low dose"] == "0.667" and first["Dice, denoised"] == "1.000"
    assert [first[f"ml, {name}"] for name in masks] == ["5.0", "10.0", "10.0"]
    assert "Made by a test." in (tmp_path / "table.md").read_text(encoding="utf-8")
