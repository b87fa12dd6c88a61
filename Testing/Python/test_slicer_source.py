"""With a checkout of Slicer, the panels are tested with Slicer's own Python files in place of the stand-ins for them.

Set SLICER_SOURCE to the checkout, for example of https://github.com/Slicer/Slicer; without it these tests are skipped.
Slicer's own unit tests of these files are run on the stand-ins for Qt, too, which shows how far those can be trusted.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from panelfixtures import ROOT
from slicerstandins import PACKAGE_VARIABLE

HERE = Path(__file__).parent
CHECKOUT = os.environ.get("SLICER_SOURCE")
PACKAGE = Path(CHECKOUT or "") / "Base" / "Python" / "slicer"
PANEL_TESTS = sorted(path.name for path in HERE.glob("test_*widget*.py")) + ["test_standins.py"]
SLICER_TESTS = {
    "test_slicer_parameter_node_wrapper": 33, "test_slicer_parameter_pack": 18,
    "test_slicer_parameter_node_wrapper_gui_creation": 11, "test_slicer_parameter_node_wrapper_guis": 23,
    "test_slicer_util_VTKObservationMixin": 13, "test_slicer_util_getNodes": 4,
}
"""How many of them pass at least; the rest needs widgets that the panels do not use."""

pytestmark = pytest.mark.skipif(not CHECKOUT or not PACKAGE.is_dir(),
                                reason="SLICER_SOURCE names no checkout of Slicer")


def run(*arguments):
    paths = [str(ROOT / "LDCTDenoise"), str(ROOT / "DIDInteractive"), str(HERE)]
    environment = {**os.environ, PACKAGE_VARIABLE: str(PACKAGE), "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=HERE, env=environment)


@pytest.mark.parametrize("name", PANEL_TESTS)
def test_the_panels_pass_their_tests_on_slicers_own_files(name):
    found = run("-m", "pytest", "-q", "-p", "no:cacheprovider", name)
    assert found.returncode == 0, found.stdout[-3000:]


PROGRAM = """if True:
    import sys, tempfile, unittest
    from pathlib import Path
    from slicerscene import SlicerScene
    from slicerstandins.session import Session

    folder = Path(tempfile.mkdtemp())
    session = Session(SlicerScene(str(folder / "slicer")), folder / "settings")
    sys.modules["MRMLCorePython"] = sys.modules["slicer"]  # where the application has the classes from
    sys.path.append(sys.argv[1])
    tests = unittest.defaultTestLoader.loadTestsFromName(sys.argv[2])
    outcome = unittest.TextTestRunner(verbosity=0).run(tests)
    print("passed", outcome.testsRun - len(outcome.errors) - len(outcome.failures))
"""


@pytest.mark.parametrize("name, least", SLICER_TESTS.items())
def test_slicers_own_tests_pass_on_the_stand_ins(name, least):
    found = run("-c", PROGRAM, str(PACKAGE / "tests"), name)
    passed = re.search(r"passed (\d+)", found.stdout)
    assert passed and int(passed[1]) >= least, found.stderr[-3000:]
