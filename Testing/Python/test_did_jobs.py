"""Candidates are waited for or come later; what is finished can be looked at; a set is there whole or not at all."""

import weakref

import numpy as np
import pytest
from controlleddidengine import ControlledDIDEngine
from didmodelfactory import add_smoothing_model
from didscene import CT, array_of, ct, didlogic, nodes_of_class, voxels  # noqa: F401  (two are fixtures)
from fakedidengine import FakeDIDEngine
from networkfactory import phantom
from slicerscene import mrml  # noqa: F401  (a fixture)
from workerfixtures import torch_client  # noqa: F401  (a fixture)

from LDCTDenoiseLib.engine import Cancelled


@pytest.fixture
def later(mrml):
    """A Logic whose engine answers when the test lets it, as one in another process does."""
    import DIDInteractive

    return DIDInteractive.DIDInteractiveLogic(ControlledDIDEngine(), freeMemory=10**12)


def parts_of(request):
    """The candidates that an engine would hand over one by one."""
    found = []
    FakeDIDEngine().generate(request, on_candidate=found.append)
    return found


class Onlooker:
    """Notes what is shown while a run is under way."""

    def __init__(self):
        self.seen, self.volume = [], None

    def __call__(self, volume):
        self.volume = volume
        self.seen.append(None if volume is None else (
            volume.GetAttribute("DIDInteractive.Kind"), volume.GetName(), array_of(volume).copy()))


def test_without_waiting_a_job_is_returned_and_the_set_comes_later(mrml, later, ct):
    before, seen = mrml.node_ids(), []
    job = later.generateCandidates(ct, count=4, waitForCompletion=False, progress=lambda *values: seen.append(values))
    [call] = later.engine.calls
    assert (later.job, later.busy, job.result, mrml.node_ids()) == (job, True, None, before)
    call.started()
    call.progress(0.5, "Sharper", 3.0)
    assert (seen, mrml.node_ids()) == ([(0.5, "Sharper", 3.0)], before)
    call.finish()
    assert (later.busy, later.candidateSets()) == (False, [job.result])
    assert job.messages == ("a message",)
    assert job.result.GetNumberOfDataNodes() == 4


def test_a_preview_need_not_be_waited_for_either(later, ct):
    job = later.preview(ct, 1, count=3, waitForCompletion=False)
    later.engine.calls[0].finish()
    assert job.result.GetName() == "CT preview"


def test_a_second_run_is_refused_while_one_is_under_way(later, ct):
    job = later.generateCandidates(ct, count=3, waitForCompletion=False)
    for wait in (True, False):
        with pytest.raises(RuntimeError, match="being made already"):
            later.generateCandidates(ct, waitForCompletion=wait)
    assert (later.job, len(later.engine.calls)) == (job, 1)
    later.engine.calls[0].finish()
    assert later.generateCandidates(ct, count=3, waitForCompletion=False) is not job


def test_an_engine_of_this_process_can_only_be_waited_for(didlogic, ct):
    with pytest.raises(ValueError, match="only be waited for"):
        didlogic.generateCandidates(ct, waitForCompletion=False)
    assert didlogic.engine.requests == []
    assert didlogic.generateCandidates(ct, count=3) is didlogic.job.result


@pytest.mark.parametrize("end", ["fail", "cancel", "input deleted", "input changed", "scene closed"])
@pytest.mark.parametrize("earlier", [False, True], ids=["first run", "second run"])
def test_a_run_that_ends_otherwise_leaves_no_set_and_an_earlier_one_as_it_was(mrml, later, ct, caplog, end, earlier):
    if earlier:
        later.generateCandidates(ct, count=5, waitForCompletion=False)
        later.engine.calls.pop().finish()
    sets, nodes, facts = later.candidateSets(), mrml.node_ids(), [later.facts(one) for one in later.candidateSets()]
    source = [node.GetID() for node in (ct, ct.GetDisplayNode())]
    look = Onlooker()
    job = later.generateCandidates(ct, count=4, waitForCompletion=False, onCandidate=look)
    [call] = later.engine.calls
    call.started()
    for candidate in parts_of(call.request)[:2]:
        call.listener.partial(candidate)
    assert len(mrml.node_ids()) > len(nodes)
    if end == "fail":
        call.fail(RuntimeError("full"))
    elif end == "cancel":
        job.cancel()
        call.stopped()
    elif end == "input changed":
        array_of(ct)[0, 0, 0] += 1
        call.finish()
    else:
        mrml.scene.RemoveNode(ct) if end == "input deleted" else mrml.scene.Clear(False)
        call.progress(0.7)
        assert (job.state, call.cancels) == ("cancelling", 1)
        call.stopped()
    assert (later.busy, job.result, look.volume) == (False, None, None)
    assert isinstance(job.error, Cancelled if end == "cancel" else RuntimeError)
    assert (str(job.error) in caplog.text) == (end != "cancel")
    if end in ("input deleted", "scene closed"):
        assert "deleted during the run" in str(job.error)
    if end != "scene closed":
        assert mrml.node_ids() == [node for node in nodes if end != "input deleted" or node not in source]
        assert later.candidateSets() == sets
        assert [later.facts(one) for one in sets] == facts


def test_finished_candidates_are_shown_one_after_the_other_in_a_volume_that_goes(mrml, later):
    volume = mrml.add_volume(voxels(), CT, window=(350.0, 55.0))
    transform = mrml.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "table")
    volume.SetAndObserveTransformNodeID(transform.GetID())
    before, look = mrml.node_ids(), Onlooker()
    job = later.generateCandidates(volume, count=4, waitForCompletion=False, onCandidate=look)
    [call] = later.engine.calls
    call.started()
    parts = parts_of(call.request)
    call.listener.partial(parts[1])
    shown = look.volume
    assert (shown.GetHideFromEditors(), shown.GetSaveWithScene()) == (True, False)
    assert (shown.GetDisplayNode().GetWindow(), shown.GetDisplayNode().GetLevel()) == (350, 55)
    assert shown.GetParentTransformNode() is transform
    np.testing.assert_allclose(affine_of(shown), CT)
    shown.GetDisplayNode().SetWindowLevel(1500, -600)
    for part in (parts[0], parts[2], parts[3]):
        call.listener.partial(part)
        assert look.volume is shown
    assert shown.GetDisplayNode().GetWindow() == 1500
    assert [kind for kind, _, _ in look.seen] == ["default", "smoother", "sharper"]  # the input is no news
    assert look.seen[1][1] == "CT, smoother: noise about 2.0 HU (2 of 4 finished)"
    for (_, _, array), part in zip(look.seen, (parts[1], parts[0], parts[2])):
        np.testing.assert_array_equal(array, part.array)
    call.finish()
    assert (look.seen[-1], shown.GetScene()) == (None, None)
    later.deleteSet(job.result)
    assert mrml.node_ids() == before


def affine_of(volume):
    from LDCTDenoiseLib.region import ijk_to_ras

    return ijk_to_ras(volume)


def test_views_that_show_a_finished_candidate_show_the_input_again_in_the_end(mrml, later, ct):
    import slicer

    views = []
    for name in ("Red", "Yellow", "Green"):
        view = slicer.vtkMRMLSliceCompositeNode()
        view.SetLayoutName(name)
        views.append(mrml.scene.AddNode(view))
    other = mrml.add_volume(voxels(seed=1), CT, name="other")
    look = Onlooker()
    job = later.generateCandidates(ct, count=3, waitForCompletion=False, onCandidate=look)
    [call] = later.engine.calls
    call.started()
    call.listener.partial(parts_of(call.request)[1])
    views[0].SetBackgroundVolumeID(look.volume.GetID())
    views[1].SetBackgroundVolumeID(other.GetID())
    views[1].SetForegroundVolumeID(look.volume.GetID())
    views[2].SetBackgroundVolumeID(other.GetID())
    job.cancel()
    call.stopped()
    assert [view.GetBackgroundVolumeID() for view in views] == [ct.GetID(), other.GetID(), other.GetID()]
    assert not views[1].GetForegroundVolumeID()


def test_of_a_region_only_its_voxels_are_shown(mrml, later):
    from LDCTDenoiseLib.region import ijk_to_ras

    wide = mrml.add_volume(voxels(shape=(5, 90, 80)), CT)
    roi = mrml.scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "R")
    roi.SetCenter(*(CT @ [14.5, 19.5, 2, 1])[:3])
    roi.SetSize(7.9, 7.9, 11.0)
    look = Onlooker()
    later.generateCandidates(wide, count=3, regionROI=roi, waitForCompletion=False, onCandidate=look)
    [call] = later.engine.calls
    call.started()
    call.listener.partial(parts_of(call.request)[1])
    np.testing.assert_array_equal(array_of(look.volume),
                                  FakeDIDEngine.result_of(array_of(wide)[1:4, 15:25, 10:20], 1, 3))
    np.testing.assert_allclose(ijk_to_ras(look.volume) @ [0, 0, 0, 1], CT @ [10, 15, 1, 1])
    call.stopped()


def test_an_onlooker_that_fails_stops_the_run_and_leaves_nothing(mrml, later, ct):
    def fail(volume):
        raise RuntimeError("no view")

    before = mrml.node_ids()
    job = later.generateCandidates(ct, count=3, waitForCompletion=False, onCandidate=fail)
    [call] = later.engine.calls
    call.started()
    call.listener.partial(parts_of(call.request)[1])
    assert call.cancels == 1
    call.stopped()
    assert (str(job.error), mrml.node_ids()) == ("no view", before)


def test_who_waits_is_shown_the_finished_candidates_too(mrml, didlogic, ct):
    look = Onlooker()
    made = didlogic.generateCandidates(ct, count=4, onCandidate=look)
    assert [one and one[0] for one in look.seen] == ["smoother", "default", "sharper", None]
    didlogic.deleteSet(made)
    assert nodes_of_class("vtkMRMLScalarVolumeNode") == [ct]


@pytest.mark.parametrize("look", [None, Onlooker()], ids=["unseen", "seen"])
def test_a_job_that_is_over_keeps_no_voxels(didlogic, ct, look):
    didlogic.generateCandidates(ct, count=3, onCandidate=look)
    seen = weakref.ref(didlogic.engine.requests.pop().array)
    assert seen() is None


def test_a_script_can_wait_for_the_worker_or_for_its_job(mrml, torch_client, tmp_path, monkeypatch):
    import DIDInteractive

    from DIDInteractiveLib.didworkerengine import WorkerDIDEngine

    monkeypatch.setenv("LDCT_MODELS", str(tmp_path / "models"))
    add_smoothing_model(tmp_path / "models")
    logic = DIDInteractive.DIDInteractiveLogic(WorkerDIDEngine(torch_client))
    volume = mrml.add_volume(phantom((2, 64, 64), noise=40).astype(np.int16), CT)
    look = Onlooker()
    options = dict(model="tiny", method="blend", count=3, device="cpu")
    waited = logic.generateCandidates(volume, onCandidate=look, **options)
    assert [one and one[0] for one in look.seen] == ["default", "smoother", None]
    first = [array_of(waited.GetNthDataNode(n)).copy() for n in range(waited.GetNumberOfDataNodes())]
    np.testing.assert_array_equal(look.seen[0][2], first[1])
    job = logic.generateCandidates(volume, waitForCompletion=False, **options)
    assert job.busy
    assert job.wait() is waited
    for number, array in enumerate(first):
        np.testing.assert_array_equal(array_of(waited.GetNthDataNode(number)), array)
