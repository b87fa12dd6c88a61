"""Apply and Cancel: what the user sees of a run, and how every run ends."""

import pytest
from didscene import didlogic  # noqa: F401  (a fixture)
from panelfixtures import (  # noqa: F401  (fixtures)
    array_of, calls, complaints, ct, dialogs, finish_during_import, importing, mrml, open_panel, panel, parameters,
    ready, session, settle, shown, ui,
)


def test_a_run_asks_the_engine_for_what_was_chosen(ready, ct, parameters, calls, panel):
    parameters.model, parameters.strength = "unet", 70.0
    panel.widget.panel.settings.device, panel.widget.panel.settings.precision = "cpu", "bf16"
    ready.applyButton.click()
    request = calls[0].request
    assert (request.model, request.strength, request.device, request.precision) == ("unet", 0.7, "cpu", "bf16")
    assert (request.array == array_of(ct)).all()
    assert request.spacing == pytest.approx((3.0, 0.8, 0.8))


def test_the_button_goes_from_apply_to_cancel_and_back(ready, calls):
    assert ready.applyButton.text == "&Apply"
    ready.applyButton.click()
    assert ready.applyButton.text == "&Cancel"
    calls[0].started()
    assert ready.applyButton.text == "&Cancel"
    calls[0].finish()
    assert (ready.applyButton.text, ready.applyButton.enabled) == ("&Apply", True)


def test_progress_and_remaining_time_are_shown_while_it_runs(ready, calls):
    assert ready.progressBar.isHidden()
    ready.applyButton.click()
    assert not ready.progressBar.isHidden()
    assert (ready.progressBar.maximum, ready.remainingLabel.text) == (0, "Starting...")
    calls[0].started()
    calls[0].progress(2, 44.0)
    assert (ready.progressBar.value, ready.progressBar.maximum) == (2, 5)
    assert ready.remainingLabel.text == "Slice 2 of 5, about 45 s left"
    calls[0].finish()
    assert ready.progressBar.isHidden()
    assert ready.remainingLabel.isHidden()


def test_what_was_chosen_cannot_be_changed_during_a_run(ready, calls):
    ready.applyButton.click()
    for widget in (ready.inputSelector, ready.modelComboBox, ready.strengthSlider, ready.outputSelector,
                   ready.restoreDefaultsButton, ready.previewButton):
        assert not widget.enabled
    calls[0].finish()
    assert ready.inputSelector.enabled
    assert ready.previewButton.enabled


def test_the_result_is_chosen_shown_measured_and_logged(ready, ct, parameters, calls):
    import slicer

    slicer.util.setSliceViewerLayers(background=ct)
    ready.applyButton.click()
    calls[0].finish(messages=("GPU memory ran out; going on with 8 slices at a time.",))
    result = parameters.outputVolume
    assert result.GetName() == "CT denoised"
    assert shown() is shown("Yellow") is result
    assert not ready.resultCollapsibleButton.isHidden()
    assert ready.statisticsTable.item(0, 0).text() == "Noise"
    assert ready.messageLabel.text.startswith("Done in ")
    assert "GPU memory ran out" in ready.messageLabel.text
    log = ready.logTextEdit.toPlainText()
    assert "Denoising 'CT' with 'HRNet (default)', strength 100 %." in log
    assert "GPU memory ran out" in log


def test_removed_noise_is_kept_only_where_it_is_wanted(ready, parameters, calls, panel):
    parameters.removedNoise = True
    ready.applyButton.click()
    calls[0].finish()
    noise = panel.widget.logic.removedNoiseVolume(parameters.outputVolume)
    assert noise.GetName() == "CT removed noise"


def test_a_second_run_replaces_the_result_of_the_first(mrml, ready, parameters, calls):
    ready.applyButton.click()
    calls[0].finish()
    result, nodes = parameters.outputVolume, mrml.node_ids()
    parameters.strength = 50.0
    ready.applyButton.click()
    calls[1].finish()
    assert parameters.outputVolume is result
    assert mrml.node_ids() == nodes
    assert result.GetAttribute("LDCTDenoise.Strength") == "0.5"


def test_cancel_leaves_the_scene_as_it_was(mrml, ready, calls):
    before = mrml.node_ids()
    ready.applyButton.click()
    calls[0].started()
    ready.applyButton.click()
    assert calls[0].cancels == 1
    assert (ready.applyButton.text, ready.applyButton.enabled) == ("&Cancelling...", True)
    calls[0].stopped()
    assert ready.applyButton.text == "&Apply"
    assert ready.messageLabel.text == "Cancelled; the scene is as it was."
    assert mrml.node_ids() == before


def test_a_result_that_comes_after_cancel_is_not_taken(mrml, ready, calls):
    before = mrml.node_ids()
    ready.applyButton.click()
    calls[0].started()
    ready.applyButton.click()
    calls[0].finish()
    assert mrml.node_ids() == before
    assert ready.applyButton.text == "&Apply"


def test_a_further_click_on_cancel_hastens_it_and_starts_nothing(ready, calls):
    ready.applyButton.click()
    calls[0].started()
    ready.applyButton.click()
    ready.applyButton.click()
    assert (len(calls), calls[0].cancels) == (1, 2)


def test_cancel_can_come_before_the_worker_has_begun(ready, calls):
    ready.applyButton.click()
    ready.applyButton.click()
    assert calls[0].cancels == 1
    calls[0].stopped()
    assert ready.applyButton.text == "&Apply"


def test_a_failed_run_says_why_in_one_message_and_another_run_can_follow(mrml, ready, calls, dialogs):
    before = mrml.node_ids()
    ready.applyButton.click()
    calls[0].started()
    calls[0].fail(RuntimeError("The worker process ended unexpectedly: run again."))
    settle()
    assert dialogs == ["The worker process ended unexpectedly: run again."]
    assert ready.messageLabel.text == dialogs[0]
    assert dialogs[0] in ready.logTextEdit.toPlainText()
    assert (ready.applyButton.text, ready.applyButton.enabled) == ("&Apply", True)
    assert mrml.node_ids() == before
    ready.applyButton.click()
    assert ready.messageLabel.isHidden()
    calls[1].finish()
    assert ready.messageLabel.text.startswith("Done")


def test_a_run_that_cannot_be_started_says_why(ready, panel, dialogs):
    panel.widget.logic.engine.refusal = RuntimeError("Slicer's own Python was not found.")
    ready.applyButton.click()
    settle()
    assert dialogs == ["Slicer's own Python was not found."]
    assert ready.applyButton.text == "&Apply"


def test_values_that_are_no_numbers_are_refused_with_their_place(ready, mrml, parameters, calls, dialogs):
    import numpy as np

    values = np.zeros((3, 8, 8), np.float32)
    values[1, 2, 2] = np.nan
    parameters.inputVolume = mrml.add_volume(values, name="broken")
    ready.applyButton.click()
    settle()
    assert calls == []
    assert dialogs[0].startswith("The input volume 'broken' holds values that are not finite numbers, first in slice 1")


def test_the_progress_of_a_run_whose_input_is_deleted_ends_it(mrml, ready, ct, calls, dialogs):
    ready.applyButton.click()
    calls[0].started()
    mrml.scene.RemoveNode(ct)
    calls[0].progress(1, 5.0)
    assert calls[0].cancels == 1
    calls[0].stopped()
    settle()
    assert dialogs == ["The volume 'CT' was deleted during the run, and the result discarded."]


def test_closing_the_scene_during_a_run_stops_it_without_a_fuss(mrml, ready, calls, dialogs):
    ready.applyButton.click()
    calls[0].started()
    mrml.scene.Clear(False)
    assert calls[0].cancels == 1
    calls[0].stopped()
    settle()
    assert dialogs == []
    assert ready.applyButton.text == "&Apply"
    assert not ready.applyButton.enabled


def test_a_run_goes_on_while_another_module_is_open(ready, panel, parameters, calls):
    ready.applyButton.click()
    calls[0].started()
    panel.exit()
    calls[0].progress(3, 1.0)
    calls[0].finish()
    panel.enter()
    assert parameters.outputVolume.GetName() == "CT denoised"
    assert ready.applyButton.text == "&Apply"


def test_unloading_the_module_during_a_run_stops_it(mrml, ready, panel, calls):
    before = mrml.node_ids()
    ready.applyButton.click()
    calls[0].started()
    panel.widget.cleanup()
    assert calls[0].cancels == 1
    calls[0].stopped()
    assert mrml.node_ids() == before


def test_a_run_that_ends_while_a_scene_is_imported_is_told_and_its_result_chosen_afterwards(
        mrml, ready, panel, finish_during_import):
    read = finish_during_import(ready.applyButton)
    parameters = panel.widget.panel.parameters
    if read:  # with the input that was saved, to which the result does not belong
        assert parameters.outputVolume is None
        assert mrml.scene.GetFirstNodeByName("CT denoised") is not None
    else:
        assert parameters.outputVolume.GetName() == "CT denoised"
        assert shown() is parameters.outputVolume
        assert ready.statisticsTable.item(0, 0).text() == "Noise"
    assert (ready.applyButton.text, ready.applyButton.enabled) == ("&Apply", True)


@pytest.mark.parametrize("gone", ["result", "input", "both"])
def test_a_result_that_was_deleted_before_the_scene_was_read_is_not_chosen(mrml, ready, ct, calls, panel, importing,
                                                                           gone):
    ready.applyButton.click()
    with importing():
        calls[0].finish()
        if gone != "input":
            mrml.scene.RemoveNode(mrml.scene.GetFirstNodeByName("CT denoised"))
        if gone != "result":
            mrml.scene.RemoveNode(ct)
    assert panel.widget.panel.parameters.outputVolume is None
    assert ready.resultCollapsibleButton.isHidden()


def test_what_the_input_was_made_from_cannot_be_chosen_as_output(ready, ct, parameters, calls):
    ready.applyButton.click()
    calls[0].finish()
    parameters.inputVolume = parameters.outputVolume
    ready.outputSelector.setCurrentNode(ct)
    assert not ready.applyButton.enabled
    assert "'CT' is what the input 'CT denoised' was made from" in ready.estimateLabel.text
    parameters.outputVolume = None
    assert ready.applyButton.enabled


def test_what_the_candidates_were_made_from_cannot_be_the_output_of_one(ready, ct, parameters, didlogic):
    candidates = didlogic.generateCandidates(ct, count=5)
    parameters.inputVolume, parameters.outputVolume = didlogic.proxyVolume(candidates), ct
    assert not ready.applyButton.enabled
    assert "'CT' is what the input" in ready.estimateLabel.text


def test_a_run_of_a_script_is_not_disturbed(ready, ct, panel, calls, dialogs):
    panel.widget.logic.process(ct, waitForCompletion=False)
    ready.applyButton.click()
    settle()
    assert len(calls) == 1
    assert "already" in dialogs[0]


@pytest.mark.parametrize("seconds, told", [(20.0, "25 s"), (0.25, "4 s")])
def test_the_first_run_on_a_device_lets_the_next_estimate_be_told_from_it(ready, calls, panel, seconds, told):
    from LDCTDenoiseLib import timeestimate

    assert "has not been timed yet" in ready.estimateLabel.text
    ready.applyButton.click()
    calls[0].finish(seconds=seconds)
    assert ready.estimateLabel.text == f"5 slices: about {told} on this device."
    work = timeestimate.multiply_adds(panel.widget.panel.card(), (5, 48, 48))
    assert panel.widget.panel.settings.rate("auto", "auto") == pytest.approx(work / seconds)


def test_a_run_in_which_the_network_had_nothing_to_do_times_no_device(ready, parameters, calls, panel):
    parameters.strength = 0.0
    ready.applyButton.click()
    calls[0].finish()
    assert "has not been timed yet" in ready.estimateLabel.text
    assert panel.widget.panel.settings.rate("auto", "auto") is None
