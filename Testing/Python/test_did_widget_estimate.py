"""What the panel of DID Interactive says before a run: memory, time, and where the input does not suit the network."""

import re

import numpy as np
from didpanelfixtures import (  # noqa: F401  (fixtures)
    calls, complaints, ct, logic, made, mrml, open_panel, panel, parameters, ready, session, settle, toolbar, ui,
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


def test_the_memory_of_a_region_is_that_of_its_slices_and_an_unusable_one_is_told(ready, parameters):
    region = ready.regionSelector.addNode()
    assert "has no size yet" in ready.estimateLabel.text
    region.SetCenter(0.2, 2.2, -44.0)
    region.SetSize(20.0, 16.0, 7.0)
    parameters.count = 5
    assert ready.estimateLabel.text.startswith("5 candidates of 3 slices")
