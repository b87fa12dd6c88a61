"""DIDInteractiveLogic.generateCandidates leaves one complete set or an unchanged scene."""

import logging

import numpy as np
import pytest
from didscene import CT, array_of, ct, didlogic, nodes_of_class, voxels  # noqa: F401  (two are fixtures)
from fakedidengine import FakeDIDEngine
from slicerscene import mrml  # noqa: F401  (a fixture)

from LDCTDenoiseLib.engine import Cancelled


def state_of(mrml, *sequences):
    """Everything a failed run must leave as it was."""
    def item(node):
        return (array_of(node).tolist(), {name: node.GetAttribute(name) for name in node.GetAttributeNames()})

    def one(sequence):
        count = sequence.GetNumberOfDataNodes()
        return ([sequence.GetNthIndexValue(n) for n in range(count)],
                [item(sequence.GetNthDataNode(n)) for n in range(count)],
                {name: sequence.GetAttribute(name) for name in sequence.GetAttributeNames()})

    tables = [[[table.GetTable().GetValue(r, c).ToString() for c in range(table.GetNumberOfColumns())]
               for r in range(table.GetNumberOfRows())] for table in nodes_of_class("vtkMRMLTableNode")]
    return (mrml.node_ids(), [one(sequence) for sequence in sequences], tables,
            [node.GetText() for node in nodes_of_class("vtkMRMLTextNode")],
            [(node.GetName(), item(node), node.GetDisplayNode().GetWindow())
             for node in nodes_of_class("vtkMRMLScalarVolumeNode")],
            [node.GetSelectedItemNumber() for node in nodes_of_class("vtkMRMLSequenceBrowserNode")])


def test_the_engine_is_asked_for_what_the_caller_asked_for_and_reports_progress(didlogic, ct):
    seen = []
    didlogic.generateCandidates(ct, "unet", "blend", 4, lambda *arguments: seen.append(arguments), device="cuda",
                                precision="bf16")
    [request] = didlogic.engine.requests
    assert (request.model, request.device, request.precision) == ("unet", "cuda", "bf16")
    assert (request.settings.method, request.settings.count) == ("blend", 4)
    np.testing.assert_array_equal(request.array, array_of(ct))
    assert not np.shares_memory(request.array, array_of(ct))
    assert request.spacing == pytest.approx((5.0, 0.8, 0.8))
    assert (request.padding, request.roi, request.background_roi, request.reference) == (None,) * 4
    assert seen == [((n + 1) / 4, "Candidate", float(3 - n)) for n in range(4)]


def test_messages_of_the_engine_reach_the_log(didlogic, ct, caplog):
    with caplog.at_level(logging.INFO):
        didlogic.generateCandidates(ct, count=3)
    assert "a message" in caplog.text


def test_a_second_run_with_the_same_input_updates_its_set_in_place(mrml, didlogic, ct):
    first = didlogic.generateCandidates(ct, count=5)
    proxy, chart, browser = didlogic.proxyVolume(first), didlogic.chart(first), didlogic.browser(first)
    other = didlogic.compareCandidates(first)
    between, difference = didlogic.candidateAt(first, 0.3), didlogic.differenceToInput(first, 0.3)
    nodes = mrml.node_ids()
    array_of(ct)[:] += 7
    assert didlogic.generateCandidates(ct, count=7) is first
    assert mrml.node_ids() == nodes
    assert (didlogic.proxyVolume(first), didlogic.chart(first), didlogic.browser(first)) == (proxy, chart, browser)
    assert first.GetNumberOfDataNodes() == 7
    assert didlogic.table(first).GetNumberOfRows() == 7
    assert didlogic.facts(first)["settings"]["count"] == 7
    assert didlogic.currentCandidate(first) == 3
    default = FakeDIDEngine.result_of(array_of(ct), 3, 7)
    for volume in (proxy, between):
        np.testing.assert_array_equal(array_of(volume), default)
    np.testing.assert_array_equal(array_of(difference), array_of(ct) - default)
    assert other.GetSelectedItemNumber() == 6
    np.testing.assert_array_equal(array_of(other.GetProxyNode(first)), array_of(ct))


def test_a_set_that_was_renamed_is_kept_and_the_next_run_makes_a_new_one(didlogic, ct):
    first = didlogic.generateCandidates(ct, count=3)
    first.SetName("keep these")
    second = didlogic.generateCandidates(ct, count=4)
    assert second is not first
    assert (first.GetNumberOfDataNodes(), second.GetName()) == (3, "CT candidates")
    assert didlogic.candidateSet(didlogic.proxyVolume(first)) is first
    assert didlogic.candidateSet(didlogic.proxyVolume(second)) is second
    didlogic.deleteSet(first)
    assert didlogic.table(second).GetNumberOfRows() == 4


def test_two_inputs_of_one_name_get_a_set_each(mrml, didlogic, ct):
    twin = mrml.add_volume(array_of(ct) + np.int16(5), CT)
    first, second = didlogic.generateCandidates(ct, count=3), didlogic.generateCandidates(twin, count=3)
    assert second.GetName() == "CT candidates_1"
    assert didlogic.sourceVolume(didlogic.proxyVolume(first)) is ct
    assert didlogic.sourceVolume(didlogic.proxyVolume(second)) is twin
    assert didlogic.generateCandidates(twin, count=4) is second


@pytest.mark.parametrize("part", ["browser", "proxyVolume", "table", "chart"])
def test_a_part_that_the_user_removed_is_made_again_by_the_next_run(mrml, didlogic, ct, part):
    sequence = didlogic.generateCandidates(ct, count=3)
    mrml.scene.RemoveNode(getattr(didlogic, part)(sequence))
    assert didlogic.generateCandidates(ct, count=3) is sequence
    assert getattr(didlogic, part)(sequence).GetScene() is mrml.scene
    didlogic.selectCandidate(sequence, 2)
    np.testing.assert_array_equal(array_of(didlogic.proxyVolume(sequence)), array_of(ct))
    assert didlogic.proxyVolume(sequence).GetDisplayNode().GetWindow() == 400


def test_a_candidate_chosen_as_input_means_its_source(didlogic, ct):
    sequence = didlogic.generateCandidates(ct, count=5)
    own = [didlogic.proxyVolume(sequence), didlogic.compareCandidates(sequence).GetProxyNode(sequence),
           didlogic.candidateAt(sequence, 0.2), didlogic.differenceToInput(sequence),
           didlogic.proxyVolume(didlogic.preview(ct, 1, count=3))]
    for volume in own[:-1]:
        assert didlogic.sourceVolume(volume) is ct
        assert didlogic.generateCandidates(volume, count=5) is sequence
        np.testing.assert_array_equal(didlogic.engine.requests[-1].array, array_of(ct))
    didlogic.preview(ct, 1, count=3)
    assert didlogic.preview(didlogic.proxyVolume(sequence), 2, count=3).GetName() == "CT preview"
    np.testing.assert_array_equal(didlogic.engine.requests[-1].array, array_of(ct)[2:3])


def test_a_set_s_own_data_node_chosen_as_input_means_its_source(mrml, didlogic, ct):
    sequence = didlogic.generateCandidates(ct, count=5)
    item = sequence.GetNthDataNode(1)
    assert didlogic.sourceVolume(item) is ct and didlogic.candidateSet(item) is sequence
    assert didlogic.generateCandidates(item, count=5) is sequence
    np.testing.assert_array_equal(didlogic.engine.requests[-1].array, array_of(ct))
    assert mrml.messages == []


def test_the_data_node_of_another_sequence_is_refused_with_what_to_choose_instead(mrml, didlogic, ct):
    frames = mrml.scene.AddNewNodeByClass("vtkMRMLSequenceNode", "phases")
    frames.SetDataNodeAtValue(ct, "0")
    before = mrml.node_ids()
    for call in (didlogic.sourceVolume, didlogic.generateCandidates):
        with pytest.raises(ValueError, match="inside a sequence: choose the volume in which its sequence browser"):
            call(frames.GetNthDataNode(0))
    assert mrml.node_ids() == before and mrml.messages == []


def test_a_volume_that_was_kept_is_an_input_of_its_own(didlogic, ct):
    kept = didlogic.keepCandidate(didlogic.generateCandidates(ct, count=3), 0)
    assert didlogic.sourceVolume(kept) is kept
    assert didlogic.generateCandidates(kept, count=3).GetName() == f"{kept.GetName()} candidates"


def test_a_candidate_whose_source_is_gone_is_no_input(mrml, didlogic, ct):
    sequence = didlogic.generateCandidates(ct, count=3)
    mrml.scene.RemoveNode(ct)
    before = state_of(mrml, sequence)
    with pytest.raises(ValueError, match="untouched input"):
        didlogic.generateCandidates(didlogic.proxyVolume(sequence))
    assert state_of(mrml, sequence) == before


def test_the_frame_of_another_sequence_is_an_input_like_any_other(mrml, didlogic, ct):
    frames = mrml.scene.AddNewNodeByClass("vtkMRMLSequenceNode", "phases")
    frames.SetDataNodeAtValue(ct, "0")
    browser = mrml.scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "phases browser")
    browser.SetAndObserveMasterSequenceNodeID(frames.GetID())
    frame = browser.GetProxyNode(frames)
    sequence = didlogic.generateCandidates(frame, count=3)
    assert didlogic.sourceVolume(didlogic.proxyVolume(sequence)) is frame


@pytest.mark.parametrize("arguments, message", [
    ({"count": 2}, "count must be"), ({"method": "magic"}, "Unknown method"),
    ({"sliceIndex": 4}, "Slice 4 is not in 'CT'"), ({"sliceIndex": -1}, "from 0 to 3")])
def test_a_request_that_cannot_be_met_is_refused_at_once(mrml, didlogic, ct, arguments, message):
    before = state_of(mrml)
    with pytest.raises(ValueError, match=message):
        didlogic.generateCandidates(ct, **arguments)
    assert state_of(mrml) == before
    assert didlogic.engine.requests == []


def test_what_is_no_ct_volume_is_refused(mrml, didlogic):
    empty = mrml.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "odd")
    with pytest.raises(ValueError, match="holds no image"):
        didlogic.generateCandidates(empty)
    with pytest.raises(ValueError, match="'labels' is a LabelMapVolume"):
        didlogic.generateCandidates(mrml.scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels"))
    with pytest.raises(ValueError, match="choose the CT"):
        didlogic.generateCandidates(None)


def raises(error):
    def raise_it(*arguments, **options):
        raise error

    return raise_it


def change_one_voxel(ct):
    array_of(ct)[0, 0, 0] += 1


FAILURES = {
    "engine": lambda mrml, didlogic, ct: setattr(didlogic.engine, "during", raises(RuntimeError("full"))),
    "value error": lambda mrml, didlogic, ct: setattr(didlogic.engine, "during", raises(ValueError("no tissue"))),
    "interrupt": lambda mrml, didlogic, ct: setattr(didlogic.engine, "during", raises(KeyboardInterrupt())),
    "changed": lambda mrml, didlogic, ct: setattr(didlogic.engine, "during", lambda: change_one_voxel(ct)),
    "dtype": lambda mrml, didlogic, ct: setattr(didlogic.engine, "wrong", lambda found: [
        *found[:-1], with_array(found[-1], found[-1].array.astype(np.float32))]),
    "shape": lambda mrml, didlogic, ct: setattr(didlogic.engine, "wrong", lambda found: [
        with_array(found[0], found[0].array[:1]), *found[1:]]),
    "input not last": lambda mrml, didlogic, ct: setattr(didlogic.engine, "wrong", lambda found: found[::-1]),
    "nothing": lambda mrml, didlogic, ct: setattr(didlogic.engine, "wrong", lambda found: found[-1:]),
}


def with_array(candidate, array):
    from dataclasses import replace

    return replace(candidate, array=array)


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("earlier", [False, True], ids=["first run", "second run"])
def test_a_run_that_fails_leaves_the_scene_as_it_was(mrml, didlogic, ct, failure, earlier):
    sequences = [didlogic.generateCandidates(ct, count=4)] if earlier else []
    if failure == "changed":
        changed = array_of(ct).copy()
        changed[0, 0, 0] += 1
    FAILURES[failure](mrml, didlogic, ct)
    before = state_of(mrml, *sequences)
    with pytest.raises((RuntimeError, ValueError, KeyboardInterrupt)):
        didlogic.generateCandidates(ct, count=5)
    if failure == "changed":
        np.testing.assert_array_equal(array_of(ct), changed)
        array_of(ct)[0, 0, 0] -= 1
    assert state_of(mrml, *sequences) == before


WRITING = ["candidatebrowser.denoisescene.place_beside", "candidatebrowser.denoisescene.set_units",
           "candidatechart.write_chart", "candidatechart._series", "candidatekeeping.refresh",
           "candidatescene.volume_items", "candidatechart.mark_tables", "candidatescene.configure"]


@pytest.mark.parametrize("place", WRITING)
@pytest.mark.parametrize("earlier", [False, True], ids=["first run", "second run"])
def test_an_error_while_the_set_is_written_leaves_the_scene_as_it_was(mrml, didlogic, ct, monkeypatch, place, earlier):
    from DIDInteractiveLib import candidatebrowser, candidatechart, candidatekeeping, candidatescene  # noqa: F401

    sequences = []
    if earlier:
        sequences = [didlogic.generateCandidates(ct, count=4)]
        didlogic.compareCandidates(sequences[0], 1)
        didlogic.candidateAt(sequences[0], 0.5)
        didlogic.differenceToInput(sequences[0])
        didlogic.selectCandidate(sequences[0], 2)
    before = state_of(mrml, *sequences)
    *owner, name = place.split(".")
    target = locals()[owner[0]]
    for step in owner[1:]:
        target = getattr(target, step)
    with monkeypatch.context() as patch:
        patch.setattr(target, name, raises(MemoryError()))
        with pytest.raises(MemoryError):
            didlogic.generateCandidates(ct, count=6)
    assert state_of(mrml, *sequences) == before
    # and nothing stands in the way of the next run
    sequence = didlogic.generateCandidates(ct, count=6)
    assert sequence.GetName() == "CT candidates"
    assert didlogic.table(sequence).GetNumberOfRows() == 6


def test_a_stopped_run_leaves_the_scene_as_it_was(mrml, didlogic, ct):
    done = []
    before = state_of(mrml)
    with pytest.raises(Cancelled):
        didlogic.generateCandidates(ct, progress=lambda *arguments: done.append(arguments),
                                    cancelled=lambda: len(done) == 2)
    assert state_of(mrml) == before


def test_an_input_deleted_during_the_run_leaves_no_set(mrml, didlogic, ct):
    didlogic.engine.during = lambda: mrml.scene.RemoveNode(ct)
    with pytest.raises(RuntimeError, match="'CT' was deleted during the run"):
        didlogic.generateCandidates(ct)
    assert nodes_of_class("vtkMRMLSequenceNode", "vtkMRMLScalarVolumeNode") == []


def test_a_scene_closed_during_the_run_leaves_no_set(mrml, didlogic, ct):
    didlogic.engine.during = lambda: mrml.scene.Clear(False)
    with pytest.raises(RuntimeError, match="deleted during the run"):
        didlogic.generateCandidates(ct)
    assert nodes_of_class("vtkMRMLSequenceNode", "vtkMRMLScalarVolumeNode") == []


def test_a_set_deleted_during_the_run_is_made_anew(mrml, didlogic, ct):
    first = didlogic.generateCandidates(ct, count=3)
    didlogic.engine.during = lambda: didlogic.deleteSet(first)
    second = didlogic.generateCandidates(ct, count=4)
    assert second is not first
    assert nodes_of_class("vtkMRMLSequenceBrowserNode") == [didlogic.browser(second)]


def test_a_preview_is_a_set_of_one_slice_where_that_slice_is(mrml, didlogic, ct):
    from LDCTDenoiseLib.region import ijk_to_ras

    sequence = didlogic.preview(ct, 2, count=5)
    assert sequence.GetName() == "CT preview"
    proxy = didlogic.proxyVolume(sequence)
    np.testing.assert_array_equal(array_of(proxy), FakeDIDEngine.result_of(array_of(ct)[2:3], 2, 5))
    np.testing.assert_allclose(ijk_to_ras(proxy) @ [3, 4, 0, 1], ijk_to_ras(ct) @ [3, 4, 2, 1])
    assert didlogic.engine.requests[0].padding is None
    assert didlogic.facts(sequence)["region"] == {"slice": [2, 2], "row": [0, 8], "column": [0, 6]}


def test_a_preview_takes_the_place_of_the_one_before_and_the_whole_set_that_of_the_preview(mrml, didlogic, ct):
    before = mrml.node_ids()
    first = didlogic.preview(ct, 2, count=3)
    assert didlogic.preview(ct, 3, count=3) is first
    sequence = didlogic.generateCandidates(ct, count=3)
    assert first.GetScene() is None
    didlogic.deleteSet(sequence)
    assert mrml.node_ids() == before


def test_a_set_stays_when_the_same_input_is_previewed(didlogic, ct):
    sequence = didlogic.generateCandidates(ct, count=3)
    didlogic.preview(ct, 0, count=4)
    assert sequence.GetNumberOfDataNodes() == 3
    assert didlogic.table(sequence).GetNumberOfRows() == 3


def test_a_reference_is_measured_against_when_it_has_the_grid_of_the_input(mrml, didlogic, ct):
    reference = mrml.add_volume(voxels(seed=1), CT, name="full dose")
    facts = didlogic.facts(didlogic.generateCandidates(ct, count=3, referenceVolume=reference))
    np.testing.assert_array_equal(didlogic.engine.requests[-1].reference, array_of(reference))
    assert facts["candidates"][2]["rmse_to_reference_hu"] == 3.0
    didlogic.preview(ct, 1, count=3, referenceVolume=reference)
    np.testing.assert_array_equal(didlogic.engine.requests[-1].reference, array_of(reference)[1:2])


@pytest.mark.parametrize("difference", ["size", "place", "transform"])
def test_a_reference_of_another_grid_is_refused(mrml, didlogic, ct, difference):
    shape = (4, 9, 8) if difference == "size" else (4, 9, 7)
    moved = CT + np.diag([0, 0, 0.01, 0]) if difference == "place" else CT
    reference = mrml.add_volume(voxels(shape=shape), moved, name="full dose")
    if difference == "transform":
        reference.SetAndObserveTransformNodeID(
            mrml.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "table").GetID())
    with pytest.raises(ValueError, match="'full dose' has another grid than 'CT'"):
        didlogic.generateCandidates(ct, referenceVolume=reference)
    assert didlogic.engine.requests == []


def test_candidates_of_a_denoised_image_are_warned_of(mrml, didlogic, ct, caplog):
    didlogic.generateCandidates(ct)
    assert "denoised already" not in caplog.text
    ct.SetAttribute("LDCTDenoise.Model", "hrnet")
    didlogic.generateCandidates(ct)
    assert caplog.text.count("The input was denoised already, by hrnet") == 1


def test_slices_that_are_not_stacked_along_k_are_pointed_out(mrml, didlogic, caplog):
    didlogic.generateCandidates(mrml.add_volume(voxels(), np.diag([5.0, 0.8, 0.8, 1])), count=3)
    assert "stacked along I" in caplog.text


def test_fewer_candidates_are_made_where_memory_is_short_and_the_user_is_told(mrml, didlogic, caplog):
    from DIDInteractiveLib.memoryestimate import USABLE_SHARE, estimate_memory
    from DIDInteractiveLib.settings import CandidateSettings

    volume = mrml.add_volume(voxels(), CT)
    needed = estimate_memory((4, 9, 7), np.int16, CandidateSettings(method="blend", count=5)).total
    didlogic.freeMemory = int(needed / USABLE_SHARE) + 1
    sequence = didlogic.generateCandidates(volume, method="blend", count=9)
    assert sequence.GetNumberOfDataNodes() == 5
    [message] = [text for text in didlogic.facts(sequence)["messages"] if "9 candidates" in text]
    assert message in caplog.text


def test_a_run_that_does_not_fit_into_memory_is_refused_before_it_starts(mrml, didlogic, ct):
    didlogic.freeMemory = 1000
    before = state_of(mrml)
    with pytest.raises(ValueError, match="are free, too few"):
        didlogic.generateCandidates(ct)
    assert state_of(mrml) == before
    assert didlogic.engine.requests == []


def test_the_image_of_another_denoiser_can_be_the_default_when_it_has_the_grid_of_the_input(mrml, didlogic, ct):
    other = mrml.add_volume(voxels(seed=1), CT, name="scanner's own")
    facts = didlogic.facts(didlogic.generateCandidates(ct, count=3, defaultVolume=other))
    np.testing.assert_array_equal(didlogic.engine.requests[-1].default_image, array_of(other))
    assert facts["default_image"] == "scanner's own"
    facts = didlogic.facts(didlogic.generateCandidates(ct, count=3, defaultFilter="nlm"))
    assert (didlogic.engine.requests[-1].default_filter, facts["default_image"]) == ("nlm", "nlm")
    wrong = mrml.add_volume(voxels(shape=(4, 9, 8)), CT, name="smaller")
    with pytest.raises(ValueError, match="The default image 'smaller' has another grid"):
        didlogic.generateCandidates(ct, defaultVolume=wrong)


def test_the_self_test_of_the_module_passes(mrml):
    import DIDInteractive

    DIDInteractive.DIDInteractiveTest("runTest").debug()


def test_candidates_of_a_real_network_come_into_the_scene(mrml, didlogic, tmp_path, monkeypatch):
    from didmodelfactory import add_smoothing_model
    from networkfactory import phantom

    from DIDInteractiveLib.didengine import InProcessDIDEngine

    monkeypatch.setenv("LDCT_MODELS", str(tmp_path / "models"))
    sha = add_smoothing_model(tmp_path / "models")["sha256"]
    volume = mrml.add_volume(np.rint(phantom((3, 96, 96))).astype(np.int16), CT)
    didlogic.engine = InProcessDIDEngine()
    sequence = didlogic.generateCandidates(volume, "tiny", "blend", 5, device="cpu")
    facts = didlogic.facts(sequence)
    noise = [one["noise_sd_hu"] for one in facts["candidates"]]
    assert len(noise) == sequence.GetNumberOfDataNodes() == 5
    assert (np.diff(noise) > 0).all()
    assert [one["kind"] for one in facts["candidates"]] == ["smoother", "smoother", "default", "sharper", "input"]
    assert didlogic.currentCandidate(sequence) == facts["default"] == 2
    assert sequence.GetAttribute("LDCTDenoise.WeightsSHA256") == sha
    for position in np.linspace(didlogic.positions(sequence)[0], 1, 5):
        assert array_of(didlogic.candidateAt(sequence, position)).dtype == np.int16
    didlogic.preview(volume, 1, "tiny", "blend", 3, device="cpu")
