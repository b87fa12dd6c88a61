"""The client tells every listener its end once, whatever the worker says or does not say."""

import logging

import numpy as np
import pytest
from fakeworker import FakeProcess, Recorder
from workerfixtures import full_disk  # noqa: F401  (a fixture)

from LDCTDenoiseLib import exchangefolder, workerclient, workerenvironment
from LDCTDenoiseLib.engine import Cancelled
from LDCTDenoiseLib.workerclient import WorkerClient
from LDCTDenoiseLib.workerprocess import SubprocessWorker
from LDCTDenoiseLib.workerprotocol import encode


@pytest.fixture
def processes():
    return []


@pytest.fixture
def client(processes, tmp_path, monkeypatch):
    """A client whose processes are fake and stand in ``processes``."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def make():
        processes.append(FakeProcess())
        return processes[-1]

    client = WorkerClient(make)
    yield client
    client.close()
    assert list(tmp_path.iterdir()) == [], "something was left in the temporary folder"


def test_no_process_is_started_before_the_first_request_and_one_serves_all(client, processes):
    assert processes == []
    for _ in range(2):
        client.request("echo", {}, Recorder())
    assert len(processes) == 1
    assert [message["id"] for message in processes[0].messages] == [1, 2]


def test_arrays_go_by_file_and_the_files_go_with_the_request(client, processes):
    array = np.arange(6, dtype=np.int16).reshape(1, 2, 3)
    recorder = Recorder()
    call = client.request("echo", {"array": array, "list": [array]}, recorder)
    [process] = processes
    sent = process.messages[0]["arguments"]
    assert sent == {"array": {"npy": "1-in-0.npy"}, "list": [{"npy": "1-in-1.npy"}]}
    folder = exchangefolder.join(process.folder)
    np.testing.assert_array_equal(folder.map("1-in-1.npy"), array)
    process.say("started")
    process.say("done", value={"array": {"npy": folder.store(array + 1, "1-out-0.npy")}})
    call.wait()
    np.testing.assert_array_equal(recorder.value["array"], array + 1)
    assert list(folder.path.glob("*.npy")) == []


@pytest.mark.parametrize("garbage", [
    b"noise\n", b"\n", b"\x00\xff\n", b"3\n", b'{"id": 99, "event": "done", "value": 1}\n', b'{"event": "done"}\n',
    b'{"id": "1", "event": "done"}\n', b'{"id": [1]}\n', b"{" * 50_000 + b"\n", b"x" * (2**22 + 5) + b"\n"])
def test_noise_from_the_worker_is_ignored(client, processes, garbage):
    recorder = Recorder()
    call = client.request("echo", {}, recorder)
    processes[0].print(garbage)
    for piece in encode({"id": 1, "event": "done", "value": "it"}):
        processes[0].print(bytes([piece]))
    call.wait()
    assert (recorder.value, recorder.error, recorder.told) == ("it", None, [("finished",)])


@pytest.mark.parametrize("fields", [
    {"event": "done"}, {"event": "nonsense", "value": 1}, {"event": "failed", "kind": "Exit", "message": "x"},
    {"event": "failed"}, {"event": "progress", "values": 3}, {"event": "done", "value": {"npy": "1-out-0.npy"}},
    {"event": "done", "value": {"npy": "../1-out-0.npy"}}, {"event": "partial", "value": {"npy": 3}}, {}])
def test_an_answer_that_cannot_be_read_is_one_failure(client, processes, fields):
    recorder = Recorder()
    call = client.request("echo", {}, recorder)
    processes[0].print(encode({"id": 1, **fields}))
    processes[0].say("done", value="late")
    call.wait()
    client.poll(0)
    assert recorder.told == [("finished",)]
    assert "cannot be read" in str(recorder.error)
    assert processes[0].messages[-1] == {"cancel": 1}


def test_what_the_reader_of_a_value_refuses_is_one_failure_too(client, processes):
    recorder = Recorder()
    call = client.request("echo", {}, recorder, read=lambda value: value["missing"])
    processes[0].say("done", value={})
    call.wait()
    assert "cannot be read" in str(recorder.error)


def test_a_process_that_ends_fails_what_is_under_way_and_the_next_request_gets_another(client, processes):
    first, second, third = Recorder(), Recorder(), Recorder()
    client.request("echo", {}, first)
    client.request("echo", {}, second)
    processes[0].say("started")
    processes[0].end("exit status -11")
    client.poll(0)
    for recorder in (first, second):
        assert isinstance(recorder.error, RuntimeError)
        assert "ended unexpectedly (exit status -11)" in str(recorder.error)
        assert recorder.told[-1] == ("finished",)
    call = client.request("echo", {}, third)
    assert len(processes) == 2
    processes[1].say("done", 3, value="it")
    call.wait()
    assert third.value == "it"


def test_a_process_that_cannot_even_begin_says_its_last_words(client, processes):
    recorder = Recorder()
    client.request("echo", {}, recorder)
    processes[0].log(b"Traceback\nModuleNotFoundError: No module named 'numpy'\n\n")
    processes[0].end("exit status 1")
    client.poll(0)
    assert str(recorder.error) == ("The worker process did not start (exit status 1: ModuleNotFoundError: No module "
                                   "named 'numpy').")


def test_a_program_that_cannot_be_started_is_said_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(workerenvironment, "program", lambda: str(tmp_path / "no such Python"))
    recorder = Recorder()
    client = WorkerClient(SubprocessWorker)
    with pytest.raises(RuntimeError, match="no such Python could not be started"):
        client.request("echo", {}, recorder)
    assert recorder.told == []
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_at_once_and_the_request_never_sent(client, processes, full_disk):
    client.request("echo", {}, Recorder())
    full_disk()
    with pytest.raises(RuntimeError, match="No space left on device"):
        client.request("echo", {"array": np.zeros(3)}, Recorder())
    assert [message["id"] for message in processes[0].messages] == [1]
    assert list(client._calls) == [1]


def test_a_cancelled_request_ends_as_cancelled_also_when_the_process_ends_over_it(client, processes):
    recorder = Recorder()
    call = client.request("endless", {}, recorder)
    processes[0].say("started")
    client.poll(0)
    call.cancel()
    assert processes[0].messages[-1] == {"cancel": 1}
    processes[0].end("exit status 3")
    call.wait()
    assert isinstance(recorder.error, Cancelled)


def test_ending_one_run_by_force_does_not_end_those_that_wait_for_the_worker(client, processes):
    first, second = Recorder(), Recorder()
    long = client.request("stubborn", {}, first)
    array = np.arange(3)
    call = client.request("echo", {"array": array}, second)
    processes[0].say("started")
    client.poll(0)
    long.cancel()
    assert not processes[0].killed
    long.cancel()
    assert processes[0].killed
    assert isinstance(first.error, Cancelled)
    assert second.told == []
    [again] = processes[1].messages
    assert (again["id"], again["operation"]) == (2, "echo")
    np.testing.assert_array_equal(exchangefolder.join(processes[1].folder).map("2-in-0.npy"), array)
    processes[1].say("done", 2, value="it")
    call.wait()
    assert second.value == "it"


def test_a_process_that_does_not_get_to_begin_is_ended_by_the_second_cancel(client, processes):
    recorder = Recorder()
    call = client.request("echo", {}, recorder)
    call.cancel()
    call.cancel()
    assert processes[0].killed
    assert isinstance(recorder.error, Cancelled)


def test_cancelling_what_only_waits_never_ends_the_process_that_works_for_another(client, processes):
    client.request("endless", {}, Recorder())
    processes[0].say("started")
    client.poll(0)
    call = client.request("echo", {}, Recorder())
    call.cancel()
    call.cancel()
    assert not processes[0].killed


def test_waiting_for_a_run_that_does_not_stop_ends_it_by_force(client, processes, monkeypatch):
    monkeypatch.setattr(workerclient, "GRACE_SECONDS", 0.0)
    recorder = Recorder()
    call = client.request("stubborn", {}, recorder)
    processes[0].say("started")
    call.wait(lambda: True)
    assert processes[0].killed
    assert isinstance(recorder.error, Cancelled)


def test_a_process_that_cannot_be_killed_is_left_alone(client, processes, monkeypatch):
    monkeypatch.setattr(workerclient, "END_SECONDS", 0.0)
    monkeypatch.setattr(FakeProcess, "kill", lambda self: None)
    recorder = Recorder()
    call = client.request("stubborn", {}, recorder)
    processes[0].say("started")
    client.poll(0)
    call.cancel()
    call.cancel()
    assert isinstance(recorder.error, Cancelled)
    processes[0].say("done", value="late")
    processes[0].poll(0)
    assert recorder.told == [("started",), ("finished",)]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError()])
def test_a_wait_that_is_broken_off_stops_the_run(client, processes, error):
    def interrupt():
        processes[0].say("failed", kind="Cancelled", message="stopped")
        raise error

    recorder = Recorder()
    call = client.request("endless", {}, recorder)
    with pytest.raises(type(error)):
        call.wait(interrupt)
    assert processes[0].messages[-1] == {"cancel": 1}
    assert isinstance(recorder.error, Cancelled)
    assert call.done


def test_a_listener_may_wait_for_another_request_while_it_is_told(client, processes):
    inner = Recorder()

    class Nested(Recorder):
        def progressed(self, *values):
            super().progressed(*values)
            if values == (1,):
                client.request("echo", {}, inner).wait()

    outer = Nested()
    call = client.request("echo", {}, outer)
    lines = [encode({"id": 1, "event": "progress", "values": [n]}) for n in (1, 2)]
    processes[0].print(b"".join(lines))
    processes[0].say("done", 2, value="inner")
    processes[0].say("done", 1, value="outer")
    call.wait()
    assert (inner.value, outer.value) == ("inner", "outer")
    assert outer.told == [("progress", 1), ("progress", 2), ("finished",)]


def test_a_listener_may_ask_again_when_it_is_told_of_the_end(client, processes):
    again = Recorder()

    class Insists(Recorder):
        def finished(self, value, error):
            super().finished(value, error)
            client.request("echo", {"second": True}, again)

    client.request("echo", {}, Insists())
    processes[0].say("started")
    processes[0].end("exit status -9")
    client.poll(0)
    assert [message["id"] for message in processes[1].messages] == [2]


def test_closing_cancels_what_is_under_way_and_lets_the_process_end_by_itself(client, processes):
    recorders = [Recorder(), Recorder()]
    for recorder in recorders:
        client.request("endless", {}, recorder)
    processes[0].say("started")
    client.poll(0)
    client.close()
    assert all(isinstance(recorder.error, Cancelled) for recorder in recorders)
    assert (processes[0].input_closed, processes[0].killed) == (True, False)
    client.close()
    client.kill()


def test_what_the_worker_logs_goes_to_the_log(client, processes, caplog):
    client.request("echo", {}, Recorder())
    processes[0].log("torch: Prüfung\n".encode() + b"x" * 5000 + b"\n")
    with caplog.at_level(logging.INFO, "LDCTDenoiseLib"):
        client.poll(0)
    assert [len(record.getMessage()) for record in caplog.records] == [14, 1000]
    assert "Prüfung" in caplog.text
