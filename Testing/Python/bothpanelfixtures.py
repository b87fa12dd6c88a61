"""Fixtures for tests of what both panels do alike: each test runs on either; see :mod:`panelfixtures`."""

from __future__ import annotations

import pytest
from didpanelfixtures import (  # noqa: F401  (fixtures)
    calls, complaints, ct, dialogs, drive_candidates, mrml, opener, panel, parameters, ready, session, settle, ui,
)
from panelfixtures import drive

PREPARE = {"LDCTDenoise": drive, "DIDInteractive": drive_candidates}
RUN = {"LDCTDenoise": "applyButton", "DIDInteractive": "generateButton"}


@pytest.fixture(params=PREPARE)
def name(request):
    """Of the module."""
    return request.param


@pytest.fixture
def open_panel(name, session, monkeypatch, tmp_path):  # noqa: F811
    """Opens the panel of the module, not entered yet, on an engine that the test drives."""
    with opener(session, monkeypatch, tmp_path, name, PREPARE[name]) as open_panel:
        yield open_panel


@pytest.fixture
def button(name, ready):  # noqa: F811
    """What starts a run of the whole volume, which has been chosen."""
    return getattr(ready, RUN[name])
