"""The report on tasks: rods in real scans, and what networks do on metal, heads, contrast medium and thin slices."""

import csv
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from reportfactory import FILE, write_data
from scipy import ndimage, optimize

from LDCTDenoiseLib.kernels import Kernel

BENCHMARKS = Path(__file__).resolve().parents[1] / "Benchmarks"
sys.path.append(str(BENCHMARKS))

from didreport.cache import Cache  # noqa: E402
from taskreport import realpart, realrods, robustpart, robustscenes, squares, statistics, trainedon  # noqa: E402
from taskreport.context import Context  # noqa: E402
from taskreport.plan import Anatomy, Plan  # noqa: E402

KERNEL, PIXEL = Kernel(0.49, 4.0), 0.8
PLACE = Anatomy("phantom", FILE, 0, 1)
METAL = ((15.0, -15.0), (15.0, 15.0))


@pytest.fixture(autouse=True)
def few_bootstraps(monkeypatch):
    monkeypatch.setattr(statistics, "BOOTSTRAPS", 5)


def tissue(shape=(2, 128, 128), sd=20.0) -> np.ndarray:
    """Soft tissue with noise, int16 HU."""
    return (40 + np.random.default_rng(0).normal(0, sd, shape)).round().astype(np.int16)


def rods_in(images: np.ndarray) -> realrods.RodScans:
    return realrods.with_rods(images, np.ones(images.shape, bool), PIXEL, KERNEL)


def test_rods_go_where_soft_tissue_is_flattest_and_keep_their_distance():
    image = np.full((200, 200), 40.0)
    image[:, 100:] += 60 * np.sign(np.sin(np.arange(100) / 4))  # stripes
    soft = np.ones(image.shape, bool)
    soft[:100] = False
    places = realrods.flat_places(image, soft, 1.0)
    assert 1 < len(places) <= realrods.PLACES
    assert places[0][1] < 100 and all(row >= 100 + realrods.FLAT_MM - 1 for row, _ in places)
    distances = [math.dist(a, b) for n, a in enumerate(places) for b in places[:n]]
    assert min(distances) >= realrods.APART_MM
    assert realrods.flat_places(image, np.zeros(image.shape, bool), 1.0) == []


def test_every_place_holds_every_contrast_once():
    images = tissue()
    scans = rods_in(images)
    assert len(scans.images) == len(images) * len(squares.CONTRASTS_HU) and scans.count >= 4
    row, column = scans.places[1][0]
    held = scans.images[6:, row, column].astype(int) - images[1, row, column]
    assert sorted(held) == pytest.approx(sorted(squares.CONTRASTS_HU), abs=8)


def test_a_method_that_does_nothing_keeps_rods_in_a_scan_as_they_are():
    images = tissue()
    scans = rods_in(images)
    for row in realrods.measured(scans, (images, scans.images), (images, scans.images)):
        assert row["ratio"] == row["low"] == row["high"] == 1
        assert row["contrast_kept"] == 1


def test_whole_hu_do_not_change_the_sharpness_of_the_faintest_rods():
    images = np.full((2, 128, 128), 40, np.int16)
    scans = realrods.with_rods(images, np.ones(images.shape, bool), PIXEL, Kernel(0.7, 4.0))
    found = {row["contrast_hu"]: row["ttf50_inserted_per_mm"]
             for row in realrods.measured(scans, (images, scans.images), (images, scans.images))}
    assert found[20.0] == pytest.approx(found[100.0], rel=0.03)


def test_half_the_contrast_is_lost_contrast_and_not_lost_resolution():
    images = tissue()
    scans = rods_in(images)
    for row in realrods.measured(scans, (images, scans.images), (0.5 * images, 0.5 * scans.images)):
        assert row["ratio"] == pytest.approx(1) and row["contrast_kept"] == pytest.approx(0.5)


def test_a_blur_lowers_ttf50_of_rods_in_a_noisy_scan_as_theory_says():
    images, sigma = tissue(), 0.7
    scans = rods_in(images)
    blurred = [ndimage.gaussian_filter(stack.astype(float), (0, sigma / PIXEL, sigma / PIXEL))
               for stack in (images, scans.images)]

    def at_half(blur: float) -> float:
        return optimize.brentq(lambda f: KERNEL.response(f) * np.sinc(f * PIXEL)
                               * math.exp(-2 * (math.pi * blur * f) ** 2) - 0.5, 0.01, 0.6)

    for row in realrods.measured(scans, (images, scans.images), blurred):
        assert row["ratio"] == pytest.approx(at_half(sigma) / at_half(0.0), rel=0.03)


class Stub:
    """A network that returns what ``change`` makes of the scans."""

    kind = "network"

    def __init__(self, key: str, change=lambda images: images):
        self.key, self.label, self.identity, self.change = key, key, {"key": key, "architecture": key}, change

    def run(self, scans, share: float):
        return self.change(scans.images), math.nan


def make_context(tmp_path: Path, *methods: Stub, **changes) -> Context:
    data = write_data(tmp_path / "data", slices=3)
    plan = Plan(doses=(0.5, 0.0625), metal=PLACE, metal_mm=METAL, vessels=PLACE, thin=PLACE,
                **{"models": tuple(m.key for m in methods), "head_side": 64, **changes})
    (tmp_path / "out").mkdir()
    return Context(plan, data, tmp_path / "out", tmp_path, Cache(tmp_path / "cache"), list(methods), lambda _: None)


def test_metal_is_where_it_was_put_and_starves_the_rays_through_it(tmp_path):
    context = make_context(tmp_path)
    scene, edge = robustscenes.metal(context, PLACE)
    plain = context.patient(PLACE).target[0]
    full, low = scene.images[0].astype(float), scene.images[-1].astype(float)
    centre = robustscenes.body_centre(plain, (0.8, 0.8))
    places = [(round(47.5 + (centre[1] + y) / 0.8), round(47.5 + (centre[0] + x) / 0.8)) for y, x in METAL]
    for place in places:
        assert full[place] == pytest.approx(plain[place] + robustscenes.METAL_SHOWN_HU, abs=100)
    away = scene.regions["away from it"]
    assert not any(away[place] for place in places)
    assert np.abs(full - plain)[away].max() < 30
    row, column = places[0][0], (places[0][1] + places[1][1]) // 2
    between = (low - full)[row - 4:row + 5, column - 4:column + 5].std()
    assert between > 1.5 * (low - full)[row - 44:row - 35, column - 4:column + 5].std()
    first = np.flatnonzero((edge.images[0] > 2500).any(axis=0))[0]
    assert abs(first - robustscenes.EDGE_PIXELS) <= 2


def test_the_simulated_head_shows_its_spots_with_their_contrast(tmp_path):
    scene = robustscenes.head(make_context(tmp_path, head_side=128))
    assert scene.images.shape == (3, 128, 128)
    found = {probe.name.split(",")[0]: probe.contrast(scene.images[0]) for probe in scene.probes}
    for name, (_, _, _, hu) in robustscenes.SPOTS.items():
        assert found[name] == pytest.approx(hu - robustscenes.WHITE_HU, abs=4)


def test_the_simulated_head_is_projected_once_and_then_taken_from_the_cache(tmp_path, monkeypatch):
    context = make_context(tmp_path)
    first = robustscenes.head(context).images
    monkeypatch.setattr(robustscenes, "SliceSimulator", None)
    assert np.array_equal(robustscenes.head(context).images, first)


def test_the_page_on_real_noise_tells_how_sharp_inserted_rods_stay(tmp_path, monkeypatch):
    def blurred(images: np.ndarray) -> np.ndarray:
        return ndimage.gaussian_filter(images.astype(float), (0, 1, 1)).round().astype(np.int16)

    monkeypatch.setattr(trainedon, "find_model", lambda name: card("old/lidc_1_b.nii.gz"))
    context = make_context(tmp_path, Stub("blur", blurred), Stub("other", blurred), real=(FILE,), models=("blur",))
    realpart.write_real(context)
    with (context.output / "real-rods.csv").open() as stream:
        rows = {float(r["contrast_hu"]): r for r in csv.DictReader(stream)}
    assert set(rows) == {100.0, 50.0, 20.0}
    assert 0.2 < float(rows[100.0]["ratio"]) < 0.9 and float(rows[100.0]["contrast_kept"]) > 0.8
    page = (context.output / "real.md").read_text()
    assert "| blur |" in page and "TTF50 100 HU" in page and "Scans: 1 phantom" in page
    assert "trained on: none." in page and "Left out of the rods: other." in page
    assert (context.output / "real.png").is_file()


def card(*files: str) -> SimpleNamespace:
    """What the report sees of a model card."""
    return SimpleNamespace(details={
        "trained_for": {"pixel_mm": [0.39, 1.39], "slice_thickness_mm": [2, 4.5], "anatomy": "phantoms"},
        "limits": ["No metal."], "training": {"data": [{"file": file} for file in files]}})


@pytest.fixture
def judged(tmp_path, monkeypatch):
    """All scenes that need no other file, with a network that does nothing and one that adds as much noise again."""
    def noisier(images: np.ndarray) -> np.ndarray:
        return images + np.random.default_rng(1).normal(0, 120, images.shape).round().astype(np.int16)

    monkeypatch.setattr(trainedon, "find_model", lambda name: card("phantom.nii.gz"))
    context = make_context(tmp_path, Stub("nothing"), Stub("noisier", noisier), real=())
    return robustpart.write_robust(context), context.output


def test_a_network_that_does_nothing_breaks_no_rule_and_one_that_adds_noise_breaks_them(judged):
    aims, folder = judged
    assert {aim.part for aim in aims} == {"robust"}
    assert {aim.verdict for aim in aims if aim.method == "nothing"} == {"met", "not measured"}
    empty = [aim for aim in aims if aim.verdict == "not measured"]
    assert empty and all("HU shift" in aim.aim and aim.case.startswith("nothing to judge in ") for aim in empty)
    worse = [aim for aim in aims if aim.method == "noisier" and ("noise level" in aim.aim or "RMSE" in aim.aim)]
    assert len(worse) >= 8 and {aim.verdict for aim in worse} == {"missed"}
    with (folder / "robust.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert {float(r["dose"]) for r in rows} == {1.0, 0.5, 0.0625}
    assert all(r["broken"] == "" for r in rows if r["method"] == "nothing")
    assert {"head, simulated", "metal in the phantom, at it", "contrast medium, phantom"} <= {
        r["anatomy"] for r in rows}
    assert (folder / "robust.png").is_file()


def test_the_page_tells_what_is_tested_though_it_was_not_trained_on(judged):
    page = (judged[1] / "robust.md").read_text()
    rows = {line.split(" | ")[0].strip("| "): [cell.strip(" |") for cell in line.split(" | ")[1:]]
            for line in page[page.index("## Trained on"):].splitlines() if line.startswith("| ")}
    assert rows["slice thickness, mm"] == ["2 to 4.5", "5 to 5", "5"]
    assert rows["pixel, mm"][0] == "0.39 to 1.39" and rows["pixel, mm"][2] == "3.12"
    assert rows["noise added, HU"][0] == "-"
    assert rows["files"][0] == "train/phantom" and "validation/phantom" in rows["files"][1].split(", ")
    # The phantom shows no patient; single slices without their table may show anybody.
    assert rows["files"][2].endswith("trained on: none; not known of validation/siim_tcga_single_slices")
    assert "- No metal." in page
    assert "head, simulated -20 to 80" in page and "relative to the image of the same dose: nothing: 1.00 (" in page


def test_the_least_contrast_that_a_network_keeps_is_told_relative_to_its_own_input():
    def probe(before, after, dose):
        return {"scene": "abdomen", "object": "artery", "dose": dose, "method": "net", "full_dose_hu": "250",
                "before_hu": before, "after_hu": after}
    words = robustpart.least_kept([probe("100", "60", "0.5"), probe("-200", "-100", "0.25"), probe("80", "90", "0.1")])
    assert words[0].endswith("net: 0.50 (artery, abdomen, dose 0.25: -200.0 to -100.0 HU).")
    assert robustpart.least_kept([]) == []


def test_a_scan_of_a_patient_of_the_training_is_told_from_others_and_from_those_that_are_not_known(
        tmp_path, monkeypatch):
    context = make_context(tmp_path, Stub("net"))
    folder = context.data / "train"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "singles.csv").write_text("slice,patient\n0,TCGA-17-Z011\n")
    monkeypatch.setattr(trainedon, "find_model", lambda name: card("lidc_0314_chest_avg3.nii.gz", "singles.nii.gz"))
    files = ["real_noise/lidc_0314_chest_raw.nii.gz", "real_noise/lidc_0315_chest.nii.gz",
             "real_noise/tcga_17-Z011_chest.nii.gz", "validation/crowd.nii.gz", "phantom/phantom_head_bone1mm.nii.gz"]
    assert [trainedon.seen_in_training(context, file) for file in files] == [True, False, True, None, False]
    assert trainedon.trained_words(context, files) == (
        "lidc_0314_chest_raw, tcga_17-Z011_chest; not known of crowd")
    (folder / "singles.csv").unlink()
    assert trainedon.seen_in_training(context, files[1]) is None


def test_a_limit_that_not_every_card_states_has_the_names_of_those_that_do():
    cards = {"hrnet": {"limits": ["No metal.", "Trained for 3 hours."]}, "unet": {"limits": ["No metal."]}}
    assert trainedon._limits(cards) == ["- No metal.", "- hrnet: Trained for 3 hours."]


def test_pixels_of_small_patients_and_of_real_scans_count_as_tested(tmp_path, monkeypatch):
    monkeypatch.setattr(trainedon, "find_model", lambda name: card("phantom.nii.gz"))
    context = make_context(tmp_path, Stub("net"), small=(PLACE,), sizes=(1.0, 0.3), real=(FILE,), pixels=(1.5,))
    own = context.patient(PLACE).spacing[1]
    row = next(line for line in trainedon.trained_table(context, [], []) if line.startswith("| pixel, mm"))
    assert row.endswith(f"| {0.3 * own:.2g} to 1.5 | {0.3 * own:.2g}, 1.5 |")
    assert f"{own:g}" not in row
    words = trainedon.pixel_words(context, {"one": 0.31, "other": 0.8})
    assert words.endswith("0.39 to 1.39 mm, by their model cards. Outside of that: one (0.31 mm).")
    assert trainedon.pixel_words(context, {"other": 0.8}).endswith("Outside of that: none.")
