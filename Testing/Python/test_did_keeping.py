"""Keep, compare, subtract and delete candidates; what is kept outlives the set, what is deleted leaves nothing."""

import weakref

import numpy as np
import pytest
from didscene import CT, array_of, candidates, ct, didlogic, nodes_of_class  # noqa: F401  (three are fixtures)
from fakedidengine import FakeDIDEngine
from slicerscene import mrml  # noqa: F401  (a fixture)


def test_a_kept_candidate_is_an_ordinary_volume_that_outlives_the_set(mrml, didlogic, ct, candidates):
    didlogic.proxyVolume(candidates).GetDisplayNode().SetWindowLevel(1500, -600)
    didlogic.selectCandidate(candidates, 1)
    kept = didlogic.keepCandidate(candidates)
    assert kept.GetName() == "CT candidate 4.0 HU"
    assert not np.shares_memory(array_of(kept), array_of(candidates.GetNthDataNode(1)))
    didlogic.selectCandidate(candidates, 0)
    didlogic.deleteSet(candidates)
    np.testing.assert_array_equal(array_of(kept), FakeDIDEngine.result_of(array_of(ct), 1, 5))
    assert array_of(kept).dtype == array_of(ct).dtype
    assert kept.GetAttribute("DIDInteractive.Kind") == "smoother"
    assert kept.GetAttribute("DIDInteractive.NoiseSD") == "4.0"
    assert kept.GetAttribute("LDCTDenoise.WeightsSHA256") == "ab" * 32
    assert kept.GetAttribute("LDCTDenoise.SourceVolume") == "CT"
    assert kept.GetNodeReference("LDCTDenoise.Source") is ct
    assert kept.GetVoxelValueUnits().GetCodeMeaning() == "Hounsfield unit"
    display = kept.GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel(), display.GetAutoWindowLevel()) == (1500, -600, 0)
    assert not [name for name in kept.GetAttributeNames() if name.startswith("Sequences.")]
    assert didlogic.candidateSet(kept) is None


def test_a_kept_candidate_stands_where_the_source_does(mrml, didlogic, ct):
    from LDCTDenoiseLib.region import ijk_to_ras

    tree = mrml.hierarchy
    study = tree.CreateStudyItem(tree.GetSceneItemID(), "Study")
    tree.SetItemParent(tree.GetItemByDataNode(ct), study)
    transform = mrml.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "table")
    ct.SetAndObserveTransformNodeID(transform.GetID())
    kept = didlogic.keepCandidate(didlogic.generateCandidates(ct, count=3))
    np.testing.assert_allclose(ijk_to_ras(kept), CT)
    assert kept.GetParentTransformNode() is transform
    assert tree.GetItemParent(tree.GetItemByDataNode(kept)) == study


def test_candidates_are_kept_one_by_one_under_names_of_their_own(didlogic, candidates):
    names = [didlogic.keepCandidate(candidates).GetName() for _ in range(2)]
    assert names[0] == "CT candidate 6.0 HU"
    assert names[1] != names[0]
    assert names[1].startswith(names[0])


def test_an_image_between_two_candidates_can_be_kept(didlogic, candidates):
    kept = didlogic.keepCandidate(candidates, 0.25)
    assert kept.GetName() == "CT candidate 7.0 HU"
    np.testing.assert_array_equal(array_of(kept), array_of(didlogic.candidateAt(candidates, 0.25)))
    assert kept.GetAttribute("DIDInteractive.Kind") == "between"
    assert kept.GetAttribute("DIDInteractive.Interpolation") == (
        "50.0 % of candidate 3 (noise 6.00 HU) and 50.0 % of candidate 4 (noise 8.00 HU)")
    assert kept.GetAttribute("DIDInteractive.Measured").startswith("nothing on this image")
    didlogic.deleteSet(candidates)
    assert kept.GetAttribute("DIDInteractive.NoiseSD") == "7.0"


def test_a_candidate_that_was_measured_does_not_say_that_it_is_a_mixture(didlogic, candidates):
    didlogic.keepCandidate(candidates, 0.25)
    for kept in (didlogic.keepCandidate(candidates), didlogic.keepCandidate(candidates, 0.5)):
        assert kept.GetAttribute("DIDInteractive.Interpolation") is None
        assert kept.GetAttribute("DIDInteractive.Measured") is None


def test_the_untouched_input_can_be_kept_when_the_source_is_gone(mrml, didlogic, ct, candidates):
    before = array_of(ct).copy()
    mrml.scene.RemoveNode(ct)
    kept = didlogic.keepCandidate(candidates, 1)
    np.testing.assert_array_equal(array_of(kept), before)
    assert kept.GetNodeReference("LDCTDenoise.Source") is None
    assert didlogic.sourceVolume(kept) is kept


@pytest.mark.parametrize("place, call", [
    ("show_like", "keepCandidate"), ("show_noise", "differenceToInput"), ("show_like", "compareCandidates"),
    ("write_volume", "differenceToInput")])
def test_what_fails_leaves_nothing_behind(mrml, didlogic, candidates, monkeypatch, place, call):
    from LDCTDenoiseLib import scene

    def full(*arguments):
        raise MemoryError

    before = mrml.node_ids()
    monkeypatch.setattr(scene, place, full)
    with pytest.raises(MemoryError):
        getattr(didlogic, call)(candidates)
    assert mrml.node_ids() == before


def test_the_difference_is_input_minus_the_current_candidate(didlogic, ct, candidates):
    difference = didlogic.differenceToInput(candidates)
    assert difference.GetName() == "CT candidates difference"
    np.testing.assert_array_equal(array_of(difference), array_of(ct) - FakeDIDEngine.result_of(array_of(ct), 2, 5))
    assert difference.GetAttribute("DIDInteractive.Kind") == "default"
    display = difference.GetDisplayNode()
    assert (display.GetLevel(), display.GetAutoWindowLevel()) == (0.0, 0)
    display.SetWindowLevel(30, 0)
    didlogic.selectCandidate(candidates, 0)
    assert didlogic.differenceToInput(candidates) is difference
    np.testing.assert_array_equal(array_of(difference), array_of(ct) - FakeDIDEngine.result_of(array_of(ct), 0, 5))
    assert difference.GetAttribute("DIDInteractive.Kind") == "smoother"
    assert display.GetWindow() == 30
    assert not array_of(didlogic.differenceToInput(candidates, 1)).any()


def test_a_slice_of_the_difference_follows_at_once_and_the_others_when_it_is_written_anew(didlogic, ct, candidates):
    import vtk

    difference = didlogic.differenceToInput(candidates, 0.25, 1)
    whole = array_of(difference).copy()
    np.testing.assert_array_equal(whole, array_of(ct) - array_of(didlogic.candidateAt(candidates, 0.25)))
    assert difference.GetAttribute("DIDInteractive.Slice") is None
    redrawn = []
    difference.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *arguments: redrawn.append(1))
    assert didlogic.differenceToInput(candidates, -0.6, 2) is difference
    assert redrawn
    new = array_of(ct) - array_of(didlogic.candidateAt(candidates, -0.6))
    np.testing.assert_array_equal(array_of(difference)[2], new[2])
    np.testing.assert_array_equal(array_of(difference)[[0, 1, 3]], whole[[0, 1, 3]])
    assert difference.GetAttribute("DIDInteractive.Slice") == "2"
    np.testing.assert_array_equal(array_of(didlogic.differenceToInput(candidates, -0.6)), new)
    assert difference.GetAttribute("DIDInteractive.Slice") is None
    with pytest.raises(ValueError, match="no slice 4"):
        didlogic.differenceToInput(candidates, 0, 4)


def test_a_slice_whose_difference_needs_wider_numbers_is_not_cut_off(mrml, didlogic):
    values = np.zeros((2, 4, 4), np.int16)
    values[1, 0, 0] = 32767
    candidates = didlogic.generateCandidates(mrml.add_volume(values, CT), count=3)
    items = [array_of(candidates.GetNthDataNode(n)) for n in range(3)]
    assert array_of(didlogic.differenceToInput(candidates, 1)).dtype == np.int16
    items[0][1, 0, 0] = -32768
    difference = didlogic.differenceToInput(candidates, -1, 1)
    assert array_of(difference)[1, 0, 0] == 65535


def test_two_candidates_stand_side_by_side_and_are_chosen_apart(didlogic, ct, candidates):
    other = didlogic.compareCandidates(candidates)
    left, right = didlogic.proxyVolume(candidates), other.GetProxyNode(candidates)
    assert other is not didlogic.browser(candidates)
    assert right is not left
    np.testing.assert_array_equal(array_of(right), array_of(ct))
    assert (left.GetName(), right.GetName()) == ("CT candidates [noise=6.00HU]", "CT candidates [noise=10.00HU]")
    display = right.GetDisplayNode()
    assert display is not left.GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel(), display.GetAutoWindowLevel()) == (400.0, 40.0, 0)
    didlogic.selectCandidate(candidates, 0)
    np.testing.assert_array_equal(array_of(right), array_of(ct))
    assert didlogic.compareCandidates(candidates, 3) is other
    assert right.GetAttribute("DIDInteractive.Kind") == "sharper"
    assert didlogic.currentCandidate(candidates) == 0
    assert not other.GetPlaybackLooped()


def test_steps_stop_at_both_ends_of_the_trade_off(didlogic, candidates):
    assert [didlogic.stepCandidate(candidates, step) for step in (1, 1, 1, -1, -10, -1, 2)] == [3, 4, 4, 3, 0, 0, 2]
    assert didlogic.browser(candidates).GetSelectedItemNumber() == 2


@pytest.mark.parametrize("call", [
    lambda logic, candidates: logic.selectCandidate(candidates, 5), lambda logic, candidates: logic.selectCandidate(
        candidates, -1), lambda logic, candidates: logic.compareCandidates(candidates, 5)])
def test_a_candidate_that_is_not_there_cannot_be_chosen(mrml, didlogic, candidates, call):
    before = mrml.node_ids()
    with pytest.raises(ValueError, match="choose one from 0 .* to 4"):
        call(didlogic, candidates)
    assert mrml.node_ids() == before
    assert didlogic.currentCandidate(candidates) == 2


def test_deleting_a_set_leaves_the_scene_as_before_the_run(mrml, didlogic, ct):
    before = mrml.node_ids()
    items = mrml.hierarchy.GetNumberOfItems()
    sequence = didlogic.generateCandidates(ct, count=4)
    didlogic.compareCandidates(sequence)
    didlogic.candidateAt(sequence, 0.1)
    didlogic.candidateAt(sequence, -0.1, 2)
    didlogic.differenceToInput(sequence)
    sequence.AddDefaultStorageNode()
    didlogic.deleteSet(didlogic.proxyVolume(sequence))
    assert mrml.node_ids() == before
    assert mrml.hierarchy.GetNumberOfItems() == items


def test_deleting_a_set_leaves_the_user_s_own_browser_with_its_other_sequences(mrml, didlogic, ct, candidates):
    other = mrml.scene.AddNewNodeByClass("vtkMRMLSequenceNode", "other")
    other.SetIndexName("noise")
    other.SetIndexUnit("HU")
    for noise in ("1", "5"):
        other.SetDataNodeAtValue(ct, noise)
    mine = mrml.scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "mine")
    mine.SetAndObserveMasterSequenceNodeID(other.GetID())
    own = mrml.scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "only candidates")
    own.SetAndObserveMasterSequenceNodeID(candidates.GetID())
    mine.AddSynchronizedSequenceNode(candidates)
    mine.SetSelectedItemNumber(1)
    didlogic.deleteSet(candidates)
    assert nodes_of_class("vtkMRMLSequenceBrowserNode") == [mine]
    assert mine.GetMasterSequenceNode() is other
    assert nodes_of_class("vtkMRMLScalarVolumeNode") == [ct, mine.GetProxyNode(other)]


@pytest.mark.parametrize("part", ["sequence", "mark", "browser", "proxy", "source", "table", "chart"])
def test_a_user_may_remove_any_part_of_a_set_and_what_is_left_can_be_deleted(mrml, didlogic, ct, candidates, part):
    didlogic.compareCandidates(candidates)
    marks = candidates.GetNodeReference("DIDInteractive.Mark")
    nodes = {"sequence": candidates, "mark": marks, "browser": didlogic.browser(candidates), "source": ct,
             "proxy": didlogic.proxyVolume(candidates), "table": didlogic.table(candidates),
             "chart": didlogic.chart(candidates)}
    mrml.scene.RemoveNode(nodes[part])
    if part == "sequence":
        with pytest.raises(ValueError, match="candidate set was expected"):
            didlogic.deleteSet(candidates)
        return
    didlogic.deleteSet(candidates)
    assert nodes_of_class("vtkMRMLSequenceNode", "vtkMRMLSequenceBrowserNode", "vtkMRMLTableNode",
                          "vtkMRMLPlotSeriesNode", "vtkMRMLPlotChartNode", "vtkMRMLTextNode") == []
    assert nodes_of_class("vtkMRMLScalarVolumeNode") == ([] if part == "source" else [ct])


def test_closing_the_scene_takes_a_set_away_with_everything_else(mrml, didlogic, candidates):
    didlogic.compareCandidates(candidates)
    didlogic.candidateAt(candidates, 0.5)
    mrml.scene.Clear(False)
    assert nodes_of_class("vtkMRMLSequenceNode", "vtkMRMLSequenceBrowserNode", "vtkMRMLScalarVolumeNode") == []
    with pytest.raises(ValueError, match="candidate set was expected"):
        didlogic.keepCandidate(candidates)


def test_what_belongs_to_no_set_is_refused_where_a_set_is_asked_for(mrml, didlogic, ct):
    for node in (None, ct, mrml.scene.AddNewNodeByClass("vtkMRMLSequenceNode", "phases")):
        assert didlogic.candidateSet(node) is None
        with pytest.raises(ValueError, match="candidate set was expected"):
            didlogic.deleteSet(node)


def test_memory_is_given_back_at_once_when_a_set_is_updated_or_deleted(didlogic, ct):
    def made():
        found = [weakref.ref(candidate.array) for candidate in didlogic.engine.returned]
        didlogic.engine.returned.clear()
        return found

    candidates = didlogic.generateCandidates(ct, count=4)
    first = made()
    assert all(array() is not None for array in first)
    didlogic.generateCandidates(ct, count=3)
    second = made()
    assert all(array() is None for array in first)
    didlogic.deleteSet(candidates)
    assert all(array() is None for array in second)
