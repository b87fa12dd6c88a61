"""Nothing that ends violently leaves a process, a folder or a half-written result behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from fakeworker import Recorder
from workerfixtures import MODULES, ask, temporary_folder  # noqa: F401  (one is a fixture)

from LDCTDenoiseLib import exchangefolder, workerenvironment
from LDCTDenoiseLib.engine import Cancelled
from LDCTDenoiseLib.workerclient import WorkerClient
from LDCTDenoiseLib.workerprocess import SubprocessWorker

PATIENCE_SECONDS = 60
"""What is waited for here takes a second; this only ends a test that would wait for ever."""

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks for processes in /proc")


@pytest.fixture
def client(temporary_folder):
    client = WorkerClient(modules=MODULES)
    yield client
    client.close()
    assert list(temporary_folder.glob(f"{exchangefolder.PREFIX}*")) == []


def state_of(pid):
    """Return the letter that Linux has for the state of a process, "X" if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def lives(pid):
    """Return whether the process is there and not just waiting for its parent to notice its end."""
    return state_of(pid) not in "ZX"


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def run_until(client, recorder, event):
    """Deliver what arrives until the listener was told ``event``."""
    wait_until(lambda: client.poll(0.02) or any(told[0] == event for told in recorder.told))


PARENT = """if True:
    import json, os, sys
    from fakeworker import Recorder
    from LDCTDenoiseLib.workerclient import WorkerClient

    client = WorkerClient(modules=sys.argv[1:])
    recorder = Recorder()
    client.request("about", {}, recorder).wait()
    client.request("stubborn", {}, Recorder())
    client.poll(5)
    print(json.dumps([recorder.value["pid"], str(client._folder.path)]), flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def parent(temporary_folder):
    """Another process whose worker is in the middle of a long operation; with the pid of that and its folder."""
    process = subprocess.Popen([sys.executable, "-c", PARENT, *MODULES], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               env=workerenvironment.environment(MODULES))
    process.worker, process.folder = json.loads(process.stdout.readline())
    process.folder = Path(process.folder)
    assert lives(process.worker)
    assert process.folder.is_dir()
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_the_worker_does_not_outlive_a_parent_that_is_killed_and_takes_the_folder_along(parent, end):
    parent.send_signal(end)
    parent.wait()
    wait_until(lambda: not lives(parent.worker))
    assert not parent.folder.exists()


def test_the_worker_does_not_outlive_a_parent_that_ends_without_a_word(parent):
    parent.stdin.write(b"\n")
    parent.stdin.flush()
    assert parent.wait(PATIENCE_SECONDS) == 0
    wait_until(lambda: not lives(parent.worker))
    wait_until(lambda: not parent.folder.exists())


def test_the_next_start_removes_the_folder_of_a_parent_and_a_worker_that_were_both_killed(parent, client):
    os.kill(parent.worker, signal.SIGSTOP)  # so that it cannot clean up after its parent
    wait_until(lambda: state_of(parent.worker) == "T")
    parent.kill()
    parent.wait()
    os.kill(parent.worker, signal.SIGKILL)
    wait_until(lambda: not lives(parent.worker))
    assert parent.folder.exists()
    assert ask(client, "echo", a=1) == {"a": 1}
    assert not parent.folder.exists()


def test_a_worker_that_is_killed_in_a_run_is_one_failure_and_the_next_run_works(client, temporary_folder):
    recorder = Recorder()
    array = np.zeros((3, 4, 5), np.int16)
    call = client.request("endless", {"array": array}, recorder)
    run_until(client, recorder, "progress")
    [left] = temporary_folder.glob(f"{exchangefolder.PREFIX}*")
    os.kill(client._process._process.pid, signal.SIGKILL)
    call.wait()
    assert recorder.told == [("started",), ("progress", 0), ("finished",)]
    assert isinstance(recorder.error, RuntimeError)
    assert "ended unexpectedly (exit status -9)" in str(recorder.error)
    assert not left.exists()
    assert ask(client, "echo", array=array)["array"].shape == (3, 4, 5)


def test_an_operation_that_kills_its_process_is_one_failure_and_the_next_run_works(client):
    with pytest.raises(RuntimeError, match="ended unexpectedly"):
        ask(client, "dies")
    assert ask(client, "echo", a=1) == {"a": 1}


def test_a_run_that_does_not_listen_is_cancelled_all_the_same_and_the_next_run_works(client):
    recorder = Recorder()
    call = client.request("stubborn", {}, recorder)
    call.wait(lambda: ("progress", 0) in recorder.told)
    assert isinstance(recorder.error, Cancelled)
    assert ask(client, "echo", a=1) == {"a": 1}


def test_a_full_disk_in_the_worker_is_one_failure_that_leaves_no_file(client):
    with pytest.raises(RuntimeError, match="could not be written to the temporary folder.*free some space"):
        ask(client, "fills_the_disk", limit=100_000)
    assert [path.name for path in client._folder.path.iterdir()] == ["lock"]
    assert ask(client, "echo", array=np.zeros(10))["array"].shape == (10,)


def test_a_full_disk_in_the_parent_is_one_failure_that_leaves_no_file(client):
    import resource

    ask(client, "echo", a=1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(RuntimeError, match="could not be written to the temporary folder.*free some space"):
            ask(client, "echo", array=np.zeros(100_000, np.int16))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in client._folder.path.iterdir()] == ["lock"]
    assert ask(client, "echo", a=1) == {"a": 1}


def test_closing_ends_a_worker_that_is_in_the_middle_of_something(client, temporary_folder):
    pid = ask(client, "about")["pid"]
    recorder = Recorder()
    client.request("stubborn", {}, recorder)
    run_until(client, recorder, "progress")
    client.close()
    assert not lives(pid)
    assert isinstance(recorder.error, Cancelled)
    assert list(temporary_folder.iterdir()) == []


# Read by sh first, which finds a Python whose path holds spaces; an interpreter line does not.
LAUNCHER = """#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import subprocess, sys
sys.exit(subprocess.call([{python!r}, *sys.argv[1:]]))
"""


@pytest.mark.parametrize("end", ["killed", "cancelled by force"])
def test_a_launcher_between_the_two_does_not_leave_the_real_python_behind(client, tmp_path, monkeypatch, end):
    """PythonSlicer is such a launcher: it passes its standard input and output on."""
    launcher = tmp_path / "PythonSlicer"
    launcher.write_text(LAUNCHER.format(python=sys.executable))
    launcher.chmod(0o700)
    monkeypatch.setattr(workerenvironment, "program", lambda: str(launcher))
    pid = ask(client, "about")["pid"]
    assert client._process._process.pid != pid
    recorder = Recorder()
    call = client.request("stubborn", {}, recorder)
    run_until(client, recorder, "progress")
    if end == "killed":
        os.kill(client._process._process.pid, signal.SIGKILL)
        call.wait()
        assert "ended unexpectedly" in str(recorder.error)
    else:
        call.cancel()
        call.cancel()
        assert isinstance(recorder.error, Cancelled)
    assert not lives(pid)


def test_slicers_own_python_is_the_program_in_the_application_only(monkeypatch, tmp_path):
    class Application:
        app = object()

    python = tmp_path / "PythonSlicer"
    python.write_text("")
    python.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert workerenvironment.program() == sys.executable
    monkeypatch.setitem(sys.modules, "slicer", Application)
    assert workerenvironment.program() == str(python)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(RuntimeError, match="PythonSlicer.*was not found"):
        workerenvironment.program()


def test_the_subprocess_delivers_only_to_who_polls():
    process = SubprocessWorker()
    lines, ends = [], []
    process.on_line, process.on_finished = lines.append, ends.append
    process.start(sys.executable, ["-c", "print('a line'); print('another')"], dict(os.environ), os.getcwd())
    process._process.wait()
    assert lines == ends == []
    wait_until(lambda: process.poll(0.02) or ends)
    assert (lines, ends) == ([b"a line", b"another"], ["exit status 0"])
    process.write(b"too late\n")
    process.close_input()
    process.kill()
