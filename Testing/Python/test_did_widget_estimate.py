"""What the panel of DID Interactive says before a run: memory, time, and where the input does not suit the network."""

import re

import numpy as np
import pytest
from didpanelfixtures import (  # noqa: F401  (fixtures)
    calls, complaints, ct, logic, made, mrml, open_panel, panel, parameters, ready, session, settle, toolbar, ui,
    wait_for,
)


def test_the_memory_that_a_set_needs_is_said_before_the_run(ready, parameters):
    assert ready.estimateLabel.text.startswith("9 candidates of 5 slices need 7\xa0MB of memory; ")
    parameters.count = 31
    assert ready.estimateLabel.text.startswith("31 candidates")


def test_the_time_is_said_before_the_run_and_grows_with_what_is_asked_for(ready, parameters, panel):
    def seconds():
        number, unit = re.search(r"take roughly ([\d.]+) (s|min|h) on this", ready.estimateLabel.text).groups()
        return float(number) * {"s": 1, "min": 60, "h": 3600}[unit]

    usual = seconds()
    assert ready.estimateLabel.text.endswith("which has not been timed yet.")
    parameters.defaultFilter = "gaussian"
    fitted = seconds()
    assert fitted > usual
    panel.widget.panel.settings.setRate("auto", "auto", 1e8)
    parameters.defaultFilter = ""
    slow = seconds()
    assert slow > 10 * usual
    assert ready.estimateLabel.text.endswith("on this device.")
    parameters.perSlice = True
    assert seconds() > slow


def test_what_does_not_fit_into_the_memory_is_said_before_the_run(ready, parameters, logic):
    logic.freeMemory = 7_400_000
    parameters.count = 31
    assert "are made; for more, choose a region" in ready.estimateLabel.text
    logic.freeMemory = 1000
    parameters.count = 30
    assert "too few even for 3" in ready.estimateLabel.text


def test_where_the_input_does_not_suit_the_network_is_said_of_the_source_of_a_candidate_too(
        mrml, ready, made, parameters, logic):
    parameters.inputVolume = logic.proxyVolume(made)
    settle()
    assert ready.warningLabel.text == (
        "No DICOM header is at hand: kernel, contrast agent and age of the patient are unknown.")
    values = np.random.default_rng(1).normal(1050, 30, (5, 64, 64)).astype(np.float32)
    parameters.inputVolume = mrml.add_volume(values, np.diag([0.8, 0.8, 3.0, 1.0]))
    settle()
    assert "can hardly be HU" in ready.warningLabel.text
    assert ready.generateButton.enabled


def test_a_new_region_can_be_worked_on_at_once_and_its_memory_follows_it(ready, session):
    session.sliceLogics["Red"].SetSliceOffset(-44.0)
    region = ready.regionSelector.addNode()
    assert (min(region.GetSize()), region.GetCenter()[2]) == (20.0, -44.0)
    assert region.GetDisplayNode().GetHandlesInteractive()
    assert ready.generateButton.enabled
    assert ready.estimateLabel.text.startswith("9 candidates of 5 slices")
    # dragged, as the handles do it
    region.SetSize(20.0, 16.0, 7.0)
    assert ready.estimateLabel.text.startswith("9 candidates of 5 slices")
    wait_for(lambda: ready.estimateLabel.text.startswith("9 candidates of 3 slices"))
    region.SetCenter(500.0, 0.0, -44.0)
    wait_for(lambda: "holds no voxel" in ready.estimateLabel.text)


@pytest.mark.parametrize("name", ["regionSelector", "statisticsSelector", "backgroundSelector"])
def test_every_new_box_lies_where_the_red_view_shows_the_volume(ready, name):
    box = getattr(ready, name).addNode()
    assert (min(box.GetSize()), box.GetCenter()[2]) == (20.0, -41.0)


@pytest.mark.parametrize("name", ["regionROI", "statisticsROI", "backgroundROI"])
def test_while_a_box_has_no_size_nothing_can_be_run_and_the_buttons_say_why(mrml, ready, parameters, calls, name):
    box = mrml.scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "liver")
    setattr(parameters, name, box)
    reason = "The region 'liver' has no size yet: draw the box in a slice view."
    for button in (ready.generateButton, ready.previewButton):
        assert (button.enabled, button.toolTip) == (False, reason)
    assert ready.estimateLabel.text == reason
    box.SetCenter(0.2, 2.2, -44.0)
    box.SetSize(20.0, 16.0, 7.0)
    wait_for(lambda: ready.generateButton.enabled)
    assert ready.previewButton.enabled
    assert ready.estimateLabel.text.startswith("9 candidates of")


def test_without_a_volume_a_new_box_is_not_placed_and_does_no_harm(ui, parameters):
    box = ui.regionSelector.addNode()
    assert parameters.regionROI is box
    assert min(box.GetSize()) == 0
    assert ui.generateButton.toolTip == "Choose the CT volume to make candidates of."


def test_a_box_that_is_not_chosen_any_more_is_not_followed(ready, parameters, panel):
    region = ready.regionSelector.addNode()
    timer = panel.widget.panel.regions._watch._timer
    for chosen in (None, region):
        parameters.regionROI = chosen
        timer.stop()
        region.SetCenter(1.0, 2.0, 3.0)
        region.SetCenter(3.0, 2.0, 1.0)
        assert timer.isActive() == (chosen is region)
