"""A private temporary folder through which two processes exchange arrays, as .npy files.

The folder belongs to the process that created it, and is locked for as long as that process lives: a folder whose lock
can be taken is left over from a crash, and :func:`remove_stale` removes it. Arrays are written with plain writes,
which report a full disk, and read through a memory map, which on a full disk could only crash.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path

import numpy as np

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt

PREFIX = "LDCTDenoise-exchange-"
_LOCK = "lock"
_NAME = re.compile(r"\d+-(in|out)-\d+\.npy")


class ExchangeFolder:
    """See :func:`create` and :func:`join`."""

    def __init__(self, path: Path, lock: int | None = None) -> None:
        self.path = path
        self._lock = lock

    def store(self, array: np.ndarray, name: str) -> str:
        """Write ``array`` to the new file ``name`` and return that name.

        Raises ValueError for an array of objects; RuntimeError, leaving no file, when the disk is full or read-only.
        """
        path = self._path_of(name)
        if array.dtype.hasobject:
            raise ValueError(f"An array of {array.dtype} cannot be written to a file.")
        try:
            with open(path, "xb") as file:
                np.lib.format.write_array_header_1_0(file, {
                    "descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": array.shape})
                # Slice by slice: a volume that is not contiguous is never copied as a whole.
                for plane in array if array.ndim > 1 else [array]:
                    file.write(np.ascontiguousarray(plane))
        except OSError as error:
            path.unlink(missing_ok=True)
            raise RuntimeError(f"The voxels could not be written to the temporary folder {self.path.parent} "
                               f"({error.strerror or error}): free some space there, or let the environment variable "
                               "TMPDIR name another folder.") from error
        return name

    def map(self, name: str) -> np.ndarray:
        """Return the array in the file ``name``, read as it is needed and not to be written to.

        Raises ValueError or OSError if there is no such array.
        """
        return self._read(name, "r")

    def take(self, name: str) -> np.ndarray:
        """Return the array in the file ``name`` in memory of its own, and remove the file; errors as :meth:`map`."""
        array = self._read(name, None)
        self._path_of(name).unlink()
        return array

    def discard(self, number: int) -> None:
        """Remove all files of the request ``number``; one that is still open elsewhere, as Windows has it, stays."""
        for path in self.path.glob(f"{number}-*.npy"):
            with contextlib.suppress(OSError):
                path.unlink()

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        if self._lock is not None:
            with contextlib.suppress(OSError):
                os.close(self._lock)
            self._lock = None
        shutil.rmtree(self.path, ignore_errors=True)

    def _read(self, name: str, mode: str | None) -> np.ndarray:
        path = self._path_of(name)
        try:
            return np.load(path, mmap_mode=mode, allow_pickle=False)
        except EOFError as error:
            raise ValueError(f"The file {name} is empty.") from error

    def _path_of(self, name: str) -> Path:
        # The name came from the other process: it must not lead out of the folder.
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of an array in the exchange folder.")
        return self.path / name


def create(parent: str | os.PathLike | None = None) -> ExchangeFolder:
    """Return a new folder in ``parent`` (None: where the system has temporary files) that only this user can enter.

    Raises RuntimeError where there can be none.
    """
    while True:
        try:
            path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        except OSError as error:
            raise RuntimeError(f"No temporary folder could be made ({error}): free some space, or let the environment "
                               "variable TMPDIR name a folder that can be written to.") from error
        lock = None
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            # Another process may have taken the folder for a stale one before it was locked, and removed it.
            if _try_to_lock(lock) is not False and (path / _LOCK).exists():
                return ExchangeFolder(path, lock)
        if lock is not None:
            os.close(lock)
        shutil.rmtree(path, ignore_errors=True)


def join(path: str | os.PathLike) -> ExchangeFolder:
    """Return the folder that another process created at ``path``; raises ValueError if there is none."""
    path = Path(path)
    if not path.name.startswith(PREFIX) or not (path / _LOCK).is_file():
        raise ValueError(f"{path} is no exchange folder.")
    return ExchangeFolder(path)


def remove_stale(parent: str | os.PathLike | None = None) -> None:
    """Remove the folders in ``parent`` that this user's processes left behind when they crashed or were killed."""
    for path in Path(tempfile.gettempdir() if parent is None else parent).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if path.is_symlink() or (hasattr(os, "getuid") and path.stat().st_uid != os.getuid()):
                continue
            if _is_stale(path):
                shutil.rmtree(path, ignore_errors=True)


def _is_stale(path: Path) -> bool:
    try:
        lock = os.open(path / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        return path.is_dir()
    try:
        return _try_to_lock(lock) is True
    finally:
        os.close(lock)


def _try_to_lock(descriptor: int) -> bool | None:
    """Return whether the lock was free and is now held, or None where the file system has no locks.

    It is given back when the descriptor is closed, also by the end of the process, whatever that was.
    """
    try:
        if fcntl is None:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return None
    return True
