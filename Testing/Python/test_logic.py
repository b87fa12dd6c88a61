"""LDCTDenoiseLogic.process leaves one complete result or an unchanged scene."""

import re
import sys

import numpy as np
import pytest
from fakeengine import FakeEngine
from scenevolumes import array_of, ct  # noqa: F401  (one is a fixture)
from slicerscene import mrml  # noqa: F401  (a fixture)

import LDCTDenoiseLib
from LDCTDenoiseLib.engine import NO_TORCH, Cancelled, DenoiseRequest, InProcessEngine


@pytest.fixture
def logic(mrml):
    import LDCTDenoise

    return LDCTDenoise.LDCTDenoiseLogic(FakeEngine())


def volumes():
    import slicer

    return slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")


def state_of(mrml, *volumes):
    """Everything a failed run must leave as it was."""
    return mrml.node_ids(), [(array_of(v).copy().tolist(), v.GetImageData(), sorted(v.GetAttributeNames()),
                              v.GetDisplayNode().GetWindow()) for v in volumes]


def test_a_second_run_uses_the_result_and_the_removed_noise_of_the_first(mrml, logic, ct):
    first = logic.process(ct, removedNoise=True)
    noise = logic.removedNoiseVolume(first)
    nodes = mrml.node_ids()
    assert logic.process(ct, strength=0.5, removedNoise=True) is first
    assert logic.removedNoiseVolume(first) is noise
    assert mrml.node_ids() == nodes
    assert first.GetAttribute("LDCTDenoise.Strength") == "0.5"
    np.testing.assert_array_equal(array_of(first), FakeEngine.result_of(array_of(ct), 0.5))


def test_removed_noise_that_exists_stays_true_when_the_result_changes(logic, ct):
    result = logic.process(ct, removedNoise=True)
    logic.process(ct, strength=0.25)
    noise = logic.removedNoiseVolume(result)
    np.testing.assert_array_equal(array_of(noise), array_of(ct) - array_of(result))
    assert noise.GetAttribute("LDCTDenoise.Strength") == "0.25"


def test_no_removed_noise_is_made_unless_asked_for(logic, ct):
    result = logic.process(ct)
    assert logic.removedNoiseVolume(result) is None
    assert volumes() == [ct, result]


def test_a_renamed_result_is_kept_and_the_next_run_makes_a_new_one(logic, ct):
    first = logic.process(ct)
    first.SetName("keep this")
    second = logic.process(ct)
    assert second is not first
    assert (first.GetName(), second.GetName()) == ("keep this", "CT denoised")


def test_a_volume_of_the_same_name_that_is_not_a_result_is_left_alone(mrml, logic, ct):
    other = mrml.add_volume(np.zeros((2, 2, 2), np.int16), name="CT denoised")
    result = logic.process(ct)
    assert result is not other
    assert result.GetName() == "CT denoised_1"
    assert logic.process(ct) is result
    assert not array_of(other).any()


def test_two_inputs_of_one_name_get_a_result_each(mrml, logic, ct):
    twin = mrml.add_volume(array_of(ct) + np.int16(5))
    assert twin.GetName() == ct.GetName()
    assert logic.process(ct) is not logic.process(twin)
    assert logic.process(twin).GetNodeReference("LDCTDenoise.Source") is twin


def test_a_deleted_result_is_made_again(mrml, logic, ct):
    mrml.scene.RemoveNode(logic.process(ct, removedNoise=True))
    result = logic.process(ct, removedNoise=True)
    assert result.GetScene() is mrml.scene
    assert logic.removedNoiseVolume(result) is not None


def test_a_given_output_is_written_whatever_it_held_and_tells_its_observers(mrml, logic, ct):
    import slicer

    output = mrml.add_volume(np.zeros((2, 3, 3), np.float32), name="mine")
    events = []
    output.AddObserver(slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent, lambda caller, event: events.append(event))
    nodes = mrml.node_ids()
    assert logic.process(ct, output) is output
    np.testing.assert_array_equal(array_of(output), FakeEngine.result_of(array_of(ct)))
    assert output.GetName() == "mine"
    assert mrml.node_ids() == nodes
    assert events


def test_a_result_can_be_denoised_into_a_result_of_its_own(logic, ct):
    once = logic.process(ct)
    twice = logic.process(once)
    assert twice.GetName() == "CT denoised denoised"
    np.testing.assert_array_equal(array_of(twice), FakeEngine.result_of(array_of(once)))


def test_denoising_a_result_is_warned_of_once_and_an_unchanged_volume_or_removed_noise_is_not(logic, ct, caplog):
    result = logic.process(ct, removedNoise=True)
    ct.SetAttribute("DIDInteractive.Kind", "input")
    ct.SetAttribute("LDCTDenoise.Model", "hrnet")
    for source in (ct, logic.removedNoiseVolume(result)):
        logic.process(source)
    assert "denoised already" not in caplog.text
    logic.process(result)
    assert caplog.text.count("The input was denoised already, by ") == 1


def test_the_removed_noise_of_the_output_can_be_the_input_and_stays_as_it_is(logic, ct):
    result = logic.process(ct, removedNoise=True)
    noise = logic.removedNoiseVolume(result)
    before = array_of(noise).copy()
    logic.process(noise, result, removedNoise=True)
    np.testing.assert_array_equal(array_of(noise), before)
    assert logic.removedNoiseVolume(result) is not noise


def test_result_and_input_share_no_memory(logic, ct):
    class Echo(FakeEngine):
        @staticmethod
        def result_of(array, strength=1.0):
            return array

    logic.engine = Echo()
    result = logic.process(ct)
    assert not np.shares_memory(array_of(result), array_of(ct))
    np.testing.assert_array_equal(array_of(result), array_of(ct))


def test_the_engine_is_asked_for_what_the_caller_asked_for_and_reports_progress(logic, ct):
    seen = []
    logic.process(ct, model="unet", strength=0.5, device="cuda", precision="bf16",
                  progress=lambda done, total, seconds: seen.append((done, total, seconds)))
    request = logic.engine.requests[0]
    assert (request.model, request.strength, request.device, request.precision) == ("unet", 0.5, "cuda", "bf16")
    np.testing.assert_array_equal(request.array, array_of(ct))
    assert request.spacing == pytest.approx((5.0, 0.8, 0.8))
    assert seen == [(1, 4, 3.0), (2, 4, 2.0), (3, 4, 1.0), (4, 4, 0.0)]


def refused(mrml, kind):
    """Return a node that must be refused as input."""
    import slicer
    import vtk

    scalar = mrml.add_volume(np.zeros((2, 3, 4), np.float32), name="odd")
    if kind == "nan":
        array_of(scalar)[1, 0, 0] = np.nan
    elif kind == "infinite":
        array_of(scalar)[1, 0, 0] = -np.inf
    elif kind == "empty":
        return mrml.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "odd")
    elif kind == "two components":
        image = vtk.vtkImageData()
        image.SetDimensions(4, 3, 2)
        image.AllocateScalars(vtk.VTK_SHORT, 2)
        scalar.SetAndObserveImageData(image)
    elif kind == "not in the scene":
        return slicer.vtkMRMLScalarVolumeNode()
    elif kind == "none":
        return None
    else:
        node = mrml.scene.AddNewNodeByClass(kind, "odd")
        if hasattr(node, "SetAndObserveImageData"):
            node.SetAndObserveImageData(scalar.GetImageData())
        return node
    return scalar


@pytest.mark.parametrize("kind, message", [
    ("none", "choose the CT"), ("not in the scene", "not in the scene"), ("empty", "holds no image"),
    ("nan", "not finite numbers, first in slice 1"), ("infinite", "not finite numbers, first in slice 1"),
    ("two components", "2 values a voxel"), ("vtkMRMLLabelMapVolumeNode", "'odd' is a LabelMapVolume"),
    ("vtkMRMLVectorVolumeNode", "'odd' is a VectorVolume"),
    ("vtkMRMLDiffusionTensorVolumeNode", "'odd' is a DiffusionTensorVolume"),
    ("vtkMRMLModelNode", "'odd' is a Model")])
def test_what_is_no_ct_volume_is_refused_and_nothing_is_made(mrml, logic, kind, message):
    node = refused(mrml, kind)
    before = mrml.node_ids()
    with pytest.raises(ValueError, match=message):
        logic.process(node)
    assert mrml.node_ids() == before
    assert logic.engine.requests == []


@pytest.mark.parametrize("call", [
    lambda logic, ct: logic.process("CT"), lambda logic, ct: logic.process(ct, outputVolume="x"),
    lambda logic, ct: logic.removedNoiseVolume(None), lambda logic, ct: logic.removedNoiseVolume("CT denoised"),
    lambda logic, ct: logic.exportAsDICOM("CT denoised", "folder")])
def test_what_is_no_node_at_all_is_refused_in_one_sentence(mrml, logic, ct, call):
    before = state_of(mrml, ct)
    with pytest.raises(ValueError, match="^A node of the scene was expected, not a value of type .*getNode"):
        call(logic, ct)
    assert state_of(mrml, ct) == before
    assert logic.engine.requests == []


@pytest.mark.parametrize("strength", [-0.01, 1.01, float("nan"), "0.5", None, 1j])
def test_a_strength_that_is_no_number_from_zero_to_one_is_refused(logic, ct, strength):
    with pytest.raises(ValueError, match=re.escape(f"The strength is {strength!r}: choose a number from 0")):
        logic.process(ct, strength=strength)


def test_a_strength_of_numpy_becomes_a_number_that_a_worker_can_be_told(logic, ct):
    assert logic.process(ct, strength=np.float32(0.5)).GetAttribute("LDCTDenoise.Strength") == "0.5"
    assert type(logic.engine.requests[0].strength) is float


def test_the_input_is_refused_as_output(mrml, logic, ct):
    before = state_of(mrml, ct)
    with pytest.raises(ValueError, match="is the input 'CT'"):
        logic.process(ct, ct)
    assert state_of(mrml, ct) == before


def test_what_the_input_was_made_from_is_refused_as_output(mrml, logic, ct):
    twice = logic.process(logic.process(ct, removedNoise=True))
    before = state_of(mrml, ct, twice)
    with pytest.raises(ValueError, match="'CT' is what the input 'CT denoised denoised' was made from"):
        logic.process(twice, ct)
    assert state_of(mrml, ct, twice) == before


def test_a_scene_in_which_two_volumes_were_made_from_each_other_is_no_endless_chain(mrml, logic, ct):
    result, other = logic.process(ct), mrml.add_volume(np.zeros((2, 2, 2), np.int16), name="other")
    ct.SetNodeReferenceID("LDCTDenoise.Source", result.GetID())
    assert logic.process(ct, other) is other


def test_a_volume_of_removed_noise_that_becomes_an_output_is_no_removed_noise_any_more(logic, ct):
    result = logic.process(ct, removedNoise=True)
    noise = logic.removedNoiseVolume(result)
    assert logic.process(ct, noise) is noise
    assert logic.removedNoiseVolume(result) is None
    np.testing.assert_array_equal(array_of(noise), FakeEngine.result_of(array_of(ct)))
    again = logic.process(ct, result, removedNoise=True)
    assert logic.removedNoiseVolume(again) is not noise


@pytest.mark.parametrize("wanted", [False, True])
def test_removed_noise_that_was_denoised_itself_is_not_written_over_by_what_comes_of_that(logic, ct, wanted):
    result = logic.process(ct, removedNoise=True)
    noise = logic.removedNoiseVolume(result)
    before = array_of(noise).copy()
    logic.process(logic.process(noise), result, removedNoise=wanted)
    np.testing.assert_array_equal(array_of(noise), before)
    assert (logic.removedNoiseVolume(result) is None) is not wanted
    assert logic.removedNoiseVolume(result) is not noise


def test_a_label_map_or_a_volume_outside_the_scene_is_refused_as_output(mrml, logic, ct):
    import slicer

    with pytest.raises(ValueError, match="is a LabelMapVolume"):
        logic.process(ct, mrml.scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels"))
    with pytest.raises(ValueError, match="not in the scene of the input"):
        logic.process(ct, slicer.vtkMRMLScalarVolumeNode())


def fails(error):
    def raise_it():
        raise error

    return raise_it


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), ValueError("unknown model"), KeyboardInterrupt()])
def test_a_failing_run_leaves_the_scene_as_it_was(mrml, logic, ct, error):
    output = mrml.add_volume(np.ones((2, 3, 3), np.int16), name="mine")
    before = state_of(mrml, ct, output)
    logic.engine.during = fails(error)
    for target in (None, output):
        with pytest.raises(type(error)):
            logic.process(ct, target, removedNoise=True)
    assert state_of(mrml, ct, output) == before


def test_a_cancelled_run_leaves_the_scene_as_it_was(mrml, logic, ct):
    output = mrml.add_volume(np.ones((2, 3, 3), np.int16), name="mine")
    before = state_of(mrml, ct, output)
    done = []
    with pytest.raises(Cancelled):
        logic.process(ct, output, removedNoise=True, progress=lambda *arguments: done.append(arguments),
                      cancelled=lambda: len(done) == 2)
    assert state_of(mrml, ct, output) == before


def test_an_error_while_the_result_is_written_takes_the_new_nodes_away(mrml, logic, ct, monkeypatch):
    from LDCTDenoiseLib import scene

    before = mrml.node_ids()
    monkeypatch.setattr(scene, "show_like", lambda volume, source: fails(MemoryError())())
    with pytest.raises(MemoryError):
        logic.process(ct, removedNoise=True)
    assert mrml.node_ids() == before


def test_an_engine_that_changes_the_voxel_type_or_shape_is_not_believed(mrml, logic, ct):
    class Wrong(FakeEngine):
        @staticmethod
        def result_of(array, strength=1.0):
            return array.astype(np.float32)

    logic.engine = Wrong()
    before = mrml.node_ids()
    with pytest.raises(RuntimeError, match="float32"):
        logic.process(ct)
    assert mrml.node_ids() == before


def test_an_input_deleted_during_the_run_leaves_no_result(mrml, logic, ct):
    logic.engine.during = lambda: mrml.scene.RemoveNode(ct)
    with pytest.raises(RuntimeError, match="'CT' was deleted during the run"):
        logic.process(ct)
    assert volumes() == []


def test_a_scene_closed_during_the_run_leaves_no_result(mrml, logic, ct):
    logic.engine.during = lambda: mrml.scene.Clear(False)
    with pytest.raises(RuntimeError, match="deleted during the run"):
        logic.process(ct)
    assert volumes() == []


def test_an_output_deleted_during_the_run_is_reported(mrml, logic, ct):
    output = mrml.add_volume(np.ones((2, 3, 3), np.int16), name="mine")
    logic.engine.during = lambda: mrml.scene.RemoveNode(output)
    with pytest.raises(RuntimeError, match="'mine' was deleted during the run"):
        logic.process(ct, output)


def test_the_result_of_an_earlier_run_deleted_during_the_run_is_made_again(mrml, logic, ct):
    first = logic.process(ct)
    logic.engine.during = lambda: mrml.scene.RemoveNode(first)
    result = logic.process(ct)
    assert result is not first
    assert result.GetScene() is mrml.scene


@pytest.mark.parametrize("change", ["one voxel in place", "another size", "no image"])
def test_voxels_changed_during_the_run_discard_the_result(mrml, logic, ct, change):
    import slicer

    def during():
        if change == "one voxel in place":
            array_of(ct)[0, 0, 0] += 1
        elif change == "another size":
            slicer.util.updateVolumeFromArray(ct, np.zeros((2, 2, 2), np.int16))
        else:
            ct.SetAndObserveImageData(None)

    before = mrml.node_ids()
    logic.engine.during = during
    with pytest.raises(RuntimeError, match="'CT' was changed while it was denoised"):
        logic.process(ct)
    assert mrml.node_ids() == before
    if change == "one voxel in place":
        # the engine worked on the voxels as they were
        assert logic.engine.requests[0].array[0, 0, 0] == array_of(ct)[0, 0, 0] - 1


@pytest.fixture
def tiny_model(tmp_path, monkeypatch):
    """The SHA-256 of a model of the user called "tiny", with random weights."""
    from networkfactory import add_user_model

    monkeypatch.setenv("LDCT_MODELS", str(tmp_path))
    return add_user_model(tmp_path, architecture="plain")["sha256"]


def test_a_real_network_denoises_a_volume_of_the_scene(mrml, logic, tiny_model):
    noise = np.random.default_rng(5).normal(0, 40, (3, 40, 40))
    values = np.clip(40 + noise, -1000, None).astype(np.int16)
    j, i = np.mgrid[:40, :40] - 19.5
    outside = j**2 + i**2 > 19.5**2
    values[:, outside] = -2000
    volume = mrml.add_volume(values)
    logic.engine = InProcessEngine()
    assert "tiny" in logic.engine.models()
    assert [device.name for device in logic.engine.devices()][:2] == ["auto", "cpu"]
    seen = []
    result = logic.process(volume, model="tiny", device="cpu", progress=lambda *arguments: seen.append(arguments[:2]))
    assert (array_of(result) != values).any()
    np.testing.assert_array_equal(array_of(result)[:, outside], values[:, outside])
    assert result.GetAttribute("LDCTDenoise.WeightsSHA256") == tiny_model
    assert (result.GetAttribute("LDCTDenoise.Device"), result.GetAttribute("LDCTDenoise.Precision")) == ("cpu", "fp32")
    assert seen[-1] == (3, 3)
    logic.process(volume, model="tiny", device="cpu", strength=0)
    np.testing.assert_array_equal(array_of(result), values)


def test_an_unknown_model_is_refused_with_the_names_there_are(mrml, logic, ct, tiny_model):
    logic.engine = InProcessEngine()
    before = mrml.node_ids()
    with pytest.raises(ValueError, match="tiny"):
        logic.process(ct, model="no such model")
    assert mrml.node_ids() == before


def test_without_pytorch_one_message_says_what_to_install(monkeypatch):
    monkeypatch.delattr(LDCTDenoiseLib, "inference", raising=False)
    monkeypatch.delitem(sys.modules, "LDCTDenoiseLib.inference", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(RuntimeError) as error:
        InProcessEngine().denoise(DenoiseRequest(np.zeros((1, 8, 8), np.int16)))
    assert str(error.value) == NO_TORCH


def test_the_self_test_of_the_module_passes(mrml):
    import LDCTDenoise

    LDCTDenoise.LDCTDenoiseTest("runTest").debug()
