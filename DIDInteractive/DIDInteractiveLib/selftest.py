"""The engine of the module's self-test inside Slicer: candidates without a network, in a moment."""

from __future__ import annotations

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
