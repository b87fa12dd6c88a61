"""What holds for both panels: the keyboard alone is enough, every control is explained, and the help says the same."""

import importlib
import re
import types
from xml.etree import ElementTree

import pytest
from bothpanelfixtures import (  # noqa: F401  (fixtures)
    button, calls, complaints, ct, mrml, name, open_panel, panel, parameters, ready, session, ui,
)
from panelfixtures import ROOT, reached_by_letter, tab_order

TAB_ORDER = {
    "LDCTDenoise": [
        "inputsCollapsibleButton", "inputSelector", "modelComboBox", "strengthSlider", "outputSelector",
        "removedNoiseCheckBox", "advancedCollapsibleButton", "deviceComboBox", "precisionComboBox",
        "weightsFolderButton", "importModelButton", "restoreDefaultsButton", "previewButton", "applyButton",
        "resultCollapsibleButton", "beforeAfterButton", "sideBySideButton", "differenceButton", "regionSelector",
        "statisticsTable", "exportButton", "logCollapsibleButton", "logTextEdit"],
    "DIDInteractive": [
        "inputsCollapsibleButton", "inputSelector", "modelComboBox", "methodComboBox", "countSpinBox",
        "regionSelector", "statisticsSelector", "backgroundSelector", "repetitionsSpinBox", "extrapolationSpinBox",
        "tunedComboBox", "defaultFilterComboBox", "perSliceCheckBox", "referenceSelector", "deviceComboBox",
        "precisionComboBox", "weightsFolderButton", "importModelButton", "restoreDefaultsButton", "previewButton",
        "generateButton", "setComboBox", "positionSlider", "previousButton", "nextButton", "comparisonComboBox",
        "sideBySideButton", "differenceButton", "keepButton", "deleteButton"]}
LETTERS = {
    "LDCTDenoise": {"inputSelector", "modelComboBox", "strengthSlider", "outputSelector", "deviceComboBox",
                    "precisionComboBox", "weightsFolderButton", "regionSelector"},
    "DIDInteractive": {"inputSelector", "modelComboBox", "methodComboBox", "countSpinBox", "regionSelector",
                       "statisticsSelector", "backgroundSelector", "repetitionsSpinBox", "setComboBox",
                       "positionSlider", "comparisonComboBox"}}
CITED = {"LDCTDenoise": ["10.2991/jaims.d.210428.001"],
         "DIDInteractive": ["2011.14873", "10.2991/jaims.d.210428.001"]}
UNIT = re.compile(r"\b(HU|mm|percent|[Hh]ow (many|often))\b|%|without unit")
"""What a tooltip says of a number: its unit, or that it counts something."""


@pytest.fixture
def opened(ready, button, calls):
    """The widgets after a run, with everything in sight and all sections open."""
    button.click()
    calls[0].finish()
    for control, widget in vars(ready).items():
        if control.endswith("CollapsibleButton"):
            widget.collapsed = False
    ready.exportButton.enabled = True
    return ready


def test_everything_can_be_reached_with_the_tab_key_in_the_order_of_the_panel(panel, opened, name):
    assert tab_order(panel, opened, TAB_ORDER[name]) == TAB_ORDER[name]


def test_alt_and_a_letter_lead_to_the_control_whose_label_marks_it(panel, opened, name):
    reached = reached_by_letter(panel, opened, opened.logCollapsibleButton)
    assert reached == {control: control for control in LETTERS[name]}


def test_every_control_has_a_tool_tip(ui):
    kinds = ("Selector", "ComboBox", "CheckBox", "SpinBox", "Slider", "Table", "Edit")
    controls = [control for control in vars(ui) if control.endswith(kinds) or (
        control.endswith("Button") and not control.endswith("CollapsibleButton"))]
    assert len(controls) > 15
    assert [control for control in controls if not getattr(ui, control).toolTip] == []


def fields_with_numbers(name):
    """Yield of what shows a number that the user may change: its name, tooltip and suffix.

    A plain QSlider shows none.
    """
    root = ElementTree.parse(ROOT / name / "Resources" / "UI" / f"{name}.ui").getroot()
    for widget in root.iter("widget"):
        if re.search("SpinBox|SliderWidget|RangeWidget|Coordinates", widget.get("class")):
            texts = {one.get("name"): "".join(one.itertext()).strip() for one in widget.iterfind("property")}
            yield widget.get("name"), texts.get("toolTip", ""), texts.get("suffix", "").strip()


def test_the_tool_tip_of_every_number_names_its_unit_or_says_what_is_counted(name):
    fields = list(fields_with_numbers(name))
    assert fields
    assert [field for field, tip, _ in fields if not UNIT.search(tip)] == []
    units = {"%": "percent"}
    assert [field for field, tip, suffix in fields if suffix and units.get(suffix, suffix) not in tip] == []


def test_the_help_says_what_it_is_not_for_where_it_computes_and_whom_to_cite(session, name):
    module = importlib.import_module(name)
    about = getattr(module, name)(types.SimpleNamespace(path=module.__file__)).parent
    assert "not for clinical use" in about.helpText
    assert "All computation is local" in about.helpText
    assert [source for source in CITED[name] if source not in about.helpText + about.acknowledgementText] == []


def test_a_scene_that_is_loaded_while_another_module_is_open_is_taken_up_when_the_panel_opens(
        mrml, ready, panel, tmp_path):
    chosen = ready.inputSelector.currentNode().GetName()
    mrml.save(tmp_path / "scene.mrb")
    panel.exit()
    mrml.scene.Clear(False)
    assert mrml.scene.ReadFromMRB(str(tmp_path / "scene.mrb"))
    assert panel.widget.panel.parameters is None
    panel.enter()
    assert ready.inputSelector.currentNode().GetName() == chosen


def test_a_scene_that_is_loaded_into_the_open_panel_is_taken_up_at_once(mrml, ready, panel, tmp_path):
    chosen = ready.inputSelector.currentNode().GetName()
    mrml.save(tmp_path / "scene.mrb")
    mrml.scene.Clear(False)
    assert mrml.scene.ReadFromMRB(str(tmp_path / "scene.mrb"))
    assert panel.widget.panel.parameters is not None
    assert ready.inputSelector.currentNode().GetName() == chosen
