"""LDCTDenoiseLogic through the worker: a result by event or for who waits, and an unchanged scene in all other ends."""

import logging
import sys

import numpy as np
import pytest
from fakeengine import FakeEngine
from fakeworker import FakeProcess
from scenevolumes import array_of, ct  # noqa: F401  (one is a fixture)
from slicerscene import mrml  # noqa: F401  (a fixture)

from LDCTDenoiseLib import exchangefolder
from LDCTDenoiseLib.engine import DenoiseRequest
from LDCTDenoiseLib.workerclient import WorkerClient
from LDCTDenoiseLib.workerengine import WorkerEngine


@pytest.fixture
def process(tmp_path, monkeypatch):
    """The worker process: what it is asked is in ``requests``, and ``denoise`` makes it answer."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return FakeProcess()


@pytest.fixture
def logic(mrml, process):
    import LDCTDenoise

    logic = LDCTDenoise.LDCTDenoiseLogic(WorkerEngine(WorkerClient(lambda: process)))
    yield logic
    logic.engine.client.close()


def poll(logic):
    logic.engine.client.poll(0)


def finish(process, number=1):
    """Let the worker end the request as FakeEngine would."""
    request = next(message for message in process.messages if message.get("id") == number)
    folder = exchangefolder.join(process.folder)
    arguments = {**request["arguments"], "array": np.array(folder.map(request["arguments"]["array"]["npy"]))}
    reply = FakeEngine().denoise(DenoiseRequest(**arguments))
    value = {**vars(reply), "array": {"npy": folder.store(reply.array, f"{number}-out-0.npy")}}
    process.say("done", number, value=value)


def running(logic, process, *arguments, **options):
    """Return a job that is in the middle of its run, and the states that it has told since it was returned."""
    job = logic.process(*arguments, waitForCompletion=False, **options)
    states = []
    job.add_observer(lambda job, event, value: states.append(value) if event == "state" else None)
    process.say("started")
    process.say("progress", values=[1, 4, 3.0])
    poll(logic)
    return job, states


def test_without_waiting_the_job_is_returned_at_once_and_the_result_arrives_by_event(mrml, logic, process, ct):
    before, seen = mrml.node_ids(), []
    job = logic.process(ct, strength=0.5, removedNoise=True, waitForCompletion=False,
                        progress=lambda *values: seen.append(values))
    assert (job, job.state, logic.busy) == (logic.job, "starting", True)
    told = []
    job.add_observer(lambda job, event, value: told.append((event, value)))
    process.say("started")
    process.say("progress", values=[2, 4, 1.5])
    poll(logic)
    assert mrml.node_ids() == before
    finish(process)
    poll(logic)
    assert told == [("state", "running"), ("progress", (2, 4, 1.5)), ("state", "importing"), ("state", "idle")]
    assert (seen, logic.busy) == ([(2, 4, 1.5)], False)
    np.testing.assert_array_equal(array_of(job.result), FakeEngine.result_of(array_of(ct), 0.5))
    assert job.result.GetAttribute("LDCTDenoise.Strength") == "0.5"
    assert logic.removedNoiseVolume(job.result) is not None


def test_waiting_returns_the_volume(logic, process, ct):
    def answer(process, message):
        process.say("started", message["id"])
        finish(process, message["id"])

    process.answer = answer
    for _ in range(2):
        result = logic.process(ct)
        np.testing.assert_array_equal(array_of(result), FakeEngine.result_of(array_of(ct)))


def test_the_voxels_of_the_scene_are_not_those_of_the_exchange(logic, process, ct, tmp_path):
    job, _ = running(logic, process, ct)
    finish(process)
    poll(logic)
    logic.engine.client.close()
    assert list(tmp_path.glob(f"{exchangefolder.PREFIX}*")) == []
    np.testing.assert_array_equal(array_of(job.result), FakeEngine.result_of(array_of(ct)))


def test_a_second_run_is_refused_while_one_is_under_way_and_the_first_goes_on(logic, process, ct):
    job, _ = running(logic, process, ct)
    for wait in (True, False):
        with pytest.raises(RuntimeError, match="being denoised already"):
            logic.process(ct, waitForCompletion=wait)
    assert logic.job is job
    finish(process)
    poll(logic)
    assert job.result is not None
    assert logic.process(ct, waitForCompletion=False) is not job


def test_bad_input_is_said_at_once_and_leaves_the_logic_idle(logic, process, ct):
    with pytest.raises(ValueError, match="choose the CT"):
        logic.process(None, waitForCompletion=False)
    with pytest.raises(ValueError, match="strength"):
        logic.process(ct, strength=2, waitForCompletion=False)
    assert not logic.busy
    assert process.messages == []


def test_a_worker_that_cannot_be_started_is_said_at_once_and_leaves_the_logic_idle(logic, process, ct, monkeypatch):
    def start(*arguments):
        raise RuntimeError("no Python was found")

    monkeypatch.setattr(process, "start", start)
    for wait in (True, False):
        with pytest.raises(RuntimeError, match="no Python"):
            logic.process(ct, waitForCompletion=wait)
        assert not logic.busy


def test_cancel_leaves_the_scene_as_it_was(mrml, logic, process, ct):
    before = mrml.node_ids()
    job, states = running(logic, process, ct)
    job.cancel()
    assert process.messages[-1] == {"cancel": 1}
    process.say("failed", kind="Cancelled", message="stopped")
    poll(logic)
    assert states == ["running", "cancelling", "idle"]
    assert job.cancelled
    assert mrml.node_ids() == before


def test_a_result_that_crosses_the_cancel_is_not_imported(mrml, logic, process, ct):
    before = mrml.node_ids()
    job, _ = running(logic, process, ct)
    finish(process)
    job.cancel()
    poll(logic)
    assert job.cancelled
    assert mrml.node_ids() == before


@pytest.mark.parametrize("last", ["progress", "done"])
@pytest.mark.parametrize("what", ["input deleted", "output deleted", "scene closed"])
def test_what_is_gone_ends_the_run_with_one_message(mrml, logic, process, ct, caplog, what, last):
    output = mrml.add_volume(np.zeros((2, 2, 2), np.int16), name="mine")
    job, states = running(logic, process, ct, output)
    if what == "scene closed":
        mrml.scene.Clear(False)
    else:
        mrml.scene.RemoveNode(ct if what == "input deleted" else output)
    before = mrml.node_ids()
    if last == "progress":
        process.say("progress", values=[2, 4, 3.0])
        process.say("failed", kind="Cancelled", message="stopped")
    else:
        finish(process)
    with caplog.at_level(logging.ERROR):
        poll(logic)
    assert states == ["running", "cancelling" if last == "progress" else "importing", "failed", "idle"]
    assert "deleted during the run" in str(job.error)
    assert len(caplog.records) == 1
    assert mrml.node_ids() == before
    assert ({"cancel": 1} in process.messages) == (last == "progress")


def test_an_input_that_changed_discards_the_result(mrml, logic, process, ct):
    before = mrml.node_ids()
    job, _ = running(logic, process, ct)
    array_of(ct)[0, 0, 0] += 1
    finish(process)
    poll(logic)
    assert "was changed while it was denoised" in str(job.error)
    assert mrml.node_ids() == before


def test_a_worker_that_dies_is_one_failure_and_the_scene_is_as_it_was(mrml, logic, process, ct, caplog):
    before = mrml.node_ids()
    job, states = running(logic, process, ct)
    process.end("exit status -9")
    with caplog.at_level(logging.ERROR):
        poll(logic)
    assert states == ["running", "failed", "idle"]
    assert "ended unexpectedly" in str(job.error)
    assert [record.getMessage().strip() for record in caplog.records] == [str(job.error)]
    assert mrml.node_ids() == before


def test_the_end_of_the_logic_stops_its_run(mrml, logic, process, ct):
    before = mrml.node_ids()
    job, _ = running(logic, process, ct)
    logic.close()
    assert process.messages[-1] == {"cancel": 1}
    finish(process)
    poll(logic)
    assert job.cancelled
    assert mrml.node_ids() == before
    logic.close()


def test_an_application_that_quits_during_a_run_leaves_the_scene_as_it_was(mrml, logic, process, ct):
    before = mrml.node_ids()
    job, states = running(logic, process, ct)
    logic.engine.client.close()
    assert process.input_closed
    assert (states, job.cancelled) == (["running", "idle"], True)
    assert mrml.node_ids() == before


def test_a_module_that_is_reloaded_during_a_run_ends_it_and_forgets_its_code(mrml, process, ct, monkeypatch):
    import LDCTDenoise
    import slicer
    from LDCTDenoiseLib import workerclient

    kept = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "LDCTDenoiseLib"}
    client = WorkerClient(lambda: process)
    monkeypatch.setattr(workerclient, "_shared", client)
    monkeypatch.setattr(slicer.ScriptedLoadableModule.ScriptedLoadableModuleWidget, "onReload", lambda self: None,
                        raising=False)
    widget = LDCTDenoise.LDCTDenoiseWidget.__new__(LDCTDenoise.LDCTDenoiseWidget)
    slicer.util.VTKObservationMixin.__init__(widget)
    widget.logic, widget.panel = LDCTDenoise.LDCTDenoiseLogic(), None
    assert widget.logic.engine.client is client
    before = mrml.node_ids()
    job, _ = running(widget.logic, process, ct)
    try:
        widget.onReload()
        assert process.input_closed
        assert not job.busy
        assert job.cancelled
        assert "LDCTDenoiseLib" not in sys.modules
        assert workerclient._shared is None
        widget.cleanup()  # as Slicer calls it after the new code was loaded
        assert mrml.node_ids() == before
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "LDCTDenoiseLib"]:
            del sys.modules[name]
        sys.modules.update(kept)


def test_an_engine_of_this_process_can_only_be_waited_for(logic, ct):
    logic.engine = FakeEngine()
    with pytest.raises(ValueError, match="only be waited for"):
        logic.process(ct, waitForCompletion=False)
    assert logic.engine.requests == []
    logic.engine = WorkerEngine(WorkerClient(FakeProcess))
