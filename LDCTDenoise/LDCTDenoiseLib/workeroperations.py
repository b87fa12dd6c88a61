"""What the worker process can do for LDCTDenoise. Imports torch only when an operation needs it.

An operation is a function of its arguments (a dict, arrays in it mapped from files and not to be written to) and its
:class:`~.worker.Context`; it returns a value that :func:`~.workerprotocol.pack` takes.
"""

from __future__ import annotations

import contextlib
import sys
from dataclasses import asdict, fields
from functools import lru_cache

from .engine import DenoiseRequest, InProcessEngine


@lru_cache(maxsize=1)
def engine() -> InProcessEngine:
    """Return the engine of this process, which keeps the network that it used last."""
    return InProcessEngine()


@contextlib.contextmanager
def graphics_memory_released():
    """Give memory of the GPU that torch keeps for later back when the block is left: Slicer draws with that GPU."""
    try:
        yield
    finally:
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            torch.cuda.empty_cache()


def models(arguments: dict, context) -> list[str]:
    """Return the names of the models."""
    return engine().models()


def devices(arguments: dict, context) -> list[dict]:
    """Return the fields of every :class:`~.devices.Device`, "auto" first."""
    return [asdict(device) for device in engine().devices()]


def denoise(arguments: dict, context) -> dict:
    """Return the fields of the :class:`~.engine.DenoiseReply` to the :class:`~.engine.DenoiseRequest` of the arguments.

    Reports (done slices, all slices, remaining seconds) as progress.
    """
    with graphics_memory_released():
        reply = engine().denoise(DenoiseRequest(**arguments), context.progress, context.cancelled)
    return {field.name: getattr(reply, field.name) for field in fields(reply)}


OPERATIONS = {"models": models, "devices": devices, "denoise": denoise}
