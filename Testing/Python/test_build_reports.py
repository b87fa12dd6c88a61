"""One command builds the reports again, each by its own command."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "Benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import build_reports  # noqa: E402


@pytest.fixture
def data(tmp_path):
    (tmp_path / "validation").mkdir()
    for name in build_reports.PATIENTS:
        (tmp_path / "validation" / name).write_bytes(b"")
    return tmp_path


@pytest.fixture
def calls(monkeypatch, tmp_path):
    """Commands that would run; those named in ``calls.failing`` fail, the others leave a table where they write."""
    class Calls(list):
        failing = ()

    calls = Calls()

    def run(command, **_):
        calls.append(command)
        failed = any(word in part for word in calls.failing for part in command)
        if "--output" in command:
            output = Path(command[command.index("--output") + 1])
            output.mkdir(parents=True)
            (output / "table.md").write_text("half" if failed else "new")
        return subprocess.CompletedProcess(command, 3 if failed else 0)

    monkeypatch.setattr(build_reports.subprocess, "run", run)
    monkeypatch.setattr(build_reports, "HERE", tmp_path / "reports")
    for name in build_reports.DOSES:
        (tmp_path / "reports" / name).mkdir(parents=True)
        (tmp_path / "reports" / name / "table.md").write_text("old")
    return calls


def named(command):
    return next(part for part in command if part == "evaluate" or part.endswith("_report.py"))


def test_every_report_is_built_in_turn_by_its_own_command(data, calls, tmp_path):
    assert build_reports.main(["--data", str(data)]) == 0
    assert [Path(named(command)).name for command in calls] == [
        "evaluate", "evaluate", *(f"{name}_report.py" for name in build_reports.SCRIPTS)]
    assert all((tmp_path / "reports" / name / "table.md").read_text() == "new" for name in build_reports.DOSES)


def test_the_commands_are_those_that_the_page_of_the_reports_names():
    page = (BENCHMARKS / "README.md").read_text()
    for name, options in build_reports.SCRIPTS.items():
        assert (BENCHMARKS / f"{name}_report.py").is_file()
        words = [f"Testing/Benchmarks/{name}_report.py", *(() if options is None else ("--data DATA", *options)),
                 *(["--extra-weights ..."] if name in build_reports.FURTHER else [])]
        assert " ".join(words) + "`" in page
    for name, doses in build_reports.DOSES.items():
        assert re.search(rf"--doses {' '.join(map(re.escape, doses))} .*Testing/Benchmarks/{name}`", page)


def test_networks_that_are_not_shipped_take_part_where_they_can(data, calls):
    build_reports.main(["--data", str(data), "--only", "networks", "did", "--extra-weights", "redcnn=a/best.pt"])
    networks, did = calls
    assert networks[-2:] == ["--extra-weights", "redcnn=a/best.pt"]
    assert "--extra-weights" not in did


@pytest.mark.parametrize(("failing", "left"), [("evaluate", "old"), ("networks", "new")])
def test_a_report_that_fails_ends_the_run_and_leaves_the_one_before(data, calls, tmp_path, failing, left):
    calls.failing = (failing,)
    assert build_reports.main(["--data", str(data), "--only", "validation", "networks", "task"]) == 3
    assert failing in named(calls[-1])
    assert (tmp_path / "reports" / "validation" / "table.md").read_text() == left


def test_a_folder_without_the_patients_is_refused(tmp_path, calls, capsys):
    with pytest.raises(SystemExit):
        build_reports.main(["--data", str(tmp_path)])
    assert "validation/crlm_1006" in capsys.readouterr().err
    assert not calls
