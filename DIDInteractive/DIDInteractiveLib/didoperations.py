"""What the worker process can do for DIDInteractive, see :mod:`LDCTDenoiseLib.workeroperations`.

Imports torch only when candidates are to be made.
"""

from __future__ import annotations

from functools import lru_cache

from LDCTDenoiseLib.workeroperations import graphics_memory_released

from .didengine import CandidateReply, CandidateRequest, InProcessDIDEngine
from .settings import CandidateSettings


@lru_cache(maxsize=1)
def engine() -> InProcessDIDEngine:
    """Return the engine of this process, which keeps the network that it used last."""
    return InProcessDIDEngine(worker=True)


def candidates(arguments: dict, context) -> dict:
    """Return the fields of the :class:`~.didengine.CandidateReply` to the request whose fields are the arguments.

    In ``arguments`` the settings stand as a dict; so do in the reply settings and measurements. Each candidate is
    handed over as soon as it is finished, a dict of its fields, and the reply has {"part": number} in place of its
    array: number 0 was handed over first. Progress is (fraction 0..1, text, remaining seconds).
    """
    handed_over = []

    def hand_over(candidate) -> None:
        handed_over.append(candidate.array)
        context.partial(vars(candidate))

    request = CandidateRequest(**{
        **arguments, "spacing": tuple(arguments["spacing"]), "settings": CandidateSettings(**arguments["settings"])})
    with graphics_memory_released():
        reply = engine().generate(request, context.progress, context.cancelled, hand_over)
    return _fields(reply, handed_over)


def _fields(reply: CandidateReply, handed_over: list) -> dict:
    def array_of(candidate):
        part = next((number for number, array in enumerate(handed_over) if array is candidate.array), None)
        return candidate.array if part is None else {"part": part}

    return {
        **vars(reply), "settings": vars(reply.settings), "measurements": [one.as_dict() for one in reply.measurements],
        "candidates": [{**vars(candidate), "array": array_of(candidate)} for candidate in reply.candidates]}


OPERATIONS = {"candidates": candidates}
