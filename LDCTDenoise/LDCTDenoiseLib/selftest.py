"""The module's self-test inside Slicer: the Logic, the panel, and a real network where PyTorch is installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import slicer

from .engine import DenoiseReply


class LoweringEngine:
    """An :class:`.engine.Engine` that takes 1 HU from every voxel, at once."""

    def models(self) -> list[str]:
        return ["lowering"]

    def denoise(self, request, progress=None, cancelled=None) -> DenoiseReply:
        return DenoiseReply(request.array - request.array.dtype.type(1), request.model, "0", "", "cpu", "fp32",
                            seconds=0.0, noise_before=0.0, noise_after=0.0, effective_strength=1.0)

    def start_denoise(self, request, listener) -> None:
        listener.started()
        listener.finished(self.denoise(request), None)


def add_ct(shape=(5, 64, 64)):
    """Add a volume of soft tissue with noise of 40 HU to the scene, in usual slices, and return it."""
    voxels = np.random.default_rng(0).normal(50, 40, shape).astype(np.int16)
    volume = slicer.util.addVolumeFromArray(voxels, ijkToRAS=np.diag([-0.7, -0.7, 3.0, 1.0]), name="CT")
    volume.GetDisplayNode().SetAutoWindowLevel(False)
    volume.GetDisplayNode().SetWindowLevel(400, 40)
    return volume


def check_logic(logic_class) -> None:
    """Let the Logic denoise a volume with the engine above: the result takes the place of the input."""
    source = add_ct()
    before = slicer.util.arrayFromVolume(source).copy()
    result = logic_class(LoweringEngine()).process(source, removedNoise=True)
    assert result.GetName() == "CT denoised", result.GetName()
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(result), before - 1)
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(source), before)
    assert result.GetSpacing() == source.GetSpacing()


@contextmanager
def opened(widget) -> Iterator[None]:
    """Open the module of ``widget`` as a user would, and go back to the module that was open; nothing if it is open."""
    if widget.parent.isEntered:
        yield
        return
    window = slicer.util.mainWindow() is not None
    if window:
        before = slicer.util.selectedModule()
        slicer.util.selectModule(widget.moduleName)
        assert widget.parent.isEntered
    else:
        widget.enter()
    try:
        yield
    finally:
        if window:
            slicer.util.selectModule(before)
        else:
            widget.exit()


def check_panel(widget) -> None:
    """Use the panel of the module's ``widget`` as a user would: preview, Apply, before and after, difference, leave."""
    source = add_ct()
    slicer.util.setSliceViewerLayers(background=source)
    layout = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    arrangement = None if layout is None else layout.GetViewArrangement()
    panel, engine = widget.panel, widget.logic.engine
    widget.logic.engine = LoweringEngine()
    entered = widget.parent.isEntered
    try:
        with opened(widget):
            use_panel(panel, source)
            if not entered:
                panel.ui.sideBySideButton.click()
    finally:
        widget.logic.engine = engine
    assert layout is None or layout.GetViewArrangement() == arrangement


def use_panel(panel, source) -> None:
    """Click through the open ``panel`` with ``source`` as its input."""
    parameters, ui = panel.parameters, panel.ui
    parameters.inputVolume, parameters.model, parameters.strength = source, "plain", 100.0
    red = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")
    if red is not None and red.IsMappedInLayout():
        red.RotateToVolumePlane(source)
        red.JumpSliceByCentering(0, 0, 6)
        ui.previewButton.click()
        assert panel.run.preview.shown is not None, ui.messageLabel.text
        ui.previewButton.click()
        assert panel.run.preview.shown is None
    ui.applyButton.click()
    result = parameters.outputVolume
    assert result is not None, ui.messageLabel.text
    assert ui.statisticsTable.rowCount > 0
    for button in (ui.beforeAfterButton, ui.differenceButton, ui.sideBySideButton):
        button.click()
        button.click()
    assert panel.result.comparison.after and not panel.result.comparison.difference
    # This volume was not loaded from DICOM.
    assert not ui.exportButton.enabled and "DICOM" in ui.exportButton.toolTip


def check_network(logic_class) -> None:
    """Let the packaged plain network denoise a volume, in the worker process: noise goes, and the mean stays."""
    source = add_ct()
    result = logic_class().process(source, model="plain", device="cpu")
    before, after = (slicer.util.arrayFromVolume(volume).astype(float) for volume in (source, result))
    assert after.std() < 0.7 * before.std(), (before.std(), after.std())
    assert abs(after.mean() - before.mean()) < 2.0, (before.mean(), after.mean())
