"""The module opens at once: nothing is loaded that takes long, nothing is installed, nothing is fetched."""

import subprocess
import sys
from pathlib import Path

from panelfixtures import ROOT

HEAVY = ("torch", "requests", "SimpleITK", "scipy", "pydicom", "matplotlib", "PyTorchUtils")
PROGRAM = """if True:
    import os, socket, sys, time
    sys.path[:0] = {paths!r}
    from pathlib import Path
    from slicerscene import SlicerScene
    from slicerstandins.session import Panel, Session

    folder = Path(sys.argv[1])
    mrml = SlicerScene(str(folder / "slicer"))
    session = Session(mrml, folder / "settings")
    before = set(sys.modules)

    def refuse(*arguments, **options):
        raise OSError("the network is not to be used")

    socket.socket.connect = socket.create_connection = refuse
    import subprocess
    subprocess.Popen = refuse
    start = time.perf_counter()
    module = session.add_module(Path({module!r}))
    after_import = set(sys.modules) - before
    panel = Panel(session, module, "LDCTDenoise")
    panel.enter()
    after_open = set(sys.modules) - before
    print("opened in %.2f s" % (time.perf_counter() - start))
    for name in {heavy!r}:
        assert name not in after_import, "importing the module file loads " + name
        assert name not in after_open, "opening the panel loads " + name
    assert not any(name.startswith("LDCTDenoiseLib") for name in after_import), "the module file loads the library"
    assert panel.widget.panel.ui.modelComboBox.count >= 3
    panel.exit()
    panel.close()
    session.close()
    mrml.close()
"""


def test_opening_loads_neither_torch_nor_requests_nor_simpleitk_and_starts_nothing(tmp_path):
    paths = [str(ROOT / "LDCTDenoise"), str(Path(__file__).parent)]
    program = PROGRAM.format(paths=paths, module=str(ROOT / "LDCTDenoise" / "LDCTDenoise.py"), heavy=HEAVY)
    run = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "opened in" in run.stdout
    assert "Traceback" not in run.stderr
