"""Time the opening of both modules, count what it loads, check for the Extensions Index: Testing/Benchmarks/opening.

    python Testing/Benchmarks/opening_report.py [--index CHECKOUT] [--runs 5]

Every opening is in a new Python; see openingprobe.py. CHECKOUT is a clone of https://github.com/Slicer/ExtensionsIndex:
with it the Index's own checks run as well, one of which needs the package jsonschema. Takes a minute or two. The exit
status is 1 when a check of the Index failed.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import median

from openingprobe import MODULES, ROOT, SAMPLE, Opening, open_in_a_new_python

SCENES = {"empty": None, "with the sample CT": SAMPLE}
PYTHON = "Python's own"
PACKAGES = {"Slicer's and VTK's": {"slicer", "vtk", "vtkmodules"},
            "of this extension": {*MODULES, *(f"{module}Lib" for module in MODULES)}}
ORIGINS = (PYTHON, *PACKAGES)
INSTALLED = ("slicer-core", "numpy", "PySide6-Essentials")
PAGE = """# Opening the modules, and the checks of the Extensions Index

Made by `{command}`; nothing is typed in by hand.

## Opening

Seconds until a panel can be used for the first time in a session, in a new Python each: importing the module file,
which Slicer does at its start, and making, filling and entering the panel, which it does at the first visit. Median of
{runs} runs (smallest to largest). *Processor* is what the opening itself needs; *elapsed* also holds the wait for other
programs on the same computer.

| module | scene | module file, processor | module file, elapsed | panel, processor | panel, elapsed |
|---|---|---|---|---|---|
{times}

Measured on {cores} CPU cores with {versions},
on Qt without a screen and with the stand-ins of Testing/Python for Slicer's own widgets: in Slicer itself it will
differ. What Slicer has loaded anyway was there before the clock started: numpy, VTK, MRML, Qt.

## What is loaded

How many Python modules were not there before, over all runs with either scene; other packages by name.

| module | when | {origins} | other packages |
|---|---|---|---|---|---|
{loaded}

The network, other programs and Qt's processes were refused meanwhile; tried: {tried}.

## Checks of the Extensions Index

What `{check_command}` printed{index}:

```
{checks}
```
"""


def spread(values: list[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def time_rows(openings: dict[tuple[str, str], list[Opening]]) -> str:
    """A row for each module and scene."""
    rows = []
    for (module, scene), found in openings.items():
        cells = [spread([getattr(one, part)[clock] for one in found])
                 for part in ("file_seconds", "panel_seconds") for clock in (1, 0)]
        rows.append("| " + " | ".join([module, scene, *cells]) + " |")
    return "\n".join(rows)


def loaded_rows(openings: dict[tuple[str, str], list[Opening]]) -> str:
    """Two rows for each module: what its file loads, and what its panel adds."""
    rows = []
    for module in MODULES:
        found = [one for (name, _), runs in openings.items() if name == module for one in runs]
        for when, part in (("module file", "at_file"), ("panel", "at_panel")):
            names = {name for one in found for name in getattr(one, part)}
            counts = [sum(origin(name) == known for name in names) for known in ORIGINS]
            others = {name.split(".")[0] for name in names if origin(name) not in ORIGINS}
            cells = [module, when, *map(str, counts), ", ".join(sorted(others)) or "none"]
            rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def origin(name: str) -> str:
    """Which of the ORIGINS a Python module is of, or "" for none of them."""
    package = name.split(".")[0]
    if package in sys.stdlib_module_names:
        return PYTHON
    return next((known for known, packages in PACKAGES.items() if package in packages), "")


def index_checks(index: Path | None) -> tuple[str, bool]:
    """Return what Packaging/index_checks.py printed, and whether nothing failed."""
    program = [sys.executable, str(ROOT / "Packaging" / "index_checks.py")]
    options = [] if index is None else ["--index", str(index)]
    run = subprocess.run([*program, *options], capture_output=True, text=True)
    if not run.stdout:
        raise RuntimeError(f"The checks of the Index could not be run: {run.stderr}")
    return run.stdout.rstrip(), run.returncode == 0


def state_of(index: Path) -> str:
    """Commit and day of the clone ``index``."""
    return subprocess.run(["git", "-C", str(index), "log", "-1", "--format=%h of %cs"], capture_output=True, text=True,
                          check=True).stdout.strip()


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--index", type=Path, help="clone of the Extensions Index: run its own checks as well")
    parser.add_argument("--runs", type=int, default=5, help="openings of each module with each scene (default: 5)")
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().with_name("opening"))
    given = parser.parse_args(arguments)
    openings: dict[tuple[str, str], list[Opening]] = {}
    for module in MODULES:
        for scene, volume in SCENES.items():
            for _ in range(given.runs):
                with tempfile.TemporaryDirectory() as folder:
                    openings.setdefault((module, scene), []).append(open_in_a_new_python(module, Path(folder), volume))
    checks, passed = index_checks(given.index)
    with_index = "" if given.index is None else " --index CHECKOUT"
    versions = [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in INSTALLED)]
    tried = {what for runs in openings.values() for one in runs for what in one.refused}
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "README.md").write_text(PAGE.format(
        command=f"python Testing/Benchmarks/opening_report.py{with_index}", runs=given.runs, times=time_rows(openings),
        cores=os.cpu_count(), versions=", ".join(versions), origins=" | ".join(ORIGINS), loaded=loaded_rows(openings),
        tried=", ".join(sorted(tried)) or "nothing", checks=checks,
        check_command=f"python Packaging/index_checks.py{with_index}",
        index="" if given.index is None else f", with the Index at {state_of(given.index)}"), encoding="utf-8")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
