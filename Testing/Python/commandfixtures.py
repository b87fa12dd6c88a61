"""What the tests of the command ldct have in common."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from LDCTDenoiseLib import cli, modelregistry
from LDCTDenoiseLib.ctvolume import CTVolume
from LDCTDenoiseLib.volumeio import write_volume


@pytest.fixture
def user_models(tmp_path, monkeypatch) -> Path:
    """The folder of the user's models, still to be made; there are no others, and no wish for tracebacks."""
    monkeypatch.setattr(modelregistry, "PACKAGED_FOLDER", tmp_path / "none")
    monkeypatch.setenv("LDCT_MODELS", str(tmp_path / "models"))
    monkeypatch.delenv("LDCT_DEBUG", raising=False)
    return tmp_path / "models"


@pytest.fixture
def ldct(capsys):
    """Runs the command and returns (exit status, stdout, stderr)."""
    def run(*arguments):
        status = cli.main([str(argument) for argument in arguments])
        return (status, *capsys.readouterr())
    return run


def fails(result, status, message) -> None:
    """The command ended with ``status``, nothing on stdout and one line with ``message`` on stderr."""
    assert result[0] == status
    assert result[1] == ""
    assert result[2].count("\n") == 1 and message in result[2], result[2]


def files(folder: Path) -> list[str]:
    """The names in ``folder``, in order, less that of the user's models."""
    return sorted(path.name for path in folder.iterdir() if path.name != "models")


def write_int16(path: Path, array: np.ndarray, affine: np.ndarray) -> Path:
    """Write ``array`` (slices, rows, columns) in HU, rounded to int16, as an image file; return its path."""
    write_volume(CTVolume(np.rint(array).astype(np.int16), affine), path)
    return path


def half_written_before(error: BaseException):
    """A stand-in for what writes an image: it writes half a file and raises ``error``."""
    def write(volume, path):
        path.write_bytes(b"half")
        raise error
    return write
