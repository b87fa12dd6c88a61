"""The report on tasks: its arithmetic, and that its command works."""

import csv
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from didfactory import WIDTHS, fitted
from networkfactory import WIDTHS as RANDOM_WIDTHS
from networkfactory import phantom, random_network
from reportfactory import FILE, add_fitted_model, write_data
from scipy import ndimage, optimize

from LDCTDenoiseLib.kernels import Kernel

BENCHMARKS = Path(__file__).resolve().parents[1] / "Benchmarks"
sys.path.append(str(BENCHMARKS))

import task_report  # noqa: E402
from taskreport import gridpart, realpart, rescan, rodspart, squares, statistics  # noqa: E402
from taskreport.diskspart import Task  # noqa: E402
from taskreport.methods import FilterMethod, Scans  # noqa: E402
from taskreport.plan import Anatomy, Plan  # noqa: E402
from taskreport.statistics import bootstrap, jackknife, matched_strength  # noqa: E402

KERNEL = Kernel(0.49, 4.0)


def noise(sd: float, shape=(8, 4000), seed=0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, sd, shape)


@pytest.mark.parametrize("correlation", (0.0, 0.5, 0.9))
def test_the_matched_strength_leaves_the_wanted_share_of_the_noise(correlation):
    before = noise(30.0)
    after = 0.3 * (correlation * before + math.sqrt(1 - correlation ** 2) * noise(30.0, seed=1))
    strength = matched_strength(before, after, 0.5)
    assert 0 < strength < 1
    assert ((1 - strength) * before + strength * after).std() == pytest.approx(0.5 * before.std(), rel=1e-3)


def test_of_two_strengths_with_the_same_noise_the_weaker_is_taken():
    before = noise(10.0)
    after = -0.2 * before  # overshoots: (1 - 1.2 s) is .1 at .75 and -.1 at .917
    assert matched_strength(before, after, 0.1) == pytest.approx(0.75)


def test_a_method_that_leaves_too_much_noise_has_no_matched_strength():
    before = noise(30.0)
    assert matched_strength(before, 0.8 * before, 0.5) is None
    assert matched_strength(before, before, 0.5) is None


@pytest.mark.parametrize("interval", ("bootstrap", "jackknife"))
def test_intervals_hold_the_truth_about_as_often_as_they_say(interval):
    random = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        values = random.exponential(3.0, 50)
        if interval == "bootstrap":
            found, = bootstrap(lambda chosen: [values[chosen].mean()], 50)
        else:
            found = jackknife(lambda chosen: float(values[chosen].mean()), 50)
        held += found.low <= 3.0 <= found.high
    assert 0.88 <= held / 200 <= 0.99


@pytest.mark.parametrize("distance, count", ((3.0, 30), (0.6, 50)))
def test_the_interval_of_a_ratio_of_detectabilities_holds_the_truth_about_as_often_as_it_says(distance, count):
    """Two kinds, by SDs, ``distance`` apart in one channel and .8 of that after; mostly the same noise in both."""
    random = np.random.default_rng(1)
    task = Task("task", (("with", "without"),))
    shift = np.zeros(3)
    shift[0] = 1.0

    def kinds(base, other, distance):
        mixed = [0.8 * b + 0.6 * o for b, o in zip(base, other)]
        return {"with": mixed[0] + distance * shift, "without": mixed[1]}

    held = 0
    for _ in range(100):
        base, other, third = ([random.normal(size=(count, 2, 3)) for _ in range(2)] for _ in range(3))
        before, after = kinds(base, other, distance), kinds(base, third, 0.8 * distance)
        found = jackknife(lambda chosen: task.measure(after, chosen) / task.measure(before, chosen), count)
        held += found.low <= 0.8 <= found.high
    assert 0.88 <= held / 100


def test_ttf50_of_rods_under_a_known_blur_is_what_theory_says():
    """Kernel, Gaussian blur, and the width of the pixels over which a rod's edge is averaged."""
    size, pixel = 160, 0.8
    made = squares.rods(KERNEL, size, pixel)
    flat = np.zeros(made.image.shape, bool)
    flat[56:104, 56:104] = True
    for sigma in (0.0, 0.7):
        blurred = ndimage.gaussian_filter(made.image.astype(float), sigma / pixel)
        ensemble = rodspart._Ensemble(made, np.stack([made.image] * 4), np.stack([blurred] * 4), flat)
        expected = optimize.brentq(lambda f: KERNEL.response(f) * np.sinc(f * pixel)
                                   * math.exp(-2 * (math.pi * sigma * f) ** 2) - 0.5, 0.01, 0.6)
        for rod in made.rods:
            parts, centre = ensemble.rod(rod, 1.0)
            assert rodspart.ttf50(parts, centre, made, rod.radius_mm) == pytest.approx(expected, rel=0.02)


def test_a_rod_that_is_gone_has_no_resolution():
    made = squares.rods(KERNEL, 160, 0.8)
    assert rodspart.ttf50(np.zeros((3, 60, 60)), (30, 30), made, 9.0) == 0.0


def test_the_noise_texture_tells_smooth_noise_from_fbp_noise():
    made = squares.rods(KERNEL, 160, 0.8)
    white = noise(30.0, (20, 48, 48))
    sharp = rodspart._Texture(rodspart._powers(white, made).mean(axis=0), made)
    smooth = rodspart._Texture(rodspart._powers(ndimage.gaussian_filter(white, (0, 2, 2)), made).mean(axis=0), made)
    assert smooth.peak < 0.5 * sharp.peak and smooth.mean < 0.5 * sharp.mean
    assert sharp.difference(sharp) == 0
    assert smooth.difference(sharp) > 0.5


def test_lesions_differ_in_structure_and_not_in_their_mean():
    solid, mixed = squares.lesions(KERNEL, 160, 0.8)
    _, four = squares.places()
    for place in four:
        one, centre = squares.region(solid.image, 0.8, place, 40)
        other, _ = squares.region(mixed.image, 0.8, place, 40)
        assert other.sum() == pytest.approx(one.sum(), rel=0.02)
        j, i = np.ogrid[:40, :40]
        core = np.hypot(j - centre[0], i - centre[1]) * 0.8 < 1.5
        assert one[core].mean() > other[core].mean() + 0.8 * squares.LESION_HU


def test_a_filter_takes_the_weakest_parameter_that_leaves_the_wanted_noise():
    images = noise(30.0, (3, 48, 48)).round().astype(np.int16)
    scans = Scans(images, (1.0, 0.8, 0.8), np.ones((48, 48), bool))
    method = FilterMethod("gaussian")
    made, parameter = method.run(scans, 0.5)
    assert made.std() <= 0.51 * images.std() and made.dtype == np.int16
    weaker = [p for p in method.filter.parameters if p < parameter]
    assert ndimage.gaussian_filter(images[0].astype(float), weaker[-1]).std() > 0.5 * images[0].std()


def test_another_kernel_changes_a_wave_as_their_responses_say_and_the_own_one_changes_nothing():
    wave = 100 * np.cos(2 * np.pi * 0.3 * 0.8 * (np.arange(128) + 0.5))[None, :] * np.ones((128, 1))
    soft = Kernel(0.35, 3.0)
    found = rescan.with_kernel(wave, (0.8, 0.8), KERNEL, soft)[40:88, 40:88]
    assert found.std() / wave[40:88, 40:88].std() == pytest.approx(soft.response(0.3) / KERNEL.response(0.3), rel=0.03)
    assert rescan.with_kernel(wave, (0.8, 0.8), KERNEL, KERNEL) == pytest.approx(wave, abs=0.01)


def test_a_zoomed_image_shows_the_middle_of_the_body_on_its_own_pixels():
    image = np.full((100, 120), -1000.0)
    image[30:70, 40:100] = 40.0  # 40 x 60 mm at 1 mm
    found = rescan.zoomed(image, (1.0, 1.0), 0.5, 160)
    assert (found > -480).any(axis=1).sum() == pytest.approx(80, abs=1)
    assert (found > -480).any(axis=0).sum() == pytest.approx(120, abs=1)
    rows = np.flatnonzero((found > -480).any(axis=1))
    assert rows[0] + rows[-1] == pytest.approx(159, abs=1)


def test_noise_that_was_removed_holds_no_detail_and_removed_structure_does():
    anatomy = phantom((2, 96, 96), noise=0.0).astype(float)
    body = anatomy > -900
    spacing = (1.0, 0.8, 0.8)
    noisy = anatomy + noise(20.0, anatomy.shape)
    assert abs(realpart._detail(noisy, anatomy, anatomy, body, spacing)) < 0.03
    blurred = ndimage.gaussian_filter(noisy, (0, 1, 1))
    assert realpart._detail(noisy, blurred, anatomy, body, spacing) > 0.3


def test_a_cell_of_the_grid_tells_what_it_breaks():
    target = phantom((1, 96, 96), noise=8.0)[0].round().astype(np.int16)
    patient = rescan.as_patient("phantom", target, 0.8, KERNEL)
    scans = np.stack([target, (target + noise(60.0, target.shape)).astype(np.int16)])

    class Named:
        label = "net"

    class Context:
        plan = Plan(doses=(0.0625,))

    def broken(images: np.ndarray) -> list[str]:
        return [row["broken"] for row in gridpart.cell_rows(Context, patient, "standard", Named, scans, images)]

    assert broken(scans) == ["", ""]
    assert [cell.replace("n", "") for cell in broken(scans + np.int16(2))] == ["s", "es"]
    assert broken(scans + noise(20.0, target.shape).astype(np.int16))[1] in ("en", "ens")
    assert broken(np.stack([target, target])) == ["", ""]


PLACE = Anatomy("phantom", FILE, 0, 1)
TINY = Plan(models=("tiny",), filters=("gaussian",), square=96, pixel=1.34, realisations=3, noise=(30.0,),
            anatomies=(PLACE,), doses=(0.0625,), pixels=(1.0,), grid_side=64, mismatch=(PLACE,), sizes=(0.9,),
            small=(PLACE,), head_side=64)


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder with a phantom, a network fitted to it in the registry as "tiny", and a report without it."""
    add_fitted_model(tmp_path / "models")
    monkeypatch.setenv("LDCT_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(statistics, "BOOTSTRAPS", 10)
    report = tmp_path / "validation"
    report.mkdir()
    (report / "settings.json").write_text(json.dumps({
        "volumes": ["phantom.nii.gz"], "tracks": ["matched"], "noise_indices": [30.0], "doses": [0.25],
        "slices_per_patient": 1, "seed": 0}))
    (report / "patients.csv").write_text(
        "patient,track,noise_index_hu,dose,method,label,rmse_hu,ssim,psnr_db,vif,"
        "bias_lung_hu,bias_soft_hu,bias_bone_hu,parameters,multiply_adds,seconds_per_slice\n"
        "phantom,matched,30,0.25,ldct,LDCT,50,.8,30,.6,0,0,0,,,0\n")
    return write_data(tmp_path / "data", slices=3)


def test_the_command_writes_every_part_and_takes_finished_work_from_its_cache(data, tmp_path, capsys):
    arguments = ["--data", str(data), "--output", str(tmp_path / "task"), "--cache", str(tmp_path / "cache"),
                 "--validation", str(tmp_path / "validation")]
    assert task_report.main(arguments, TINY) == 0
    made = {path.name for path in (tmp_path / "task").iterdir()}
    assert {"README.md", "aims.csv", *(f"{part}.md" for part in task_report.PARTS)} <= made
    assert "RED-CNN is missing" in (tmp_path / "task" / "scores.md").read_text()
    assert "Left out" in (tmp_path / "task" / "real.md").read_text()
    assert "left out" in (tmp_path / "task" / "disks.md").read_text()
    with (tmp_path / "task" / "scores.csv").open() as stream:
        assert [row["label"] for row in csv.DictReader(stream)] == ["LDCT", "tiny 1"]
    assert "images," in capsys.readouterr().out

    before = {name: (tmp_path / "task" / name).read_text() for name in ("README.md", "rods.csv", "disks.csv")}
    assert task_report.main([*arguments, "--parts", "rods", "disks"], TINY) == 0
    assert "images," not in capsys.readouterr().out
    assert {name: (tmp_path / "task" / name).read_text() for name in before} == before


def trained_folder(folder: Path, architecture: str, widths, state: dict) -> Path:
    """Weights as a training leaves them."""
    folder.mkdir()
    torch.save(state, folder / "best.pt")
    (folder / "config.json").write_text(json.dumps({"network": {
        "architecture": architecture, "widths": list(widths), "form": "shipped", "options": {}}}))
    return folder / "best.pt"


def test_further_weights_take_part_under_their_name_and_only_redcnn_in_the_larger_parts(data, tmp_path):
    other = trained_folder(tmp_path / "other", "plain", WIDTHS["plain"], fitted("plain").network.state_dict())
    redcnn = trained_folder(tmp_path / "redcnn", "redcnn", RANDOM_WIDTHS["redcnn"],
                            random_network("redcnn").state_dict())
    arguments = ["--data", str(data), "--output", str(tmp_path / "task"), "--cache", str(tmp_path / "cache"),
                 "--parts", "disks", "small", "--extra-weights", f"other={other}", f"redcnn={redcnn}"]
    assert task_report.main(arguments, TINY) == 0

    def methods(part: str) -> dict[str, str]:
        with (tmp_path / "task" / f"{part}.csv").open() as stream:
            rows = list(csv.DictReader(stream))
        name = "d" if part == "disks" else "rmse_hu"
        return {row["method"].split()[0]: row[name] for row in rows if row["method"].split()[0] != "FBP"}

    found = methods("disks")
    assert {"tiny", "other", "redcnn"} <= found.keys() and found["tiny"] == found["other"] != found["redcnn"]
    assert methods("small").keys() == {"tiny", "redcnn"}
    assert "Left out here: other" in (tmp_path / "task" / "small.md").read_text()
    page = (tmp_path / "task" / "README.md").read_text()
    assert "--data DATA --extra-weights other=other/best.pt redcnn=redcnn/best.pt`" in page
    assert str(tmp_path) not in page


def test_the_command_names_what_is_missing(data, tmp_path, capsys):
    for arguments, expected in ((["--data", str(tmp_path / "none")], "validation/"),
                                (["--data", str(data), "--validation", str(tmp_path)], "--validation"),
                                (["--data", str(data), "--extra-weights", "net"], "'net' is not NAME=FILE"),
                                (["--data", str(data), "--validation", str(tmp_path / "validation"), "--extra-weights",
                                  f"net={tmp_path / 'none.pt'}"], "net"),
                                (["--data", str(data), "--validation", str(tmp_path / "validation"), "--extra-weights",
                                  "tiny=best.pt"], "Two networks are called 'tiny'")):
        with pytest.raises(SystemExit):
            task_report.main(arguments, TINY)
        assert expected in capsys.readouterr().err
