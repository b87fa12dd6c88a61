"""The report on the networks: its arithmetic."""

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from networkfactory import phantom
from scipy import ndimage

from LDCTDenoiseLib.evaluationcases import Case, Condition, Patient, evenly_spaced
from LDCTDenoiseLib.kernels import Kernel
from LDCTDenoiseLib.metrics import body_mask, cnr_did, cnr_seed, noise_analysis, tissue_classes

BENCHMARKS = Path(__file__).resolve().parents[1] / "Benchmarks"
sys.path.append(str(BENCHMARKS))

from didreport.tables import text  # noqa: E402
from networksreport import lesions, paper  # noqa: E402
from networksreport.cases import in_order  # noqa: E402
from networksreport.comparing import AGAINST_REDCNN, AGAINST_UNET, compare, limit, mean  # noqa: E402
from networksreport.failures import left_share, reason_for_place, reason_for_slice, shares  # noqa: E402
from networksreport.failurespart import densest, least_gained  # noqa: E402
from networksreport.lesionpart import kept_table, least_sentence, seed_table  # noqa: E402
from networksreport.literalpart import greatest, verdict  # noqa: E402
from networksreport.nets import stages  # noqa: E402
from networksreport.otherscan import scanned  # noqa: E402
from networksreport.pairs import EQUAL_TERMS, SHIPPED  # noqa: E402
from networksreport.pictures import body_square  # noqa: E402
from networksreport.plan import CONFIGS, EXPECTED, LESIONS, Lesion  # noqa: E402
from networksreport.scoring import greatest_error  # noqa: E402
from networksreport.verdictspart import judges  # noqa: E402

PIXEL = (0.8, 0.8)
LESION = Lesion(64, 64, 14, -20)


def test_a_lesion_has_its_contrast_within_half_of_it_at_its_diameter_and_nothing_beyond():
    image = lesions.drawn((128, 128), (0.5, 0.5), [LESION])
    assert image[64, 64] == pytest.approx(-20, abs=1e-6)
    assert image[64, 64 + 14] == pytest.approx(-10, abs=1e-6)  # 7 mm from the centre
    assert image[64, 64 + 22] == pytest.approx(0, abs=0.01)
    assert (np.diff(image[64, 64:]) >= 0).all()


def test_the_contrast_and_cnr_of_a_lesion_in_known_noise_are_those_that_were_inserted():
    random = np.random.default_rng(5)
    flat = 100 + random.normal(0, 10, (400, 128, 128))
    images = lesions.inserted(flat, lesions.drawn((128, 128), PIXEL, [LESION]))
    inside, around = lesions.regions((128, 128), PIXEL, LESION, [LESION])
    assert np.mean([lesions.contrast(one, inside, around) for one in images]) == pytest.approx(-20, abs=0.3)
    assert np.mean([cnr_did(one, inside, around) for one in images]) == pytest.approx(2 * 20 / (10 + 10), rel=0.02)
    # The HRNet paper's divides by the difference of two noises that are alike.
    assert np.median([cnr_seed(one, inside, around) for one in images]) > 10 * 2 * 20 / (10 + 10)


def test_a_denoiser_that_halves_the_lesion_keeps_half_of_its_contrast_whatever_the_noise():
    random = np.random.default_rng(6)
    noise, added = random.normal(0, 30, (128, 128)), lesions.drawn((128, 128), PIXEL, [LESION])
    regions = lesions.regions((128, 128), PIXEL, LESION, [LESION])
    assert lesions.kept_contrast(noise + added, noise, added, *regions) == pytest.approx(1)
    assert lesions.kept_contrast(0.3 * noise + 0.5 * added, 0.3 * noise, added, *regions) == pytest.approx(0.5)


def test_the_background_of_a_lesion_holds_no_other_lesion():
    pixel = (0.8047, 0.8047)
    for one in LESIONS:
        inside, around = lesions.regions((512, 512), pixel, one, LESIONS)
        others = lesions.drawn((512, 512), pixel, [other for other in LESIONS if other is not one])
        assert inside.sum() > 20 and around.sum() > 200
        assert np.abs(others[inside | around]).max() < 0.2


def test_inserted_lesions_keep_the_type_of_the_slices():
    images = np.full((2, 64, 64), 40, np.int16)
    found = lesions.inserted(images, lesions.drawn((64, 64), PIXEL, [Lesion(32, 32, 10, -10)]))
    assert found.dtype == np.int16 and found[1, 32, 32] == 30 and found[0, 0, 0] == 40
    assert (images == 40).all()


def noises(correlated: float = 0.0):
    random = np.random.default_rng(8)
    target, added, other = (random.normal(0, sd, (2, 128, 128)) for sd in (10, 17, 6))
    return target, added + correlated * target, other


def test_removing_the_added_noise_alone_is_a_cosine_of_one_and_leaves_no_energy():
    target, added, _ = noises()
    found = noise_analysis(target + added, target, target)
    assert (found.removed_added, found.removed_on_added) == (pytest.approx(1), pytest.approx(1))
    assert found.remaining_energy == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("correlated", [0.0, 0.4, -0.3])
def test_energy_that_remains_is_what_two_correlated_noises_do_not_span(correlated):
    target, added, other = noises(correlated)
    low_dose = target + added
    found = noise_analysis(low_dose, low_dose - (0.8 * added + 0.5 * target + other), target)
    a, t, c = found.removed_added, found.removed_target, found.target_added
    assert found.remaining_energy == pytest.approx(1 - (a * a + t * t - 2 * a * t * c) / (1 - c * c))
    assert 0.02 < found.remaining_energy < 0.2
    # A projection is its cosine times the ratio of the lengths, so the two projections agree on the removed length.
    lengths = [found.removed_on_added / a, found.removed_on_target / t]
    assert lengths[1] / lengths[0] == pytest.approx(np.sqrt((added**2).sum() / (target**2).sum()), rel=0.05)


def row(patient, number, method, error, ssim=0.9):
    return {"patient": patient, "slice": number, "method": method, "rmse": error, "ssim": ssim}


def test_means_are_taken_over_slices_first_and_patients_then():
    rows = [row("a", k, "x", error) for k, error in enumerate((1.0, 2.0, 3.0))] + [row("b", 0, "x", 8.0)]
    assert mean(rows, "x", "rmse") == pytest.approx(5)


def test_networks_are_compared_on_the_same_slices_and_without_any_one_patient():
    rows = [row("a", 0, "x", 9.0), row("a", 1, "x", 11.0), row("b", 0, "x", 6.0)]
    rows += [row("b", 0, "y", 5.0), row("a", 1, "y", 20.0), row("a", 0, "y", 20.0)]
    found = compare(rows, "x", "y")
    assert found.ratio == pytest.approx(16 / 25)
    assert found.left_out == (pytest.approx(0.5), pytest.approx(1.2))
    assert found.patients == {"a": pytest.approx(0.5), "b": pytest.approx(1.2)}
    assert (found.better, found.slices) == (pytest.approx(2 / 3), 3)
    assert not found.better_without_any  # the mean is lower, but not without the first patient
    assert found.verdict(AGAINST_UNET) == "ratio met; share missed by 28.3 points"
    assert replace(found, ratio=0.93, better=0.95).verdict(AGAINST_UNET) == "ratio missed by 0.010; share met"
    assert replace(found, ssim=(0.95, 0.96)).verdict(AGAINST_REDCNN) == "ratio met; SSIM missed by 0.0100"
    close = replace(found, ratio=1.0002, ssim=(0.96, 0.96001))
    assert close.verdict(AGAINST_REDCNN) == "ratio missed by less than 0.001; SSIM missed by less than 0.0001"


def test_the_shipped_networks_have_aims_against_each_other_only_and_all_other_aims_are_on_equal_terms():
    assert not {pair.other for pair in SHIPPED if pair.aims} & set(EXPECTED)
    assert {"unet_full", "redcnn"} <= {pair.other for pair in EQUAL_TERMS if pair.aims}


def test_a_number_that_rounds_to_zero_has_no_sign():
    assert [text(v, 2) for v in (-0.004, -0.0, -0.006, 0.004, -10.0)] == ["0.00", "0.00", "-0.01", "0.00", "-10.00"]


def test_a_network_stays_ahead_without_any_one_patient_where_every_mean_without_one_says_so():
    rows = [row(p, 0, "x", 9.0) for p in "abc"] + [row(p, 0, "y", e) for p, e in zip("abc", (10.0, 10.0, 8.5))]
    assert compare(rows, "x", "y").better_without_any
    rows[-1]["rmse"] = 7.5
    assert compare(rows, "x", "y").ratio < 1 and not compare(rows, "x", "y").better_without_any
    assert not compare([row("a", 0, "x", 1.0), row("a", 0, "y", 2.0)], "x", "y").better_without_any


def test_the_limit_is_what_the_best_guess_at_the_references_noise_leaves():
    random = np.random.default_rng(9)
    target, added = random.normal(0, 10, 400_000), random.normal(0, 17, 400_000)
    guess = (target + added) * 10**2 / (10**2 + 17**2)
    reached = np.sqrt(np.mean((guess - target) ** 2)) / np.sqrt(np.mean(added**2))
    assert limit(10, 17) == pytest.approx(reached, rel=0.01)
    assert limit(1.0, math.sqrt(1 / 0.25 - 1)) == pytest.approx(math.sqrt(0.25))


def test_the_papers_numbers_give_the_ratios_that_it_is_known_for():
    assert paper.ratio("HRNet") == pytest.approx(0.485, abs=5e-4)
    assert paper.ratio("U-Net") == pytest.approx(0.526, abs=5e-4)
    assert paper.ratio("HRNet", "U-Net") == pytest.approx(0.923, abs=5e-4)


def test_the_slices_of_an_evaluation_come_first_so_that_their_noise_is_the_same():
    order = in_order(51, 4, [13, 30], 51)
    assert order[:4] == evenly_spaced(51, 4)
    assert sorted(order) == list(range(51))
    some = in_order(51, 4, [13, 30], 16)
    assert some[:4] == order[:4] and len(set(some)) == 16 and {13, 30} <= set(some)
    assert in_order(51, 4, [13, 30], 2) == [*order[:4], *(p for p in (13, 30) if p not in order[:4])]
    assert in_order(1, 4, [], 51) == [0]


def test_the_greatest_error_is_found_where_structure_is_lost_and_not_where_noise_is():
    random = np.random.default_rng(1)
    reference, body = random.normal(0, 10, (96, 96)), np.ones((96, 96), bool)
    image = random.normal(0, 10, (96, 96))
    image[60:68, 20:28] -= 60
    at_row, at_column, size = greatest_error(image, reference, body, PIXEL)
    assert abs(at_row - 63.5) < 3 and abs(at_column - 23.5) < 3 and size < -20
    body[:, :48] = False
    assert greatest_error(image, reference, body, PIXEL)[1] >= 48


def one_slice_case(low_noise=30.0):
    target = phantom((1, 128, 128), noise=5.0).astype(np.int16)
    body = body_mask(target)
    patient = Patient("one", (0,), target, None, (1.0, 2.0, 2.0), Kernel(0.4, 2.5), body,
                      tissue_classes(target, (1.0, 2.0, 2.0), body))
    noise = ndimage.gaussian_filter(np.random.default_rng(3).normal(0, low_noise, target.shape), (0, 0.5, 0.5))
    return Case(patient, Condition("matched", 30.0, 0.25), (target + noise).round().astype(np.int16), noise)


def test_shares_of_the_error_and_of_the_area_add_up_and_name_the_tissue_that_is_wrong():
    case = one_slice_case()
    image = case.reference[0].astype(float)
    image[case.patient.classes["bone"][0]] += 50
    image[case.patient.classes["soft"][0]] += 1
    found = shares(case, image)
    assert sum(w.error for w in found) == pytest.approx(1) and sum(w.area for w in found) == pytest.approx(1)
    assert max(found, key=lambda w: w.density).tissue == "bone"
    facts = {"rmse": 9.0, "target_gnl": 1.0, "added_sd": 30.0}
    assert "squared error lies in bone" in reason_for_slice(facts, 30.0, found, left=0.1)
    assert reason_for_slice(facts, 30.0, found, left=0.1).startswith("structure")
    assert reason_for_slice(facts, 30.0, found, left=0.7).startswith("noise that was left")
    facts = {"rmse": 18.0, "target_gnl": 20.0, "added_sd": 30.0}
    assert reason_for_slice(facts, 30.0, found, left=0.7).startswith("the reference's noise")


def test_noise_that_was_left_is_all_of_the_error_of_the_input_and_none_of_a_lost_structure():
    case = one_slice_case()
    assert left_share(case, case.reference[0] + 0.3 * case.noise[0]) == pytest.approx(1)
    lost = case.reference[0] - 40.0 * case.patient.classes["bone"][0]
    assert left_share(case, lost) < 0.05


def test_the_reason_at_a_place_tells_noise_that_was_left_from_structure_that_was_lost():
    case = one_slice_case(low_noise=0.0)
    edge = {"worst_row": 38, "worst_column": 77, "worst_hu": -30.0}  # the border of the phantom's bone
    assert "dense structure" in reason_for_place(edge, case)
    flat = {"worst_row": 90, "worst_column": 64, "worst_hu": -30.0}
    assert "low contrast smoothed away" in reason_for_place(flat, case)
    case.low_dose[0, 80:100, 54:74] -= 40
    assert "noise of low frequency that was left" in reason_for_place(flat, case)


def test_another_scan_keeps_water_at_zero_and_adds_the_noise_of_its_index():
    j, i = np.mgrid[:160, :160] - 79.5
    disk = np.where(np.hypot(j, i) * 1.5 < 90, 0.0, -1000.0)[None].repeat(3, axis=0)
    found = scanned(disk, (1.5, 1.5), None, 20.0, 0.25)
    assert found["reference"].shape == (3, 240, 240) and found["reference"].dtype == np.int16
    middle = (slice(None), slice(100, 140), slice(100, 140))
    assert found["reference"][middle].mean() == pytest.approx(0, abs=5)
    noise = found["low_dose"].astype(float)[middle] - found["reference"][middle]
    assert noise.std() == pytest.approx(20 * math.sqrt(3), rel=0.1)


def test_the_square_around_a_body_holds_it_and_stays_in_the_image():
    body = np.zeros((100, 100), bool)
    body[60:95, 10:70] = True
    top, left, side = body_square(body)
    assert body[top:top + side, left:left + side].sum() == body.sum()
    assert 0 <= top and top + side <= 100 and 0 <= left and left + side <= 100


def test_the_worst_slices_are_one_of_each_patient():
    rows = [{**row(p, k, "x", error), "before": 10.0} for p, k, error in (("a", 0, 9.0), ("a", 1, 8.0), ("b", 0, 7.0))]
    assert [(r["patient"], r["slice"]) for r in least_gained(rows, 4)] == [("a", 0), ("b", 0)]
    assert len(least_gained(rows, 1)) == 1


def test_what_is_magnified_holds_the_most_squared_error_in_the_body():
    error, body = np.zeros((128, 128)), np.ones((128, 128), bool)
    error[90:110, 70:90], error[10:12, 10:12] = 5.0, 12.0
    at_row, at_column = densest(error, body)
    assert at_row - 32 <= 90 and at_row + 32 >= 110 and at_column - 32 <= 70 and at_column + 32 >= 90
    body[64:] = False
    assert densest(error, body)[0] < 64


def test_the_stages_of_a_training_are_told_in_their_order():
    first, second, last = ({"iterations": steps, "batch_size": 8, "sampling": {"patch": patch}}
                           for steps, patch in ((10, 64), (12, 128), (14, 96)))
    assert [str(one) for one in stages({**last, "stage_before": {**second, "stage_before": first}})] == [
        "10 steps of 8 x 64 x 64", "12 steps of 8 x 128 x 128", "14 steps of 8 x 96 x 96"]
    assert [str(one) for one in stages({"iterations": 5, "batch_size": 1, "sampling": {"rotation": 10.0}})] == [
        "5 steps of 1 whole slice"]
    assert stages({}) == []


def test_a_literal_form_that_removes_noise_and_has_smooth_errors_is_told_from_one_that_leaves_noise():
    behind = verdict("net", [1.4, 2.9], [0.9, 0.7], [60.0, 50.0], [20.0, 10.0])
    assert "in 2 of 2 conditions" in behind and "what is wrong is smooth" in behind
    for ratios, removed, smooth in (([1.4, 0.9], [0.9, 0.3], [60.0, 50.0]), ([1.4, 0.9], [0.9, 0.7], [60.0, 9.0]),
                                    ([0.8, 0.9], [0.9, 0.7], [60.0, 50.0])):
        assert "smooth" not in verdict("net", ratios, removed, smooth, [20.0, 10.0])
    rows = [{"method": "net", "worst_hu": hu} for hu in (-9.0, 3.0, 5.0)] + [{"method": "ldct", "worst_hu": 70.0}]
    assert greatest(rows, "net") == 5.0


def test_the_patients_that_a_recipe_validates_with_are_named():
    patients = ["crlm_1006_cap_ge", "siim_tcga_single_slices-1"]
    assert judges(patients, CONFIGS / "hrnet.toml") == "all 2 patients of this report"
    assert judges(patients, CONFIGS / "seed.toml") == "crlm_1006_cap_ge"
    assert judges(["someone"], CONFIGS / "seed.toml") == "no patient of this report"


def test_the_least_contrast_that_a_network_leaves_stands_beside_what_others_leave_there():
    kept = {("a", 0): 0.6, ("a", 1): 0.9, ("a", 2): 0.5, ("b", 0): 0.8, ("b", 1): 0.7, ("b", 2): 0.9}
    rows = [{"track": "sharp", "noise_index": 15.0, "lesion": lesion, "contrast_hu": -20, "diameter_mm": 8,
             "method": method, "kept": value} for (method, lesion), value in kept.items()]
    assert least_sentence(rows) == "Of these networks a most often leaves the least: in 2 of 3 cases."
    assert kept_table(rows)[2:4] == [
        "| a | 0.67 | 0.50 | sharp, NI 15, lesion 3: -20 HU, 8 mm | b 0.90 | 2 of 3 |",
        "| b | 0.80 | 0.70 | sharp, NI 15, lesion 2: -20 HU, 8 mm | a 0.90 | 1 of 3 |"]


def test_the_papers_cnr_stands_beside_medians_by_its_definition():
    rows = [{"track": "sharp", "noise_index": 15.0, "lesion": 0, "contrast_hu": -10, "diameter_mm": 8, "method": method,
             "cnr_seed_median": value} for method, value in (("ldct", 1.5), ("hrnet", 20.0), ("mine", 30.0))]
    head, _, papers, ours, _ = seed_table(rows)
    assert head == "| condition | lesion | ldct | hrnet | mine |"
    assert papers == "| paper | its own | 0.32 | 2.70 | - |"
    assert ours == "| sharp, NI 15 | 1: -10 HU, 8 mm | 1.50 | 20.00 | 30.00 |"
