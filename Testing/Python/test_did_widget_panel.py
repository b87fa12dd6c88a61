"""The panel of DID Interactive: what its controls do to the parameters, and how it follows the scene."""

import numpy as np
import pytest
from didpanelfixtures import (  # noqa: F401  (fixtures)
    ROOT, calls, complaints, ct, logic, made, mrml, open_panel, panel, parameters, ready, session, settle, shown,
    toolbar, ui,
)
from fakedidengine import FakeDIDEngine


def choose(combo, value):
    """Choose in a combo box as the user does."""
    combo.currentIndex = combo.findData(value)
    combo.activated.emit(combo.currentIndex)


def test_without_a_volume_nothing_can_be_run_and_the_buttons_say_what_is_missing(ui):
    for button in (ui.generateButton, ui.previewButton):
        assert not button.enabled
        assert button.toolTip == "Choose the CT volume to make candidates of."
    assert ui.positionSlider.isHidden()
    assert ui.deleteButton.isHidden()


@pytest.mark.parametrize("name, widget, value", [
    ("count", "countSpinBox", 15), ("repetitions", "repetitionsSpinBox", 5),
    ("extrapolation", "extrapolationSpinBox", 75)])
def test_every_number_is_a_parameter_and_follows_it(ui, parameters, name, widget, value):
    before = getattr(parameters, name)
    getattr(ui, widget).value = value
    assert getattr(parameters, name) == value
    setattr(parameters, name, before)
    assert getattr(ui, widget).value == before


@pytest.mark.parametrize("name, widget, value", [
    ("model", "modelComboBox", "unet"), ("method", "methodComboBox", "blend"), ("tuned", "tunedComboBox", "gains"),
    ("defaultFilter", "defaultFilterComboBox", "nlm")])
def test_every_choice_is_a_parameter_and_follows_it(ui, parameters, name, widget, value):
    combo, before = getattr(ui, widget), getattr(parameters, name)
    assert combo.itemData(combo.currentIndex) == before
    choose(combo, value)
    assert getattr(parameters, name) == value
    setattr(parameters, name, before)
    assert combo.itemData(combo.currentIndex) == before


def test_tuning_slice_by_slice_is_a_parameter_where_the_method_leaves_the_choice(ui, parameters):
    ui.perSliceCheckBox.click()
    assert parameters.perSlice
    parameters.perSlice = False
    assert not ui.perSliceCheckBox.checked
    parameters.method = "did-literal"
    assert not ui.perSliceCheckBox.enabled


def test_regions_are_parameters_and_are_passed_to_the_run(mrml, ready, parameters, calls):
    region, noise = ready.regionSelector.addNode(), ready.statisticsSelector.addNode()
    background = ready.backgroundSelector.addNode()
    for roi, size in ((region, (20.0, 16.0, 7.0)), (noise, (8.0, 8.0, 7.0)), (background, (6.0, 4.0, 7.0))):
        roi.SetCenter(0.2, 2.2, -44.0)
        roi.SetSize(*size)
    assert (parameters.regionROI, parameters.statisticsROI, parameters.backgroundROI) == (region, noise, background)
    ready.generateButton.click()
    request = calls[0].request
    assert request.roi.any() and request.background_roi.any()
    assert request.roi.sum() > request.background_roi.sum()
    calls[0].finish()
    assert parameters.candidates.GetNthDataNode(0).GetImageData().GetDimensions()[2] == 3


def test_the_defaults_are_those_of_the_engine_and_come_back(ui, panel, parameters):
    from DIDInteractiveLib.settings import CandidateSettings

    defaults = panel.widget.panel.DEFAULTS
    assert panel.widget.panel.run.settings() == CandidateSettings()
    choose(ui.methodComboBox, "blend")
    ui.countSpinBox.value, ui.repetitionsSpinBox.value, ui.extrapolationSpinBox.value = 21, 6, 100
    choose(ui.defaultFilterComboBox, "tv")
    ui.perSliceCheckBox.click()
    ui.restoreDefaultsButton.click()
    assert {name: getattr(parameters, name) for name in defaults} == defaults
    assert panel.widget.panel.run.settings() == CandidateSettings()


def test_a_candidate_as_input_stands_for_its_source(ready, made, parameters, logic, calls, ct):
    parameters.inputVolume = logic.proxyVolume(made)
    assert ready.generateButton.enabled
    ready.generateButton.click()
    calls[1].finish()
    np.testing.assert_array_equal(calls[1].request.array, calls[0].request.array)
    assert parameters.candidates is made


def test_entering_chooses_what_the_red_view_shows_and_never_a_candidate(made, panel, parameters, ct, ready):
    parameters.inputVolume = None
    panel.exit()
    panel.enter()
    assert panel.widget.panel.parameters.inputVolume is ct


def test_only_candidate_sets_can_be_chosen_to_browse(mrml, ready, made):
    mrml.scene.AddNewNodeByClass("vtkMRMLSequenceNode", "time series")
    ready.countSpinBox.value = 7
    assert [ready.setComboBox.itemText(n) for n in range(ready.setComboBox.count)] == ["CT candidates"]


def test_a_set_that_a_script_made_can_be_chosen_when_the_module_is_opened(ready, ct, logic, panel, calls, parameters):
    panel.exit()
    logic.engine, controlled = FakeDIDEngine(), logic.engine
    made = logic.generateCandidates(ct, count=3)
    logic.engine = controlled
    panel.enter()
    assert parameters.candidates is None
    assert not ready.candidatesCollapsibleButton.isHidden()
    choose(ready.setComboBox, made.GetID())
    assert panel.widget.panel.parameters.candidates is made
    assert "Candidate 2 of 3" in ready.candidateLabel.text


def test_a_set_that_was_deleted_meanwhile_goes_from_the_list(mrml, ready, made, calls, logic, parameters):
    first = made.GetID()
    parameters.inputVolume = mrml.add_volume(np.full((2, 8, 8), 40, np.int16) + np.arange(8, dtype=np.int16), name="B")
    ready.generateButton.click()
    calls[1].finish()
    logic.deleteSet(made)
    choose(ready.setComboBox, first)
    assert parameters.candidates is None
    assert ready.setComboBox.findData(first) == -1


def test_another_set_can_be_browsed_and_gets_the_toolbar(mrml, ready, made, parameters, calls, logic, toolbar):
    parameters.inputVolume = mrml.add_volume(np.full((2, 8, 8), 40, np.int16) + np.arange(8, dtype=np.int16), name="B")
    ready.generateButton.click()
    calls[1].finish()
    second = parameters.candidates
    assert second.GetName() == "B candidates"
    choose(ready.setComboBox, made.GetID())
    assert shown("Red") is shown("Green") is logic.proxyVolume(made)
    assert toolbar.active == [logic.browser(made), logic.browser(second), logic.browser(made)]
    assert "of 5" in ready.candidateLabel.text


def test_a_toolbar_that_is_shown_only_by_hand_acts_on_the_set_all_the_same(ready, toolbar, calls, logic, parameters):
    toolbar.autoShow = False
    ready.generateButton.click()
    calls[0].finish()
    assert (toolbar.shown, toolbar.active) == (False, [logic.browser(parameters.candidates)])


def test_without_the_module_of_the_toolbar_a_set_can_be_browsed_too(ready, calls, session):
    import slicer

    del slicer.modules.sequences
    ready.generateButton.click()
    calls[0].finish()
    ready.nextButton.click()
    assert ready.candidateLabel.text.startswith("Candidate 6 of 9")


def test_a_network_that_is_not_installed_blocks_the_run_but_not_the_choice(ready, parameters):
    parameters.model = "of a colleague"
    assert not ready.generateButton.enabled
    assert ready.generateButton.toolTip == (
        "The network 'of a colleague' is not installed: choose one, or import it.")


def test_a_saved_scene_brings_choices_set_and_candidate_back(mrml, ready, made, panel, logic, tmp_path):
    panel.widget.panel.parameters.extrapolation, panel.widget.panel.parameters.perSlice = 50, True
    panel.widget.panel.parameters.defaultFilter = "nlm"
    ready.nextButton.click()
    mrml.reload(tmp_path / "scene.mrb")
    settle()
    assert ready.inputSelector.currentNode().GetName() == "CT"
    assert (ready.countSpinBox.value, ready.extrapolationSpinBox.value) == (5, 50)
    assert (ready.perSliceCheckBox.checked, ready.defaultFilterComboBox.currentIndex) == (True, 1)
    assert ready.setComboBox.itemText(ready.setComboBox.currentIndex) == "CT candidates"
    assert ready.positionSlider.value == 500
    assert ready.candidateLabel.text.startswith("Candidate 4 of 5")
    again = panel.widget.panel.parameters.candidates
    ready.previousButton.click()
    assert logic.currentCandidate(again) == 2


def test_closing_the_scene_empties_the_panel_and_it_goes_on(mrml, ready, made):
    ready.positionSlider.value = -250
    mrml.scene.Clear(False)
    settle()
    assert ready.candidatesCollapsibleButton.isHidden()
    assert not ready.generateButton.enabled
    volume = mrml.add_volume(np.zeros((2, 3, 4), np.int16))
    ready.inputSelector.setCurrentNode(volume)
    assert ready.generateButton.enabled


def test_a_scene_that_is_closed_while_another_module_is_open_does_no_harm(mrml, ready, made, panel):
    panel.exit()
    mrml.scene.Clear(False)
    panel.enter()
    ready.inputSelector.setCurrentNode(mrml.add_volume(np.zeros((2, 3, 4), np.int16)))
    assert ready.generateButton.enabled


def test_a_scene_that_is_loaded_while_another_module_is_open_leaves_the_toolbar_alone(
        mrml, ready, made, panel, logic, toolbar, tmp_path):
    mrml.save(tmp_path / "scene.mrb")
    panel.exit()
    mrml.scene.Clear(False)
    toolbar.shown, before = False, list(toolbar.active)
    assert mrml.scene.ReadFromMRB(str(tmp_path / "scene.mrb"))
    settle()
    assert (toolbar.shown, toolbar.active) == (False, before)
    panel.enter()
    settle()
    [again] = logic.candidateSets()
    assert (toolbar.shown, toolbar.active[-1]) == (True, logic.browser(again))
    assert ready.inputSelector.currentNode().GetName() == "CT"
    assert ready.candidateLabel.text.startswith("Candidate 3 of 5")


def test_the_self_test_of_the_module_passes_in_the_application(panel, ready, monkeypatch):
    import DIDInteractive
    from LDCTDenoiseLib import widgetinstall

    monkeypatch.setattr(widgetinstall, "torchIsInstalled", lambda: False)
    DIDInteractive.DIDInteractiveTest("runTest").debug()


def test_there_is_a_panel_without_a_main_window(mrml, complaints, tmp_path, monkeypatch):
    from slicerstandins.session import Panel, Session

    monkeypatch.setenv("LDCT_MODELS", str(tmp_path / "models"))
    session = Session(mrml, tmp_path / "settings", main_window=False)
    panel = Panel(session, session.add_module(ROOT / "DIDInteractive" / "DIDInteractive.py"), "DIDInteractive")
    panel.enter()
    panel.exit()
    panel.close()
    session.close()


def test_the_letters_of_the_keyboard_are_each_of_one_control_and_none_of_slicers_menus(ui):
    import re

    letters = [letter.upper() for widget in vars(ui).values() if hasattr(widget, "text")
               for letter in re.findall("&(.)", str(widget.text).replace("&&", ""))] + ["C"]
    assert len(set(letters)) == len(letters) > 15
    assert not set(letters) & set("FEVH")
