"""Whatever path a set came about by and whatever was taken from it, deleting it leaves the scene as it was before."""

import pytest
from didscene import (  # noqa: F401  (some are fixtures)
    CT, PARTS, array_of, candidates, ct, didlogic, everything, nodes_of_class, voxels,
)
from slicerscene import mrml  # noqa: F401  (a fixture)

USES = {
    "generate": lambda logic, made: None,
    "browse": lambda logic, made: [logic.selectCandidate(made, n) for n in range(3)],
    "update": lambda logic, made: logic.generateCandidates(logic.sourceVolume(logic.proxyVolume(made)), count=6),
    "second browser": lambda logic, made: logic.compareCandidates(made, 1),
    "difference": lambda logic, made: logic.differenceToInput(made),
    "slice of the difference": lambda logic, made: logic.differenceToInput(made, 0.2, 1),
    "between": lambda logic, made: logic.candidateAt(made, 0.2),
    "slice between": lambda logic, made: logic.candidateAt(made, 0.2, 1),
    "everything": everything,
}


@pytest.mark.parametrize("use", USES)
def test_after_any_use_nothing_is_left_of_a_deleted_set(mrml, didlogic, ct, use):
    before, items = mrml.node_ids(), mrml.hierarchy.GetNumberOfItems()
    made = didlogic.generateCandidates(ct, count=4)
    USES[use](didlogic, made)
    didlogic.deleteSet(made)
    assert mrml.node_ids() == before
    assert mrml.hierarchy.GetNumberOfItems() == items


def test_nothing_is_left_of_a_preview_that_made_way_and_of_the_set_that_took_its_place(mrml, didlogic, ct):
    before = mrml.node_ids()
    everything(didlogic, didlogic.preview(ct, 1, count=4))
    didlogic.deleteSet(didlogic.generateCandidates(ct, count=4))
    assert mrml.node_ids() == before


def test_of_a_set_that_was_kept_from_only_what_was_kept_is_left(mrml, didlogic, ct):
    before = mrml.node_ids()
    made = didlogic.generateCandidates(ct, count=4)
    kept = [didlogic.keepCandidate(made), didlogic.keepCandidate(made, 0.3)]
    didlogic.deleteSet(made)
    left = [node for node in mrml.node_ids() if node not in before]
    assert left == [one.GetID() for volume in kept for one in (volume, volume.GetDisplayNode())]
    for volume in kept:
        mrml.scene.RemoveNode(volume.GetDisplayNode())
        mrml.scene.RemoveNode(volume)
    assert mrml.node_ids() == before


@pytest.mark.parametrize("given", ["proxy", "table"])
@pytest.mark.parametrize("part", PARTS)
def test_without_any_of_its_nodes_what_is_left_of_a_set_can_be_deleted(mrml, didlogic, ct, part, given):
    if part == given:
        given = "points"
    before, items = mrml.node_ids(), mrml.hierarchy.GetNumberOfItems()
    nodes = everything(didlogic, didlogic.generateCandidates(ct, count=4))
    mrml.scene.RemoveNode(nodes[part])
    didlogic.deleteSet(nodes[given])
    assert mrml.node_ids() == before
    assert mrml.hierarchy.GetNumberOfItems() == items


@pytest.mark.parametrize("part", PARTS)
def test_a_node_that_was_removed_is_made_again_by_the_next_run_and_nothing_is_left_then(mrml, didlogic, ct, part):
    before = mrml.node_ids()
    nodes = everything(didlogic, didlogic.generateCandidates(ct, count=4))
    mrml.scene.RemoveNode(nodes[part])
    again = didlogic.generateCandidates(ct, count=5)
    assert didlogic.candidateSets() == [again]
    everything(didlogic, again)
    didlogic.selectCandidate(again, 4)
    assert (array_of(didlogic.proxyVolume(again)) == array_of(ct)).all()
    for rest in (*didlogic.incompleteSets(), again):
        didlogic.deleteSet(rest)
    assert mrml.node_ids() == before


@pytest.mark.parametrize("part", PARTS)
def test_only_sets_that_can_be_browsed_are_listed_and_the_others_can_be_deleted_still(mrml, didlogic, ct, part):
    before = mrml.node_ids()
    made = didlogic.generateCandidates(ct, count=4)
    nodes = everything(didlogic, made)
    assert (didlogic.candidateSets(), didlogic.incompleteSets()) == ([made], [])
    mrml.scene.RemoveNode(nodes[part])
    if part in ("sequence", "browser"):
        assert didlogic.candidateSets() == []
        [left] = didlogic.incompleteSets()
    else:
        assert didlogic.candidateSets() == [left := made]
        assert didlogic.incompleteSets() == []
    didlogic.deleteSet(left)
    assert (mrml.node_ids(), didlogic.incompleteSets()) == (before, [])


def test_what_is_left_of_a_set_is_found_after_reloading_too(mrml, didlogic, ct, tmp_path):
    import slicer

    everything(didlogic, didlogic.generateCandidates(ct, count=4))
    mrml.reload(tmp_path / "scene.mrb")
    mrml.scene.RemoveNode(slicer.util.getNode("CT candidates"))
    [left] = didlogic.incompleteSets()
    didlogic.deleteSet(left)
    assert nodes_of_class("vtkMRMLSequenceNode", "vtkMRMLSequenceBrowserNode", "vtkMRMLTableNode", "vtkMRMLTextNode",
                          "vtkMRMLPlotSeriesNode", "vtkMRMLPlotChartNode") == []
    assert nodes_of_class("vtkMRMLScalarVolumeNode") == [slicer.util.getNode("CT")]


def test_the_next_run_fills_the_volume_and_the_mark_whose_browser_was_removed(mrml, didlogic, ct, candidates):
    marks = candidates.GetNodeReference("DIDInteractive.Mark")
    shown, marked = didlogic.proxyVolume(candidates), didlogic.browser(candidates).GetProxyNode(marks)
    shown.GetDisplayNode().SetWindowLevel(1500, -600)
    mrml.scene.RemoveNode(didlogic.browser(candidates))
    didlogic.generateCandidates(ct, count=5)
    assert didlogic.proxyVolume(candidates) is shown
    assert didlogic.browser(candidates).GetProxyNode(marks) is marked
    assert shown.GetDisplayNode().GetWindow() == 1500


def test_a_volume_that_slicer_makes_in_place_of_a_removed_one_stands_where_that_did(mrml, didlogic):
    volume = mrml.add_volume(voxels(), CT, window=(350.0, 55.0))
    transform = mrml.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "table")
    volume.SetAndObserveTransformNodeID(transform.GetID())
    made = didlogic.generateCandidates(volume, count=3)
    mrml.scene.RemoveNode(didlogic.proxyVolume(made))
    shown = didlogic.proxyVolume(made)
    assert (shown.GetDisplayNode().GetWindow(), shown.GetDisplayNode().GetLevel()) == (350, 55)
    assert shown.GetParentTransformNode() is transform
    assert didlogic.sourceVolume(shown) is volume


def test_without_its_browser_a_set_says_so_in_place_of_doing_anything(mrml, didlogic, candidates):
    mrml.scene.RemoveNode(didlogic.browser(candidates))
    before = mrml.node_ids()
    assert (didlogic.browser(candidates), didlogic.proxyVolume(candidates)) == (None, None)
    assert didlogic.currentCandidate(candidates) == 2
    for act in (lambda: didlogic.selectCandidate(candidates, 0), lambda: didlogic.stepCandidate(candidates, 1),
                lambda: didlogic.candidateAt(candidates, 0.2), lambda: didlogic.differenceToInput(candidates),
                lambda: didlogic.keepCandidate(candidates), lambda: didlogic.compareCandidates(candidates)):
        with pytest.raises(ValueError, match="shown by no browser"):
            act()
    assert mrml.node_ids() == before


def test_a_copy_that_the_user_made_of_a_node_of_the_set_stays(mrml, didlogic, ct, candidates):
    copies = [mrml.logic("Volumes").CloneVolume(mrml.scene, didlogic.proxyVolume(candidates), "mine")]
    for original in (didlogic.table(candidates), candidates.GetNodeReference("DIDInteractive.Facts")):
        copy = original.CreateNodeInstance()
        copy.Copy(original)
        copies.append(mrml.scene.AddNode(copy))
    assert [didlogic.candidateSet(copy) for copy in copies] == [None] * 3
    mrml.scene.RemoveNode(candidates)
    for copy in copies:
        with pytest.raises(ValueError, match="candidate set was expected"):
            didlogic.deleteSet(copy)
    [left] = didlogic.incompleteSets()
    didlogic.deleteSet(left)
    assert all(copy.GetScene() is mrml.scene for copy in copies)
    assert nodes_of_class("vtkMRMLTableNode", "vtkMRMLTextNode", "vtkMRMLScalarVolumeNode") == [
        copies[1], copies[2], ct, copies[0]]
