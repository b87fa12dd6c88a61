"""An engine of candidates that a test drives step by step, see :mod:`controlledengine`."""

from __future__ import annotations

from dataclasses import replace

from controlledengine import Call, ControlledEngine
from fakedidengine import FakeDIDEngine


class CandidatesCall(Call):
    def progress(self, fraction: float, text: str = "Smoother candidates", remaining: float = 0.0) -> None:
        self.listener.progressed(fraction, text, remaining)

    def reply(self, **changes):
        return replace(FakeDIDEngine().generate(self.request), **changes)


class ControlledDIDEngine(ControlledEngine):
    """The same for sets of candidates."""

    CALL = CandidatesCall

    def start_generate(self, request, listener) -> Call:
        return self._begin(request, listener)
