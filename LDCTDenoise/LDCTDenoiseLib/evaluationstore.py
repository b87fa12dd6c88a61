"""Finished scores, kept as small JSON files so that an evaluation goes on where it, or an earlier one, stopped."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from .safewrite import complete_or_absent


class ScoreStore:
    """A folder of finished scores; the folder is made with the first score.

    A score is JSON data, filed under a key that is JSON data too and holds all that the score depends on. The file's
    name is readable in front and a digest of the key at the end, and the file holds the key itself.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"The scores {self.folder} are a file, not a folder. Choose another place.")

    def get(self, title: str, key: dict):
        """Return the score filed under ``key``, or None; a damaged file counts as none and is replaced later."""
        try:
            found = json.loads(self._path(title, key).read_text(encoding="utf-8"))
            return found["score"] if found["key"] == json.loads(json.dumps(key)) else None  # tuples become lists
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, title: str, key: dict, score) -> None:
        """File ``score`` under ``key``; ``title`` is the readable part of the file's name."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with complete_or_absent(self._path(title, key)) as temporary:
            temporary.write_text(json.dumps({"key": key, "score": score}), encoding="utf-8")

    def _path(self, title: str, key: dict) -> Path:
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        return self.folder / f"{re.sub('[^A-Za-z0-9.]+', '-', title)}-{digest[:12]}.json"
