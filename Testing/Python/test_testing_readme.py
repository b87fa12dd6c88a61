"""Testing/README.md names tests that exist; the report on opening says what was found and what the Index checks say."""

import ast
import re
import shutil
import sys

import pytest
from panelfixtures import ROOT

sys.path[:0] = [str(ROOT / "Testing" / "Benchmarks"), str(ROOT / "Packaging")]

import index_checks  # noqa: E402
import opening_report  # noqa: E402
from openingprobe import MODULES, Opening  # noqa: E402

HERE = ROOT / "Testing" / "Python"
PAGE = ROOT / "Testing" / "README.md"
REPORT = ROOT / "Testing" / "Benchmarks" / "opening" / "README.md"
NAMED = sorted(set(re.findall(r"\b(\w+\.py)::(\w+)", PAGE.read_text(encoding="utf-8"))))


def names_in(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_test_that_the_page_names_exists():
    files = {file for file, _ in NAMED}
    assert [file for file in sorted(files) if not (HERE / file).is_file()] == []
    tests = {file: names_in(HERE / file) for file in files}
    assert [f"{file}::{name}" for file, name in NAMED if name not in tests[file]] == []


def test_every_row_of_the_tables_names_a_test():
    tables = PAGE.read_text(encoding="utf-8").split("\n## ")[1]
    rows = [line for line in tables.splitlines() if line.startswith("| ") and line != "| state or fault | test |"]
    assert len(rows) >= 80
    assert [row for row in rows if not re.fullmatch(r"\| [^|`]+ \| (`\w+\.py::\w+`(, )?)+ \|", row)] == []


def test_every_file_that_the_page_links_to_is_there():
    links = re.findall(r"\]\(([^)#]+)", PAGE.read_text(encoding="utf-8"))
    assert len(links) >= 3
    assert [link for link in links if not (PAGE.parent / link).exists()] == []


@pytest.mark.skipif(not (ROOT / ".git").exists() or shutil.which("git") is None, reason="no git checkout")
def test_the_report_prints_what_the_check_for_the_index_says_today():
    today = [str(finding) for finding in index_checks.findings(index_checks.Submission()) if finding.passed is not None]
    printed = REPORT.read_text(encoding="utf-8").splitlines()
    changes_with_every_commit = "size of a clone"
    missing = [line for line in today if changes_with_every_commit not in line and line not in printed]
    assert missing == [], "run Testing/Benchmarks/opening_report.py again"
    assert any(line.startswith(f"passed       {changes_with_every_commit}") for line in printed)


def opening(seconds, panel=()):
    at_file = ("json", "slicer.i18n", "LDCTDenoise")
    return Opening((seconds, seconds / 2), (2 * seconds, seconds), (), at_file, panel, (), "CT", 3)


def test_the_report_gives_the_median_and_counts_what_was_loaded():
    found = [opening(0.4), opening(0.2), opening(0.6, panel=("LDCTDenoiseLib.scene", "torch.nn"))]
    openings = {(module, "empty"): found for module in MODULES}
    assert opening_report.time_rows(openings).splitlines()[0].split(" | ")[2:5] == [
        "0.20 (0.10 to 0.30)", "0.40 (0.20 to 0.60)", "0.40 (0.20 to 0.60)"]
    assert opening_report.loaded_rows(openings).splitlines()[:2] == [
        "| LDCTDenoise | module file | 1 | 1 | 1 | none |", "| LDCTDenoise | panel | 0 | 0 | 1 | torch |"]
