"""The panel on the real worker process, as Slicer has it: Qt's own process and event loop, a real (random) network."""

import time

import numpy as np
import pytest
from networkfactory import add_user_model
from panelfixtures import (  # noqa: F401  (fixtures)
    array_of, complaints, ct, mrml, open_panel, panel, parameters, session, settle, ui,
)


@pytest.fixture
def working(open_panel, mrml, ct, session, tmp_path):
    """The panel with a CT and a network of the user, on the worker that all modules share."""
    import slicer

    from LDCTDenoiseLib import workerclient
    from LDCTDenoiseLib.workerengine import WorkerEngine

    add_user_model(tmp_path / "models", architecture="plain")
    opened = open_panel()
    opened.widget.logic.engine = WorkerEngine()
    opened.enter()
    slicer.util.setSliceViewerLayers(background=ct, fit=True)
    session.sliceLogics["Red"].SetSliceOffset(-44.0)
    chosen = opened.widget.logic.getParameterNode()
    chosen.inputVolume, chosen.model = ct, "tiny"
    yield opened.widget.panel
    workerclient.close_shared_client()


def wait(panel, seconds=300):
    deadline = time.monotonic() + seconds
    while panel.run.busy and time.monotonic() < deadline:
        settle()
        time.sleep(0.01)
    assert not panel.run.busy


def test_preview_devices_run_cancel_and_another_run_go_through_one_worker(working, mrml, ct):
    ui = working.ui
    ui.previewButton.click()
    assert ui.applyButton.text == "&Cancel"
    wait(working)
    preview = working.run.preview.shown
    seen = array_of(preview).copy()
    assert (seen != array_of(ct)[2:3]).any()

    ui.advancedCollapsibleButton.click()
    deadline = time.monotonic() + 30
    while "threads" not in ui.deviceComboBox.itemText(1) and time.monotonic() < deadline:
        settle()
    assert ui.deviceComboBox.itemText(1).startswith("Processor (CPU): ")

    ui.applyButton.click()
    assert preview.GetScene() is None
    wait(working)
    result = working.parameters.outputVolume
    np.testing.assert_array_equal(array_of(result)[2:3], seen)
    assert result.GetAttribute("LDCTDenoise.Model") == "tiny"
    assert ui.messageLabel.text.startswith("Done in")
    before = array_of(result).copy()

    ui.strengthSlider.value = 40.0
    ui.applyButton.click()
    ui.applyButton.click()
    wait(working)
    assert ui.messageLabel.text == "Cancelled; the scene is as it was."
    np.testing.assert_array_equal(array_of(result), before)

    ui.applyButton.click()
    wait(working)
    assert result.GetAttribute("LDCTDenoise.Strength") == "0.4"


def test_a_worker_that_is_killed_during_a_run_is_told_and_the_next_run_gets_another(working, mrml, ct, monkeypatch):
    import slicer

    told = []
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **more: told.append(text))
    nodes = mrml.node_ids()
    working.ui.applyButton.click()
    working.logic.engine.client._process.kill()
    wait(working)
    settle()
    assert len(told) == 1
    assert "worker process" in told[0]
    assert mrml.node_ids() == nodes
    working.ui.applyButton.click()
    wait(working)
    assert working.ui.messageLabel.text.startswith("Done in")
