"""The environment of run_demo.py and run_tests.py: a virtual environment with the locked packages.

Needs Python's standard library only. A complete environment is marked with the hash of the lock that it holds, so that
the next run installs nothing and needs no network.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
import venv
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".venv"
LOCK = ROOT / "Testing" / "requirements.txt"
MARK = "installed-lock.sha256"
OLDEST, NEWEST = (3, 10), (3, 13)


class EnvironmentFailure(Exception):
    """The environment cannot be made; the message says why and what to do."""


class Steps:
    """Tells of each step when it begins and when it ends, and measures how long it takes, for a table at the end."""

    def __init__(self) -> None:
        self._seconds: list[tuple[str, float]] = []

    @contextmanager
    def step(self, name: str):
        start = time.monotonic()
        print(f"{name} ...", flush=True)
        try:
            yield
        finally:
            seconds = time.monotonic() - start
            self._seconds.append((name, seconds))
            print(f"{name}: {seconds:.1f} s", flush=True)

    def print(self) -> None:
        width = max(len(name) for name, _ in self._seconds)
        print()
        for name, seconds in self._seconds:
            print(f"{name:<{width}}  {seconds:8.1f} s")


def check_python(version: tuple[int, ...] = sys.version_info[:2]) -> None:
    """Raise EnvironmentFailure when the locked packages do not exist for this Python."""
    if not OLDEST <= tuple(version[:2]) <= NEWEST:
        wanted = " to ".join(".".join(map(str, bound)) for bound in (OLDEST, NEWEST))
        raise EnvironmentFailure(f"This is Python {version[0]}.{version[1]}, but the packages are locked for Python "
                                 f"{wanted}: run this with one of those, for example python3.12.")


def lock_hash(lock: Path = LOCK) -> str:
    """Return what the mark of a complete environment says."""
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def python_in(folder: Path) -> Path:
    """Return the Python of the virtual environment ``folder``."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def ensure(folder: Path = FOLDER, lock: Path = LOCK) -> Path:
    """Return the Python of the environment ``folder``; make it, or bring it up to date with ``lock``, if need be.

    Raises EnvironmentFailure.
    """
    check_python()
    python, mark = python_in(folder), folder / MARK
    if python.exists() and mark.is_file() and mark.read_text() == lock_hash(lock):
        return python
    print(f"Installing the packages of {lock.name} into {folder}; the first time this takes minutes.", flush=True)
    if not python.exists():
        try:
            venv.create(folder, clear=True, symlinks=os.name != "nt", with_pip=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise EnvironmentFailure(f"The virtual environment {folder} could not be made ({error}): on Debian and "
                                     "Ubuntu install python3-venv.") from error
    mark.unlink(missing_ok=True)
    install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--only-binary", ":all:",
               "--requirement", str(lock)]
    if subprocess.call(install) != 0:
        raise EnvironmentFailure("The packages could not be installed (pip says why above): check the network "
                                 "connection and the free disk space, then run this again.")
    mark.write_text(lock_hash(lock))
    return python


def run(arguments: list[str], folder: Path = ROOT) -> int:
    """Run ``arguments`` in ``folder``, with the source packages importable, and return the exit status."""
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(
        str(ROOT.joinpath(*parts)) for parts in (("LDCTDenoise",), ("DIDInteractive",), ("Testing", "Python")))
    return subprocess.call(arguments, cwd=folder, env=environment)


def main(work) -> int:
    """Run ``work(steps)`` and print how long its steps took; return its exit status, or 1 with one line why."""
    steps = Steps()
    try:
        status = work(steps)
    except EnvironmentFailure as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 1
    steps.print()
    return status
