"""Fixtures for tests of the modules' panels: Slicer around a real scene, by stand-ins; see :mod:`slicerstandins`."""

from __future__ import annotations

import sys

import pytest
from slicerscene import mrml  # noqa: F401  (a fixture)


@pytest.fixture
def complaints(monkeypatch):
    """What went wrong where no caller can see it, in slots and observers; a test fails if there is anything."""
    found = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: found.append(error))
    yield found
    assert not found, found


@pytest.fixture
def session(mrml, complaints, tmp_path):  # noqa: F811
    """Slicer with a main window, slice views and no dialogs."""
    from slicerstandins.session import Session

    running = Session(mrml, tmp_path / "settings")
    yield running
    running.close()
