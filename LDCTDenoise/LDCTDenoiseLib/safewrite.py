"""Outputs that are either complete or absent."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def complete_or_absent(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary sibling of ``path`` to write a file or a folder to, renamed to ``path`` on success.

    An existing file is replaced in one step, an existing folder only if it is empty. After an error the temporary
    sibling is gone and whatever stood at ``path`` still stands. The sibling keeps the suffix, which some writers need.
    """
    path = Path(path)
    temporary = path.with_name(f".partial-{uuid.uuid4().hex[:8]}-{path.name}")
    try:
        yield temporary
        if temporary.is_dir() and path.is_dir():
            path.rmdir()  # Windows does not rename a folder onto another, not even onto an empty one.
        os.replace(temporary, path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)
