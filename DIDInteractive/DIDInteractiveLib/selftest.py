"""The module's self-test inside Slicer: a set of candidates is made without a network, browsed, kept from, deleted."""

from __future__ import annotations

import numpy as np
import slicer

from .candidate import Candidate
from .didengine import CandidateReply
from .measurements import Measurements


class HalvingEngine:
    """A :class:`.didengine.DIDEngine` that returns a quarter, a half and all of every value."""

    def models(self) -> list[str]:
        return ["halving"]

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


def check_logic(logic_class) -> None:
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
