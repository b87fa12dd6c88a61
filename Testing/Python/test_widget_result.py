"""After a run: before and after, side by side and the difference; all of it can be undone."""

import numpy as np
import pytest
from panelfixtures import (  # noqa: F401  (fixtures)
    array_of, calls, complaints, ct, done, mrml, open_panel, panel, parameters, result, session, settle, shown, ui,
)


def views(mrml):
    """Everything in the views that has to come back when a comparison is undone."""
    import slicer

    composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    nodes = slicer.util.getNodesByClass("vtkMRMLSliceNode")
    return ([(c.GetBackgroundVolumeID(), c.GetForegroundVolumeID(), c.GetLinkedControl(), c.GetHotLinkedControl())
             for c in composites],
            [[np.round(values, 6).tolist() for values in (
                slicer.util.arrayFromVTKMatrix(n.GetSliceToRAS()), n.GetFieldOfView(), n.GetXYZOrigin())]
              for n in nodes],
            slicer.app.layoutManager().layout, mrml.node_ids())


def shortcuts(session):
    import qt

    return [shortcut for shortcut in session.mainWindow.findChildren(qt.QShortcut) if shortcut.enabled]


def test_the_button_changes_between_before_and_after_and_says_which_comes_next(done, ct, result):
    assert done.beforeAfterButton.text == "Show befo&re (D)"
    done.beforeAfterButton.click()
    assert shown() is shown("Green") is ct
    assert done.beforeAfterButton.text == "Show afte&r (D)"
    done.beforeAfterButton.click()
    assert shown() is shown("Green") is result


def test_the_button_follows_what_the_user_chose_to_see_elsewhere(done, ct, result):
    import slicer

    slicer.util.setSliceViewerLayers(background=ct)
    done.beforeAfterButton.click()
    assert shown() is result


def test_the_key_does_the_same_while_the_module_is_open(done, ct, result, session, panel):
    [shortcut] = shortcuts(session)
    assert shortcut.key.toString() == "D"
    shortcut.activated.emit()
    assert shown() is ct
    shortcut.activated.emit()
    assert shown() is result


def test_the_key_is_free_again_when_the_module_is_left_and_comes_back_with_it(session, panel):
    assert len(shortcuts(session)) == 1
    panel.exit()
    settle()
    assert shortcuts(session) == []
    panel.enter()
    panel.enter()
    assert len(shortcuts(session)) == 1
    panel.widget.cleanup()
    assert shortcuts(session) == []


def test_the_key_is_none_that_slice_views_use():
    from LDCTDenoiseLib.widgetresult import ResultView

    assert ResultView.KEY not in "F B V G T R [ ] { } Left Right Up Down S".split()


def test_the_key_does_nothing_before_there_is_a_result(session, panel, ct, parameters, mrml):
    parameters.inputVolume = ct
    before = views(mrml)
    [shortcut] = shortcuts(session)
    shortcut.activated.emit()
    assert views(mrml) == before


def test_only_views_of_the_two_volumes_are_changed_and_keep_their_zoom(mrml, done, ct, result, session):
    import slicer

    other = mrml.add_volume(np.zeros((2, 3, 4), np.int16), name="other")
    slicer.mrmlScene.GetNodeByID("vtkMRMLSliceCompositeNodeGreen").SetBackgroundVolumeID(other.GetID())
    session.sliceLogics["Red"].GetSliceNode().SetFieldOfView(11.0, 12.0, 1.0)
    done.beforeAfterButton.click()
    assert (shown(), shown("Green")) == (ct, other)
    assert session.sliceLogics["Red"].GetSliceNode().GetFieldOfView() == (11.0, 12.0, 1.0)


def test_side_by_side_shows_before_and_after_in_linked_views_of_one_plane(mrml, done, ct, result, session):
    import slicer

    session.sliceLogics["Red"].SetSliceOffset(-44.0)
    done.sideBySideButton.click()
    assert slicer.app.layoutManager().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutSideBySideView
    assert (shown("Red"), shown("Yellow")) == (ct, result)
    red, yellow = (session.sliceLogics[name].GetSliceNode() for name in ("Red", "Yellow"))
    np.testing.assert_allclose(slicer.util.arrayFromVTKMatrix(yellow.GetSliceToRAS()),
                               slicer.util.arrayFromVTKMatrix(red.GetSliceToRAS()))
    for name in ("Red", "Yellow"):
        composite = session.sliceLogics[name].GetSliceCompositeNode()
        assert (composite.GetLinkedControl(), composite.GetHotLinkedControl()) == (1, 1)


def test_side_by_side_is_undone_by_a_second_click(mrml, done):
    before = views(mrml)
    done.sideBySideButton.click()
    assert views(mrml) != before
    done.sideBySideButton.click()
    assert views(mrml) == before
    assert not done.sideBySideButton.checked


def test_buttons_that_are_down_say_what_the_next_click_does(done):
    texts = []
    for _ in range(3):
        texts.append((done.sideBySideButton.text, done.differenceButton.text))
        done.sideBySideButton.click()
        done.differenceButton.click()
    assert texts[1] == ("End side b&y side", "Hide &difference")
    assert texts[0] == texts[2] == ("Side b&y side", "&Difference")


def test_side_by_side_takes_a_preview_away_first(mrml, done, session, calls):
    session.sliceLogics["Red"].SnapSliceOffsetToIJK()
    before = views(mrml)
    done.previewButton.click()
    calls[1].finish()
    done.sideBySideButton.click()
    assert done.previewButton.text == "&Preview slice"
    assert shown("Red").GetName() == "CT"
    done.sideBySideButton.click()
    assert views(mrml) == before


def test_a_layout_that_the_user_chose_meanwhile_stays(mrml, done, session):
    import slicer

    done.sideBySideButton.click()
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutConventionalView)
    done.sideBySideButton.click()
    assert slicer.app.layoutManager().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutConventionalView


def test_unloading_the_module_takes_side_by_side_back_and_lets_nothing_else_happen_meanwhile(
        mrml, done, panel, session, monkeypatch):
    import slicer

    session.sliceLogics["Red"].SetSliceOffset(-44.0)
    before = views(mrml)
    done.sideBySideButton.click()
    done.differenceButton.click()
    handled = []
    monkeypatch.setattr(slicer.app, "processEvents", lambda *flags: handled.append(flags))
    panel.widget.cleanup()
    assert handled == []
    composites, nodes, layout, _ = views(mrml)
    # Without events, the views cannot take up their sizes, and with that their fields of view.
    assert (composites, [node[0] for node in nodes], layout) == (before[0], [node[0] for node in before[1]], before[2])


@pytest.mark.parametrize("event", ["StartImportEvent", "StartCloseEvent"])
def test_a_scene_that_comes_or_goes_ends_side_by_side_and_lets_nothing_else_happen_meanwhile(
        mrml, done, session, monkeypatch, event):
    import slicer

    layout = session.layoutManager.layout
    done.sideBySideButton.click()
    handled = []
    monkeypatch.setattr(slicer.app, "processEvents", lambda *flags: handled.append(flags))
    mrml.scene.InvokeEvent(getattr(slicer.vtkMRMLScene, event))
    assert handled == []
    assert session.layoutManager.layout == layout
    assert not done.sideBySideButton.checked


def test_in_side_by_side_the_key_flips_the_right_view_only(done, ct, result, panel):
    done.sideBySideButton.click()
    done.beforeAfterButton.click()
    assert (shown("Red"), shown("Yellow")) == (ct, ct)
    done.beforeAfterButton.click()
    assert (shown("Red"), shown("Yellow")) == (ct, result)


def test_the_difference_takes_the_place_of_the_result_and_is_undone_by_a_second_click(mrml, done, ct, result):
    before = views(mrml)
    done.differenceButton.click()
    difference = shown()
    np.testing.assert_array_equal(array_of(difference), array_of(ct) - array_of(result))
    assert difference.GetDisplayNode().GetLevel() == 0
    assert (difference.GetHideFromEditors(), difference.GetSaveWithScene()) == (1, 0)
    done.differenceButton.click()
    assert views(mrml) == before
    assert difference.GetScene() is None


def test_the_difference_is_the_removed_noise_where_that_was_kept(mrml, ct, ui, parameters, calls, panel):
    import slicer

    slicer.util.setSliceViewerLayers(background=ct)
    parameters.inputVolume, parameters.removedNoise = ct, True
    ui.applyButton.click()
    calls[0].finish()
    noise = panel.widget.logic.removedNoiseVolume(parameters.outputVolume)
    ui.differenceButton.click()
    assert shown() is noise
    ui.differenceButton.click()
    assert shown() is parameters.outputVolume
    assert noise.GetScene() is mrml.scene


def test_side_by_side_and_difference_go_together(mrml, done, ct, result):
    before = views(mrml)
    done.differenceButton.click()
    done.sideBySideButton.click()
    assert shown("Red") is ct
    assert shown("Yellow") not in (ct, result)
    done.sideBySideButton.click()
    done.differenceButton.click()
    assert views(mrml) == before


def test_another_run_renews_the_difference(mrml, done, ct, result, parameters, calls):
    done.differenceButton.click()
    parameters.strength = 50.0
    done.applyButton.click()
    calls[1].finish()
    np.testing.assert_array_equal(array_of(shown()), array_of(ct) - array_of(result))


@pytest.mark.parametrize("which", ["source", "result"])
def test_without_the_source_or_the_result_there_is_nothing_to_compare(mrml, done, ct, result, which):
    done.sideBySideButton.click()
    mrml.scene.RemoveNode(ct if which == "source" else result)
    settle()
    assert done.resultCollapsibleButton.isHidden()
    assert not done.sideBySideButton.checked


def test_closing_the_scene_ends_the_comparison(mrml, done):
    import slicer

    linked = views(mrml)[0][0][2:]
    done.sideBySideButton.click()
    done.differenceButton.click()
    mrml.scene.Clear(False)
    assert done.resultCollapsibleButton.isHidden()
    assert not (done.sideBySideButton.checked or done.differenceButton.checked)
    assert slicer.app.layoutManager().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        assert (composite.GetLinkedControl(), composite.GetHotLinkedControl()) == linked
    assert slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") == []


@pytest.mark.parametrize("buttons", [["sideBySide"], ["difference"], ["sideBySide", "difference"],
                                     ["difference", "sideBySide"]])
def test_leaving_the_module_undoes_side_by_side_and_difference(mrml, done, panel, buttons):
    before = views(mrml)
    for name in buttons:
        getattr(done, f"{name}Button").click()
    assert views(mrml) != before
    panel.exit()
    assert views(mrml) == before
    panel.enter()
    assert views(mrml) == before
    assert not (done.sideBySideButton.checked or done.differenceButton.checked)


def test_leaving_the_module_keeps_before_or_after_as_it_is_seen(mrml, done, ct, panel):
    done.beforeAfterButton.click()
    before = views(mrml)
    panel.exit()
    assert shown() is ct and views(mrml) == before
    panel.enter()
    assert done.beforeAfterButton.text == "Show afte&r (D)"


def test_leaving_the_module_changes_no_view_that_was_not_compared(mrml, done, panel):
    other = mrml.add_volume(np.zeros((2, 3, 4), np.int16), name="other")
    import slicer

    slicer.util.setSliceViewerLayers(background=other)
    before = views(mrml)
    panel.exit()
    assert views(mrml) == before


def test_leaving_the_module_after_the_result_was_deleted_does_no_harm(mrml, done, result, panel):
    import slicer

    done.sideBySideButton.click()
    done.differenceButton.click()
    mrml.scene.RemoveNode(result)
    panel.exit()
    assert slicer.app.layoutManager().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    assert [volume.GetName() for volume in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")] == ["CT"]


def test_an_output_that_is_no_result_has_nothing_to_compare(mrml, done, parameters):
    parameters.outputVolume = mrml.add_volume(np.zeros((2, 3, 4), np.int16), name="other")
    assert done.resultCollapsibleButton.isHidden()
