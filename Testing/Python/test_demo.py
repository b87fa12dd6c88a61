"""The demo leaves a scene, a picture and numbers, and its environment is made once."""

import json
import re
import subprocess
import sys

import pytest
from demofixtures import TESTING, demo, environment, sample  # noqa: F401  (the last is a fixture)
from fakedidengine import FakeDIDEngine
from fakeengine import FakeEngine
from slicerscene import mrml  # noqa: F401  (a fixture)


def test_the_demo_leaves_a_scene_a_picture_and_numbers(mrml, sample, tmp_path, capsys):
    import slicer

    output = tmp_path / "demo folder"
    output.mkdir()
    steps = environment.Steps()
    metrics = demo.run_demo(mrml, sample, output, steps, model="hrnet", device="auto", engine=FakeEngine(),
                            candidate_engine=FakeDIDEngine())
    demo.print_table(metrics)
    steps.print()
    assert sorted(path.name for path in output.iterdir()) == [
        "contact_sheet.png", "metrics.json", "report.png", "scene.mrb", "trade_off.png"]

    saved = json.loads((output / "metrics.json").read_text())
    assert saved == metrics
    assert saved["low dose"]["rmse_hu"] == pytest.approx(20, rel=0.02)
    assert saved["low dose"]["noise_hu"] == pytest.approx(20, rel=0.1)
    assert saved["low dose"]["bias_hu"]["soft"] == pytest.approx(0, abs=0.5)
    # the engine of this test takes a tenth of each value away
    assert saved["denoised"]["bias_hu"]["soft"] == pytest.approx(-5, abs=0.5)
    assert saved["provenance"]["LDCTDenoise.WeightsSHA256"] == "ab" * 32
    assert saved["sample"]["dose"] == 0.25
    assert [entry["kind"] for entry in saved["candidates"]["candidates"]].count("default") == 1
    for name in ("report.png", "contact_sheet.png", "trade_off.png"):
        assert (output / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"

    mrml.scene.Clear(False)
    assert mrml.scene.ReadFromMRB(str(output / "scene.mrb"))
    volumes = [slicer.util.getNode(name) for name in
               ("CT quarter dose", "CT quarter dose denoised", "CT full dose", "CT quarter dose removed noise")]
    windows = [(v.GetDisplayNode().GetWindow(), v.GetDisplayNode().GetLevel()) for v in volumes]
    assert windows[:3] == [(400.0, 40.0)] * 3
    assert windows[3][1] == 0.0
    table = capsys.readouterr().out
    assert "RMSE HU" in table and "denoise 3 slices" in table


def test_a_step_is_told_when_it_begins_and_again_with_its_seconds_when_it_ends(capsys):
    steps = environment.Steps()
    with pytest.raises(RuntimeError), steps.step("  denoise"):
        assert capsys.readouterr().out == "  denoise ...\n"
        raise RuntimeError("a step that fails ends too")
    assert re.fullmatch(r"  denoise: \d+\.\d s\n", capsys.readouterr().out)
    steps.print()
    assert re.fullmatch(r"\n  denoise +\d+\.\d s\n", capsys.readouterr().out)


def test_what_a_step_says_is_seen_at_once_also_where_the_output_is_no_terminal():
    code = ("import sys; sys.path.append(sys.argv[1]); import environment\n"
            "with environment.Steps().step('denoise'): input()")
    with subprocess.Popen([sys.executable, "-c", code, str(TESTING)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        assert process.stdout.readline() == "denoise ...\n"
        process.stdin.write("\n")


def test_a_missing_sample_is_named_and_nothing_is_written(tmp_path, capsys):
    assert demo.main(["--sample", str(tmp_path), "--output", str(tmp_path / "demo")]) == 2
    assert demo.LOW_DOSE in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize("version", [(3, 9), (3, 14)])
def test_a_python_that_the_lock_does_not_cover_is_refused_by_name(version):
    with pytest.raises(environment.EnvironmentFailure, match=rf"Python 3\.{version[1]}.*3\.10 to 3\.13"):
        environment.check_python(version)


@pytest.mark.parametrize("version", [(3, 10), (3, 13)])
def test_every_python_that_the_lock_covers_is_accepted(version):
    environment.check_python(version)


def test_a_complete_environment_is_used_without_installing(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "call", lambda *arguments, **options: pytest.fail("installs"))
    lock = tmp_path / "lock.txt"
    lock.write_text("numpy==2.4.6\n")
    python = environment.python_in(tmp_path / "env")
    python.parent.mkdir(parents=True)
    python.touch()
    (tmp_path / "env" / environment.MARK).write_text(environment.lock_hash(lock))
    assert environment.ensure(tmp_path / "env", lock) == python


def test_a_changed_lock_is_installed_and_a_failed_installation_is_not_marked(tmp_path, monkeypatch):
    installed = []
    status = 1
    monkeypatch.setattr(subprocess, "call", lambda arguments: installed.append(arguments) or status)
    lock = tmp_path / "lock.txt"
    lock.write_text("numpy==2.4.6\n")
    python = environment.python_in(tmp_path / "env")
    python.parent.mkdir(parents=True)
    python.touch()
    mark = tmp_path / "env" / environment.MARK
    mark.write_text("another lock")
    with pytest.raises(environment.EnvironmentFailure, match="could not be installed"):
        environment.ensure(tmp_path / "env", lock)
    assert not mark.exists()
    status = 0
    environment.ensure(tmp_path / "env", lock)
    environment.ensure(tmp_path / "env", lock)
    assert len(installed) == 2
    assert installed[0][0] == str(python) and installed[0][-1] == str(lock)
