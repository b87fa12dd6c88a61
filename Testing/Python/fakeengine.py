"""An engine without a network, for tests of what surrounds it."""

from __future__ import annotations

import numpy as np

from LDCTDenoiseLib.engine import Cancelled, DenoiseReply
from LDCTDenoiseLib.hu import round_to_dtype


class FakeEngine:
    """Takes a tenth of each value away. ``during`` is called half way through, as a progress callback may act."""

    def __init__(self, during=None):
        self.during = during
        self.requests = []

    @staticmethod
    def result_of(array, strength=1.0):
        return round_to_dtype(array * (1 - 0.1 * strength), array.dtype)

    def models(self):
        return ["hrnet", "unet"]

    def denoise(self, request, progress=None, cancelled=None):
        self.requests.append(request)
        total = len(request.array)
        for k in range(total):
            if cancelled is not None and cancelled():
                raise Cancelled("stopped")
            if self.during is not None and k == total // 2:
                self.during()
            if progress is not None:
                progress(k + 1, total, float(total - k - 1))
        assert np.isfinite(request.array).all()
        return DenoiseReply(
            self.result_of(request.array, request.strength), request.model, "1.2", "ab" * 32, "cpu", "fp32",
            seconds=0.1, noise_before=10.0, noise_after=9.0, effective_strength=request.strength)
