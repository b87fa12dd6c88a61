"""Both modules open at once: nothing is loaded that takes long, nothing is installed, started or fetched."""

import shutil
import sys

import pytest
from panelfixtures import ROOT

sys.path.insert(0, str(ROOT / "Testing" / "Benchmarks"))

import openingprobe  # noqa: E402
from openingprobe import MODULES, SAMPLE, open_in_a_new_python  # noqa: E402

HEAVY = {"torch", "requests", "urllib3", "SimpleITK", "scipy", "pydicom", "matplotlib", "PIL", "PyTorchUtils"}

BUSY = """
def tryAll():
    import socket, subprocess, qt
    import requests
    for attempt in (lambda: subprocess.run(["true"]), lambda: socket.create_connection(("localhost", 9)), qt.QProcess):
        try:
            attempt()
        except OSError:
            pass

"""


def packages(names):
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("scene", ["empty scene", "scene with a CT"])
@pytest.mark.parametrize("module", MODULES)
def test_opening_loads_neither_torch_nor_requests_nor_simpleitk_and_starts_nothing(tmp_path, module, scene):
    volume = SAMPLE if scene == "scene with a CT" else None
    opening = open_in_a_new_python(module, tmp_path, volume)
    assert not HEAVY & packages(opening.before), "what was there before cannot be seen to be loaded"
    assert module in opening.at_file
    assert not HEAVY & packages(opening.at_file), "importing the module file loads this"
    assert not any(name.endswith("Lib") for name in packages(opening.at_file)), "the module file loads a library"
    assert f"{module}Lib" in opening.at_panel
    assert not HEAVY & packages(opening.at_panel), "opening the panel loads this"
    assert opening.refused == ()
    assert opening.networks >= 3
    assert opening.chosen == ("" if volume is None else "CT")


def test_what_a_panel_loads_starts_or_fetches_is_noticed(tmp_path, monkeypatch):
    code = (ROOT / "LDCTDenoise" / "LDCTDenoise.py").read_text(encoding="utf-8")
    setup = "    def setup(self):\n"
    assert setup in code
    busy = "import scipy\n" + code.replace(setup, f"{setup}        tryAll()\n") + BUSY
    (tmp_path / "LDCTDenoise.py").write_text(busy, encoding="utf-8")
    shutil.copytree(ROOT / "LDCTDenoise" / "Resources" / "UI", tmp_path / "Resources" / "UI")
    for name in ("requests", "scipy"):
        (tmp_path / f"{name}.py").touch()
    monkeypatch.setattr(openingprobe, "FOLDERS", (tmp_path, *openingprobe.FOLDERS))
    opening = open_in_a_new_python("LDCTDenoise", tmp_path)
    assert HEAVY & packages(opening.at_file) == {"scipy"}
    assert HEAVY & packages(opening.at_panel) == {"requests"}
    assert opening.refused == ("process", "network", "process of Qt")
