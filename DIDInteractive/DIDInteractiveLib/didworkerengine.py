"""An engine that makes candidates in the worker process; neither importing nor using it loads torch here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np

from LDCTDenoiseLib.workerclient import Call, Listener
from LDCTDenoiseLib.workerengine import WorkerEngine, wait_for

from .candidate import Candidate
from .didengine import CandidateReply, CandidateRequest
from .progressmeter import Progress
from .settings import CandidateSettings


class WorkerDIDEngine(WorkerEngine):
    """A :class:`~.didengine.DIDEngine`. What begins with ``start_`` returns at once, and tells a listener the rest."""

    def generate(self, request: CandidateRequest, progress: Progress | None = None,
                 cancelled: Callable[[], bool] | None = None,
                 on_candidate: Callable[[Candidate], None] | None = None) -> CandidateReply:
        return wait_for(lambda listener: self.start_generate(request, listener), progress, cancelled, on_candidate)

    def start_generate(self, request: CandidateRequest, listener: Listener) -> Call:
        """Begin to make candidates; each is a part of the listener's result, a :class:`~.didengine.CandidateReply`."""
        arguments = {field.name: getattr(request, field.name) for field in fields(request)}
        arguments["settings"] = vars(request.settings)
        reader = _Reader()
        return self.client.request("candidates", arguments, listener, read=reader.reply, read_partial=reader.candidate)


class _Reader:
    """Makes of what the worker says candidates and the reply that refers to them."""

    def __init__(self) -> None:
        self._arrays: list[np.ndarray] = []

    def candidate(self, value: dict) -> Candidate:
        candidate = Candidate(**value)
        self._arrays.append(candidate.array)
        return candidate

    def reply(self, value: dict) -> CandidateReply:
        from .measurements import Measurements

        def array_of(array):
            return self._arrays[array["part"]] if isinstance(array, dict) else array

        return CandidateReply(**{
            **value,
            "candidates": tuple(Candidate(**{**one, "array": array_of(one["array"])}) for one in value["candidates"]),
            "measurements": tuple(Measurements(**one) for one in value["measurements"]),
            "messages": tuple(value["messages"]), "settings": CandidateSettings(**value["settings"])})
