"""The slider over the trade-off, one candidate on and back, and everything that is done with a set."""

import numpy as np
import pytest
from didpanelfixtures import (  # noqa: F401  (fixtures)
    array_of, calls, complaints, ct, logic, made, mrml, open_panel, panel, parameters, plots, ready, session, settle,
    shown, toolbar, ui,
)
from fakedidengine import FakeDIDEngine


@pytest.fixture
def agreed(monkeypatch):
    """The user agrees to what the panel asks; what it asked."""
    import slicer

    asked = []
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, title: asked.append(text) or True)
    return asked


@pytest.fixture
def browsing(panel, made):
    return panel.widget.panel.browsing


def picture(session, view="Red"):
    """Return the pixels of a slice view."""
    from vtk.util.numpy_support import vtk_to_numpy

    producer = session.sliceLogics[view].GetImageDataConnection().GetProducer()
    producer.Update()
    return vtk_to_numpy(producer.GetOutputDataObject(0).GetPointData().GetScalars()).copy()


def half_way(ct, lower):
    low, high = (FakeDIDEngine.result_of(array_of(ct), n, 5).astype(np.float32) for n in (lower, lower + 1))
    return np.rint(low + np.float32(0.5) * (high - low)).astype(np.int16)


def test_moving_the_slider_changes_the_pixels_of_the_view_at_once(ready, made, session, ct):
    before = picture(session)
    ready.positionSlider.value = -250
    assert np.mean(picture(session) != before) > 0.2
    np.testing.assert_array_equal(array_of(shown())[3], half_way(ct, 1)[3])


def test_the_whole_volume_follows_when_the_slider_rests(ready, made, browsing, ct, logic):
    ready.positionSlider.value = -250
    assert not np.array_equal(array_of(shown()), half_way(ct, 1))
    browsing.rest()
    np.testing.assert_array_equal(array_of(shown()), half_way(ct, 1))
    assert shown("Green") is shown("Red")
    assert ready.candidateLabel.text == (
        "Between candidates 2 and 3 of 5:\nNoise at most 5.0\xa0HU; edges about 50\xa0%.")


def test_the_slider_rests_by_itself(ready, made, ct):
    import time

    ready.positionSlider.value = -250
    end = time.monotonic() + 20
    while not np.array_equal(array_of(shown()), half_way(ct, 1)) and time.monotonic() < end:
        settle()
    np.testing.assert_array_equal(array_of(shown()), half_way(ct, 1))


def test_near_a_candidate_the_slider_stands_on_it_and_its_measured_numbers_are_said(ready, made, browsing, logic, ct):
    ready.positionSlider.value = 492
    browsing.rest()
    assert (browsing.position, ready.positionSlider.value, logic.currentCandidate(made)) == (None, 500, 3)
    assert shown() is logic.proxyVolume(made)
    assert ready.candidateLabel.text == ("Candidate 4 of 5, sharper than the network's own result:\n"
                                         "Noise 8.0\xa0HU, 80\xa0% of the original; edges 80\xa0%.")
    ready.positionSlider.value = 1000
    browsing.rest()
    np.testing.assert_array_equal(array_of(shown()), array_of(ct))
    assert "the untouched input" in ready.candidateLabel.text


def test_the_ends_of_the_slider_are_the_smoothest_candidate_and_the_input(ready, made):
    assert (ready.positionSlider.minimum, ready.positionSlider.maximum) == (-1000, 1000)


def test_the_slider_works_by_keyboard(ready, made):
    from PySide6 import QtCore
    from PySide6.QtTest import QTest

    QTest.keyClick(ready.positionSlider, QtCore.Qt.Key_Right)
    assert ready.positionSlider.value == 20
    QTest.keyClick(ready.positionSlider, QtCore.Qt.Key_Home)
    assert ready.positionSlider.value == -1000


def test_buttons_go_from_candidate_to_candidate_and_end_at_the_ends(ready, made, logic):
    seen = []
    for _ in range(4):
        ready.nextButton.click()
        seen.append((logic.currentCandidate(made), ready.positionSlider.value, ready.nextButton.enabled))
    assert seen[:2] == [(3, 500, True), (4, 1000, False)]
    assert seen[3] == seen[1]
    for _ in range(5):
        ready.previousButton.click()
    assert (logic.currentCandidate(made), ready.previousButton.enabled) == (0, False)
    assert shown() is logic.proxyVolume(made)


def test_from_between_two_candidates_the_buttons_go_to_these_two(ready, made, browsing, logic):
    ready.positionSlider.value = 200
    browsing.rest()
    ready.nextButton.click()
    assert logic.currentCandidate(made) == 3
    ready.positionSlider.value = 200
    ready.previousButton.click()
    assert (logic.currentCandidate(made), ready.positionSlider.value) == (2, 0)
    assert shown() is logic.proxyVolume(made)


def test_the_mark_of_the_plot_is_always_at_the_image(ready, made, browsing, logic):
    from DIDInteractiveLib import candidatenodes

    def mark():
        marks = made.GetNodeReference(candidatenodes.MARK_ROLE)
        return logic.browser(made).GetProxyNode(marks).GetTable().GetValue(0, 0).ToDouble()

    for value, noise in ((200, 6.8), (0, 6.0), (980, 9.92), (1000, 10.0)):
        ready.positionSlider.value = value
        assert mark() == pytest.approx(noise)
        browsing.rest()
        assert mark() == pytest.approx(noise)
    ready.positionSlider.value = 980
    browsing.rest()
    ready.nextButton.click()
    assert mark() == 10.0


def test_the_keys_work_while_the_module_is_open_and_only_then(ready, made, panel, session, logic):
    from PySide6 import QtGui

    def keys():
        return {shortcut.key.toString(): shortcut for shortcut in session.mainWindow.findChildren(QtGui.QShortcut)
                if shortcut.enabled}

    assert set(keys()) == {",", "."}
    keys()["."].activated.emit()
    assert logic.currentCandidate(made) == 3
    keys()[","].activated.emit()
    assert logic.currentCandidate(made) == 2
    panel.exit()
    settle()
    assert keys() == {}
    panel.enter()
    assert set(keys()) == {",", "."}


def test_the_toolbar_moves_the_slider_and_the_words(ready, made, logic):
    logic.browser(made).SetSelectedItemNumber(4)
    assert ready.positionSlider.value == 1000
    assert "the untouched input" in ready.candidateLabel.text


def test_the_toolbar_takes_the_views_back_from_an_image_between_two_candidates(ready, made, browsing, logic):
    ready.positionSlider.value = -750
    browsing.rest()
    assert shown() is not logic.proxyVolume(made)
    logic.browser(made).SetSelectedItemNumber(4)
    assert shown() is shown("Yellow") is logic.proxyVolume(made)


def test_a_view_in_which_the_user_shows_something_else_is_left_alone(ready, made, browsing, ct):
    import slicer

    slicer.mrmlScene.GetNodeByID("vtkMRMLSliceCompositeNodeGreen").SetBackgroundVolumeID(ct.GetID())
    ready.positionSlider.value = -250
    browsing.rest()
    ready.nextButton.click()
    assert shown("Green") is ct


def test_two_candidates_are_shown_side_by_side_and_the_views_come_back(ready, made, logic, session, ct):
    layout = session.layoutManager.layout
    ready.sideBySideButton.click()
    assert session.layoutManager.layout == session.layoutNode.SlicerLayoutSideBySideView
    np.testing.assert_array_equal(array_of(shown("Red")), array_of(ct))
    assert shown("Yellow") is logic.proxyVolume(made)
    ready.comparisonComboBox.currentIndex = 0
    ready.comparisonComboBox.activated.emit(0)
    np.testing.assert_array_equal(array_of(shown("Red")), FakeDIDEngine.result_of(array_of(ct), 0, 5))
    ready.nextButton.click()
    np.testing.assert_array_equal(array_of(shown("Red")), FakeDIDEngine.result_of(array_of(ct), 0, 5))
    np.testing.assert_array_equal(array_of(shown("Yellow")), FakeDIDEngine.result_of(array_of(ct), 3, 5))
    ready.sideBySideButton.click()
    assert session.layoutManager.layout == layout
    assert shown("Red") is shown("Green") is logic.proxyVolume(made)


def test_the_candidates_to_compare_with_are_named_by_their_noise(ready, made):
    texts = [ready.comparisonComboBox.itemText(n) for n in range(ready.comparisonComboBox.count)]
    assert texts[0] == "1: noise 2.0 HU"
    assert texts[2] == "3: noise 6.0 HU (network's own)"
    assert texts[4] == "5: noise 10.0 HU (input)"
    assert ready.comparisonComboBox.currentIndex == 4


def test_the_difference_is_shown_on_request_follows_the_candidate_and_goes(ready, made, browsing, ct, logic):
    ready.differenceButton.click()
    np.testing.assert_array_equal(array_of(shown()), array_of(ct) - FakeDIDEngine.result_of(array_of(ct), 2, 5))
    ready.nextButton.click()
    np.testing.assert_array_equal(array_of(shown()), array_of(ct) - FakeDIDEngine.result_of(array_of(ct), 3, 5))
    ready.positionSlider.value = -250
    np.testing.assert_array_equal(array_of(shown())[3], (array_of(ct) - half_way(ct, 1))[3])
    browsing.rest()
    np.testing.assert_array_equal(array_of(shown()), array_of(ct) - half_way(ct, 1))
    ready.differenceButton.click()
    np.testing.assert_array_equal(array_of(shown()), half_way(ct, 1))


def test_what_is_kept_is_the_image_as_it_is_shown(ready, made, ct, logic):
    import slicer

    ready.keepButton.click()
    first = slicer.util.getNode("CT candidate 6.0 HU")
    np.testing.assert_array_equal(array_of(first), FakeDIDEngine.result_of(array_of(ct), 2, 5))
    assert ready.messageLabel.text == "Kept as 'CT candidate 6.0 HU'."
    ready.positionSlider.value = -250
    ready.keepButton.click()
    np.testing.assert_array_equal(array_of(slicer.util.getNode("CT candidate 5.0 HU")), half_way(ct, 1))


def test_a_deleted_set_leaves_nothing_but_what_was_kept_and_the_views_on_the_input(
        mrml, ready, made, ct, browsing, agreed):
    ready.sideBySideButton.click()
    ready.sideBySideButton.click()
    ready.positionSlider.value = -250
    browsing.rest()
    ready.differenceButton.click()
    ready.keepButton.click()
    ready.deleteButton.click()
    names = [mrml.scene.GetNthNode(n).GetName() for n in range(mrml.scene.GetNumberOfNodes())]
    assert [name for name in names if name and "candidate" in name.lower()] == ["CT candidate 5.0 HU"]
    assert shown() is shown("Green") is ct
    assert ready.candidatesCollapsibleButton.isHidden()
    assert ready.messageLabel.text == "'CT candidates' was deleted."
    assert agreed == ["Delete 'CT candidates' with all its images? What was kept stays."]
    ready.nextButton.click()


def test_a_set_is_not_deleted_unless_the_user_means_it(ready, made, monkeypatch):
    import slicer

    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda *arguments, **options: False)
    ready.deleteButton.click()
    assert made.GetScene() is not None


def test_a_preview_is_deleted_at_once(ready, ct, calls, agreed, parameters):
    ready.previewButton.click()
    calls[0].finish()
    ready.deleteButton.click()
    assert (parameters.candidates, agreed) == (None, [])
    assert shown() is ct


def test_a_set_that_is_deleted_elsewhere_leaves_the_panel_empty(mrml, ready, made, parameters, browsing):
    mrml.scene.RemoveNode(made)
    settle()
    assert parameters.candidates is None
    assert ready.positionSlider.isHidden()
    browsing.next()


def test_a_browser_that_is_deleted_elsewhere_ends_the_browsing(mrml, ready, made, logic, browsing):
    mrml.scene.RemoveNode(logic.browser(made))
    ready.positionSlider.value = 300
    browsing.next()
    assert ready.positionSlider.isHidden()


def test_the_plot_is_shown_on_request_and_a_click_on_a_point_chooses_its_candidate(
        plots, ready, made, logic, session):
    from DIDInteractiveLib import candidatenodes

    layout = session.layoutManager.layout
    settle()
    ready.countSpinBox.value = 6
    ready.plotButton.click()
    assert plots.node.GetPlotChartNodeID() == logic.chart(made).GetID()
    assert session.layoutManager.layout != layout
    plots.choose(made.GetNodeReference(candidatenodes.POINTS_ROLE), 3)
    assert ready.positionSlider.value == 500
    ready.plotButton.click()
    assert (session.layoutManager.layout, plots.listeners) == (layout, [])


def test_without_plots_the_button_is_off(ready, made):
    assert not ready.plotButton.enabled
