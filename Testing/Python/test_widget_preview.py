"""Preview: the slice in the Red view denoised at once, for looking only."""

import numpy as np
import pytest
from fakeengine import FakeEngine
from panelfixtures import (  # noqa: F401  (fixtures)
    array_of, calls, complaints, ct, mrml, open_panel, panel, parameters, session, settle, shown, ui,
)


@pytest.fixture
def red(session):
    """The slice node of the Red view."""
    return session.sliceLogics["Red"].GetSliceNode()


@pytest.fixture
def ready(ct, ui, parameters, session):
    """The panel with a CT, whose slice 3 the Red view shows."""
    import slicer

    slicer.util.setSliceViewerLayers(background=ct, fit=True)
    parameters.inputVolume = ct
    session.sliceLogics["Red"].SetSliceOffset(-41.0)
    settle()
    return ui


def composite():
    import slicer

    return slicer.mrmlScene.GetNodeByID("vtkMRMLSliceCompositeNodeRed")


def foreground():
    import slicer

    return slicer.mrmlScene.GetNodeByID(composite().GetForegroundVolumeID() or "")


def test_the_slice_that_the_red_view_shows_is_denoised_over_it(ready, ct, calls):
    ready.previewButton.click()
    np.testing.assert_array_equal(calls[0].request.array, array_of(ct)[3:4])
    calls[0].finish()
    preview = foreground()
    np.testing.assert_array_equal(array_of(preview), FakeEngine.result_of(array_of(ct)[3:4]))
    assert (composite().GetForegroundOpacity(), shown()) == (1.0, ct)
    np.testing.assert_allclose(preview.GetOrigin(), np.array(ct.GetOrigin()) + [0, 0, 9.0])
    assert preview.GetSpacing() == ct.GetSpacing()
    assert preview.GetDisplayNode().GetWindow() == ct.GetDisplayNode().GetWindow()
    assert (ready.previewButton.text, ready.previewButton.checked) == ("Remove &preview", True)


def test_the_pixels_of_the_view_change_where_the_preview_lies(ready, calls, session):
    from vtk.util.numpy_support import vtk_to_numpy

    def picture():
        producer = session.sliceLogics["Red"].GetImageDataConnection().GetProducer()
        producer.Update()
        return vtk_to_numpy(producer.GetOutputDataObject(0).GetPointData().GetScalars()).copy()

    before = picture()
    ready.previewButton.click()
    calls[0].finish(array=calls[0].request.array + np.int16(60))
    assert np.mean(picture() != before) > 0.2
    ready.previewButton.click()
    np.testing.assert_array_equal(picture(), before)


def test_a_second_click_takes_it_away_and_the_view_shows_what_it_did(mrml, ready, ct, calls):
    other = mrml.add_volume(np.zeros((2, 3, 4), np.int16), name="other")
    composite().SetForegroundVolumeID(other.GetID())
    composite().SetForegroundOpacity(0.3)
    nodes = mrml.node_ids()
    ready.previewButton.click()
    calls[0].finish()
    ready.previewButton.click()
    assert (shown(), foreground(), composite().GetForegroundOpacity()) == (ct, other, 0.3)
    assert mrml.node_ids() == nodes
    assert (ready.previewButton.text, ready.previewButton.checked) == ("&Preview slice", False)


def test_leaving_the_module_takes_it_away(mrml, ready, panel, calls):
    nodes = mrml.node_ids()
    ready.previewButton.click()
    calls[0].finish()
    panel.exit()
    assert mrml.node_ids() == nodes
    assert foreground() is None


def test_a_preview_under_way_when_the_module_is_left_does_not_come(mrml, ready, panel, calls):
    nodes = mrml.node_ids()
    ready.previewButton.click()
    calls[0].started()
    panel.exit()
    assert calls[0].cancels == 1
    calls[0].finish()
    assert mrml.node_ids() == nodes


@pytest.mark.parametrize("change", ["input", "network", "run", "unload"])
def test_it_goes_when_it_is_no_longer_true(mrml, ready, panel, parameters, calls, change):
    ready.previewButton.click()
    calls[0].finish()
    preview = foreground()
    if change == "input":
        parameters.inputVolume = mrml.add_volume(np.zeros((2, 3, 4), np.int16), name="other")
    elif change == "network":
        parameters.model = "plain"
    elif change == "run":
        ready.applyButton.click()
    else:
        panel.widget.cleanup()
    assert preview.GetScene() is None
    assert not ready.previewButton.checked


def test_the_strength_acts_on_the_preview_at_once_and_asks_the_network_for_nothing(ready, ct, parameters, calls):
    parameters.strength = 50.0
    ready.previewButton.click()
    assert calls[0].request.strength == 1.0
    calls[0].finish()
    before, full = array_of(ct)[3:4].astype(float), FakeEngine.result_of(array_of(ct)[3:4]).astype(float)
    np.testing.assert_allclose(array_of(foreground()), before + 0.5 * (full - before), atol=0.5)
    ready.strengthSlider.value = 0.0
    np.testing.assert_array_equal(array_of(foreground()), before)
    assert len(calls) == 1


def test_the_key_hides_and_shows_it(ready, panel, calls):
    ready.previewButton.click()
    calls[0].finish()
    panel.widget.panel.result.flip()
    assert composite().GetForegroundOpacity() == 0.0
    panel.widget.panel.result.flip()
    assert composite().GetForegroundOpacity() == 1.0


def rotate(node, degrees):
    import vtk

    matrix, turn = vtk.vtkMatrix4x4(), vtk.vtkTransform()
    turn.RotateX(degrees)
    vtk.vtkMatrix4x4.Multiply4x4(turn.GetMatrix(), node.GetSliceToRAS(), matrix)
    node.GetSliceToRAS().DeepCopy(matrix)
    node.UpdateMatrices()


@pytest.mark.parametrize("how, reason", [
    ("oblique", "is oblique to the slices of 'CT' (10 degrees)"), ("sagittal", "lies across the slices of 'CT'"),
    ("beside", "shows a plane beside 'CT': scroll to one of its slices"), ("hidden", "not in this layout")])
def test_where_the_view_shows_no_slice_as_it_was_acquired_it_says_why(mrml, ready, red, calls, session, how, reason):
    nodes = mrml.node_ids()
    if how == "oblique":
        rotate(red, 10)
    elif how == "sagittal":
        red.SetOrientation("Sagittal")
    elif how == "beside":
        session.sliceLogics["Red"].SetSliceOffset(300.0)
    else:
        session.layoutNode.SetViewArrangement(session.layoutNode.SlicerLayoutOneUp3DView)
    ready.previewButton.click()
    assert reason in ready.messageLabel.text
    assert not ready.previewButton.checked
    assert calls == []
    assert mrml.node_ids() == nodes


def test_the_view_may_look_from_below_or_be_turned_in_its_plane(ready, red, ct, calls):
    rotate(red, 180)
    red.GetSliceToRAS().SetElement(2, 3, -41.0)
    red.UpdateMatrices()
    ready.previewButton.click()
    np.testing.assert_array_equal(calls[0].request.array, array_of(ct)[3:4])


def test_a_volume_under_a_transform_is_previewed_where_it_is_shown(mrml, ready, ct, calls, session):
    import vtk

    transform, matrix = mrml.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "table"), vtk.vtkMatrix4x4()
    matrix.SetElement(2, 3, 100.0)
    transform.SetMatrixTransformToParent(matrix)
    ct.SetAndObserveTransformNodeID(transform.GetID())
    session.sliceLogics["Red"].SetSliceOffset(53.0)
    ready.previewButton.click()
    np.testing.assert_array_equal(calls[0].request.array, array_of(ct)[1:2])
    calls[0].finish()
    assert foreground().GetParentTransformNode() is transform


def test_a_volume_whose_slices_are_no_planes_is_refused(mrml, ready, ct, calls):
    ct.SetAndObserveTransformNodeID(mrml.scene.AddNewNodeByClass("vtkMRMLGridTransformNode", "gantry").GetID())
    ready.previewButton.click()
    assert "transform that is not linear" in ready.messageLabel.text
    assert calls == []


def test_another_volume_in_the_view_gives_way_to_the_input_for_as_long_as_the_preview_lasts(mrml, ready, ct, calls):
    other = mrml.add_volume(np.zeros((2, 3, 4), np.int16), name="other")
    composite().SetBackgroundVolumeID(other.GetID())
    ready.previewButton.click()
    calls[0].finish()
    assert shown() is ct
    ready.previewButton.click()
    assert shown() is other


def test_a_preview_can_be_cancelled_and_fail_like_a_run(mrml, ready, calls, monkeypatch):
    import slicer

    told = []
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **more: told.append(text))
    nodes = mrml.node_ids()
    ready.previewButton.click()
    assert ready.applyButton.text == "&Cancel"
    calls[0].started()
    ready.applyButton.click()
    calls[0].stopped()
    assert ready.messageLabel.text == "Cancelled; the scene is as it was."
    ready.previewButton.click()
    calls[1].fail(RuntimeError("It broke."))
    settle()
    assert told == ["It broke."]
    assert mrml.node_ids() == nodes
    assert ready.previewButton.text == "&Preview slice"


@pytest.mark.parametrize("change", ["voxels", "deleted", "shorter"])
def test_a_volume_that_changed_meanwhile_gets_no_preview(mrml, ready, ct, calls, monkeypatch, change):
    import slicer

    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **more: None)
    ready.previewButton.click()
    if change == "voxels":
        array_of(ct)[3, 0, 0] += 1
    elif change == "deleted":
        mrml.scene.RemoveNode(ct)
    else:
        slicer.util.updateVolumeFromArray(ct, np.zeros((2, 4, 4), np.int16))
    calls[0].finish()
    assert foreground() is None
    assert ready.messageLabel.text


def test_the_preview_is_in_no_list_and_no_saved_scene(mrml, ready, calls, panel):
    ready.previewButton.click()
    calls[0].finish()
    preview = foreground()
    assert (preview.GetHideFromEditors(), preview.GetSaveWithScene()) == (1, 0)
    assert ready.inputSelector.nodeCount() == 1


def test_closing_the_scene_takes_it_away(mrml, ready, calls):
    ready.previewButton.click()
    calls[0].finish()
    mrml.scene.Clear(False)
    assert not ready.previewButton.checked
