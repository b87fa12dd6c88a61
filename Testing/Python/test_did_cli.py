"""``ldct candidates`` does without Slicer what the module does in it."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from commandfixtures import (  # noqa: F401  (two are fixtures)
    fails, files, half_written_before, ldct, user_models, write_int16,
)
from conftest import ROOT
from ctfactory import write_series
from didmodelfactory import add_smoothing_model
from networkfactory import volume

from DIDInteractiveLib import candidatefigures, candidatestore, didengine, memoryestimate
from LDCTDenoiseLib import cli
from LDCTDenoiseLib.ctvolume import CTVolume
from LDCTDenoiseLib.volumeio import read_volume, write_volume

AFFINE = np.diag([0.8, 0.8, 3.0, 1.0])
QUICK = ("--model", "tiny", "--method", "blend", "--count", "4", "--device", "cpu")


@pytest.fixture(autouse=True)
def models(user_models, monkeypatch):
    """One small user model called tiny, and no others."""
    monkeypatch.setattr(candidatefigures, "DPI", 60)  # a picture of full size takes seconds
    add_smoothing_model(user_models)


@pytest.fixture
def ct(tmp_path):
    """A small CT as a NIfTI file, and what it would be without noise beside it."""
    write_int16(tmp_path / "clean.nrrd", volume(2, 80, noise=0.0), AFFINE)
    return write_int16(tmp_path / "ct.nii.gz", volume(2, 80), AFFINE)


@pytest.fixture
def asked(monkeypatch):
    """What the engine is asked for; it refuses with the word "enough"."""
    asked = []

    def generate(self, request, progress=None, cancelled=None, on_candidate=None):
        asked.append(request)
        raise RuntimeError("enough")

    monkeypatch.setattr(didengine.InProcessDIDEngine, "generate", generate)
    return asked


def test_every_setting_can_be_chosen(ldct, ct, tmp_path):
    chosen = {"extrapolation": 0.5, "max_steps": 7, "learning_rate": 0.02, "tuning_slices": 1, "reduction": "sum"}
    options = [part for name, value in chosen.items() for part in ("--" + name.replace("_", "-"), value)]
    assert ldct("candidates", ct, tmp_path / "set", *QUICK, *options)[0] == 0
    settings = json.loads((tmp_path / "set" / "candidates.json").read_text())["settings"]
    assert {name: settings[name] for name in chosen} == chosen


def test_candidates_of_a_file_are_made_into_a_folder(ldct, ct, tmp_path):
    status, out, err = ldct("candidates", ct, tmp_path / "set", *QUICK)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert sum("% of the original; " in line and "edges" in line for line in lines) == 4
    assert "4 candidates, tiny 1.0, blend, cpu fp32" in lines[-1]
    names = files(tmp_path / "set")
    assert len(names) == 7 and sum(name.endswith(".nii.gz") for name in names) == 4
    document = json.loads((tmp_path / "set" / "candidates.json").read_text())
    last = read_volume(tmp_path / "set" / document["candidates"][-1]["file"])
    np.testing.assert_array_equal(last.array, read_volume(ct).array)
    assert document["source"] == "ct.nii.gz"


def test_candidates_of_what_was_denoised_already_are_made_with_one_warning(ldct, ct, tmp_path):
    said = {"model": "tiny", "version": "1.0", "software_version": "1"}
    write_volume(read_volume(ct), tmp_path / "once.nrrd", provenance=said)
    status, out, err = ldct("candidates", tmp_path / "once.nrrd", tmp_path / "set", *QUICK, "--json")
    assert status == 0 and err == f"warning: {json.loads(out)['warnings'][0]}\n"
    assert err.startswith("warning: The input was denoised already, by tiny 1.0.")


def test_json_is_one_object_with_everything(ldct, ct, tmp_path):
    status, out, err = ldct("candidates", ct, tmp_path / "set", *QUICK, "--reference", tmp_path / "clean.nrrd",
                            "--json")
    assert (status, err) == (0, "")
    report = json.loads(out)
    assert report["output"] == str(tmp_path / "set") and report["warnings"] == []
    noise = [one["noise_sd_hu"] for one in report["candidates"]]
    assert noise == sorted(noise) and report["candidates"][-1]["noise_share"] == 1.0
    assert all(one["rmse_to_reference_hu"] >= 0 for one in report["candidates"])
    assert {name: report["settings"][name] for name in ("method", "count", "repetitions", "tuned", "per_slice")} == {
        "method": "blend", "count": 4, "repetitions": 3, "tuned": "all", "per_slice": False}


def test_the_arguments_reach_the_settings_of_the_engine(ldct, ct, tmp_path, asked):
    fails(ldct("candidates", ct, tmp_path / "set", "--model", "tiny", "--method", "did-literal", "--count", "11",
               "--repetitions", "5", "--tuned", "gains", "--per-slice", "--slice", "1", "--default-filter", "tv",
               "--device", "cpu", "--precision", "bf16"), 1, "enough")
    [request] = asked
    settings = request.settings
    assert (settings.method, settings.count, settings.repetitions, settings.tuned, settings.per_slice) == (
        "did-literal", 11, 5, "gains", True)
    assert (request.default_filter, request.device, request.precision) == ("tv", "cpu", "bf16")
    np.testing.assert_array_equal(request.array, read_volume(ct).array[1:2])
    assert files(tmp_path) == ["clean.nrrd", "ct.nii.gz"]


def test_tuned_candidates_and_those_of_a_filter_are_made(ldct, ct, tmp_path, monkeypatch):
    from DIDInteractiveLib import conventional

    status, out, err = ldct("candidates", ct, tmp_path / "did", "--model", "tiny", "--count", "3", "--slice", "1",
                            "--json")
    assert (status, err) == (0, "") and json.loads(out)["geometry"]["shape"] == [1, 80, 80]
    monkeypatch.setattr(conventional, "LARGEST_ERROR", 1e9)
    monkeypatch.setattr(conventional, "STEPS", 2)
    status, out, err = ldct("candidates", ct, tmp_path / "filter", *QUICK, "--default-filter", "gaussian", "--json")
    assert (status, err) == (0, "")
    report = json.loads(out)
    assert report["model"] == "fitted-gaussian" and report["fit"]["started_from"] == "tiny 1.0"
    assert report["default_image"] == "gaussian"
    assert any("fitted to the default image" in message for message in report["messages"])


def test_a_dicom_folder_gives_nrrd_files_and_no_patient_data(ldct, tmp_path):
    write_series(tmp_path / "in", np.rint(volume(2, 64)).astype(np.int16), spacing=(3.0, 0.8, 0.8))
    status, out, err = ldct("candidates", tmp_path / "in", tmp_path / "set", *QUICK, "--json")
    assert status == 0, err
    assert all(one["file"].endswith(".nrrd") for one in json.loads(out)["candidates"])
    text = (tmp_path / "set" / "candidates.json").read_text()
    for secret in ("Doe", "12345"):
        assert secret not in out + err + text
    assert json.loads(text)["acquisition"]["kernel"] == "B30f"


def test_candidates_are_not_stored_inside_the_dicom_folder_they_are_made_from(ldct, tmp_path):
    write_series(tmp_path / "in", np.rint(volume(2, 64)).astype(np.int16), spacing=(3.0, 0.8, 0.8))
    before = files(tmp_path / "in")
    fails(ldct("candidates", tmp_path / "in", tmp_path / "in" / "set", *QUICK), 2,
          "set lies inside the input folder in")
    assert files(tmp_path / "in") == before


def mask_file(path, *boxes, shape=(2, 80, 80)):
    """Write a mask that is 1 in the boxes; return its path."""
    array = np.zeros(shape, np.uint8)
    for box in boxes:
        array[box] = 1
    write_volume(CTVolume(array, AFFINE), path)
    return path


def test_contrast_to_noise_of_a_known_disk_is_measured_between_two_regions(ldct, tmp_path):
    j, i = np.ogrid[:80, :80]
    disk = np.broadcast_to((j - 40) ** 2 + (i - 30) ** 2 <= 64, (2, 80, 80))
    clean = np.full((2, 80, 80), 50.0) + 60.0 * disk
    noisy = clean + np.random.default_rng(0).normal(0, 20.0, clean.shape)
    ct = write_int16(tmp_path / "ct.nrrd", noisy, AFFINE)
    around = np.broadcast_to((j - 40) ** 2 + (i - 55) ** 2 <= 64, disk.shape)
    for name, mask in (("disk", disk), ("around", around)):
        write_volume(CTVolume(mask.astype(np.uint8), AFFINE), tmp_path / f"{name}.nrrd")
    status, out, err = ldct("candidates", ct, tmp_path / "set", *QUICK, "--roi", tmp_path / "disk.nrrd",
                            "--background-roi", tmp_path / "around.nrrd", "--json")
    assert (status, err) == (0, "")
    measured = [one["cnr"]["did"] for one in json.loads(out)["candidates"]]
    stored = read_volume(ct).array.astype(float)
    exact = 2 * abs(stored[disk].mean() - stored[around].mean()) / (stored[disk].std() + stored[around].std())
    assert measured[-1] == pytest.approx(exact, rel=1e-3) and exact == pytest.approx(3.0, rel=0.15)
    assert measured[0] > 1.3 * measured[-1]


def test_outside_the_box_around_a_region_all_files_are_the_input_bit_for_bit(ldct, ct, tmp_path):
    mask = mask_file(tmp_path / "region.nrrd", np.s_[0:1, 30:31, 20:61], np.s_[0:1, 30:71, 20:21])
    status, out, err = ldct("candidates", ct, tmp_path / "set", *QUICK, "--region", mask, "--json")
    assert (status, err) == (0, "")
    document = json.loads(out)
    assert document["region"] == {"slice": [0, 0], "row": [30, 70], "column": [20, 60]}
    before, box = read_volume(ct), np.s_[0:1, 30:71, 20:61]
    outside = np.ones(before.array.shape, bool)
    outside[box] = False
    for one in document["candidates"]:
        read = read_volume(tmp_path / "set" / one["file"])
        np.testing.assert_allclose(read.affine, before.affine)
        np.testing.assert_array_equal(read.array[outside], before.array[outside])
        assert (read.array[box] != before.array[box]).mean() > 0.3 or one["kind"] == "input"
    assert document["candidates"][-1]["kind"] == "input"
    np.testing.assert_array_equal(read.array, before.array)


def test_masks_images_and_region_reach_the_engine_for_the_part_to_work_on(ldct, ct, tmp_path, asked):
    region = mask_file(tmp_path / "region.nrrd", np.s_[:, 60:70, 0:10])
    roi = mask_file(tmp_path / "roi.nrrd", np.s_[1:2, 62:66, 2:6])
    fails(ldct("candidates", ct, tmp_path / "set", *QUICK, "--region", region, "--slice", "1", "--roi", roi,
               "--default-image", tmp_path / "clean.nrrd"), 1, "enough")
    [request] = asked
    wide = np.s_[1:2, 28:80, 0:42]
    np.testing.assert_array_equal(request.array, read_volume(ct).array[wide])
    np.testing.assert_array_equal(request.default_image, read_volume(tmp_path / "clean.nrrd").array[wide])
    assert np.flatnonzero(request.roi.any(axis=(0, 2))).tolist() == [34, 35, 36, 37]
    assert request.padding.shape == request.array.shape


def test_the_default_image_of_another_denoiser_is_the_default_candidate_as_far_as_the_fit_goes(ldct, ct, tmp_path):
    from LDCTDenoiseLib.engine import DenoiseRequest, InProcessEngine

    before = read_volume(ct)
    own = InProcessEngine().denoise(DenoiseRequest(array=before.array, model="tiny", spacing=before.spacing,
                                                   padding=None, device="cpu")).array
    # A little less than what the network removes: an image that it can learn to make.
    other = np.rint(0.8 * own.astype(float) + 0.2 * before.array).astype(np.int16)
    write_volume(CTVolume(other, AFFINE), tmp_path / "other.nrrd")
    status, out, err = ldct("candidates", ct, tmp_path / "set", *QUICK, "--default-image", tmp_path / "other.nrrd",
                            "--json")
    assert (status, err) == (0, ""), err
    document = json.loads(out)
    assert document["default_image"] == "other.nrrd" and document["fit"]["started_from"] == "tiny 1.0"
    made = read_volume(tmp_path / "set" / document["candidates"][document["default"]]["file"]).array

    def apart(one, two):
        return np.sqrt(np.mean((one.astype(float) - two) ** 2))

    assert apart(made, other) < 0.5 * min(apart(own, other), apart(before.array, other))


@pytest.mark.parametrize("command, output", [("candidates", "set"), ("denoise", "o.nrrd")])
def test_a_series_of_what_is_no_dicom_folder_is_refused(ldct, ct, tmp_path, command, output):
    before = files(tmp_path)
    fails(ldct(command, ct, tmp_path / output, "--model", "tiny", "--series", "1.2.3"), 2,
          "ct.nii.gz is not a DICOM folder, so no series")
    assert files(tmp_path) == before


@pytest.mark.parametrize("arguments,message", [
    (["{ct}"], "required: OUTPUT_DIR"),
    (["{ct}", "{tmp}/set", "--method", "magic"], "invalid choice: 'magic'"),
    (["{ct}", "{tmp}/set", "--count", "2", *QUICK[:2]], "count must be a whole number from 3 to 31"),
    (["{ct}", "{tmp}/set", "--count", "many"], "invalid int value"),
    (["{ct}", "{tmp}/set", "--repetitions", "11", *QUICK[:2]], "repetitions must be"),
    (["{ct}", "{tmp}/set", "--tuned", "some"], "invalid choice: 'some'"),
    (["{ct}", "{tmp}/set", "--default-filter", "median"], "invalid choice: 'median'"),
    (["{ct}", "{tmp}/set", "--slice", "2", *QUICK], "There is no slice 2; the volume has slices 0 to 1"),
    (["{ct}", "{tmp}/set", "--model", "hrnet"], "no model called 'hrnet'; choose one of tiny"),
    (["{ct}", "{tmp}/set", *QUICK[:6], "--device", "tpu"], "Unknown device 'tpu'"),
    (["{tmp}/no.nii", "{tmp}/set", *QUICK], "does not exist"),
    (["{ct}", "{tmp}", *QUICK], "already there"),
    (["{ct}", "{ct}", *QUICK], "already there"),
    (["{ct}", "{tmp}/no/set", *QUICK], "Create it first"),
    (["{ct}", "{tmp}/set", *QUICK, "--reference", "{tmp}/no.nrrd"], "does not exist"),
    (["{ct}", "{tmp}/set", *QUICK, "--reference", "{tmp}/other.nrrd"], "is not on the grid of the input"),
    (["{ct}", "{tmp}/set", *QUICK, "--default-image", "{tmp}/other.nrrd"], "default image other.nrrd is not on"),
    (["{ct}", "{tmp}/set", "--default-image", "{tmp}/clean.nrrd", "--default-filter", "tv"], "not allowed with"),
    (["{ct}", "{tmp}/set", *QUICK, "--roi", "{tmp}/other.nrrd"], "mask of the roi other.nrrd is not on the grid"),
    (["{ct}", "{tmp}/set", *QUICK, "--region", "{tmp}/other.nrrd"], "mask of the region other.nrrd is not on the grid"),
    (["{ct}", "{tmp}/set", *QUICK, "--roi", "{tmp}/no.nrrd"], "does not exist"),
    (["{ct}", "{tmp}/set", *QUICK, "--roi", "{tmp}/notes.txt"], "mask notes.txt is not of a known format"),
    (["{ct}", "{tmp}/set", *QUICK, "--region", "{tmp}/empty.nrrd"], "mask empty.nrrd is empty: it is 0 everywhere"),
    (["{ct}", "{tmp}/set", *QUICK, "--background-roi", "{tmp}/first.nrrd"], "give --roi too"),
    (["{ct}", "{tmp}/set", *QUICK, "--roi", "{tmp}/first.nrrd", "--slice", "1"], "is empty in the part of the input"),
    (["{ct}", "{tmp}/set", *QUICK, "--region", "{tmp}/first.nrrd", "--slice", "1"], "Slice 1 is not in the region"),
])
def test_bad_arguments_and_input_end_with_status_2_and_one_line(ldct, ct, tmp_path, arguments, message):
    other = AFFINE.copy()
    other[0, 3] = 5
    write_volume(CTVolume(read_volume(ct).array, other), tmp_path / "other.nrrd")
    mask_file(tmp_path / "empty.nrrd")
    mask_file(tmp_path / "first.nrrd", np.s_[0:1, 30:50, 30:50])
    (tmp_path / "notes.txt").write_text("no mask")
    before = files(tmp_path)
    fails(ldct("candidates", *(a.format(ct=ct, tmp=tmp_path) for a in arguments)), 2, message)
    assert files(tmp_path) == before


def test_a_scan_without_noise_or_tissue_is_refused(ldct, tmp_path):
    write_volume(CTVolume(np.full((1, 64, 64), -1000, np.int16), AFFINE), tmp_path / "air.nrrd")
    status, out, err = ldct("candidates", tmp_path / "air.nrrd", tmp_path / "set", *QUICK)
    assert (status, out) == (2, "") and err.count("\n") == 1
    assert files(tmp_path) == ["air.nrrd"]


def test_too_little_memory_is_refused_before_the_work(ldct, ct, tmp_path, monkeypatch):
    monkeypatch.setattr(memoryestimate, "free_memory", lambda: 1000)
    fails(ldct("candidates", ct, tmp_path / "set", *QUICK), 2, "too few even for 3")


@pytest.mark.parametrize("error,message", [
    (OSError(28, "No space left on device"), "No space left on device"),
    (MemoryError(), "MemoryError"),
    (KeyboardInterrupt(), "ldct candidates: stopped; nothing was written"),
])
def test_a_run_that_fails_or_is_stopped_ends_with_status_1_and_leaves_nothing(
        ldct, ct, tmp_path, monkeypatch, error, message):
    before = files(tmp_path)
    monkeypatch.setattr(candidatestore, "write_volume", half_written_before(error))
    fails(ldct("candidates", ct, tmp_path / "set", *QUICK), 1, message)
    assert files(tmp_path) == before


def test_a_missing_package_for_the_filter_or_the_pictures_is_named(ldct, ct, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    monkeypatch.setitem(sys.modules, "skimage.restoration", None)
    fails(ldct("candidates", ct, tmp_path / "set", *QUICK, "--default-filter", "nlm"), 1, "pip install scikit-image")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    fails(ldct("candidates", ct, tmp_path / "set", *QUICK), 1, "pip install matplotlib")
    assert files(tmp_path) == ["clean.nrrd", "ct.nii.gz"]


def test_the_help_names_methods_and_filters(capsys):
    with pytest.raises(SystemExit):
        cli.main(["candidates", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for word in ("did-literal", "interpolate", "non-local means", "OUTPUT_DIR", "contact sheet", "--region",
                 "--background-roi", ".nrrd where that is DICOM"):
        assert word in text


def test_without_the_second_package_it_is_said_what_to_install(tmp_path):
    command = [sys.executable, "-m", "LDCTDenoiseLib", "candidates", "a.nrrd", "out"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT / "LDCTDenoise", env=environment)
    if "does not exist" in run.stderr:
        pytest.skip("DIDInteractiveLib is installed")
    assert run.returncode == 1 and run.stderr.count("\n") == 1 and "DIDInteractiveLib" in run.stderr
