"""The worker in Slicer: Qt's QProcess delivers in the event loop, or to who waits, and ends with the application."""

import json
import logging
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from fakeworker import Recorder
from panelfixtures import complaints, session  # noqa: F401  (fixtures)
from slicerscene import mrml  # noqa: F401  (a fixture)
from workerfixtures import MODULES, ask, temporary_folder  # noqa: F401  (one is a fixture)

from LDCTDenoiseLib import exchangefolder, workerenvironment
from LDCTDenoiseLib.engine import Cancelled
from LDCTDenoiseLib.workerclient import WorkerClient, close_shared_client, shared_client

PATIENCE_SECONDS = 60


@pytest.fixture
def client(session, temporary_folder):
    from LDCTDenoiseLib.workerqprocess import QProcessWorker

    client = WorkerClient(QProcessWorker, MODULES)
    yield client
    client.close()
    assert list(temporary_folder.iterdir()) == []


def spin_until(condition):
    """Let the event loop run, and nothing else, until the condition holds."""
    from PySide6 import QtTest

    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        QtTest.QTest.qWait(20)


def finished(recorder):
    return lambda: recorder.told[-1:] == [("finished",)]


def test_the_event_loop_delivers_what_the_worker_says(client):
    recorder = Recorder()
    client.request("steps", {"count": 3}, recorder)
    assert recorder.told == []
    spin_until(finished(recorder))
    assert [told[0] for told in recorder.told] == ["started", *["progress", "partial"] * 3, "finished"]
    assert recorder.value == "all"


def test_who_waits_needs_no_event_loop(client):
    array = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    for _ in range(20):
        np.testing.assert_array_equal(ask(client, "echo", array=array)["array"], array)
    assert ask(client, "noisy") == ""


def test_the_worker_gets_the_environment_and_the_folder_that_are_meant_for_it(client, monkeypatch):
    monkeypatch.setenv("LDCT_SOMETHING", "ä = b")
    about = ask(client, "about")
    expected = workerenvironment.environment(MODULES)
    # macOS and a coverage tool's Python may add variables of their own.
    assert {name: about["environment"].get(name) for name in expected} == expected
    assert exchangefolder.PREFIX in about["path"]


def test_a_listener_may_wait_while_the_event_loop_tells_it(client):
    inner = []

    class Nested(Recorder):
        def progressed(self, *values):
            super().progressed(*values)
            if not inner:
                inner.append(None)
                inner.append(ask(client, "echo", a=1))

    recorder = Nested()
    client.request("steps", {"count": 2}, recorder)
    spin_until(finished(recorder))
    assert inner[1:] == [{"a": 1}]
    assert [told[0] for told in recorder.told] == ["started", *["progress", "partial"] * 2, "finished"]


def test_cancel_is_heard(client):
    recorder = Recorder()
    call = client.request("endless", {}, recorder)
    spin_until(lambda: ("progress", 0) in recorder.told)
    call.cancel()
    spin_until(finished(recorder))
    assert isinstance(recorder.error, Cancelled)
    assert ask(client, "echo", a=1) == {"a": 1}


@pytest.mark.parametrize("how", ["by itself", "by force"])
def test_an_operation_that_does_not_listen_ends_all_the_same(client, how):
    recorder = Recorder()
    call = client.request("stubborn", {}, recorder)
    spin_until(lambda: ("progress", 0) in recorder.told)
    call.cancel()
    if how == "by force":
        call.cancel()
        assert finished(recorder)()
    spin_until(finished(recorder))
    assert isinstance(recorder.error, Cancelled)
    assert ask(client, "echo", a=1) == {"a": 1}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_a_worker_that_is_killed_is_one_failure_and_the_next_run_works(client):
    pid = ask(client, "about")["pid"]
    recorder = Recorder()
    client.request("endless", {}, recorder)
    spin_until(lambda: ("progress", 0) in recorder.told)
    os.kill(pid, signal.SIGKILL)
    spin_until(finished(recorder))
    assert recorder.told.count(("finished",)) == 1
    assert "ended unexpectedly (crash 9)" in str(recorder.error)
    assert ask(client, "echo", a=1) == {"a": 1}


# Read by sh first, which finds a Python whose path holds spaces; an interpreter line does not.
LAUNCHER = """#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import subprocess, sys
sys.exit(subprocess.call([{python!r}, *sys.argv[1:]]))
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks for processes in /proc")
def test_a_launcher_between_the_two_does_not_leave_the_real_python_behind(client, tmp_path, monkeypatch):
    """PythonSlicer is such a launcher: it passes its standard input and output on."""
    launcher = tmp_path / "PythonSlicer"
    launcher.write_text(LAUNCHER.format(python=sys.executable))
    launcher.chmod(0o700)
    monkeypatch.setattr(workerenvironment, "program", lambda: str(launcher))
    pid = ask(client, "about")["pid"]
    recorder = Recorder()
    call = client.request("stubborn", {}, recorder)
    spin_until(lambda: ("progress", 0) in recorder.told)
    call.cancel()
    call.cancel()
    assert isinstance(recorder.error, Cancelled)
    spin_until(lambda: not os.path.exists(f"/proc/{pid}"))
    assert ask(client, "echo", a=1) == {"a": 1}


def test_a_program_that_is_not_there_is_said_at_once(client, monkeypatch, tmp_path):
    monkeypatch.setattr(workerenvironment, "program", lambda: str(tmp_path / "no such Python"))
    recorder = Recorder()
    with pytest.raises(RuntimeError, match="no such Python could not be started"):
        client.request("echo", {}, recorder)
    assert recorder.told == []


def test_a_python_that_lacks_something_says_what(client, monkeypatch):
    monkeypatch.setattr(workerenvironment, "arguments",
                        lambda *_: ["-c", "import sys; sys.exit('this Python has no numpy')"])
    with pytest.raises(RuntimeError, match="did not start .*this Python has no numpy"):
        ask(client, "echo")


def test_logs_reach_the_log(client, caplog):
    with caplog.at_level(logging.INFO, "LDCTDenoiseLib"):
        ask(client, "noisy")
        spin_until(lambda: "from C" in caplog.text)


def test_the_application_uses_it_and_takes_it_along_when_it_quits(session, tmp_path, monkeypatch):
    import slicer
    from LDCTDenoiseLib.workerqprocess import QProcessWorker

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    close_shared_client()
    client = shared_client()
    recorder = Recorder()
    client.request("devices", {}, recorder)
    assert isinstance(client._process, QProcessWorker)
    [quit_slot] = slicer.app.listeners["aboutToQuit()"]
    quit_slot()
    assert isinstance(recorder.error, Cancelled)
    assert list(tmp_path.glob(f"{exchangefolder.PREFIX}*")) == []
    close_shared_client()


APPLICATION = """if True:
    import functools, json, sys, types
    from fakeworker import Recorder
    from slicerstandins import pythonqt

    qt = pythonqt.install()
    slicer = sys.modules["slicer"] = types.ModuleType("slicer")
    slicer.app = qt.QApplication.instance()
    from LDCTDenoiseLib import workerclient

    workerclient.WorkerClient = functools.partial(workerclient.WorkerClient, modules=sys.argv[2:])

    class Quits(Recorder):
        def progressed(self, *values):
            if sys.argv[1] == "without a word":
                sys.exit()
            qt.QTimer.singleShot(0, slicer.app.quit)

        def finished(self, value, error):
            print(json.dumps(type(error).__name__), flush=True)

    about = Recorder()
    client = workerclient.shared_client()
    client.request("about", {}, about).wait()
    print(json.dumps([about.value["pid"], str(client._folder.path)]), flush=True)
    recorder = Quits()
    call = client.request("stubborn", {}, recorder)
    if sys.argv[1] == "without a word":
        call.wait()
    else:
        slicer.app.exec()
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks for processes in /proc")
@pytest.mark.parametrize("how", ["from its event loop", "without a word"])
def test_an_application_that_quits_in_the_middle_of_a_run_leaves_nothing(tmp_path, how):
    environment = {**workerenvironment.environment(MODULES), "TMPDIR": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    run = subprocess.run([sys.executable, "-c", APPLICATION, how, *MODULES], env=environment, capture_output=True,
                         text=True, timeout=PATIENCE_SECONDS)
    assert run.returncode == 0, run.stderr
    (pid, folder), error = map(json.loads, run.stdout.splitlines())
    assert error == "Cancelled"
    assert not os.path.exists(f"/proc/{pid}")
    assert not os.path.exists(folder)
    assert "Traceback" not in run.stderr
    assert "Destroyed while process" not in run.stderr
