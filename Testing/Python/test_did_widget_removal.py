"""The user removes nodes of a set elsewhere, as in the module Data: the panel notices, and what is left can go."""

import numpy as np
import pytest
from didpanelfixtures import (  # noqa: F401  (fixtures)
    array_of, calls, complaints, ct, logic, made, mrml, open_panel, panel, parameters, plots, ready, session, settle,
    shown, toolbar, ui,
)
from didscene import PARTS, everything
from fakedidengine import FakeDIDEngine

ENDS = {"sequence", "browser", "proxy"}
"""Without one of them there is nothing to browse, until it is made again."""


@pytest.fixture
def agreed(monkeypatch):
    import slicer

    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, title: True)


def use_everything(ready):
    """Click whatever can be clicked."""
    for button in ("nextButton", "previousButton", "sideBySideButton", "sideBySideButton", "differenceButton",
                   "differenceButton", "plotButton", "plotButton", "keepButton"):
        if not getattr(ready, button).isHidden():
            getattr(ready, button).click()
            settle()
    if not ready.positionSlider.isHidden():
        ready.positionSlider.value = -250
        settle()
        ready.nextButton.click()


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("between", [False, True])
def test_after_any_node_was_removed_the_panel_goes_on_and_the_set_can_be_deleted(
        plots, mrml, ready, made, logic, panel, agreed, part, between):
    parts = everything(logic, made)
    ready.differenceButton.click()
    ready.plotButton.click()
    if between:
        ready.positionSlider.value = -250
        panel.widget.panel.browsing.rest()
    mrml.scene.RemoveNode(parts[part])
    settle()
    assert shown() is not None
    use_everything(ready)
    if part in ENDS and made not in logic.candidateSets():
        assert ready.positionSlider.isHidden()
    else:
        assert not ready.positionSlider.isHidden()
        assert "Candidate" in ready.candidateLabel.text
    if not ready.deleteButton.isHidden():
        ready.deleteButton.click()
        settle()
    assert logic.candidateSets() == []
    assert ready.positionSlider.isHidden()


def test_what_is_left_of_a_set_is_listed_as_incomplete_and_can_be_deleted(mrml, ready, ct, logic, panel, agreed):
    before = mrml.node_ids()
    logic.engine, controlled = FakeDIDEngine(), logic.engine
    made = logic.generateCandidates(ct, count=5)
    logic.engine = controlled
    settle()
    ready.setComboBox.activated.emit(0)
    mrml.scene.RemoveNode(logic.browser(made))
    settle()
    assert [ready.setComboBox.itemText(n) for n in range(ready.setComboBox.count)] == ["CT candidates (incomplete)"]
    assert ready.positionSlider.isHidden()
    assert ready.candidateLabel.text == "Nodes of this set were removed from the scene: it can only be deleted."
    ready.deleteButton.click()
    settle()
    assert mrml.node_ids() == before
    assert ready.candidatesCollapsibleButton.isHidden()


def test_of_a_set_whose_sequence_was_removed_the_rest_can_be_chosen_and_deleted(mrml, ready, made, logic, agreed):
    mrml.scene.RemoveNode(made)
    settle()
    assert ready.setComboBox.count == 1
    assert ready.deleteButton.isHidden()
    ready.setComboBox.activated.emit(0)
    assert "can only be deleted" in ready.candidateLabel.text
    ready.deleteButton.click()
    settle()
    assert logic.incompleteSets() == []
    assert ready.candidatesCollapsibleButton.isHidden()


def test_an_image_between_two_candidates_that_is_removed_makes_way_for_the_candidate(mrml, ready, made, panel, logic):
    ready.positionSlider.value = -250
    panel.widget.panel.browsing.rest()
    mrml.scene.RemoveNode(shown())
    settle()
    assert shown() is logic.proxyVolume(made)
    assert "Candidate 2 of 5" in ready.candidateLabel.text or "Candidate 3 of 5" in ready.candidateLabel.text


def test_a_difference_that_is_removed_makes_way_for_the_candidate(mrml, ready, made, logic):
    ready.differenceButton.click()
    mrml.scene.RemoveNode(shown())
    settle()
    assert not ready.differenceButton.checked
    assert shown() is logic.proxyVolume(made)


def test_a_chart_that_is_removed_ends_the_plot(plots, mrml, ready, made, logic, session):
    layout = session.layoutManager.layout
    ready.plotButton.click()
    mrml.scene.RemoveNode(logic.chart(made))
    settle()
    assert (ready.plotButton.checked, ready.plotButton.enabled) == (False, False)
    assert session.layoutManager.layout == layout


def test_a_source_that_is_removed_leaves_the_candidates(mrml, ready, made, logic, ct):
    mrml.scene.RemoveNode(ct)
    settle()
    ready.nextButton.click()
    ready.keepButton.click()
    assert ready.messageLabel.text.startswith("Kept as")
    assert not ready.exportButton.enabled


def test_sets_that_scripts_make_and_delete_come_and_go_in_the_list(ready, ct, logic):
    logic.engine = FakeDIDEngine()
    made = logic.generateCandidates(ct, count=3)
    settle()
    assert ready.setComboBox.itemText(0) == "CT candidates"
    logic.deleteSet(made)
    settle()
    assert ready.candidatesCollapsibleButton.isHidden()


def test_leaving_the_module_ends_side_by_side_and_difference(ready, made, panel, session, logic, ct):
    layout = session.layoutManager.layout
    ready.sideBySideButton.click()
    panel.exit()
    assert session.layoutManager.layout == layout
    assert shown("Red") is shown("Yellow") is logic.proxyVolume(made)
    panel.enter()
    assert not ready.sideBySideButton.checked
    ready.differenceButton.click()
    assert not np.array_equal(array_of(shown()), array_of(logic.proxyVolume(made)))
    panel.exit()
    assert shown("Red") is shown("Green") is logic.proxyVolume(made)
    panel.enter()
    assert not ready.differenceButton.checked


@pytest.mark.parametrize("what", ["the module", "the scene", "another scene"])
def test_what_ends_side_by_side_by_itself_lets_nothing_else_happen_meanwhile(mrml, ready, made, panel, session, what,
                                                                             monkeypatch):
    import slicer

    layout = session.layoutManager.layout
    ready.sideBySideButton.click()
    handled = []
    monkeypatch.setattr(slicer.app, "processEvents", lambda *flags: handled.append(flags))
    if what == "the module":
        panel.widget.cleanup()
    else:
        mrml.scene.InvokeEvent(mrml.scene.StartCloseEvent if what == "the scene" else mrml.scene.StartImportEvent)
    assert handled == []
    assert session.layoutManager.layout == layout


@pytest.mark.parametrize("button", ["sideBySideButton", "differenceButton", "plotButton"])
def test_closing_the_scene_ends_what_was_asked_for(plots, mrml, ready, made, session, button):
    layout = session.layoutManager.layout
    getattr(ready, button).click()
    mrml.scene.Clear(False)
    settle()
    assert session.layoutManager.layout == layout
    assert not getattr(ready, button).checked
    assert shown() is None
