"""The module's self-test inside Slicer: the Logic, the panel, and a real network where PyTorch is installed.

Every check says in the end what it has found.
"""

from __future__ import annotations

import numpy as np
import slicer

from LDCTDenoiseLib import widgetinstall
from LDCTDenoiseLib.selftest import add_ct

from .candidate import Candidate
from .didengine import CandidateReply
from .measurements import Measurements


class HalvingEngine:
    """A :class:`.didengine.DIDEngine` that returns a quarter, a half and all of every value."""

    def models(self) -> list[str]:
        return ["halving"]

    def start_generate(self, request, listener) -> None:
        listener.started()
        reply = self.generate(request)
        for candidate in reply.candidates:
            listener.partial(candidate)
        listener.finished(reply, None)

    def generate(self, request, progress=None, cancelled=None, on_candidate=None) -> CandidateReply:
        candidates, measurements = [], []
        for kind, position, divisor in (("smoother", -1.0, 4), ("default", 0.0, 2), ("input", 1.0, 1)):
            array = request.array // divisor
            noise = float(array.std())
            candidates.append(Candidate(array, kind, "halving", 0, 0.0, position, noise))
            measurements.append(Measurements(
                kind, "halving", 0, 0.0, position, noise_sd_hu=noise, gnl_hu=noise, noise_share=1 / divisor,
                edges_kept=1 / divisor, bias_hu={}, cnr=None, rmse_to_reference_hu=None, distance_to_input_hu=0.0,
                distance_to_smoothest_hu=0.0))
        return CandidateReply(
            tuple(candidates), tuple(measurements), default=1, outcomes={}, messages=(), model="halving", version="0",
            weights_sha256="", device="cpu", precision="fp32", seconds=0.0, settings=request.settings)


def check_logic(logic_class) -> str:
    """Let the Logic make candidates with the engine above; browse them, keep one and delete the set."""
    voxels = np.arange(-60, 60, dtype=np.int16).reshape(4, 5, 6)
    source = slicer.util.addVolumeFromArray(voxels, ijkToRAS=np.diag([-0.7, -0.7, 3.0, 1.0]), name="CT")
    logic = logic_class(HalvingEngine())
    sequence = logic.generateCandidates(source, count=3)
    assert sequence.GetName() == "CT candidates", sequence.GetName()
    for item, expected in enumerate((voxels // 4, voxels // 2, voxels)):
        logic.selectCandidate(sequence, item)
        np.testing.assert_array_equal(slicer.util.arrayFromVolume(logic.proxyVolume(sequence)), expected)
    logic.selectCandidate(sequence, 1)
    kept = logic.keepCandidate(sequence)
    logic.deleteSet(sequence)
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(kept), voxels // 2)
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(source), voxels)
    assert slicer.util.getNodesByClass("vtkMRMLSequenceNode") == []
    return "The Logic makes candidates."


def check_panel(logic_class) -> str:
    """Use the panel as a user would: preview, Generate, slider, side by side, difference, keep, delete."""
    module = getattr(getattr(slicer, "modules", None), "didinteractive", None)
    if module is None:
        return "There is no panel in a Python that holds only MRML."
    widget = module.widgetRepresentation().self()
    source = add_ct()
    slicer.util.setSliceViewerLayers(background=source)
    panel, engine = widget.panel, widget.logic.engine
    widget.logic.engine = HalvingEngine()
    entered = widget.parent.isEntered
    if not entered:
        widget.enter()
    try:
        ui = panel.ui
        panel.parameters.inputVolume, panel.parameters.model, panel.parameters.count = source, "plain", 3
        red = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")
        if red is not None and red.IsMappedInLayout():
            red.RotateToVolumePlane(source)
            red.JumpSliceByCentering(0, 0, 6)
            ui.previewButton.click()
            assert panel.parameters.candidates is not None, ui.messageLabel.text
        ui.generateButton.click()
        candidates = panel.parameters.candidates
        assert candidates is not None and candidates.GetName() == "CT candidates (plain)", ui.messageLabel.text
        ui.nextButton.click()
        assert widget.logic.currentCandidate(candidates) == 2
        ui.positionSlider.value = -500
        panel.browsing.finish()
        for button in (ui.sideBySideButton, ui.differenceButton):
            button.click()
            button.click()
        assert not panel.views.sideBySide and not panel.views.difference
        ui.keepButton.click()
        widget.logic.deleteSet(candidates)
        slicer.app.processEvents()
        assert panel.parameters.candidates is None
    finally:
        if not entered:
            widget.exit()
        widget.logic.engine = engine
    return "The panel makes candidates and browses them."


def check_network(logic_class) -> str:
    """Let the packaged plain network make candidates of a volume, in the worker process: their noise rises."""
    if not widgetinstall.torchIsInstalled():
        return "PyTorch is not installed: no network was run."
    logic = logic_class()
    candidates = logic.generateCandidates(add_ct(), model="plain", count=3, device="cpu")
    noise = [one["noise_sd_hu"] for one in logic.facts(candidates)["candidates"]]
    assert len(noise) >= 3 and noise == sorted(noise) and noise[0] < 0.7 * noise[-1], noise
    return "A network makes candidates."
