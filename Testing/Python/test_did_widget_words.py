"""What is said of a candidate beside its noise and edges: shift, flicker and error, each against the input's."""

from dataclasses import replace

import pytest
from didpanelfixtures import (  # noqa: F401  (fixtures)
    calls, complaints, ct, logic, made, mrml, open_panel, panel, parameters, ready, session, toolbar, ui,
)


@pytest.fixture
def flickering(ready, parameters, calls):
    """A set whose candidates flicker by 0.25, 0.5, 0.75, 1 and, the input, 1.25 HU."""
    parameters.count = 5
    ready.generateButton.click()
    reply = calls[0].reply()
    calls[0].finish(measurements=tuple(
        replace(measured, flicker_hu=0.25 * (n + 1)) for n, measured in enumerate(reply.measurements)))
    return ready


def test_shift_and_flicker_of_the_current_candidate_are_said(flickering):
    assert flickering.factsLabel.text == (
        "Shift of soft tissue: +0.2\xa0HU.\nFlicker along z: 0.75\xa0HU (input: 1.25\xa0HU).")
    flickering.nextButton.click()
    assert "Flicker along z: 1.00\xa0HU" in flickering.factsLabel.text


def test_of_the_input_no_shift_against_itself_is_said(flickering):
    flickering.nextButton.click()
    flickering.nextButton.click()
    assert flickering.factsLabel.text == "Flicker along z: 1.25\xa0HU (input: 1.25\xa0HU)."


def test_of_an_image_between_two_candidates_nothing_is_said_as_nothing_was_measured(flickering, panel):
    flickering.positionSlider.value = -250
    assert flickering.factsLabel.isHidden()
    panel.widget.panel.browsing.rest()
    assert flickering.factsLabel.isHidden()
    flickering.nextButton.click()
    assert not flickering.factsLabel.isHidden()


def test_what_was_not_measured_is_not_said(ready, made):
    assert ready.factsLabel.text == "Shift of soft tissue: +0.2\xa0HU."


def test_without_the_node_of_the_facts_there_are_none(mrml, ready, made, logic):
    from DIDInteractiveLib import candidatenodes

    mrml.scene.RemoveNode(made.GetNodeReference(candidatenodes.FACTS_ROLE))
    ready.nextButton.click()
    assert ready.factsLabel.isHidden()
    assert "Candidate 4 of 5" in ready.candidateLabel.text


def test_names_that_look_like_html_are_shown_as_they_are(mrml, ready, parameters):
    import qt

    parameters.inputVolume = mrml.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "<b>x</b>")
    assert "'<b>x</b>' holds no image" in ready.estimateLabel.text
    for name in ("estimateLabel", "messageLabel", "remainingLabel", "candidateLabel", "factsLabel", "warningLabel"):
        assert getattr(ready, name).textFormat == qt.Qt.PlainText, name
