import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from commandfixtures import (  # noqa: F401  (two are fixtures)
    fails, files, half_written_before, ldct, user_models, write_int16,
)
from ctfactory import body, coloured_noise, write_series
from networkfactory import add_user_model, phantom

import LDCTDenoiseLib
from LDCTDenoiseLib import cli, engine, imagefile
from LDCTDenoiseLib.ctvolume import CTVolume
from LDCTDenoiseLib.kernels import Kernel
from LDCTDenoiseLib.volumeio import read_volume, write_volume

SOURCE_TREE = Path(LDCTDenoiseLib.__path__[0]).parent


@pytest.fixture(autouse=True)
def models(user_models):
    """One small user model called tiny, and no others."""
    add_user_model(user_models)
    return user_models


@pytest.fixture
def ct(tmp_path):
    """A small CT as a NIfTI file."""
    affine = np.diag([0.8, 0.7, 2.5, 1.0])
    affine[:3, 3] = 10, -20, 30
    return write_int16(tmp_path / "ct.nii.gz", phantom((3, 64, 72)), affine)


@pytest.mark.parametrize("name", ["out.nii.gz", "out.nii", "out.nrrd", "out.mha"])
def test_a_file_is_denoised_into_a_file_of_any_format(ldct, ct, tmp_path, name):
    status, out, err = ldct("denoise", ct, tmp_path / name, "--model", "tiny", "--device", "cpu")
    assert (status, err) == (0, "")
    assert name in out and "tiny 1.0" in out and "HU" in out
    source, result = read_volume(ct), read_volume(tmp_path / name)
    assert result.array.dtype == source.array.dtype
    np.testing.assert_allclose(result.affine, source.affine, atol=1e-4)
    assert np.mean(result.array != source.array) > 0.5
    provenance = json.loads((tmp_path / f"{name}.json").read_text())
    assert provenance["model"] == "tiny" and provenance["source"] == "ct.nii.gz"


def test_json_is_one_object_with_result_provenance_noise_and_time(ldct, ct, tmp_path):
    entry = json.loads((tmp_path / "models" / "models.json").read_text())["models"][0]
    status, out, err = ldct("denoise", ct, tmp_path / "o.nrrd", "--model", "tiny", "--strength", "0.5",
                            "--device", "cpu", "--precision", "bf16", "--json")
    assert (status, err) == (0, "")
    report = json.loads(out)
    assert report["output"] == str(tmp_path / "o.nrrd")
    assert report["provenance"] == {
        "model": "tiny", "version": "1.0", "weights_sha256": entry["sha256"], "strength": 0.5,
        "effective_strength": 0.5, "device": "cpu", "precision": "bf16", "source": "ct.nii.gz",
        "software_version": LDCTDenoiseLib.__version__}
    assert report["noise_before_hu"] > 5 and report["noise_after_hu"] > 0 and report["seconds"] > 0
    assert report["messages"] == report["warnings"] == []


def test_strength_zero_gives_the_input_back(ldct, ct, tmp_path):
    assert ldct("denoise", ct, tmp_path / "o.nrrd", "--model", "tiny", "--strength", "0")[0] == 0
    np.testing.assert_array_equal(read_volume(tmp_path / "o.nrrd").array, read_volume(ct).array)


def test_a_dicom_folder_is_denoised_into_a_derived_series(ldct, tmp_path):
    write_series(tmp_path / "in", body((3, 40, 48)))
    status, out, err = ldct("denoise", tmp_path / "in", tmp_path / "out", "--model", "tiny", "--json")
    assert status == 0, err
    source, result = read_volume(tmp_path / "in"), read_volume(tmp_path / "out")
    assert result.array.shape == source.array.shape
    assert (result.array != source.array).any()
    assert "Doe" not in out + err and "12345" not in out + err


@pytest.mark.parametrize("kind", ["file", "DICOM"])
def test_denoising_what_was_denoised_already_goes_on_with_one_warning(ldct, ct, tmp_path, kind):
    write_series(tmp_path / "in", body((3, 40, 48)))
    source, once, twice = (ct, "o.nrrd", "p.nrrd") if kind == "file" else (tmp_path / "in", "o", "p")
    assert ldct("denoise", source, tmp_path / once, "--model", "tiny")[::2] == (0, "")
    status, out, err = ldct("denoise", tmp_path / once, tmp_path / twice, "--model", "tiny", "--json")
    assert status == 0 and (tmp_path / twice).exists()
    assert err == f"warning: {json.loads(out)['warnings'][0]}\n"
    assert err.startswith("warning: The input was denoised already, by tiny 1.0.")


def test_simulating_from_what_was_denoised_already_goes_on_with_a_warning(ldct, ct, tmp_path):
    said = {"model": "tiny", "version": "1.0", "software_version": "1"}
    write_volume(read_volume(ct), tmp_path / "once.nrrd", provenance=said)
    status, out, err = ldct("simulate", tmp_path / "once.nrrd", tmp_path / "low.nrrd", "--noise-index", 20, "--dose",
                            0.5, "--kernel", "sharp", "--json")
    assert status == 0 and err == "".join(f"warning: {one}\n" for one in json.loads(out)["warnings"])
    assert err.startswith("warning: The input was denoised already, by tiny 1.0.")


def test_no_denoising_is_seen_in_an_unchanged_volume_or_in_the_side_car_of_another_program(ldct, ct, tmp_path):
    assert ldct("denoise", ct, tmp_path / "o.nrrd", "--model", "tiny", "--strength", "0")[::2] == (0, "")
    assert ldct("denoise", tmp_path / "o.nrrd", tmp_path / "p.nrrd", "--model", "tiny")[::2] == (0, "")
    for text in ('{"model": "LightSpeed"}', "[1]", "not JSON", '{"software_version": "1", "operation": "simulated"}'):
        (tmp_path / "ct.nii.gz.json").write_text(text)
        assert ldct("denoise", ct, tmp_path / "p.nrrd", "--model", "tiny")[::2] == (0, "")


def test_the_help_says_what_becomes_of_a_file_that_is_there_and_that_is_so(ldct, ct, tmp_path, capsys):
    with pytest.raises(SystemExit):
        cli.main(["denoise", "--help"])
    assert "A file that is there is replaced" in " ".join(capsys.readouterr().out.split())
    (tmp_path / "o.nrrd").write_bytes(b"earlier result")
    assert ldct("denoise", ct, tmp_path / "o.nrrd", "--model", "tiny")[0] == 0
    assert read_volume(tmp_path / "o.nrrd").array.shape == read_volume(ct).array.shape


def test_a_series_of_a_folder_can_be_chosen(ldct, tmp_path):
    small = write_series(tmp_path / "in" / "a", body((3, 24, 32)))
    write_series(tmp_path / "in" / "b", body((5, 24, 32)))
    import pydicom

    uid = pydicom.dcmread(small[0]).SeriesInstanceUID
    status, out, err = ldct("denoise", tmp_path / "in", tmp_path / "o.nrrd", "--model", "tiny", "--series", uid)
    assert status == 0, err
    assert len(read_volume(tmp_path / "o.nrrd").array) == 3
    status, out, err = ldct("denoise", tmp_path / "in", tmp_path / "o.nrrd", "--model", "tiny", "--json")
    assert json.loads(out)["warnings"] and "warning:" in err


@pytest.mark.parametrize("arguments,message", [
    ([], "required: COMMAND"),
    (["blur"], "invalid choice: 'blur'"),
    (["denoise"], "required: INPUT, OUTPUT"),
    (["denoise", "{ct}", "{tmp}/o.nrrd", "--strong"], "unrecognized arguments: --strong"),
    (["denoise", "{ct}", "{tmp}/o.nrrd", "--strength", "much"], "invalid float value"),
    (["denoise", "{ct}", "{tmp}/o.nrrd", "--strength", "1.5", "--model", "tiny"], "between 0 and 1"),
    (["denoise", "{ct}", "{tmp}/o.nrrd", "--strength", "nan", "--model", "tiny"], "between 0 and 1"),
    (["denoise", "{ct}", "{tmp}/o.nrrd", "--precision", "fp8"], "invalid choice: 'fp8'"),
    (["denoise", "{ct}", "{tmp}/o.nrrd", "--model", "hrnet"], "no model called 'hrnet'; choose one of tiny"),
    (["denoise", "{ct}", "{tmp}/o.nrrd", "--model", "tiny", "--device", "tpu"], "Unknown device 'tpu'"),
    (["denoise", "{tmp}/no.nii", "{tmp}/o.nrrd", "--model", "tiny"], "does not exist"),
    (["denoise", "{ct}", "{tmp}/o.png", "--model", "tiny"], "does not end with a known format"),
    (["denoise", "{ct}", "{tmp}/no/o.nrrd", "--model", "tiny"], "Create it first"),
    (["denoise", "{ct}", "{ct}", "--model", "tiny"], "is the input"),
    (["denoise", "{ct}", "{tmp}/series", "--model", "tiny"], "read from DICOM"),
    (["denoise", "{ct}", "{tmp}/o.nrrd", "--model", "tiny", "--series", "1.2.3"],
     "is not a DICOM folder, so no series"),
    (["simulate", "{ct}", "{tmp}/o.nrrd", "--dose", "0.5"], "required: --noise-index"),
    (["simulate", "{ct}", "{tmp}/o.nrrd", "--noise-index", "15", "--dose", "2"], "fraction of the full dose"),
    (["simulate", "{ct}", "{tmp}/o.nrrd", "--noise-index", "-3", "--dose", "0.5"], "noise index"),
])
def test_bad_arguments_and_input_end_with_status_2_and_one_line(ldct, ct, tmp_path, arguments, message):
    before = files(tmp_path)
    fails(ldct(*(a.format(ct=ct, tmp=tmp_path) for a in arguments)), 2, message)
    assert files(tmp_path) == before


def test_an_output_that_cannot_be_written_is_refused_before_the_work(ldct, ct, tmp_path, monkeypatch):
    monkeypatch.setattr(engine.InProcessEngine, "denoise", lambda *_, **__: pytest.fail("worked in vain"))
    fails(ldct("denoise", ct, tmp_path / "o.png", "--model", "tiny"), 2, "known format")


def test_a_damaged_model_is_refused(ldct, ct, tmp_path, models):
    (models / "tiny.pt").write_bytes(b"x")
    fails(ldct("denoise", ct, tmp_path / "o.nrrd", "--model", "tiny"), 2, "SHA-256 differs")
    fails(ldct("models", "--check"), 2, "SHA-256 differs")
    assert ldct("models")[0] == 0


@pytest.mark.parametrize("error,message", [
    (OSError(28, "No space left on device"), "No space left on device"),
    (RuntimeError("the GPU fell off\nmany more lines"), "the GPU fell off"),
    (KeyError("weight"), "KeyError: 'weight'"),
    (MemoryError(), "MemoryError"),
    (KeyboardInterrupt(), "ldct denoise: stopped; nothing was written"),
])
@pytest.mark.parametrize("earlier", [None, b"earlier result"])
def test_a_run_that_fails_or_is_stopped_ends_with_status_1_and_leaves_no_half_output(
        ldct, ct, tmp_path, monkeypatch, error, message, earlier):
    if earlier:
        (tmp_path / "o.nrrd").write_bytes(earlier)
    before = files(tmp_path)
    monkeypatch.setattr(imagefile, "write_image", half_written_before(error))
    fails(ldct("denoise", ct, tmp_path / "o.nrrd", "--model", "tiny"), 1, message)
    assert files(tmp_path) == before
    if earlier:
        assert (tmp_path / "o.nrrd").read_bytes() == earlier


def test_ctrl_c_during_the_run_stops_it(ldct, ct, tmp_path, monkeypatch):
    def interrupted(self, request, progress=None, cancelled=None):
        progress(1, 3, 2.0)
        raise KeyboardInterrupt

    monkeypatch.setattr(engine.InProcessEngine, "denoise", interrupted)
    fails(ldct("denoise", ct, tmp_path / "o.nrrd", "--model", "tiny", "--json"), 1, "stopped")
    assert files(tmp_path) == ["ct.nii.gz"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes without asking")
def test_a_request_to_end_leaves_nothing_half_written(ct, tmp_path):
    # The process sends the request to itself in the middle of writing.
    code = ("import os, signal, sys; from LDCTDenoiseLib import cli, safewrite, volumeio\n"
            "whole = volumeio.write_volume\n"
            "def write(volume, path, **more):\n"
            "    with safewrite.complete_or_absent(path) as part:\n"
            "        part.write_bytes(b'half'); os.kill(os.getpid(), signal.SIGTERM); part.write_bytes(b'whole')\n"
            "from LDCTDenoiseLib.commands import denoise; denoise.write_volume = write\n"
            "sys.exit(cli.main())\n")
    command = [sys.executable, "-c", code, "denoise", str(ct), str(tmp_path / "o.nrrd"), "--model", "tiny"]
    result = subprocess.run(command, cwd=SOURCE_TREE, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (1, "")
    assert "stopped; nothing was written" in result.stderr
    assert files(tmp_path) == ["ct.nii.gz"]


def test_the_traceback_is_there_for_those_who_ask(ldct, ct, tmp_path, monkeypatch):
    monkeypatch.setenv("LDCT_DEBUG", "1")
    status, out, err = ldct("denoise", ct, tmp_path / "o.png", "--model", "tiny")
    assert status == 2
    assert "Traceback" in err and err.splitlines()[-1].startswith("ldct denoise: ")


def test_without_torch_the_command_says_what_to_install(ldct, ct, tmp_path, monkeypatch):
    def without(*_, **__):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(engine.InProcessEngine, "denoise", without)
    fails(ldct("denoise", ct, tmp_path / "o.nrrd", "--model", "tiny"), 1, "pip install torch")


def test_simulate_stores_noise_index_dose_and_added_noise_with_the_result(ldct, tmp_path):
    arguments = ("--noise-index", "15", "--dose", "0.25", "--kernel", "sharp", "--seed", "7", "--device", "cpu")
    write_volume(CTVolume(phantom((1, 48, 48)), np.eye(4)), tmp_path / "one.nrrd")
    status, out, err = ldct("simulate", tmp_path / "one.nrrd", tmp_path / "low.nrrd", *arguments, "--json")
    assert (status, err) == (0, "")
    provenance = json.loads((tmp_path / "low.nrrd.json").read_text())
    assert provenance == json.loads(out)["provenance"]
    assert (provenance["noise_index_hu"], provenance["dose"], provenance["seed"]) == (15, 0.25, 7)
    assert provenance["added_sd_hu"] == pytest.approx(15 * 3 ** 0.5)
    source, low = read_volume(tmp_path / "one.nrrd"), read_volume(tmp_path / "low.nrrd")
    assert low.array.dtype == source.array.dtype
    assert (low.array - source.array)[:, 12:36, 12:36].std() == pytest.approx(15 * 3 ** 0.5, rel=0.3)
    ldct("simulate", tmp_path / "one.nrrd", tmp_path / "again.nrrd", *arguments)
    np.testing.assert_array_equal(read_volume(tmp_path / "again.nrrd").array, low.array)


def test_the_noise_of_a_simulation_takes_the_kernel_that_is_named(ldct, tmp_path):
    image = body((1, 96, 96))
    write_volume(CTVolume(image, np.diag([2.0, 2.0, 5.0, 1.0])), tmp_path / "clean.nrrd")
    status, out, _ = ldct("simulate", tmp_path / "clean.nrrd", tmp_path / "o.nrrd", "--noise-index", 20, "--dose", 0.5,
                          "--kernel", 0.2, "--json")
    assert status == 0
    assert json.loads(out)["provenance"]["kernel"] == {"f50": 0.2, "power": 4.0}


def test_an_image_without_a_readable_kernel_is_told_the_option_that_names_one(ldct, tmp_path):
    smooth = np.where(body((1, 96, 96)) > -500, 40, -1000).astype(np.int16)
    write_volume(CTVolume(smooth, np.eye(4)), tmp_path / "i.nrrd")
    fails(ldct("simulate", tmp_path / "i.nrrd", tmp_path / "o.nrrd", "--noise-index", 20, "--dose", 0.5), 2,
          "ldct simulate --kernel F50")


@pytest.mark.parametrize("index, doubt", [(4, "too weak"), (12, None), (20, None), (33, None), (80, "too strong")])
def test_a_noise_index_far_from_the_noise_of_the_input_is_doubted(ldct, tmp_path, index, doubt):
    write_volume(CTVolume(phantom((1, 96, 96), noise=20.0), np.diag([0.8, 0.8, 3.0, 1.0])), tmp_path / "ct.nrrd")
    status, out, err = ldct("simulate", tmp_path / "ct.nrrd", tmp_path / "low.nrrd", "--noise-index", index, "--dose",
                            0.5, "--kernel", "sharp", "--device", "cpu", "--json")
    report = json.loads(out)
    assert status == 0 and err == "".join(f"warning: {warning}\n" for warning in report["warnings"])
    assert (f"noise index of {index} HU" in err and doubt in err) if doubt else err == ""


def test_simulate_prints_the_noise_before_and_after(ldct, ct, tmp_path):
    arguments = ("simulate", ct, tmp_path / "low.nrrd", "--noise-index", 20, "--dose", 0.25, "--kernel", "sharp")
    report = json.loads(ldct(*arguments, "--json")[1])
    assert 10 < report["noise_before_hu"] < 1.5 * report["noise_before_hu"] < report["noise_after_hu"]
    said = (f"noise {report['noise_before_hu']:.1f} -> {report['noise_after_hu']:.1f} HU; "
            "dose 0.25, quantum noise of 34.6 HU")
    assert said in ldct(*arguments)[1]
    assert f", {report['provenance']['measured_sd_hu']:.1f} HU of noise measured as added" in ldct(*arguments)[1]


def test_noise_of_the_bare_ramp_on_a_soft_image_is_doubted(ldct, tmp_path):
    image = 40 + coloured_noise(Kernel(0.35, 2.5), (2, 192, 192))
    write_volume(CTVolume(image.astype(np.float32), np.diag([0.8, 0.8, 3.0, 1.0])), tmp_path / "soft.nrrd")
    for kernel, doubted in (("sharp", True), (0.4, False)):
        status, _, err = ldct("simulate", tmp_path / "soft.nrrd", tmp_path / "low.nrrd", "--noise-index", 12, "--dose",
                              0.5, "--kernel", kernel, "--device", "cpu")
        assert status == 0 and ("The input is soft" in err) == doubted


def test_rays_without_photons_are_told(ldct, ct, tmp_path):
    for dose, told in ((0.5, False), (1e-7, True)):
        arguments = ("--noise-index", 20, "--dose", dose, "--kernel", 0.4, "--device", "cpu")
        status, _, err = ldct("simulate", ct, tmp_path / "low.nrrd", *arguments)
        assert status == 0 and ("of the rays are starved of photons" in err) == told


@pytest.mark.parametrize("kernel", ["soft", "0", "nan", "3"])
def test_a_kernel_that_is_none_is_refused(ldct, ct, tmp_path, kernel):
    fails(ldct("simulate", ct, tmp_path / "o.nrrd", "--noise-index", 20, "--dose", 0.5, "--kernel", kernel), 2,
          "neither matched, sharp nor a frequency")


def test_a_simulated_dicom_series_says_in_its_headers_what_was_added(ldct, tmp_path):
    import pydicom

    write_series(tmp_path / "in", np.rint(phantom((1, 48, 48)).clip(-1024)).astype(np.int16), spacing=(5, 0.8, 0.8))
    status, out, err = ldct("simulate", tmp_path / "in", tmp_path / "out", "--noise-index", "15", "--dose", "0.25",
                            "--kernel", "sharp")
    assert status == 0, err
    header = pydicom.dcmread(next((tmp_path / "out").iterdir()))
    assert "noise_index_hu=15.0; dose=0.25; added_sd_hu=25.98" in header.DerivationDescription
    assert "simulated low dose" in header.SeriesDescription


def test_models_are_listed_for_people_and_for_machines(ldct, models):
    add_user_model(models, "another", "unet", limits="none known", title="Another one",
                   trained_for={"noise_added_hu": [4, 150], "slice_thickness_mm": [0.5, 8]})
    status, out, _ = ldct("models")
    assert status == 0
    assert [re.split(" {2,}", line) for line in out.splitlines()] == [
        ["NAME", "VERSION", "TITLE", "NOISE HU", "SLICES MM"],
        ["tiny", "1.0", "Random weights", "unknown", "unknown"],
        ["another", "1.0", "Another one", "4 to 150", "0.5 to 8"]]
    status, out, _ = ldct("models", "--check", "--json")
    listed = json.loads(out)["models"]
    assert [card["name"] for card in listed] == ["tiny", "another"]
    assert listed[1]["limits"] == "none known" and Path(listed[1]["weights"]).is_file()


def test_train_passes_its_arguments_on_and_names_the_weights(ldct, tmp_path, monkeypatch):
    from LDCTDenoiseLib.training import run

    calls = []

    def run_training(*arguments, **options):
        options["progress"](1, 10, 0.5, 9.0)
        calls.append((arguments, {name: options[name] for name in ("resume", "root", "device")}))
        return tmp_path / "runs" / "weights.pt"

    monkeypatch.setattr(run, "run_training", run_training)
    status, out, _ = ldct("train", "c.toml", "--output", tmp_path / "runs", "--resume", "--data", "d", "--json")
    assert status == 0
    assert calls == [((Path("c.toml"), tmp_path / "runs"), {"resume": True, "root": Path("d"), "device": "auto"})]
    assert json.loads(out) == {"output": str(tmp_path / "runs"), "weights": str(tmp_path / "runs" / "weights.pt")}


def test_a_training_that_is_stopped_says_how_to_go_on(ldct, tmp_path, monkeypatch):
    from LDCTDenoiseLib.training import run

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "run_training", stopped)
    fails(ldct("train", "c.toml", "--output", tmp_path / "runs"), 1, "with --resume goes on from the last checkpoint")


def test_a_command_that_returns_a_path_reports_it(ldct, tmp_path, monkeypatch):
    from LDCTDenoiseLib import evaluation

    monkeypatch.setattr(evaluation, "run", lambda args: args.output)
    arguments = ("evaluate", tmp_path / "ct.nrrd", "--output", tmp_path / "report")
    assert ldct(*arguments) == (0, f"{tmp_path / 'report'}\n", "")
    assert json.loads(ldct(*arguments, "--json")[1]) == {"output": str(tmp_path / "report")}


@pytest.mark.parametrize("command", list(cli.COMMANDS))
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main([command, "--help"])
    assert end.value.code == 0
    assert f"usage: ldct {command}" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["models", "--json"], ["--help"], ["--version"]])
def test_a_reader_that_wants_no_more_ends_a_command_quietly(arguments, unbuffered):
    command = [sys.executable, "-m", "LDCTDenoiseLib", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=SOURCE_TREE,
                          env={**os.environ, "PYTHONUNBUFFERED": unbuffered}) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_help_and_version_do_not_import_numpy_heavy_modules():
    code = ("import sys; from LDCTDenoiseLib import cli\n"
            "try: cli.main(['--help'])\nexcept SystemExit: pass\n"
            "print(sorted({'torch', 'scipy', 'SimpleITK', 'pydicom'} & set(sys.modules)))")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=SOURCE_TREE)
    assert run.stdout.splitlines()[-1] == "[]", run.stderr


def test_the_package_runs_as_a_module_and_shows_no_bar_where_there_is_no_terminal(ct, tmp_path):
    command = [sys.executable, "-m", "LDCTDenoiseLib", "denoise", ct, tmp_path / "o.nrrd", "--model", "tiny"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=SOURCE_TREE)
    assert (run.returncode, run.stderr) == (0, "")
    run = subprocess.run([*command, "--strength", "2"], capture_output=True, text=True, cwd=SOURCE_TREE)
    assert run.returncode == 2 and run.stderr.count("\n") == 1
