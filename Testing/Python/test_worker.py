"""The worker process answers every request once, whatever operations print, and ends when nobody listens."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import workerfixtures
from fakeworker import Recorder
from workerfixtures import ask

from LDCTDenoiseLib import exchangefolder, workerenvironment
from LDCTDenoiseLib.engine import Cancelled
from LDCTDenoiseLib.worker import EXIT_STUCK, Context, Task
from LDCTDenoiseLib.workerclient import WorkerClient
from LDCTDenoiseLib.workerprotocol import MAX_LINE_BYTES, encode

MODULES = (*workerfixtures.MODULES, "an_extension.that_is_not_installed")
HERE = str(Path(__file__).parent)


@pytest.fixture(scope="module")
def shared_client():
    client = WorkerClient(modules=MODULES)
    yield client
    client.close()


@pytest.fixture
def client(shared_client):
    """One worker for all tests; those that end it leave the next one to start another."""
    return shared_client


class RawWorker:
    """A worker spoken to in bytes."""

    def __init__(self, folder):
        self.folder = exchangefolder.create(folder)
        self.process = subprocess.Popen(
            [workerenvironment.program(), *workerenvironment.arguments(self.folder.path, MODULES)],
            env=workerenvironment.environment(MODULES), cwd=self.folder.path, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def say(self, data: bytes):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def line(self):
        return json.loads(self.process.stdout.readline())

    def last_line(self):
        while (message := self.line())["event"] not in ("done", "failed"):
            pass
        return message


@pytest.fixture
def raw(tmp_path):
    worker = RawWorker(tmp_path)
    yield worker
    worker.process.kill()
    worker.process.wait()
    for stream in (worker.process.stdin, worker.process.stdout, worker.process.stderr):
        stream.close()
    worker.folder.remove()


def test_values_and_arrays_come_back_as_they_were(client):
    arguments = {"text": "ä \n", "number": 1.5, "none": None, "list": [1, [True]], "not a number": float("inf"),
                 "array": np.arange(6, dtype=np.int16).reshape(1, 2, 3), "nested": {"array": np.array([1.5])}}
    back = ask(client, "echo", **arguments)
    np.testing.assert_array_equal(back.pop("array"), arguments.pop("array"))
    np.testing.assert_array_equal(back.pop("nested")["array"], arguments.pop("nested")["array"])
    assert back == arguments


def test_progress_and_parts_arrive_in_their_order(client):
    recorder = Recorder()
    client.request("steps", {"count": 3}, recorder).wait()
    arrays = [told[1].pop("array") for told in recorder.told if told[0] == "partial"]
    assert recorder.told == [
        ("started",), ("progress", 1, 3, 0.5), ("partial", {"step": 0}), ("progress", 2, 3, 0.5),
        ("partial", {"step": 1}), ("progress", 3, 3, 0.5), ("partial", {"step": 2}), ("finished",)]
    assert [array.tolist() for array in arrays] == [[[k] * 3] * 2 for k in range(3)]
    assert recorder.value == "all"


def test_the_worker_does_not_import_torch_before_it_needs_it(client):
    assert "hrnet" in ask(client, "models")
    assert not ask(client, "about")["torch"]


def test_what_an_operation_prints_is_no_message_and_it_can_read_no_commands(client):
    assert ask(client, "noisy") == ""
    assert ask(client, "echo", a=1) == {"a": 1}


@pytest.mark.parametrize("kind, text, error, message", [
    ("ValueError", "no such\nmodel", ValueError, "^no such model$"), ("KeyError", "x", RuntimeError, "^KeyError: 'x'$"),
    ("MemoryError", "", RuntimeError, "^Memory ran out"), ("SystemExit", "3", RuntimeError, "SystemExit: 3")])
def test_an_error_arrives_as_one_sentence_and_the_worker_goes_on(client, kind, text, error, message):
    before = ask(client, "about")["pid"]
    with pytest.raises(error, match=message):
        ask(client, "fails", kind=kind, text=text)
    assert ask(client, "about")["pid"] == before


@pytest.mark.parametrize("operation", ["no such operation", None, ["list"], {"a": 1}])
def test_an_operation_that_there_is_not_is_refused(client, operation):
    with pytest.raises((ValueError, RuntimeError), match="operation|unhashable"):
        ask(client, operation)


def test_an_answer_that_cannot_be_said_is_an_error(client):
    with pytest.raises(RuntimeError, match="TypeError.*object"):
        ask(client, "says_nonsense")


def test_an_operation_cannot_change_the_arrays_that_it_is_given(client):
    array = np.zeros(3)
    with pytest.raises(ValueError, match="read-only"):
        ask(client, "writes_to_its_input", array=array)
    assert not array.any()


def test_requests_are_worked_off_in_turn(client):
    recorders = [Recorder() for _ in range(3)]
    calls = [client.request("echo", {"number": n}, recorder) for n, recorder in enumerate(recorders)]
    calls[-1].wait()
    assert [recorder.value for recorder in recorders] == [{"number": n} for n in range(3)]


def test_cancel_is_heard_during_a_long_operation(client):
    recorder = Recorder()
    call = client.request("endless", {}, recorder)
    call.wait(lambda: ("progress", 0) in recorder.told)
    assert isinstance(recorder.error, Cancelled)
    assert ask(client, "echo", a=1) == {"a": 1}


def test_a_request_that_still_waits_is_cancelled_at_once(client):
    first, second = Recorder(), Recorder()
    long = client.request("endless", {}, first)
    call = client.request("echo", {}, second)
    call.cancel()
    call.wait()
    assert isinstance(second.error, Cancelled)
    assert second.told == [("finished",)]
    assert not long.done
    long.cancel()
    long.wait()


def test_the_memory_the_files_and_the_threads_of_both_processes_stay_level_over_a_thousand_requests(client):
    array = np.zeros((4, 32, 32), np.int16)

    def state():
        descriptors = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
        about = ask(client, "about")
        return descriptors, about["descriptors"], about["threads"], sorted(os.listdir(client._folder.path)), about

    for _ in range(100):
        ask(client, "echo", array=array)
    *before, about_before = state()
    for _ in range(1000):
        assert ask(client, "echo", array=array)["array"].shape == array.shape
    *after, about_after = state()
    assert after == before
    assert before[3] == ["lock"]
    assert about_after["memory"] - about_before["memory"] < 2 * 2**20
    assert client._calls == {}


def test_lines_may_arrive_in_pieces_and_several_at_once(raw):
    request = encode({"id": 1, "operation": "echo", "arguments": {"a": 1}})
    for piece in (request[:5], request[5:-1], request[-1:]):
        raw.say(piece)
        time.sleep(0.05)
    assert raw.last_line() == {"id": 1, "event": "done", "value": {"a": 1}}
    raw.say(request + request.replace(b'"id": 1', b'"id": 2') + request[:3])
    assert [raw.last_line()["id"] for _ in range(2)] == [1, 2]
    raw.say(request[3:].replace(b"\n", b"\r\n"))
    assert raw.last_line()["value"] == {"a": 1}


def test_garbage_among_the_commands_is_ignored(raw):
    for garbage in (b"\n", b"garbage\n", b"\xff\xfe\x00\n", b"[1, 2]\n", b'"id"\n', b"{}\n", b'{"id": "x"}\n',
                    b'{"cancel": null}\n', b'{"cancel": 99}\n', b"[" * 100_000 + b"\n", b"x" * (MAX_LINE_BYTES + 10)
                    + b"\n", b'{"id": 5'):
        raw.say(garbage)
    raw.say(b"\n" + encode({"id": 1, "operation": "echo", "arguments": {}}))
    assert raw.last_line() == {"id": 1, "event": "done", "value": {}}
    raw.say(encode({"id": 2, "operation": "echo", "arguments": {"array": {"npy": "../../secret"}}}))
    assert "no name of an array" in raw.last_line()["message"]
    raw.say(encode({"id": 3}))
    assert "no operation None" in raw.last_line()["message"]


def test_it_ends_and_takes_its_folder_along_when_its_input_closes_even_during_a_long_operation(raw):
    raw.say(encode({"id": 1, "operation": "stubborn", "arguments": {}}))
    assert [raw.line()["event"] for _ in range(2)] == ["started", "progress"]
    raw.process.stdin.close()
    assert raw.process.wait(timeout=30) == 0
    assert not raw.folder.path.exists()


def test_it_ends_when_nobody_reads_its_messages(raw):
    raw.process.stdout.close()
    raw.say(encode({"id": 1, "operation": "echo", "arguments": {}}))
    assert raw.process.wait(timeout=30) == 0
    assert not raw.folder.path.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals between processes")
def test_ctrl_c_in_the_terminal_is_left_to_the_parent(raw):
    raw.say(encode({"id": 1, "operation": "endless", "arguments": {}}))
    assert [raw.line()["event"] for _ in range(2)] == ["started", "progress"]
    raw.process.send_signal(signal.SIGINT)
    raw.say(encode({"cancel": 1}))
    assert raw.last_line()["kind"] == "Cancelled"


def test_it_ends_itself_when_an_operation_does_not_stop(raw):
    raw.say(encode({"id": 1, "operation": "stubborn", "arguments": {}}))
    assert [raw.line()["event"] for _ in range(2)] == ["started", "progress"]
    raw.say(encode({"cancel": 1}))
    assert raw.process.wait(timeout=30) == EXIT_STUCK


def test_it_takes_no_folder_but_an_exchange_folder(tmp_path):
    (tmp_path / "file").write_text("kept")
    run = subprocess.run([sys.executable, "-m", "LDCTDenoiseLib.worker", str(tmp_path)], input=b"",
                         env=workerenvironment.environment(MODULES), capture_output=True, check=False)
    assert run.returncode != 0
    assert b"no exchange folder" in run.stderr
    assert (tmp_path / "file").read_text() == "kept"


def test_it_finds_the_packages_and_no_file_of_the_working_folder(client, tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise SystemExit('the wrong numpy')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "relative")
    monkeypatch.setenv("LDCT_MODELS", "models")
    monkeypatch.setenv("PYTHONINSPECT", "1")
    monkeypatch.setenv("ITK_AUTOLOAD_PATH", "plug-ins that know the scene")
    client.close()
    about = ask(client, "about")
    variables = about["environment"]
    paths = variables["PYTHONPATH"].split(os.pathsep)
    assert paths[:2] == [str(Path(workerenvironment.__file__).parents[1]), HERE]
    assert paths[-1] == str(tmp_path / "relative")
    # Asked for again with every request: the user may choose another folder at any time.
    assert variables["LDCT_MODELS"] == str(tmp_path / "models")
    monkeypatch.setenv("LDCT_MODELS", "others")
    assert ask(client, "about")["environment"]["LDCT_MODELS"] == str(tmp_path / "others")
    assert variables["ITK_AUTOLOAD_PATH"] == ""
    assert "PYTHONINSPECT" not in variables
    assert exchangefolder.PREFIX in about["path"]
    assert exchangefolder.PREFIX not in about["folder"]
    client.close()


def test_memory_of_the_gpu_is_given_back_after_every_run_however_it_ended(monkeypatch):
    from LDCTDenoiseLib import workeroperations

    class Torch:
        class cuda:
            released = 0

            @staticmethod
            def is_available():
                return True

            @classmethod
            def empty_cache(cls):
                cls.released += 1

    class Engine:
        def denoise(self, request, progress, cancelled):
            raise Cancelled("stopped")

    monkeypatch.setattr(workeroperations, "engine", Engine)
    monkeypatch.setitem(sys.modules, "torch", Torch)
    with pytest.raises(Cancelled):
        workeroperations.denoise({"array": None}, Context(Task(1, {}), None, None))
    assert Torch.cuda.released == 1
