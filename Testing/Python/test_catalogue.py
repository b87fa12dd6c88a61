"""The entry for the Extensions Index and this checkout pass what the Index checks, as far as no network is needed."""

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Packaging"))

import index_checks  # noqa: E402
import urls  # noqa: E402

INDEX = os.environ.get("SLICER_EXTENSIONS_INDEX")
ENTRY, CMAKE = "Packaging/LDCTDenoise.json", "CMakeLists.txt"
FILES = [ENTRY, CMAKE, "README.md", "LICENSE.txt"]

needs_git = pytest.mark.skipif(not (ROOT / ".git").exists() or shutil.which("git") is None, reason="no git checkout")


def in_git(folder):
    for command in (["init", "--quiet"], ["add", "."],
                    ["-c", "user.name=test", "-c", "user.email=test", "commit", "--quiet", "--message", "all"]):
        subprocess.run(["git", "-C", str(folder), *command], check=True, capture_output=True)


@pytest.fixture
def small_checkout(tmp_path):
    """The files that the checks look at, and the images that CMakeLists.txt names, in a repository of their own."""
    submission = index_checks.Submission()
    begin = f"https://raw.githubusercontent.com/{urls.written_repository()}/main/"
    images = [url.removeprefix(begin) for name in ("ICONURL", "SCREENSHOTURLS")
              for url in submission.metadata(name).split()]
    for name in [*FILES, *images]:
        target = tmp_path / "checkout" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    in_git(tmp_path / "checkout")
    return tmp_path / "checkout"


def failures(root):
    return {finding.check for finding in index_checks.findings(index_checks.Submission(root))
            if finding.passed is False}


@needs_git
def test_no_check_of_the_index_fails_and_what_needs_the_public_repository_is_named():
    found = list(index_checks.findings(index_checks.Submission()))
    print("\n".join(map(str, found)))
    assert [str(finding) for finding in found if finding.passed is False] == []
    open_checks = {finding.check for finding in found if finding.passed is None}
    assert {"repository", "topic", "images", "schema", "build"} <= open_checks


def test_the_icon_has_the_size_that_the_catalogue_asks_for():
    url = index_checks.Submission().metadata("ICONURL")
    header = (ROOT / url.split("/main/")[1]).read_bytes()[16:24]
    assert struct.unpack(">II", header) == (128, 128)


@needs_git
@pytest.mark.parametrize("name, old, new, check", [
    (ENTRY, '"tier": 3', '"tier": 6', "catalogue entry"),
    (ENTRY, '"tier": 3', '"tier": "3"', "catalogue entry"),
    (ENTRY, '"build_subdirectory"', '"subdirectory"', "catalogue entry"),
    (ENTRY, "\n", "\r\n", "line ends"),
    (ENTRY, "SlicerLDCTDenoise.git", "LDCTDenoise.git", "names"),
    (ENTRY, '"Filtering"', '"Denoising"', "category"),
    (ENTRY, "https://github.com", "ssh://github.com", "repository URL"),
    (ENTRY, '["PyTorch"]', "[]", "dependencies"),
    (CMAKE, '"PyTorch"', '"NA"', "dependencies"),
    (CMAKE, "cmake_minimum", "# project(Another)\ncmake_minimum", "project name"),
    (CMAKE, "set(EXTENSION_ICONURL", "set( EXTENSION_ICONURL", "icon"),
    (CMAKE, "EXTENSION_ICONURL \"https://raw.githubusercontent.com/", "EXTENSION_ICONURL \"${BASE}/", "icon"),
    (CMAKE, "Resources/Icons/LDCTDenoiseExtension.png", "LDCTDenoise/Resources/Icons/LDCTDenoise.svg", "icon"),
    (CMAKE, '.png")\nset(EXTENSION_DEPENDS', '.png" )\nset(EXTENSION_DEPENDS', "screenshot"),
    (CMAKE, "Resources/Screenshots/", "Resources/Missing/", "screenshot"),
    ("README.md", "Apache License", "some licence", "licence"),
    (CMAKE, "HOMEPAGE \"https://github.com/" + urls.written_repository(), "HOMEPAGE \"https://github.com/a/b",
     "URLs agree"),
])
def test_what_the_index_would_refuse_is_found(small_checkout, name, old, new, check):
    path = small_checkout / name
    text = path.read_bytes().decode()
    assert old in text
    path.write_bytes(text.replace(old, new).encode())
    assert check in failures(small_checkout)


@needs_git
def test_a_licence_under_another_name_and_a_large_history_are_refused(small_checkout, monkeypatch):
    (small_checkout / "LICENSE.txt").rename(small_checkout / "LICENSE.md")
    assert failures(small_checkout) == {"licence"}
    monkeypatch.setattr(index_checks, "SIZE_LIMIT", 1000)
    assert "size of a clone" in failures(small_checkout)


@needs_git
def test_a_new_owner_in_one_place_reaches_every_url(small_checkout):
    old = urls.written_repository(small_checkout)
    (small_checkout / "notes.md").write_text(f"<https://github.com/{old}/issues> https://github.com/{old}Other\n")
    in_git(small_checkout)
    cmake = small_checkout / CMAKE
    cmake.write_text(cmake.read_text().replace(f'HOMEPAGE "https://github.com/{old}"',
                                               'HOMEPAGE "https://github.com/someone/SlicerNew"'))
    assert {ENTRY, CMAKE, "notes.md"} <= set(urls.bring_into_line(small_checkout))
    assert failures(small_checkout) == set()
    assert cmake.read_text().count("someone/SlicerNew/main/Resources") >= 2
    assert (small_checkout / "notes.md").read_text() == (
        f"<https://github.com/someone/SlicerNew/issues> https://github.com/{old}Other\n")
    assert urls.bring_into_line(small_checkout) == []


def test_a_homepage_of_another_form_is_refused(tmp_path):
    (tmp_path / CMAKE).write_text('set(EXTENSION_HOMEPAGE "NA")\n')
    with pytest.raises(ValueError, match="OWNER/REPOSITORY"):
        urls.chosen_repository(tmp_path)


@needs_git
@pytest.mark.skipif(not INDEX, reason="SLICER_EXTENSIONS_INDEX names no clone of the Extensions Index")
def test_the_own_check_functions_of_the_index_pass_and_can_fail(small_checkout):
    from index_own_checks import own_findings

    found = list(own_findings(index_checks.Submission(), Path(INDEX)))
    assert len(found) >= 10
    assert [str(finding) for finding in found if finding.passed is False] == []
    entry = small_checkout / ENTRY
    entry.write_text(entry.read_text().replace("Filtering", "Denoising").replace("PyTorch", "NoExtension"))
    (small_checkout / "LICENSE.txt").unlink()
    shutil.rmtree(small_checkout / "Resources" / "Screenshots")
    failed = {finding.check.split()[-1] for finding in own_findings(index_checks.Submission(small_checkout),
                                                                    Path(INDEX)) if finding.passed is False}
    assert failed == {"check_category", "check_dependencies", "check_license_file", "check_cmakelists_content"}
