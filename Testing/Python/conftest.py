"""Makes the engine packages importable from the source tree, and leaves no worker process to the next test file."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT / "LDCTDenoise", ROOT / "DIDInteractive", Path(__file__).resolve().parent):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

pytest.register_assert_rewrite("commandfixtures", "panelfixtures", "panelpictures")  # explained as in a test file


@pytest.fixture(scope="module", autouse=True)
def no_worker_is_left():
    """Ends the worker that all modules share after each test file.

    It belongs to the application, or the lack of one, that the file had.
    """
    yield
    workerclient = sys.modules.get("LDCTDenoiseLib.workerclient")
    if workerclient is not None:
        workerclient.close_shared_client()
