"""Apply the checks of the 3D Slicer Extensions Index to the catalogue entry and to this checkout, without a network.

    python3 Packaging/index_checks.py [--index CHECKOUT]

Says of every check whether it passed, failed, or needs the public repository. CHECKOUT is a clone of
https://github.com/Slicer/ExtensionsIndex: with it, the Index's own checks run as well. Needs Python's standard library
and git; one of the Index's own checks also needs the package jsonschema. The exit status is 0 when nothing failed.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from urls import CATALOGUE_ENTRY, PLACEHOLDER, ROOT, chosen_repository, written_repository

MEGABYTE = 2**20
SIZE_LIMIT = 100 * MEGABYTE
CATEGORIES = {"Filtering", "Image Synthesis", "Quantification", "Tomographic Reconstruction"}
"""Of the Index's categories, those that an extension like this one can stand under."""
KNOWN_EXTENSIONS = {"PyTorch"}
"""Extensions of the Index that this one may depend on."""
LICENCE_FILES = {"LICENSE", "LICENCE", "License.txt", "license.txt", "LICENSE.txt", "COPYING", "COPYING.txt"}
IMAGE_BEGINNINGS = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff", "gif": b"GIF8"}
SCHEMA_URL = re.compile(r"https://raw\.githubusercontent\.com/Slicer/Slicer/main/Schemas/"
                        r"slicer-extension-catalog-entry-schema-v1\.0\.[012]\.json#?")
ENTRY_TYPES = {"$schema": str, "category": str, "scm_url": str, "scm_revision": str, "scm_type": str,
               "build_dependencies": list, "build_subdirectory": str, "enabled": bool, "tier": int,
               "dicom_support_rule": str}
REQUIRED_ENTRIES = {"$schema", "category", "scm_url"}


@dataclass(frozen=True)
class Finding:
    """``passed`` is None where the check needs the public repository; ``detail`` says what was found."""

    check: str
    passed: bool | None
    detail: str

    def __str__(self) -> str:
        word = {True: "passed", False: "FAILED", None: "not checked"}[self.passed]
        return f"{word:<12} {self.check}: {self.detail}"


@dataclass(frozen=True)
class Submission:
    """What is handed in: the checkout ``root`` with the catalogue entry in it."""

    root: Path = ROOT

    @property
    def name(self) -> str:
        return CATALOGUE_ENTRY.stem

    @property
    def entry(self) -> dict:
        return json.loads(self.entry_bytes)

    @property
    def entry_bytes(self) -> bytes:
        return (self.root / CATALOGUE_ENTRY).read_bytes()

    @property
    def cmake(self) -> str:
        return (self.root / "CMakeLists.txt").read_text(encoding="utf-8")

    @property
    def readme(self) -> str:
        return (self.root / "README.md").read_text(encoding="utf-8")

    def metadata(self, name: str, before_the_end: str = "") -> str:
        """Return EXTENSION_<name> as the Index finds it in the text, "" when it does not: it reads no variables."""
        found = re.search(rf'set\s*\(EXTENSION_{name}\s*"([^"]+)"{before_the_end}\)', self.cmake, re.IGNORECASE)
        return found[1] if found else ""


def findings(submission: Submission) -> Iterator[Finding]:
    """Yield what each check found, in the order of the Index's report."""
    yield size(submission)
    yield schema(submission)
    yield line_ends(submission)
    yield names(submission)
    yield category(submission)
    yield url_syntax(submission)
    yield project(submission)
    yield from images(submission)
    yield licence(submission)
    yield dependencies(submission)
    yield urls(submission)
    yield from needs_the_public_repository(submission)


def size(submission: Submission) -> Finding:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "--quiet", submission.root.as_uri(), folder], check=True, capture_output=True)
        total = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    return Finding("size of a clone", total <= SIZE_LIMIT, f"{total / MEGABYTE:.1f} MB of 100 MB")


def schema(submission: Submission) -> Finding:
    entry = submission.entry
    wrong = [f"{name} is missing" for name in sorted(REQUIRED_ENTRIES - set(entry))]
    wrong += [f"{name} is not in the schema" for name in entry if name not in ENTRY_TYPES]
    wrong += [f"{name} is not of type {kind.__name__}" for name, kind in ENTRY_TYPES.items()
              if name in entry and type(entry[name]) is not kind]
    if not SCHEMA_URL.fullmatch(str(entry.get("$schema"))):
        wrong.append("$schema names no schema of the Index")
    if entry.get("tier", 1) not in range(1, 6):
        wrong.append("the tier is not 1 to 5")
    if entry.get("scm_type", "git") not in ("git", "local"):
        wrong.append("scm_type is neither git nor local")
    if not all(isinstance(name, str) for name in entry.get("build_dependencies", [])):
        wrong.append("build_dependencies holds something that is no name")
    return Finding("catalogue entry", not wrong, "; ".join(wrong) or "fits the schema")


def line_ends(submission: Submission) -> Finding:
    return Finding("line ends", b"\r" not in submission.entry_bytes, "LF only is asked for")


def names(submission: Submission) -> Finding:
    repository = submission.entry["scm_url"].rstrip("/").rsplit("/", 1)[-1].removesuffix(".git")
    passed = not submission.name.lower().startswith("slicer") and repository.startswith("Slicer")
    return Finding("names", passed, f"extension {submission.name} (must not begin with Slicer), repository "
                                    f"{repository} (must begin with it)")


def category(submission: Submission) -> Finding:
    found = submission.entry["category"]
    return Finding("category", found in CATEGORIES, found)


def url_syntax(submission: Submission) -> Finding:
    url = submission.entry["scm_url"]
    return Finding("repository URL", "://" in url and urlsplit(url).scheme in ("git", "https"), url)


def project(submission: Submission) -> Finding:
    # The first match in the text, comments included, as the Index takes it
    found = re.search(r"project\s*\(\s*([^\s)]+)", submission.cmake, re.IGNORECASE)
    name = found[1].strip("\"'") if found else "none"
    return Finding("project name", name == submission.name, f"{name} in CMakeLists.txt")


def images(submission: Submission) -> Iterator[Finding]:
    icon = submission.metadata("ICONURL", before_the_end="[ ]*")
    yield image(submission, "icon", icon)
    screenshots = submission.metadata("SCREENSHOTURLS").split()
    if not screenshots:
        yield Finding("screenshot", False, "none found in CMakeLists.txt")
    for url in screenshots:
        yield image(submission, "screenshot", url)


def image(submission: Submission, check: str, url: str) -> Finding:
    """Check that ``url`` is the raw URL of a tracked PNG, JPEG or GIF of this checkout, on the catalogued branch."""
    revision = submission.entry.get("scm_revision", "main")
    begin = f"https://raw.githubusercontent.com/{written_repository(submission.root)}/{revision}/"
    path = submission.root / url.removeprefix(begin)
    if not url.startswith(begin):
        return Finding(check, False, f"'{url}' does not begin with {begin}")
    if not path.is_file():
        return Finding(check, False, f"{url} names a file that is not in this checkout")
    kinds = [kind for kind, beginning in IMAGE_BEGINNINGS.items() if path.read_bytes().startswith(beginning)]
    kind = kinds[0] if kinds else "neither PNG, JPEG nor GIF"
    return Finding(check, bool(kinds), f"{url.removeprefix(begin)}, {kind}")


def licence(submission: Submission) -> Finding:
    found = sorted(path.name for path in submission.root.iterdir() if path.name in LICENCE_FILES)
    named = "Apache License" in submission.readme
    return Finding("licence", bool(found) and named, f"file {', '.join(found) or 'missing'}, "
                                                     f"{'named' if named else 'not named'} in the README")


def dependencies(submission: Submission) -> Finding:
    built, needed = submission.entry.get("build_dependencies", []), submission.metadata("DEPENDS").split()
    passed = built == needed and set(built) <= KNOWN_EXTENSIONS
    return Finding("dependencies", passed, f"catalogue entry: {' '.join(built)}; CMakeLists.txt: {' '.join(needed)}")


def urls(submission: Submission) -> Finding:
    written, chosen = written_repository(submission.root), chosen_repository(submission.root)
    return Finding("URLs agree", written == chosen, chosen if written == chosen else
                   f"{written} and {chosen}: run Packaging/urls.py")


def needs_the_public_repository(submission: Submission) -> Iterator[Finding]:
    if PLACEHOLDER in chosen_repository(submission.root):
        yield Finding("owner", None, f"still {PLACEHOLDER}: set EXTENSION_HOMEPAGE in CMakeLists.txt, run "
                                     "Packaging/urls.py")
    contributors = submission.metadata("CONTRIBUTORS")
    if "(" not in contributors:
        yield Finding("contributors", None, f"'{contributors}' names nobody: write \"Name (Organization), ...\"")
    yield Finding("repository", None, "can be cloned from scm_url at scm_revision")
    yield Finding("topic", None, "the repository has the topic 3d-slicer-extension")
    yield Finding("images", None, "the URLs of icon and screenshots are answered with an image type")
    yield Finding("schema", None, "the URL of the schema is answered, and the entry fits it")
    yield Finding("dependency", None, "PyTorch has an entry in the branch of the Index that the entry is added to")
    yield Finding("build", None, "the extension is built and packaged on Windows, macOS and Linux")
    yield Finding("answers about the source", None, "what the Index asks a language model about README and code")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--index", type=Path, help="clone of the Extensions Index: run its own checks as well")
    options = parser.parse_args()
    submission = Submission()
    found = list(findings(submission))
    if options.index is not None:
        from index_own_checks import own_findings

        found += own_findings(submission, options.index)
    print("\n".join(map(str, found)))
    return int(any(finding.passed is False for finding in found))


if __name__ == "__main__":
    sys.exit(main())
