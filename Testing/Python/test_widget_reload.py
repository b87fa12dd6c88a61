"""A developer reloads one module while the panel of the other one is open: both go on, on one library and worker."""

import subprocess
import sys

import pytest
from panelfixtures import ROOT

PROGRAM = """if True:
    import sys
    sys.path[:0] = {paths!r}
    from pathlib import Path
    import numpy as np
    import slicer
    from slicerscene import SlicerScene
    from slicerstandins.session import Panel, Session

    folder = Path(sys.argv[1])
    mrml = SlicerScene(str(folder / "slicer"))
    session = Session(mrml, folder / "settings")
    volume = mrml.add_volume(np.random.default_rng(7).normal(50, 30, (5, 32, 32)).astype(np.int16))
    panels = {{}}
    for name in sys.argv[2:]:
        module = session.add_module(Path({root!r}) / name / (name + ".py"))
        panels[name] = Panel(session, module, name)
        panels[name].enter()

    def library(name):
        return [part for part in sys.modules if part.split(".")[0] == name]

    def generate():
        from controlleddidengine import ControlledDIDEngine

        widget = panels["DIDInteractive"].widget
        engine, widget.logic.engine = widget.logic.engine, ControlledDIDEngine()
        widget.logic.freeMemory = 10**12
        widget.panel.ui.generateButton.click()
        widget.logic.engine.calls[0].finish()
        assert widget.panel.ui.messageLabel.text.startswith("Done in"), widget.panel.ui.messageLabel.text
        widget.logic.engine = engine
        return widget.panel.parameters.candidates
"""


def run(tmp_path, program, *modules):
    paths = [str(ROOT / "LDCTDenoise"), str(ROOT / "DIDInteractive"), str(ROOT / "Testing" / "Python")]
    text = PROGRAM.format(paths=paths, root=str(ROOT)) + program
    found = subprocess.run([sys.executable, "-c", text, str(tmp_path), *modules], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert "Traceback" not in found.stderr


BOTH_GO_ON = """
    before = {name: panel.widget for name, panel in panels.items()}
    panels["DIDInteractive"].widget.panel.ui.countSpinBox.value = 5
    made = generate()
    panels[RELOADED].widget.onReload()
    did, ldct = panels["DIDInteractive"].widget, panels["LDCTDenoise"].widget
    assert panels[RELOADED].widget is not before[RELOADED]
    # what was chosen and made is there, and can be browsed and made again
    assert did.panel.parameters.inputVolume is volume and did.panel.ui.countSpinBox.value == 5
    assert did.panel.parameters.candidates is made
    did.panel.ui.nextButton.click()
    assert did.panel.ui.candidateLabel.text.startswith("Candidate 4 of 5"), did.panel.ui.candidateLabel.text
    did.panel.ui.countSpinBox.value = 3
    assert generate() is made and made.GetNumberOfDataNodes() == 3
    assert ldct.panel.ui.applyButton.enabled
    # one library, one worker
    from LDCTDenoiseLib.widgetpanel import ModulePanel
    assert isinstance(did.panel, ModulePanel) and isinstance(ldct.panel, ModulePanel)
    assert did.logic.engine.client is ldct.logic.engine.client
    for panel in panels.values():
        panel.exit()
        panel.close()
    session.close()
    mrml.close()
"""


def test_the_open_panel_of_did_interactive_works_after_a_reload_of_ldct_denoise(tmp_path):
    run(tmp_path, BOTH_GO_ON.replace("RELOADED", "'LDCTDenoise'"), "LDCTDenoise", "DIDInteractive")


def test_the_open_panel_of_ldct_denoise_works_after_a_reload_of_did_interactive(tmp_path):
    run(tmp_path, BOTH_GO_ON.replace("RELOADED", "'DIDInteractive'"), "LDCTDenoise", "DIDInteractive")


OPEN_OR_LEFT = """
    def keys():
        import qt
        return sorted(shortcut.key.toString() for shortcut in session.mainWindow.findChildren(qt.QShortcut)
                      if shortcut.enabled)

    panel = panels[NAME]
    panel.widget.panel.parameters.inputVolume = None
    before = keys()
    assert before
    panel.widget.onReload()
    assert keys() == before
    assert panel.widget.panel.parameters.inputVolume is volume
    panel.exit()
    panel.widget.panel.parameters.inputVolume = None
    panel.widget.onReload()
    assert keys() == []
    assert panel.widget.panel.parameters.inputVolume is None
    panel.close()
    session.close()
    mrml.close()
"""


@pytest.mark.parametrize("name", ["LDCTDenoise", "DIDInteractive"])
def test_after_a_reload_an_open_module_has_its_keys_and_proposes_an_input_and_a_closed_one_does_not(tmp_path, name):
    run(tmp_path, OPEN_OR_LEFT.replace("NAME", repr(name)), name)


def test_a_reload_of_ldct_denoise_alone_loads_nothing_of_did_interactive(tmp_path):
    run(tmp_path, """
    first = sys.modules["LDCTDenoiseLib.widget"]
    panels["LDCTDenoise"].widget.onReload()
    assert sys.modules["LDCTDenoiseLib.widget"] is not first
    assert library("DIDInteractiveLib") == []
""", "LDCTDenoise")
