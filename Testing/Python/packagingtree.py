"""The extension configured and installed by CMake against the stand-in for Slicer in Testing/CMake."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES_FOLDER = "lib/Slicer-5.13/qt-scripted-modules"
"""Where the stand-in installs every module's files."""


def git_files(root: Path = ROOT) -> list[str]:
    """Return the tracked files that exist, relative to ``root``."""
    names = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True, text=True,
                           check=True).stdout
    return [name for name in names.split("\0") if name and (root / name).is_file()]


def module_names(root: Path = ROOT) -> list[str]:
    """Return the folders that the top CMakeLists.txt adds: one per module."""
    return re.findall(r"^add_subdirectory\((\w+)\)", (root / "CMakeLists.txt").read_text(), re.MULTILINE)


def listed_files(module: str, kind: str, root: Path = ROOT) -> list[str]:
    """Return the files in MODULE_PYTHON_<kind> of ``module``'s CMakeLists.txt, in their order."""
    text = (root / module / "CMakeLists.txt").read_text()
    block = re.search(rf"set\(MODULE_PYTHON_{kind}\n(.*?)\)", text, re.DOTALL)
    return block[1].replace("${MODULE_NAME}", module).split() if block else []


def cmake_program() -> str | None:
    """Return the CMake of the locked packages, another one on the path, or None."""
    try:
        import cmake
    except ImportError:
        return shutil.which("cmake")
    return str(Path(cmake.CMAKE_BIN_DIR) / ("cmake.exe" if os.name == "nt" else "cmake"))


def configure(source: Path, build: Path) -> subprocess.CompletedProcess:
    """Run CMake on ``source``; needs neither a compiler nor a build tool, because nothing is built."""
    cmake, standin = cmake_program(), ROOT / "Testing" / "CMake"
    return subprocess.run(
        [cmake, "-G", "Unix Makefiles", f"-DCMAKE_MAKE_PROGRAM={cmake}",
         f"-DCMAKE_TOOLCHAIN_FILE={standin / 'NoCompiler.cmake'}", f"-DSlicer_DIR={standin / 'Slicer'}",
         "-S", str(source), "-B", str(build)], capture_output=True, text=True)


def install(build: Path, prefix: Path) -> subprocess.CompletedProcess:
    """Install what ``configure`` left in ``build``."""
    return subprocess.run([cmake_program(), "--install", str(build), "--prefix", str(prefix)], capture_output=True,
                          text=True)
