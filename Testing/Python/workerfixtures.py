"""What the tests of the worker process have in common."""

from __future__ import annotations

import numpy as np
import pytest
from fakeworker import Recorder

from LDCTDenoiseLib.workerclient import WorkerClient

MODULES = ("LDCTDenoiseLib.workeroperations", "workertestoperations")
"""The worker's own operations and those of the tests."""


def ask(client, operation, **arguments):
    """Return the value of an operation, or raise its error."""
    recorder = Recorder()
    client.request(operation, arguments, recorder).wait()
    if recorder.error is not None:
        raise recorder.error
    return recorder.value


@pytest.fixture(scope="module")
def torch_client():
    """A real worker for the whole file, which has imported torch after its first run."""
    client = WorkerClient()
    yield client
    client.close()


@pytest.fixture
def temporary_folder(tmp_path, monkeypatch):
    """Where this process and its children have temporary files."""
    folder = tmp_path / "temporary files, für alle"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    return folder


@pytest.fixture
def full_disk(monkeypatch):
    """Fills the disk when it is called: no array can be written from then on."""
    def full(*arguments):
        raise OSError(28, "No space left on device")

    return lambda: monkeypatch.setattr(np.lib.format, "write_array_header_1_0", full)
