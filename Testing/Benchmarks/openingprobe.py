"""Open the panel of one module in a Python of its own; tell how long it took, what it loaded, what it tried to start.

What surrounds the panel is there before the clock starts, as in Slicer: numpy, VTK, MRML, Qt (PySide6, no screen), and
the stand-ins of Testing/Python for what Slicer's own widgets do. The network and other programs are refused.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter, process_time

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("LDCTDenoise", "DIDInteractive")
SAMPLE = ROOT / "LDCTDenoise" / "Resources" / "SampleData" / "ldct_sample_quarter_dose.nrrd"
FOLDERS = (ROOT / "LDCTDenoise", ROOT / "DIDInteractive", ROOT / "Testing" / "Python")


@dataclass(frozen=True)
class Opening:
    """How a panel was opened.

    ``file_seconds`` and ``panel_seconds`` are for importing the module file, and for making, filling and entering its
    panel: (elapsed, of the processor). ``before``, ``at_file`` and ``at_panel`` name the Python modules that were there
    before, that importing the file added, and that the panel added to these. ``refused`` says what was tried of network
    and processes. ``chosen`` is the name of the input that the panel chose by itself, "" for none, and ``networks`` how
    many it offers.
    """

    file_seconds: tuple[float, float]
    panel_seconds: tuple[float, float]
    before: tuple[str, ...]
    at_file: tuple[str, ...]
    at_panel: tuple[str, ...]
    refused: tuple[str, ...]
    chosen: str
    networks: int


def open_in_a_new_python(module: str, folder: Path, volume: Path | None = None) -> Opening:
    """Open ``module``, one of MODULES, with ``volume`` (.nrrd) in the scene or with an empty one.

    Settings and temporary files go to ``folder``. Raises RuntimeError with what the Python said when it fails.
    """
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, FOLDERS)), "LDCT_MODELS": str(folder / "models")}
    program = [sys.executable, __file__, module, str(folder), *([] if volume is None else [str(volume)])]
    run = subprocess.run(program, capture_output=True, text=True, env=variables)
    if run.returncode != 0 or "Traceback" in run.stderr:
        raise RuntimeError(f"{module} could not be opened: {run.stderr}")
    found = json.loads(run.stdout.splitlines()[-1])
    return Opening(**{name: tuple(value) if isinstance(value, list) else value for name, value in found.items()})


class Clocks:
    """Seconds elapsed, and seconds of the processor, since it was made or last asked."""

    def __init__(self) -> None:
        self._last = self._read()

    @staticmethod
    def _read() -> tuple[float, float]:
        return perf_counter(), process_time()

    def since_last(self) -> tuple[float, float]:
        last, self._last = self._last, self._read()
        return self._last[0] - last[0], self._last[1] - last[1]


def refuse_network_and_processes() -> list[str]:
    """Let both fail from now on; return the list that tells what was tried."""
    import qt

    tried: list[str] = []

    def refusal(what: str):
        def refuse(*arguments, **options):
            tried.append(what)
            raise OSError(f"{what}: refused while the panel is opened")

        return refuse

    socket.socket.connect = socket.create_connection = refusal("network")
    subprocess.Popen = refusal("process")
    qt.QProcess = refusal("process of Qt")
    return tried


def open_here(module: str, folder: Path, volume: Path | None) -> Opening:
    """Do it in this Python, which is of no further use."""
    from slicerscene import SlicerScene
    from slicerstandins.session import Panel, Session

    mrml = SlicerScene(str(folder / "slicer"))
    session = Session(mrml, folder / "settings")
    if volume is not None:
        mrml.load_volume(volume, "CT")
    refused = refuse_network_and_processes()
    before = set(sys.modules)
    clocks = Clocks()
    python_module = session.add_module(ROOT / module / f"{module}.py")
    file_seconds, at_file = clocks.since_last(), set(sys.modules) - before
    panel = Panel(session, python_module, module)
    panel.enter()
    panel_seconds, at_panel = clocks.since_last(), set(sys.modules) - before - at_file
    chosen = panel.widget.panel.parameters.inputVolume
    opening = Opening(file_seconds, panel_seconds, *(tuple(sorted(names)) for names in (before, at_file, at_panel)),
                      tuple(refused), chosen.GetName() if chosen else "",
                      panel.widget.panel.ui.modelComboBox.count)
    panel.exit()
    panel.close()
    session.close()
    mrml.close()
    return opening


if __name__ == "__main__":
    print(json.dumps(asdict(open_here(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]) if sys.argv[3:] else None))))
