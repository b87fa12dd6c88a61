"""What the application and its worker process say to each other: JSON objects, one a line.

To the worker:

    {"id": 7, "operation": "denoise", "arguments": {...}, "models": "the folder of the user's own models"}
    {"cancel": 7}

From the worker:

    {"id": 7, "event": "started"}
    {"id": 7, "event": "progress", "values": [3, 40, 12.5]}
    {"id": 7, "event": "partial", "value": ...}                             a part of the result, such as one candidate
    {"id": 7, "event": "done", "value": ...}
    {"id": 7, "event": "failed", "kind": "ValueError", "message": "..."}

Every request ends with "done" or "failed". An array among the arguments or in a value is a file of the exchange folder
and stands as {"npy": "7-in-0.npy"}. Lines that are no such object are noise, and are ignored on both sides.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from .engine import Cancelled

MAX_LINE_BYTES = 2**22
"""Voxels go by file: what is longer is no message."""
GRACE_SECONDS = 1.0
"""How long a cancelled operation may go on before its process is ended, so that every run stops within 2 s even where
other work keeps the processor busy."""
KINDS: dict[str, type[Exception]] = {"ValueError": ValueError, "Cancelled": Cancelled, "RuntimeError": RuntimeError}
"""The errors that a request may end with; every other one is told as a RuntimeError."""
_ARRAY = "npy"


def failure(error: BaseException) -> dict:
    """Return the fields of "failed" for ``error``."""
    kind = next((kind for kind, cls in KINDS.items() if isinstance(error, cls)), "RuntimeError")
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        text = f"Memory ran out ({text or 'no details'}): close other programs, or take fewer slices."
    elif not isinstance(error, (*KINDS.values(), OSError, ImportError)):
        # Errors that name no cause of their own, such as KeyError, say little without their type.
        text = f"{type(error).__name__}: {text or 'no details'}"
    return {"kind": kind, "message": text}


def error_of(message: dict) -> Exception:
    """Return the error that a "failed" message tells of. Raises KeyError for an unknown kind or a missing text."""
    return KINDS[message["kind"]](message["message"])


class LineSplitter:
    """Puts pieces of a stream together to lines."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._length = 0

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the lines that ``piece`` completes, without their ends; one that is too long for a message is left
        out."""
        lines = []
        *ends, rest = piece.split(b"\n")
        for end in ends:
            if self._length + len(end) <= MAX_LINE_BYTES:
                lines.append(b"".join([*self._pieces, end]).rstrip(b"\r"))
            self._pieces, self._length = [], 0
        self._length += len(rest)
        if self._length > MAX_LINE_BYTES:
            self._pieces = []
        elif rest:
            self._pieces.append(rest)
        return lines


def encode(message: dict) -> bytes:
    """Return ``message`` as a line. Raises TypeError or ValueError for what JSON cannot say."""
    return json.dumps(message).encode("ascii") + b"\n"


def decode(line: bytes) -> dict | None:
    """Return the message in ``line``, or None if it is none."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def pack(value: Any, store: Callable[[np.ndarray], str]) -> Any:
    """Return ``value`` as JSON has it; ``store`` takes its arrays and returns the names of their files."""
    if isinstance(value, np.ndarray):
        return {_ARRAY: store(value)}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: pack(item, store) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [pack(item, store) for item in value]
    return value


def unpack(value: Any, load: Callable[[str], np.ndarray]) -> Any:
    """Return what :func:`pack` was given, with tuples as lists; ``load`` returns the array in a file."""
    if isinstance(value, dict):
        return load(value[_ARRAY]) if value.keys() == {_ARRAY} else {k: unpack(v, load) for k, v in value.items()}
    if isinstance(value, list):
        return [unpack(item, load) for item in value]
    return value
