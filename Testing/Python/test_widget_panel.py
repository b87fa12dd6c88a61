"""The panel of LDCT Denoise: what its controls do to the parameters, and how it follows the scene."""

import re

import numpy as np
import pytest
from panelfixtures import (  # noqa: F401  (fixtures)
    ROOT, calls, complaints, ct, mrml, open_panel, panel, parameters, session, settle, ui,
)


def test_without_a_volume_nothing_can_be_run_and_the_button_says_what_is_missing(ui):
    assert not ui.applyButton.enabled
    assert not ui.previewButton.enabled
    assert ui.applyButton.toolTip == "Choose the CT volume to denoise."
    assert ui.resultCollapsibleButton.isHidden()


@pytest.mark.parametrize("name, set_it, value", [
    ("allFrames", lambda ui: ui.allFramesCheckBox.click(), True),
    ("strength", lambda ui: setattr(ui.strengthSlider, "value", 35.0), 35.0),
    ("removedNoise", lambda ui: ui.removedNoiseCheckBox.click(), True)])
def test_every_control_is_a_parameter_and_follows_it(ui, parameters, name, set_it, value):
    before = getattr(parameters, name)
    set_it(ui)
    assert getattr(parameters, name) == value
    setattr(parameters, name, before)
    widgets = {"allFrames": ui.allFramesCheckBox, "removedNoise": ui.removedNoiseCheckBox}
    assert (widgets[name].checked if name in widgets else ui.strengthSlider.value) == before


def test_volumes_are_parameters_and_follow_them(mrml, ct, ui, parameters):
    ui.inputSelector.setCurrentNode(ct)
    output = ui.outputSelector.addNode()
    assert (parameters.inputVolume, parameters.outputVolume) == (ct, output)
    parameters.outputVolume = None
    assert ui.outputSelector.currentNode() is None


def test_the_network_is_a_parameter_and_follows_it(ui, parameters):
    names = [ui.modelComboBox.itemData(n) for n in range(ui.modelComboBox.count)]
    assert names[:3] == ["hrnet", "unet", "plain"]
    ui.modelComboBox.currentIndex = names.index("unet")
    ui.modelComboBox.activated.emit(names.index("unet"))
    assert parameters.model == "unet"
    assert "Trained for" in ui.modelCardLabel.text
    parameters.model = "plain"
    assert ui.modelComboBox.currentIndex == names.index("plain")


def test_a_network_that_is_not_installed_blocks_the_run_but_not_the_choice(ct, ui, parameters):
    parameters.inputVolume = ct
    parameters.model = "of a colleague"
    assert ui.modelComboBox.currentIndex == -1
    assert not ui.applyButton.enabled
    assert ui.applyButton.toolTip == "The network 'of a colleague' is not installed: choose one, or import it."
    parameters.model = "hrnet"
    assert ui.applyButton.enabled


def test_strength_is_limited_to_what_the_network_does(ui, parameters):
    assert (ui.strengthSlider.minimum, ui.strengthSlider.maximum, ui.strengthSlider.value) == (0, 100, 100)
    with pytest.raises(ValueError):
        parameters.strength = 101


def test_entering_chooses_the_volume_that_the_red_view_shows(mrml, ct, open_panel):
    import slicer

    other = mrml.add_volume(np.zeros((2, 3, 4), np.int16), name="other")
    slicer.util.setSliceViewerLayers(background=other)
    panel = open_panel()
    panel.enter()
    assert panel.widget.logic.getParameterNode().inputVolume is other


def test_entering_chooses_the_first_volume_where_no_view_shows_one(mrml, open_panel):
    mrml.scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "label map")
    volume = mrml.add_volume(np.zeros((2, 3, 4), np.int16))
    panel = open_panel()
    panel.enter()
    assert panel.widget.logic.getParameterNode().inputVolume is volume


def test_entering_again_keeps_what_was_chosen(mrml, ct, panel, parameters):
    chosen = mrml.add_volume(np.zeros((2, 3, 4), np.int16), name="chosen")
    parameters.inputVolume = chosen
    panel.exit()
    panel.enter()
    assert parameters.inputVolume is chosen


@pytest.mark.parametrize("kind, reason", [
    ("same", "is the input"), ("no image", "holds no image"), ("label map", "not a scalar volume")])
def test_volumes_that_cannot_be_used_are_refused_before_the_run(mrml, ct, ui, parameters, kind, reason):
    parameters.inputVolume = ct
    assert ui.applyButton.enabled
    if kind == "same":
        parameters.outputVolume = ct
    elif kind == "no image":
        parameters.inputVolume = mrml.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    else:
        parameters.inputVolume = mrml.scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    assert not ui.applyButton.enabled
    assert reason in ui.applyButton.toolTip


def test_a_result_is_not_overwritten_with_that_of_another_volume_by_accident(mrml, ct, ui, parameters, calls):
    parameters.inputVolume = ct
    ui.applyButton.click()
    calls[0].finish()
    result = parameters.outputVolume
    assert result.GetName() == "CT denoised"
    parameters.inputVolume = mrml.add_volume(np.full((5, 48, 48), 40, np.int16), name="other")
    assert parameters.outputVolume is None


def test_an_output_that_the_user_made_stays_chosen_when_the_input_changes(mrml, ct, ui, parameters):
    parameters.inputVolume = ct
    mine = ui.outputSelector.addNode()
    parameters.inputVolume = mrml.add_volume(np.zeros((2, 3, 4), np.int16), name="other")
    assert parameters.outputVolume is mine


def test_closing_the_scene_empties_the_panel_and_it_goes_on(mrml, ct, panel, ui):
    ui.inputSelector.setCurrentNode(ct)
    ui.strengthSlider.value = 40.0
    mrml.scene.Clear(False)
    assert ui.inputSelector.currentNode() is None
    assert not ui.applyButton.enabled
    again = mrml.add_volume(np.zeros((2, 3, 4), np.int16), name="again")
    ui.inputSelector.setCurrentNode(again)
    assert panel.widget.logic.getParameterNode().inputVolume is again
    assert ui.applyButton.enabled


def test_a_scene_that_is_closed_while_another_module_is_open_does_no_harm(mrml, ct, panel, ui):
    panel.exit()
    mrml.scene.Clear(False)
    panel.enter()
    volume = mrml.add_volume(np.zeros((2, 3, 4), np.int16))
    ui.inputSelector.setCurrentNode(volume)
    assert ui.applyButton.enabled


def test_a_saved_scene_brings_choices_and_result_back(mrml, ct, panel, ui, calls, tmp_path):
    parameters = panel.widget.logic.getParameterNode()
    parameters.inputVolume, parameters.model, parameters.strength = ct, "unet", 60.0
    parameters.removedNoise = True
    ui.applyButton.click()
    calls[0].finish()
    mrml.reload(tmp_path / "scene.mrb")
    settle()
    assert ui.inputSelector.currentNode().GetName() == "CT"
    assert ui.outputSelector.currentNode().GetName() == "CT denoised"
    assert (ui.strengthSlider.value, ui.removedNoiseCheckBox.checked) == (60.0, True)
    assert ui.modelComboBox.itemData(ui.modelComboBox.currentIndex) == "unet"
    assert not ui.resultCollapsibleButton.isHidden()
    assert panel.widget.panel.result.comparison.available
    assert ui.statisticsTable.rowCount > 0
    assert ui.beforeAfterButton.text == "Show befo&re (D)"


def test_a_deleted_input_leaves_nothing_to_run(mrml, ct, ui, parameters):
    parameters.inputVolume = ct
    mrml.scene.RemoveNode(ct)
    assert not ui.applyButton.enabled


@pytest.fixture
def windowless(mrml, complaints, tmp_path, monkeypatch):
    """The panel where there is no main window, and so no view, as in Slicer's own runs of self-tests."""
    from slicerstandins.session import Panel, Session

    monkeypatch.setenv("LDCT_MODELS", str(tmp_path / "models"))
    session = Session(mrml, tmp_path / "settings", main_window=False)
    panel = Panel(session, session.add_module(ROOT / "LDCTDenoise" / "LDCTDenoise.py"), "LDCTDenoise")
    yield panel
    panel.close()
    session.close()


def test_there_is_a_panel_without_a_main_window(windowless):
    windowless.enter()
    windowless.exit()


def test_without_views_what_needs_them_says_so(mrml, windowless, ct):
    from controlledengine import ControlledEngine

    windowless.widget.logic.engine = ControlledEngine()
    windowless.enter()
    ui = windowless.widget.panel.ui
    assert windowless.widget.panel.parameters.inputVolume is ct
    ui.previewButton.click()
    assert "Red view" in ui.messageLabel.text
    ui.applyButton.click()
    windowless.widget.logic.engine.calls[0].finish()
    ui.sideBySideButton.click()
    assert "no views" in ui.messageLabel.text
    assert not ui.sideBySideButton.checked
    for button in (ui.beforeAfterButton, ui.differenceButton):
        button.click()
        button.click()
    windowless.exit()


def test_the_self_test_passes_without_a_main_window(windowless, monkeypatch):
    import LDCTDenoise
    from LDCTDenoiseLib import widgetinstall

    monkeypatch.setattr(widgetinstall, "torchIsInstalled", lambda: False)
    LDCTDenoise.LDCTDenoiseTest("runTest").debug()


def test_every_control_has_a_letter_of_its_own_and_none_of_slicers_menus(ui, calls, ct, parameters):
    import qt

    parameters.inputVolume = ct
    letters = {}
    for name, widget in vars(ui).items():
        if isinstance(widget, (qt.QPushButton, qt.QCheckBox)) or getattr(widget, "buddy", lambda: None)() is not None:
            marked = re.findall("&(.)", widget.text.replace("&&", ""))
            assert len(marked) == 1, (name, widget.text)
            letters[name] = marked[0].upper()
    assert len(letters) == 18
    ui.applyButton.click()
    letters["cancel"] = re.findall("&(.)", ui.applyButton.text)[0]
    assert len(set(letters.values())) == len(letters), letters
    assert not set(letters.values()) & set("FEVH")


def test_the_self_test_of_the_module_passes_in_the_application(panel, monkeypatch):
    import LDCTDenoise
    from LDCTDenoiseLib import widgetinstall

    monkeypatch.setattr(widgetinstall, "torchIsInstalled", lambda: False)
    LDCTDenoise.LDCTDenoiseTest("runTest").debug()


def test_the_self_test_opens_the_panel_and_goes_back(open_panel, monkeypatch):
    import slicer

    import LDCTDenoise
    from LDCTDenoiseLib import widgetinstall

    selected = ["Welcome"]

    def selectModule(name):
        selected.append(name)
        panel.enter() if name == "LDCTDenoise" else panel.exit()

    panel = open_panel()
    monkeypatch.setattr(widgetinstall, "torchIsInstalled", lambda: False)
    monkeypatch.setattr(slicer.util, "selectModule", selectModule)
    monkeypatch.setattr(slicer.util, "selectedModule", lambda: selected[-1])
    LDCTDenoise.LDCTDenoiseTest("runTest").debug()
    assert selected == ["Welcome", "LDCTDenoise", "Welcome"]
