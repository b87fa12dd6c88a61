"""Fixtures for tests of the modules' panels: Slicer around a real scene, by stand-ins; see :mod:`slicerstandins`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from slicerscene import mrml  # noqa: F401  (a fixture)

ROOT = Path(__file__).resolve().parents[2]


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


@pytest.fixture
def panel(session, monkeypatch, tmp_path):
    """The panel of LDCT Denoise, entered, on an engine that the test drives."""
    from controlledengine import ControlledEngine
    from slicerstandins.session import Panel

    monkeypatch.setenv("LDCT_MODELS", str(tmp_path / "models"))
    module = session.add_module(ROOT / "LDCTDenoise" / "LDCTDenoise.py")
    opened = Panel(session, module, "LDCTDenoise")
    opened.widget.logic.engine = ControlledEngine()
    opened.enter()
    yield opened
    opened.close()
