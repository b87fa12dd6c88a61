"""The result takes the input's place in a real MRML scene, and stays there through saving and reloading."""

import numpy as np
import pytest
from fakeengine import FakeEngine
from scenevolumes import CT, LEFT_HANDED, OBLIQUE, affine_of, array_of, voxels
from slicerscene import mrml  # noqa: F401  (a fixture)


@pytest.fixture
def process(mrml):
    """LDCTDenoiseLogic.process on an engine without a network."""
    import LDCTDenoise

    return LDCTDenoise.LDCTDenoiseLogic(FakeEngine()).process


@pytest.mark.parametrize("affine", [CT, OBLIQUE, LEFT_HANDED], ids=["ct", "oblique", "left-handed"])
@pytest.mark.parametrize("dtype", ["int16", "uint16", "int32", "uint8", "float32", "float64"])
def test_the_result_has_the_geometry_and_voxel_type_of_the_input(mrml, process, affine, dtype):
    before = voxels(dtype)
    volume = mrml.add_volume(before, affine)
    result = process(volume)
    np.testing.assert_allclose(affine_of(result), affine, rtol=0, atol=1e-12)
    assert array_of(result).dtype == np.dtype(dtype)
    np.testing.assert_array_equal(array_of(result), FakeEngine.result_of(before))
    np.testing.assert_array_equal(array_of(volume), before)


def test_the_result_follows_the_parent_transform_of_the_input(mrml, process):
    transform = mrml.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "table")
    volume = mrml.add_volume(voxels("int16"), CT)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    assert process(volume).GetParentTransformNode() is transform
    volume.SetAndObserveTransformNodeID(None)
    assert process(volume).GetParentTransformNode() is None


def test_the_result_and_the_input_are_shown_with_one_fixed_window(mrml, process):
    volume = mrml.add_volume(voxels("int16"), CT, window=(350.0, 55.0))
    volume.GetDisplayNode().SetAndObserveColorNodeID("vtkMRMLColorTableNodeRainbow")
    volume.GetDisplayNode().SetInterpolate(0)
    display = process(volume).GetDisplayNode()
    assert display is not volume.GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel(), display.GetAutoWindowLevel()) == (350.0, 55.0, 0)
    assert display.GetColorNodeID() == "vtkMRMLColorTableNodeRainbow"
    assert display.GetInterpolate() == 0


def test_an_automatic_window_of_the_input_becomes_a_fixed_one_of_the_result(mrml, process):
    volume = mrml.add_volume(voxels("int16"), CT)
    volume.GetDisplayNode().AutoWindowLevelOn()
    display = process(volume).GetDisplayNode()
    assert display.GetWindow() == volume.GetDisplayNode().GetWindow()
    assert display.GetLevel() == volume.GetDisplayNode().GetLevel()
    assert not display.GetAutoWindowLevel()


def test_the_window_follows_the_input_again_on_the_next_run(mrml, process):
    volume = mrml.add_volume(voxels("int16"), CT)
    process(volume)
    volume.GetDisplayNode().SetWindowLevel(1500, -600)
    display = process(volume).GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel()) == (1500, -600)


def test_an_input_that_was_never_shown_can_be_denoised(mrml, process):
    source = mrml.add_volume(voxels("int16"), CT)
    bare = mrml.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "bare")
    bare.SetAndObserveImageData(source.GetImageData())
    assert process(bare).GetImageData() is not None
    assert bare.GetDisplayNode() is None


def test_the_result_stands_beside_the_input_in_the_subject_hierarchy(mrml, process):
    tree = mrml.hierarchy
    volume = mrml.add_volume(voxels("int16"), CT)
    study = tree.CreateStudyItem(tree.GetSceneItemID(), "Study")
    tree.SetItemParent(tree.GetItemByDataNode(volume), study)
    result = process(volume, removedNoise=True)
    noise = result.GetNodeReference("LDCTDenoise.RemovedNoise")
    assert tree.GetItemParent(tree.GetItemByDataNode(result)) == study
    assert tree.GetItemParent(tree.GetItemByDataNode(noise)) == study


def test_a_result_that_was_moved_in_the_subject_hierarchy_is_left_there(mrml, process):
    tree = mrml.hierarchy
    volume = mrml.add_volume(voxels("int16"), CT)
    result = process(volume)
    folder = tree.CreateFolderItem(tree.GetSceneItemID(), "Keep")
    tree.SetItemParent(tree.GetItemByDataNode(result), folder)
    process(volume)
    assert tree.GetItemParent(tree.GetItemByDataNode(result)) == folder


def test_the_result_says_where_it_came_from(mrml, process):
    volume = mrml.add_volume(voxels("int16"), CT, name="Abdomen")
    result = process(volume, model="unet", strength=0.7)
    import LDCTDenoiseLib

    attributes = {name: result.GetAttribute(name) for name in result.GetAttributeNames()
                  if name.startswith("LDCTDenoise.")}
    assert attributes == {
        "LDCTDenoise.Model": "unet", "LDCTDenoise.Version": "1.2", "LDCTDenoise.WeightsSHA256": "ab" * 32,
        "LDCTDenoise.Strength": "0.7", "LDCTDenoise.EffectiveStrength": "0.7",
        "LDCTDenoise.Device": "cpu", "LDCTDenoise.Precision": "fp32",
        "LDCTDenoise.SourceVolume": "Abdomen", "LDCTDenoise.SoftwareVersion": LDCTDenoiseLib.__version__}
    assert result.GetNodeReference("LDCTDenoise.Source") is volume


def test_values_are_in_hounsfield_units_unless_the_input_says_otherwise(mrml, process):
    import slicer

    volume = mrml.add_volume(voxels("int16"), CT)
    assert process(volume).GetVoxelValueUnits().GetCodeMeaning() == "Hounsfield unit"
    assert process(volume).GetVoxelValueQuantity().GetCodeValue() == "112031"
    own = slicer.vtkCodedEntry()
    own.SetValueSchemeMeaning("1", "99LOCAL", "own unit")
    volume.SetVoxelValueUnits(own)
    volume.SetVoxelValueQuantity(own)
    assert process(volume).GetVoxelValueUnits().GetCodeMeaning() == "own unit"
    assert process(volume).GetVoxelValueQuantity().GetCodeMeaning() == "own unit"


def test_an_output_that_came_from_dicom_files_no_longer_points_to_them(mrml, process):
    volume, output = mrml.add_volume(voxels("int16"), CT), mrml.add_volume(voxels("int16", 1), CT, name="out")
    output.SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4")
    volume.SetAttribute("DICOM.instanceUIDs", "1.2.5 1.2.6")
    process(volume, output)
    assert output.GetAttribute("DICOM.instanceUIDs") is None
    assert volume.GetAttribute("DICOM.instanceUIDs") == "1.2.5 1.2.6"


@pytest.mark.parametrize("dtype, kept", [("int16", "int16"), ("uint16", "int16"), ("float32", "float32")])
def test_the_removed_noise_is_input_minus_output_about_zero(mrml, process, dtype, kept):
    before = voxels(dtype)
    volume = mrml.add_volume(before, CT)
    result = process(volume, removedNoise=True)
    noise = result.GetNodeReference("LDCTDenoise.RemovedNoise")
    assert noise.GetName() == "CT removed noise"
    assert array_of(noise).dtype == np.dtype(kept)
    np.testing.assert_array_equal(array_of(noise), before.astype(float) - FakeEngine.result_of(before).astype(float))
    np.testing.assert_allclose(affine_of(noise), CT, rtol=0, atol=1e-12)
    display = noise.GetDisplayNode()
    assert (display.GetLevel(), display.GetAutoWindowLevel()) == (0.0, 0)
    assert display.GetWindow() == pytest.approx(2 * np.percentile(np.abs(array_of(noise)[array_of(noise) != 0]), 99))
    assert noise.GetAttribute("LDCTDenoise.WeightsSHA256") == "ab" * 32
    assert noise.GetNodeReference("LDCTDenoise.Source") is volume


def test_removed_noise_that_int16_cannot_hold_does_not_wrap(mrml):
    from LDCTDenoiseLib.scene import removed_noise

    source, result = np.array([[[65535, 0]]], np.uint16), np.array([[[0, 65535]]], np.uint16)
    np.testing.assert_array_equal(removed_noise(source, result), [[[65535, -65535]]])


def test_everything_survives_saving_clearing_and_reloading(mrml, process, tmp_path):
    import slicer

    before = voxels("int16")
    transform = mrml.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "table")
    volume = mrml.add_volume(before, OBLIQUE, name="Abdomen", window=(350.0, 55.0))
    volume.SetAndObserveTransformNodeID(transform.GetID())
    process(volume, strength=0.5, removedNoise=True)
    folder = tmp_path / "a folder with spaces"
    folder.mkdir()
    mrml.reload(folder / "scene.mrb")

    volume, result, noise = (slicer.util.getNode(name) for name in
                             ("Abdomen", "Abdomen denoised", "Abdomen removed noise"))
    # Left-handed images come back with their slices in reverse; in space they stay where they were.
    assert np.linalg.det(OBLIQUE) > 0
    np.testing.assert_array_equal(array_of(volume), before)
    np.testing.assert_array_equal(array_of(result), FakeEngine.result_of(before, 0.5))
    np.testing.assert_array_equal(array_of(noise), before - FakeEngine.result_of(before, 0.5))
    for node in (result, noise):
        np.testing.assert_allclose(affine_of(node), affine_of(volume), atol=1e-9)
        assert node.GetParentTransformNode().GetName() == "table"
        assert node.GetNodeReference("LDCTDenoise.Source") is volume
        assert node.GetAttribute("LDCTDenoise.Strength") == "0.5"
        assert node.GetAttribute("LDCTDenoise.SourceVolume") == "Abdomen"
        assert node.GetVoxelValueUnits().GetCodeMeaning() == "Hounsfield unit"
    assert result.GetNodeReference("LDCTDenoise.RemovedNoise") is noise
    display = result.GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel(), display.GetAutoWindowLevel()) == (350.0, 55.0, 0)
    assert noise.GetDisplayNode().GetLevel() == 0.0

    nodes = mrml.node_ids()
    assert process(volume) is result
    assert mrml.node_ids() == nodes


def test_a_left_handed_result_stays_on_its_source_through_reloading(mrml, process, tmp_path):
    import slicer

    before = voxels("int16")
    process(mrml.add_volume(before, LEFT_HANDED, name="Abdomen"))
    mrml.reload(tmp_path / "scene.mrb")
    volume, result = slicer.util.getNode("Abdomen"), slicer.util.getNode("Abdomen denoised")
    np.testing.assert_allclose(affine_of(result), affine_of(volume), atol=1e-9)
    np.testing.assert_array_equal(array_of(result), FakeEngine.result_of(before)[::-1])


@pytest.mark.parametrize("spacing, axis", [((5.0, 0.8, 0.8), "I"), ((0.8, 5.0, 0.8), "J"), ((0.8, 0.8, 5.0), None),
                                           ((0.8, 0.8, 0.8), None), ((0.7, 0.8, 5.0), None)])
def test_slices_that_are_not_stacked_along_k_are_pointed_out(mrml, spacing, axis):
    from LDCTDenoiseLib.scene import stacking_warning

    volume = mrml.add_volume(voxels("int16"), np.diag([*spacing, 1.0]))
    warning = stacking_warning(volume)
    assert (warning is None) if axis is None else (f"stacked along {axis}" in warning)


SAGITTAL = np.array([[0, 0, 3.0, 0], [0.8, 0, 0, 0], [0, 0.8, 0, 0], [0, 0, 0, 1]])
CORONAL = np.array([[0.8, 0, 0, 0], [0, 0, 3.0, 0], [0, -0.8, 0, 0], [0, 0, 0, 1]])


def tilted(degrees):
    """Axial slices, turned about the line from left to right."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1, 0, 0, 0], [0, c, -s, 0], [0, s, c, 0], [0, 0, 0, 1]]) @ np.diag([0.8, 0.8, 3.0, 1])


@pytest.mark.parametrize("affine, plane", [(SAGITTAL, "sagittal"), (CORONAL, "coronal"), (tilted(44), None),
                                           (tilted(46), "coronal"), (tilted(180), None)])
def test_slices_that_are_not_axial_are_denoised_all_the_same_but_pointed_out(mrml, process, caplog, affine, plane):
    process(mrml.add_volume(voxels("int16"), affine))
    said = [record.getMessage() for record in caplog.records if "'CT'" in record.getMessage()]
    assert [text.split(", ")[0] for text in said] == (
        [] if plane is None else [f"'CT' is stored as {plane} slices"])
