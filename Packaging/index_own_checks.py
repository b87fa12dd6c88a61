"""Run the Extensions Index's own check functions, from a clone of it, on this checkout and without a network.

What they would download is answered from this checkout (images) and from the clone (schemas).
"""

from __future__ import annotations

import contextlib
import io
import json
import mimetypes
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

from index_checks import Finding, Submission
from urls import CATALOGUE_ENTRY, written_repository

SCRIPT = Path("scripts") / "check_description_files.py"


def own_findings(submission: Submission, index: Path) -> Iterator[Finding]:
    """Yield what the checks of the clone ``index`` find. Raises ValueError when they are not there."""
    checks = _load(index)
    checks.requests = _Answers(submission, index)
    name, entry, path = submission.name, submission.entry, str(submission.root / CATALOGUE_ENTRY)
    with tempfile.TemporaryDirectory() as folder:
        clone, catalogue = Path(folder) / "clone", Path(folder) / "index"
        subprocess.run(["git", "clone", "--quiet", submission.root.as_uri(), str(clone)], check=True)
        catalogue.mkdir()
        for file in [*index.glob("*.json"), Path(path)]:
            shutil.copy(file, catalogue)
        runs = {
            "check_repository_size": (name, entry, str(clone)),
            "check_json_schema": (name, entry),
            "check_json_file_format": (name, entry, path),
            "check_extension_name": (name, entry),
            "check_category": (name, entry),
            "check_git_repository_name": (name, entry),
            "check_scm_url_syntax": (name, entry),
            "check_cmakelists_content": (name, entry, str(submission.root)),
            "check_license_file": (name, entry, str(submission.root)),
            "check_dependencies": (str(catalogue),),
        }
        for function, arguments in runs.items():
            yield _run(checks, function, arguments)


def _load(index: Path) -> ModuleType:
    script = index / SCRIPT
    if not script.is_file():
        raise ValueError(f"There is no {SCRIPT.as_posix()} in {index.name}: give a clone of the Extensions Index.")
    source = script.read_text(encoding="utf-8")
    if sys.version_info < (3, 12):
        # This function, of no use here, is written in the syntax of Python 3.12.
        source = re.sub(r"^def print_categories\(.*?(?=^def )", "", source, flags=re.DOTALL | re.MULTILINE)
    module = ModuleType("check_description_files")
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(source, str(script), "exec"), module.__dict__)
    return module


def _run(checks: ModuleType, function: str, arguments: tuple) -> Finding:
    check = f"the Index's {function}"
    if function == "check_json_schema" and checks.jsonschema is None:
        return Finding(check, None, "the package jsonschema is not installed")
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            getattr(checks, function)(*arguments)
    except (checks.ExtensionCheckError, checks.ExtensionDependencyError) as error:
        return Finding(check, False, " ".join(str(error).split()))
    return Finding(check, True, "no error")


class _Answers:
    """Takes the place of the package requests: answers the URLs of this repository and of Slicer's schemas."""

    class RequestException(Exception):
        """What requests raises when a URL cannot be had."""

    def __init__(self, submission: Submission, index: Path) -> None:
        revision = submission.entry.get("scm_revision", "main")
        self._folders = {
            f"https://raw.githubusercontent.com/{written_repository(submission.root)}/{revision}/": submission.root,
            "https://raw.githubusercontent.com/Slicer/Slicer/main/Schemas/": index / "schemas",
        }

    def get(self, url: str, timeout: float | None = None) -> SimpleNamespace:
        for begin, folder in self._folders.items():
            path = folder / url.removeprefix(begin)
            if url.startswith(begin) and path.is_file():
                break
        else:
            raise self.RequestException("404 Not Found")
        return SimpleNamespace(raise_for_status=lambda: None, json=lambda: json.loads(path.read_bytes()),
                               headers={"Content-Type": mimetypes.guess_type(path.name)[0] or "text/plain"})
