"""The program and the environment of the worker process."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

_LEFT_OUT = ("PYTHONINSPECT", "PYTHONSTARTUP", "PYTHONPROFILEIMPORTTIME")
"""Variables for people at a terminal; the first would keep a Python alive that has nothing more to do."""


def program() -> str:
    """Return the Python to run: ``PythonSlicer`` in the Slicer application, elsewhere the one that runs this.

    Raises RuntimeError if there is none.
    """
    # In the application sys.executable is PythonSlicer too, or empty where that was not found.
    found = shutil.which("PythonSlicer") if in_slicer() else None
    if not (found or sys.executable):
        raise RuntimeError("Slicer's own Python (PythonSlicer) was not found: install Slicer again.")
    return found or sys.executable


def in_slicer() -> bool:
    """Return whether this is the Slicer application (and not PythonSlicer, or the data model on its own)."""
    return hasattr(sys.modules.get("slicer"), "app")


def arguments(folder: Path, modules: Sequence[str]) -> list[str]:
    """Return what to call the program with; see :mod:`.worker`."""
    return ["-m", f"{__package__}.worker", str(folder), *modules]


def environment(modules: Sequence[str]) -> dict[str, str]:
    """Return the variables of the worker: those of this process, and those that let it find ``modules``.

    ITK's search for plug-ins is switched off, as Slicer does for its own child processes: its plug-ins read the scene.
    """
    variables = {name: value for name, value in os.environ.items() if name not in _LEFT_OUT}
    # Relative paths would mean another folder there.
    paths = [*_folders_of(modules), *filter(None, variables.get("PYTHONPATH", "").split(os.pathsep))]
    variables["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(map(os.path.abspath, paths)))
    return {**variables, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8", "PYTHONFAULTHANDLER": "1",
            "ITK_AUTOLOAD_PATH": ""}


def _folders_of(modules: Sequence[str]) -> list[str]:
    """Return the folders that hold the packages of ``modules``, as far as they are installed, and this one."""
    folders = [str(Path(__file__).parents[1])]
    for name in modules:
        spec = importlib.util.find_spec(name.partition(".")[0])
        if spec is not None and spec.origin is not None:
            folders.append(str(Path(spec.origin).parents[1 if spec.submodule_search_locations else 0]))
    return folders
