"""One folder of finished work, so that a stopped report goes on and its parts can be made again one by one."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from LDCTDenoiseLib.evaluationstore import ScoreStore
from LDCTDenoiseLib.safewrite import complete_or_absent


class Cache:
    """Arrays and JSON data, each filed under a key (JSON data) that holds all they depend on.

    ``folder`` is made when needed; it can be deleted at any time.
    """

    def __init__(self, folder: Path):
        self._scores = ScoreStore(folder / "data")
        self._arrays = folder / "arrays"

    def data(self, title: str, key: dict, make: Callable[[], object]):
        """Return the JSON data filed under ``key``, or that of ``make()``, which is then kept."""
        found = self._scores.get(title, key)
        if found is None:
            self._scores.put(title, key, make())
            found = self._scores.get(title, key)
        return found

    def arrays(self, title: str, key: dict, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """Return the arrays filed under ``key``, or those of ``make()``, which are then kept."""
        text = json.dumps(key, sort_keys=True)
        name = f"{re.sub('[^A-Za-z0-9.]+', '-', title)}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.npz"
        path = self._arrays / name
        try:
            with np.load(path) as stored:
                return {name: stored[name] for name in stored.files}
        except (OSError, ValueError):
            pass
        made = make()
        self._arrays.mkdir(parents=True, exist_ok=True)
        with complete_or_absent(path) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(stream, **made)
        return made


def digest_of_arrays(*arrays: np.ndarray | None) -> str:
    """Digest of values, shapes and types."""
    digest = hashlib.sha256()
    for array in arrays:
        if array is not None:
            digest.update(str((array.dtype.str, array.shape)).encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def digest_of_files(paths: Iterable[Path]) -> str:
    """Digest of the files' contents: work is done again when the code that did it has changed."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.read_bytes())
    return digest.hexdigest()
