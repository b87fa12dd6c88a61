"""A candidates' engine without a network, for tests of what surrounds it."""

from __future__ import annotations

import numpy as np

from DIDInteractiveLib.candidate import Candidate
from DIDInteractiveLib.didengine import CandidateReply
from DIDInteractiveLib.measurements import Measurements
from LDCTDenoiseLib.engine import Cancelled
from LDCTDenoiseLib.hu import round_to_dtype


class FakeDIDEngine:
    """Candidate n of N is the input with n / (N - 1) of its distance from 40 HU, the input being the last.

    ``noise``: noise SDs to report in place of 2, 4, 6 ... HU. ``during`` is called half way through, as a progress
    callback may act. ``wrong`` changes the list of candidates before it is returned.
    """

    def __init__(self, noise=None, during=None, wrong=None, edges=None):
        self.noise, self.during, self.wrong, self.edges = noise, during, wrong, edges
        self.requests, self.returned = [], []

    def models(self):
        return ["hrnet", "unet"]

    @staticmethod
    def default_of(count):
        return (count - 1) // 2

    @staticmethod
    def result_of(array, number, count):
        if number == count - 1:
            return array.copy()
        return round_to_dtype(40 + (array - 40.0) * number / (count - 1), array.dtype)

    @classmethod
    def position_of(cls, number, count):
        default = cls.default_of(count)
        return number / default - 1 if number < default else (number - default) / (count - 1 - default)

    def generate(self, request, progress=None, cancelled=None, on_candidate=None):
        self.requests.append(request)
        count = request.settings.count
        candidates, measurements = [], []
        for n in range(count):
            if cancelled is not None and cancelled():
                raise Cancelled("stopped")
            if self.during is not None and n == count // 2:
                self.during()
            if progress is not None:
                progress((n + 1) / count, "Candidate", float(count - n - 1))
            kind = ("input" if n == count - 1 else "default" if n == self.default_of(count)
                    else "smoother" if n < self.default_of(count) else "sharper")
            method = {"input": "input", "default": "network"}.get(kind, request.settings.method)
            noise = 2.0 * (n + 1) if self.noise is None else self.noise[n]
            edges = (n + 1) / count if self.edges is None else self.edges[n]
            candidate = Candidate(self.result_of(request.array, n, count), kind, method, 3 * n, 0.25,
                                  self.position_of(n, count), noise)
            candidates.append(candidate)
            if on_candidate is not None:
                on_candidate(candidate)
            measurements.append(Measurements(
                kind, method, 3 * n, 0.25, candidate.position, noise_sd_hu=noise, gnl_hu=noise + 0.5,
                noise_share=(n + 1) / count, edges_kept=edges, bias_hu={"soft": 0.1 * (count - 1 - n), "lung": None},
                cnr=None, rmse_to_reference_hu=None if request.reference is None else 1.5 * n,
                distance_to_input_hu=float(count - 1 - n), distance_to_smoothest_hu=float(n)))
        if self.wrong is not None:
            candidates = self.wrong(candidates)
        assert np.isfinite(request.array).all()
        self.returned = candidates
        return CandidateReply(
            candidates=tuple(candidates), measurements=tuple(measurements), default=self.default_of(count),
            outcomes={"smoother": "All were made.", "sharper": "All were made."}, messages=("a message",),
            model=request.model, version="1.2", weights_sha256="ab" * 32, device="cpu", precision="fp32", seconds=2.5,
            settings=request.settings)
