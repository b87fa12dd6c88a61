"""Preview slice, Generate and Cancel: what the user sees of a run, and how every run ends."""

import numpy as np
import pytest
from didpanelfixtures import (  # noqa: F401  (fixtures)
    array_of, calls, complaints, ct, dialogs, finish_during_import, importing, logic, made, mrml, open_panel, panel,
    parameters, ready, session, settle, shown, toolbar, ui,
)


def test_a_run_asks_the_engine_for_what_was_chosen(ready, ct, panel, parameters, calls):
    parameters.model, parameters.method, parameters.count = "unet", "interpolate", 7
    parameters.repetitions, parameters.extrapolation, parameters.tuned = 4, 50, "gains"
    parameters.perSlice, parameters.defaultFilter = True, "gaussian"
    panel.widget.panel.settings.device, panel.widget.panel.settings.precision = "cpu", "bf16"
    ready.generateButton.click()
    [call] = calls
    assert (call.request.model, call.request.device, call.request.precision) == ("unet", "cpu", "bf16")
    settings = call.request.settings
    assert (settings.method, settings.count, settings.repetitions, settings.extrapolation, settings.tuned) == (
        "interpolate", 7, 4, 0.5, "gains")
    assert (settings.per_slice, call.request.default_filter, call.request.reference) == (True, "gaussian", None)
    np.testing.assert_array_equal(call.request.array, array_of(ct))
    call.stopped()


def test_with_a_reference_the_error_of_every_candidate_is_measured_and_said(mrml, ready, ct, parameters, calls):
    reference = mrml.add_volume(array_of(ct) + np.int16(3), name="full dose")
    reference.CopyOrientation(ct)
    parameters.count = 5
    ready.generateButton.click()
    calls[0].finish()
    assert "reference" not in ready.factsLabel.text
    ready.referenceSelector.setCurrentNode(reference)
    assert parameters.referenceVolume is reference
    ready.generateButton.click()
    np.testing.assert_array_equal(calls[1].request.reference, array_of(reference))
    calls[1].finish()
    assert "Error to the reference: 3.0\xa0HU (input: 6.0\xa0HU)." in ready.factsLabel.text


def test_a_reference_of_another_grid_is_refused_in_one_sentence(mrml, ready, parameters, calls, dialogs):
    parameters.referenceVolume = mrml.add_volume(np.zeros((5, 8, 8), np.int16), name="smaller")
    ready.generateButton.click()
    settle()
    assert (calls, dialogs) == ([], [ready.messageLabel.text])
    assert "has another grid" in ready.messageLabel.text


def test_the_button_goes_from_generate_to_cancel_and_back(ready, calls):
    ready.generateButton.click()
    assert (ready.generateButton.text, ready.previewButton.enabled) == ("&Cancel", False)
    assert not ready.inputsCollapsibleButton.enabled
    calls[0].started()
    ready.generateButton.click()
    assert (ready.generateButton.text, calls[0].cancels) == ("&Cancelling...", 1)
    calls[0].stopped()
    assert (ready.generateButton.text, ready.generateButton.enabled) == ("&Generate", True)
    assert ready.previewButton.enabled
    assert ready.messageLabel.text == "Cancelled; the scene is as it was."


def test_progress_and_remaining_time_are_shown_while_it_runs(ready, calls):
    assert ready.progressBar.isHidden()
    ready.generateButton.click()
    assert (ready.progressBar.isHidden(), ready.remainingLabel.text) == (False, "Starting...")
    calls[0].started()
    calls[0].progress(0.0, "Smoother candidates", float("inf"))
    assert ready.remainingLabel.text == "Smoother candidates"
    calls[0].progress(0.4, "Smoother candidates", 90.0)
    assert (ready.progressBar.value, ready.remainingLabel.text) == (40, "Smoother candidates, about 2 min left")
    calls[0].finish()
    assert ready.progressBar.isHidden()


def test_the_new_set_is_shown_at_its_default_with_the_toolbar_on_it(ready, made, logic, toolbar, ct):
    assert made.GetName() == "CT candidates"
    assert (toolbar.shown, toolbar.active) == (True, [logic.browser(made)])
    assert shown("Red") is shown("Green") is logic.proxyVolume(made)
    assert ready.positionSlider.value == 0
    assert ready.candidateLabel.text.startswith(
        "Candidate 3 of 5, the network's own result:\nNoise 6.0\xa0HU, 60\xa0% of the original")
    assert ready.messageLabel.text.startswith("Done in ")
    log = ready.logTextEdit.toPlainText()
    assert log.count("All were made.") == 1
    assert ("Candidates of 'CT' with 'HRNet (default)', method 'Deep interactive denoiser', "
            "5 in all.") in log


def test_a_second_run_renews_the_set_in_its_place(ready, made, logic, calls, parameters, mrml):
    before = mrml.node_ids()
    parameters.count = 3
    ready.generateButton.click()
    calls[1].finish()
    assert parameters.candidates is made
    assert made.GetNumberOfDataNodes() == 3
    assert mrml.node_ids() == before
    assert ready.comparisonComboBox.count == 3
    assert "Candidate 2 of 3" in ready.candidateLabel.text
    assert shown() is logic.proxyVolume(made)


def test_the_preview_is_of_the_slice_in_the_red_view_and_leaves_other_views_alone(ready, ct, calls, logic, parameters):
    ready.previewButton.click()
    np.testing.assert_array_equal(calls[0].request.array, array_of(ct)[3:4])
    calls[0].finish()
    assert parameters.candidates.GetName() == "CT preview"
    assert shown("Red") is logic.proxyVolume(parameters.candidates)
    assert shown("Green") is shown("Yellow") is ct


def test_the_set_of_the_volume_takes_the_place_of_the_preview_everywhere(ready, ct, calls, logic, parameters):
    import slicer

    ready.previewButton.click()
    calls[0].finish()
    ready.generateButton.click()
    calls[1].finish()
    assert [node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLSequenceNode")
            if logic.candidateSet(node) is node] == ["CT candidates"]
    assert parameters.candidates.GetName() == "CT candidates"
    assert shown("Red") is shown("Green") is logic.proxyVolume(parameters.candidates)


def test_a_preview_of_a_plane_across_the_slices_says_why_not(ready, session, calls, dialogs):
    session.sliceLogics["Red"].GetSliceNode().SetOrientation("Coronal")
    ready.previewButton.click()
    settle()
    assert calls == []
    assert "lies across the slices" in ready.messageLabel.text
    assert dialogs == [ready.messageLabel.text]


def test_a_failure_is_one_plain_message_and_the_next_run_works(ready, calls, dialogs, mrml, parameters):
    before = mrml.node_ids()
    ready.generateButton.click()
    calls[0].started()
    calls[0].fail(RuntimeError("The graphics card has too little memory: choose the processor."))
    settle()
    assert dialogs == [ready.messageLabel.text] == ["The graphics card has too little memory: choose the processor."]
    assert mrml.node_ids() == before
    ready.generateButton.click()
    calls[1].finish()
    assert parameters.candidates is not None


def test_too_little_memory_is_said_before_anything_is_computed(ready, logic, calls, dialogs):
    logic.freeMemory = 1000
    ready.generateButton.click()
    settle()
    assert calls == []
    assert "are free" in ready.messageLabel.text


@pytest.mark.parametrize("fault", ["deleted", "changed"])
def test_an_input_that_is_gone_or_changed_is_told_and_nothing_is_written(ready, ct, calls, mrml, dialogs, fault):
    import slicer

    ready.generateButton.click()
    calls[0].started()
    if fault == "deleted":
        mrml.scene.RemoveNode(ct)
    else:
        slicer.util.arrayFromVolume(ct)[0, 0, 0] += 1
    calls[0].finish()
    settle()
    assert fault in dialogs[0]
    assert [node for node in slicer.util.getNodesByClass("vtkMRMLSequenceNode")] == []
    assert ready.generateButton.text == "&Generate"


def test_closing_the_scene_stops_the_run_and_the_panel_goes_on(ready, calls, mrml, parameters, panel):
    ready.generateButton.click()
    calls[0].started()
    mrml.scene.Clear(False)
    assert calls[0].cancels == 1
    calls[0].finish()
    assert ready.generateButton.text == "&Generate"
    assert not ready.generateButton.enabled
    again = mrml.add_volume(np.full((2, 8, 8), 40, np.int16), name="again")
    ready.inputSelector.setCurrentNode(again)
    assert ready.generateButton.enabled


def test_unloading_the_module_stops_the_run(ready, open_panel, calls, panel):
    ready.generateButton.click()
    calls[0].started()
    panel.widget.cleanup()
    assert calls[0].cancels == 1
    calls[0].stopped()


def test_leaving_the_module_lets_the_run_go_on(ready, calls, panel, parameters):
    ready.generateButton.click()
    panel.exit()
    calls[0].finish()
    assert parameters.candidates.GetName() == "CT candidates"


def test_a_run_that_ends_while_a_scene_is_imported_is_told_and_its_set_chosen_afterwards(
        ready, panel, logic, finish_during_import):
    finish_during_import(ready.generateButton)
    [candidates] = logic.candidateSets()
    assert panel.widget.panel.parameters.candidates is candidates
    assert ready.candidateLabel.text.startswith("Candidate 5 of 9")
    assert shown("Red") is logic.proxyVolume(candidates)
    assert (ready.generateButton.text, ready.generateButton.enabled) == ("&Generate", True)


def test_a_set_that_was_deleted_before_the_scene_was_read_is_not_chosen(ready, calls, panel, logic, importing):
    ready.generateButton.click()
    with importing():
        calls[0].finish()
        logic.deleteSet(logic.candidateSets()[0])
    assert panel.widget.panel.parameters.candidates is None


def test_a_run_that_ends_after_a_scene_was_read_in_another_module_shows_its_set_when_the_panel_is_opened(
        ready, calls, panel, logic, toolbar, importing):
    ready.generateButton.click()
    panel.exit()
    with importing():
        pass
    calls[0].finish()
    settle()
    assert ready.messageLabel.text.startswith("Done in ")
    assert not toolbar.shown
    panel.enter()
    [candidates] = logic.candidateSets()
    assert panel.widget.panel.parameters.candidates is candidates
    assert toolbar.active == [logic.browser(candidates)]
