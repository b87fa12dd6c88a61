"""All frames of a volume sequence: one run, and a sequence beside the first one, in the same browser."""

import numpy as np
import pytest
from fakeengine import FakeEngine
from panelfixtures import (  # noqa: F401  (fixtures)
    array_of, calls, complaints, mrml, open_panel, panel, parameters, session, settle, shown, ui,
)

AFFINE = np.diag([-0.8, -0.8, 3.0, 1.0])


def frames(count=3):
    return [np.random.default_rng(n).normal(40 + n, 25, (4, 32, 32)).astype(np.int16) for n in range(count)]


@pytest.fixture
def make(mrml):
    """Adds a sequence of frames to the scene; returns the volume that shows them."""
    import slicer

    def make(arrays, name="perfusion"):
        sequence = mrml.scene.AddNewNodeByClass("vtkMRMLSequenceNode", name)
        sequence.SetIndexName("time")
        sequence.SetIndexUnit("s")
        volume = slicer.vtkMRMLScalarVolumeNode()
        volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(AFFINE))
        for number, array in enumerate(arrays):
            slicer.util.updateVolumeFromArray(volume, array)
            sequence.SetDataNodeAtValue(volume, str(2.5 * number))
        browser = mrml.scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", f"{name} browser")
        browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
        slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
        proxy = browser.GetProxyNode(sequence)
        proxy.CreateDefaultDisplayNodes()
        proxy.GetDisplayNode().SetAutoWindowLevel(False)
        proxy.GetDisplayNode().SetWindowLevel(350, 45)
        return proxy

    return make


@pytest.fixture
def perfusion(make):
    return make(frames())


def run(ui, calls, count=3):
    ui.applyButton.click()
    for n in range(count):
        assert len(calls) == n + 1
        calls[n].finish()


def browser_of(volume):
    import slicer

    return slicer.modules.sequences.logic().GetFirstBrowserNodeForProxyNode(volume)


def test_the_choice_of_all_frames_is_offered_for_sequences_only(mrml, ui, parameters, perfusion):
    single = mrml.add_volume(frames()[0], name="single")
    parameters.inputVolume = single
    assert ui.allFramesCheckBox.isHidden()
    parameters.inputVolume = perfusion
    assert not ui.allFramesCheckBox.isHidden()
    assert ui.allFramesCheckBox.text == "All 3 frames of se&quence 'perfusion'"


def test_a_sequence_of_one_frame_is_a_volume(ui, parameters, make):
    parameters.inputVolume = make(frames(1))
    assert ui.allFramesCheckBox.isHidden()


def test_only_the_frame_that_is_shown_is_denoised_unless_all_are_chosen(ui, parameters, perfusion, calls):
    parameters.inputVolume = perfusion
    run(ui, calls, 1)
    np.testing.assert_array_equal(array_of(parameters.outputVolume), FakeEngine.result_of(frames()[0]))


def test_all_frames_become_a_sequence_in_the_same_browser(mrml, ui, parameters, perfusion, calls):
    import slicer

    parameters.inputVolume, parameters.allFrames = perfusion, True
    assert "12 slices" in ui.estimateLabel.text
    run(ui, calls)
    browser = browser_of(perfusion)
    result = shown()
    assert browser_of(result) is browser
    assert result.GetName() == "perfusion denoised"
    sequence = browser.GetSequenceNode(result)
    assert (sequence.GetIndexName(), sequence.GetIndexUnit()) == ("time", "s")
    for number, array in enumerate(frames()):
        browser.SetSelectedItemNumber(number)
        assert sequence.GetNthIndexValue(number) == browser.GetMasterSequenceNode().GetNthIndexValue(number)
        np.testing.assert_array_equal(array_of(perfusion), array)
        np.testing.assert_array_equal(array_of(result), FakeEngine.result_of(array))
        assert result.GetAttribute("LDCTDenoise.Model") == "hrnet"
    assert result.GetDisplayNode().GetWindow() == 350
    np.testing.assert_allclose(slicer.util.arrayFromVTKMatrix(_matrix(result)), AFFINE)


def _matrix(volume):
    import vtk

    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return matrix


def test_the_result_of_all_frames_can_be_compared(ui, parameters, perfusion, calls):
    parameters.inputVolume, parameters.allFrames = perfusion, True
    run(ui, calls)
    assert not ui.resultCollapsibleButton.isHidden()
    ui.beforeAfterButton.click()
    assert shown() is perfusion
    parameters.strength = 50.0
    assert not ui.resultCollapsibleButton.isHidden()


def test_progress_goes_over_all_frames(ui, parameters, perfusion, calls):
    parameters.inputVolume, parameters.allFrames = perfusion, True
    ui.applyButton.click()
    calls[0].started()
    calls[0].finish()
    calls[1].started()
    calls[1].progress(2, 1.0)
    assert (ui.progressBar.value, ui.progressBar.maximum) == (6, 12)
    assert ui.remainingLabel.text.startswith("Slice 6 of 12")


def test_a_run_over_all_frames_times_the_device(ui, parameters, perfusion, calls, panel):
    from LDCTDenoiseLib import timeestimate

    parameters.inputVolume, parameters.allFrames = perfusion, True
    ui.applyButton.click()
    for n in range(3):
        calls[n].finish(seconds=4.0)
    assert ui.estimateLabel.text == "12 slices: about 15 s on this device."
    slices, rows, columns = array_of(perfusion).shape
    work = timeestimate.multiply_adds(panel.widget.panel.card(), (3 * slices, rows, columns))
    assert panel.widget.panel.settings.rate("auto", "auto") == pytest.approx(work / 12)


def test_another_run_fills_the_same_sequence_again(mrml, ui, parameters, perfusion, calls):
    parameters.inputVolume, parameters.allFrames = perfusion, True
    run(ui, calls)
    nodes, result = mrml.node_ids(), shown()
    parameters.strength = 50.0
    calls.clear()
    run(ui, calls)
    assert mrml.node_ids() == nodes
    assert shown() is result
    assert result.GetAttribute("LDCTDenoise.Strength") == "0.5"
    np.testing.assert_array_equal(array_of(result), FakeEngine.result_of(frames()[0], 0.5))


def test_cancel_between_frames_leaves_the_scene_as_it_was(mrml, ui, parameters, perfusion, calls):
    parameters.inputVolume, parameters.allFrames = perfusion, True
    before = mrml.node_ids()
    ui.applyButton.click()
    calls[0].finish()
    calls[1].started()
    ui.applyButton.click()
    assert calls[1].cancels == 1
    calls[1].stopped()
    assert mrml.node_ids() == before
    assert len(calls) == 2
    assert ui.applyButton.text == "&Apply"


def test_a_frame_that_fails_ends_the_run_and_leaves_the_scene_as_it_was(mrml, ui, parameters, perfusion, calls):
    parameters.inputVolume, parameters.allFrames = perfusion, True
    before = mrml.node_ids()
    ui.applyButton.click()
    calls[0].finish()
    calls[1].fail(RuntimeError("It broke."))
    settle()
    assert ui.messageLabel.text == "It broke."
    assert mrml.node_ids() == before


def test_a_sequence_that_was_changed_meanwhile_gets_no_result(mrml, ui, parameters, perfusion, calls):
    parameters.inputVolume, parameters.allFrames = perfusion, True
    ui.applyButton.click()
    sequence = browser_of(perfusion).GetMasterSequenceNode()
    sequence.RemoveDataNodeAtValue(sequence.GetNthIndexValue(2))
    before = mrml.node_ids()
    for n in range(3):
        calls[n].finish()
    assert "was changed while it was denoised" in ui.messageLabel.text
    assert mrml.node_ids() == before


def test_a_bad_frame_is_refused_before_the_run(mrml, ui, parameters, make, calls, monkeypatch):
    import slicer

    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **more: None)
    bad = [frame.astype(np.float32) for frame in frames()]
    bad[1][2, 0, 0] = np.nan
    parameters.inputVolume, parameters.allFrames = make(bad), True
    ui.applyButton.click()
    assert calls == []
    assert "not finite numbers, first in slice 2" in ui.messageLabel.text


def test_scripts_can_denoise_all_frames_too_and_see_what_cannot_be_done(mrml, panel, perfusion):
    single = mrml.add_volume(frames()[0], name="single")
    with pytest.raises(ValueError, match="belongs to no sequence"):
        panel.widget.logic.processFrames(single)
    with pytest.raises(ValueError, match="strength is 2"):
        panel.widget.logic.processFrames(perfusion, strength=2.0)
    with pytest.raises(ValueError, match="A node of the scene was expected"):
        panel.widget.logic.processFrames("perfusion")


def test_everything_survives_saving_and_reloading(mrml, ui, parameters, perfusion, calls, tmp_path):
    import slicer

    parameters.inputVolume, parameters.allFrames = perfusion, True
    run(ui, calls)
    mrml.reload(tmp_path / "scene.mrb")
    settle()
    result = slicer.util.getNode("perfusion denoised")
    browser = slicer.util.getFirstNodeByClassByName("vtkMRMLSequenceBrowserNode", "perfusion browser")
    assert browser.GetNumberOfItems() == 3
    assert result is not None
    assert not ui.resultCollapsibleButton.isHidden()
