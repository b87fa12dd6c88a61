"""While a run is under way, what it has finished is shown; whatever ends the run, the views come back."""

import numpy as np
import pytest
from didpanelfixtures import (  # noqa: F401  (fixtures)
    array_of, calls, complaints, ct, dialogs, logic, made, mrml, open_panel, panel, parameters, ready, session, settle,
    shown, toolbar, ui,
)


@pytest.fixture
def call(ready, calls, parameters):
    """A run for five candidates that has begun."""
    parameters.count = 5
    ready.generateButton.click()
    calls[-1].started()
    return calls[-1]


def finished(call, number):
    """Let the run finish its candidate ``number``, 0 being the smoothest; return that."""
    candidate = call.reply().candidates[number]
    call.listener.partial(candidate)
    return candidate


def test_a_finished_candidate_is_shown_in_the_place_of_the_input_and_the_next_one_in_its_place(ready, call, ct):
    default = finished(call, 2)
    for view in ("Red", "Green", "Yellow"):
        np.testing.assert_array_equal(array_of(shown(view)), default.array)
    assert shown() is not ct
    smoother = finished(call, 1)
    np.testing.assert_array_equal(array_of(shown("Green")), smoother.array)


def test_how_many_of_them_are_made_is_said_with_the_noise_of_the_last(ready, call):
    finished(call, 2)
    assert ready.remainingLabel.text == "1 of 5 made, the last with noise of about 6.0\xa0HU."
    call.progress(0.4, "Smoother candidates", 90.0)
    assert ready.remainingLabel.text == (
        "1 of 5 made, the last with noise of about 6.0\xa0HU. Smoother candidates, about 2 min left")
    finished(call, 1)
    assert ready.remainingLabel.text == (
        "2 of 5 made, the last with noise of about 4.0\xa0HU. Smoother candidates, about 2 min left")


def test_the_next_run_counts_from_the_beginning(ready, call, calls):
    finished(call, 2)
    call.finish()
    ready.generateButton.click()
    calls[1].started()
    calls[1].progress(0.0, "Default image", float("inf"))
    assert ready.remainingLabel.text == "Default image"
    calls[1].finish()


@pytest.mark.parametrize("end", ["cancel", "failure"])
def test_a_run_without_a_result_leaves_nothing_in_views_and_scene(ready, ct, mrml, parameters, calls, dialogs, end):
    before = mrml.node_ids()
    ready.generateButton.click()
    calls[0].started()
    finished(calls[0], 2)
    assert shown() is not ct
    if end == "cancel":
        ready.generateButton.click()
        calls[0].stopped()
    else:
        calls[0].fail(RuntimeError("no memory"))
        settle()
    assert shown("Red") is shown("Green") is shown("Yellow") is ct
    assert mrml.node_ids() == before


def test_a_run_without_a_result_gives_the_views_back_to_the_set_that_they_showed(ready, made, calls, logic):
    ready.generateButton.click()
    calls[1].started()
    finished(calls[1], 1)
    assert shown() is not logic.proxyVolume(made)
    calls[1].stopped()
    assert shown("Red") is shown("Green") is logic.proxyVolume(made)
    ready.nextButton.click()
    assert logic.currentCandidate(made) == 3


def test_who_goes_on_browsing_the_set_before_is_left_in_peace(ready, made, calls, logic):
    ready.generateButton.click()
    calls[1].started()
    finished(calls[1], 1)
    ready.nextButton.click()
    assert shown() is logic.proxyVolume(made)
    finished(calls[1], 0)
    assert shown() is logic.proxyVolume(made)
    calls[1].finish()


def test_the_whole_set_takes_the_place_of_what_was_shown_on_the_way(ready, call, logic, parameters, mrml):
    finished(call, 2)
    temporary = shown()
    call.finish()
    assert temporary.GetScene() is None
    assert shown("Red") is shown("Green") is logic.proxyVolume(parameters.candidates)


def test_views_that_show_something_else_are_left_alone(mrml, ready, call):
    import slicer

    other = mrml.add_volume(np.zeros((2, 3, 4), np.int16), name="other")
    slicer.mrmlScene.GetNodeByID("vtkMRMLSliceCompositeNodeGreen").SetBackgroundVolumeID(other.GetID())
    finished(call, 2)
    assert shown("Green") is other
    call.stopped()
    assert shown("Green") is other


def test_in_a_preview_only_the_view_of_its_slice_changes(ready, ct, calls):
    ready.previewButton.click()
    calls[0].started()
    finished(calls[0], 2)
    assert shown("Red") is not ct
    assert shown("Green") is shown("Yellow") is ct
    calls[0].stopped()
    assert shown("Red") is ct


def test_another_module_gets_the_views_as_they_were_and_the_run_goes_on(ready, call, ct, panel):
    finished(call, 2)
    panel.exit()
    assert shown() is ct
    finished(call, 1)
    assert shown() is ct
    panel.enter()
    np.testing.assert_array_equal(array_of(shown()), call.reply().candidates[1].array)
    panel.exit()
    call.finish()


def test_closing_scene_or_module_meanwhile_does_no_harm(mrml, ready, call, panel):
    finished(call, 2)
    mrml.scene.Clear(False)
    assert call.cancels == 1
    call.stopped()
    settle()
    assert ready.generateButton.text == "&Generate"


def test_unloading_the_module_meanwhile_leaves_the_views_on_the_input(ready, call, ct, panel):
    finished(call, 2)
    panel.widget.cleanup()
    assert (call.cancels, shown()) == (1, ct)
    call.stopped()
    assert shown() is ct


def test_an_input_that_is_deleted_meanwhile_ends_the_run(mrml, ready, call, ct, dialogs):
    finished(call, 2)
    mrml.scene.RemoveNode(ct)
    finished(call, 1)
    assert call.cancels == 1
    call.stopped()
    settle()
    assert dialogs == [ready.messageLabel.text]
    assert "deleted" in ready.messageLabel.text
