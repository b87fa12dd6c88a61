"""Every candidate tells its noise, sharpness, CT numbers, contrast and distances truly."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from DIDInteractiveLib.measurement import Measurements
from DIDInteractiveLib.measurements import measure_candidates
from LDCTDenoiseLib.engine import Cancelled

SPACING = (3.0, 0.8, 0.8)
SHAPE = (2, 160, 160)
NOISE = 20.0


def anatomy(shape=SHAPE) -> np.ndarray:
    """Soft tissue of 40 HU with fat, an enhanced organ, lung and bone, in air; without noise."""
    row, column = np.mgrid[:shape[1], :shape[2]]
    row, column = row - shape[1] / 2 + 0.5, column - shape[2] / 2 + 0.5
    image = np.full(shape[1:], -1000.0)
    for centre, radius, hu in (((0, 0), 70, 40), ((-34, 0), 14, -100), ((34, 0), 16, 140), ((0, -40), 18, -800),
                               ((0, 42), 14, 600)):
        image[np.hypot(row - centre[0], column - centre[1]) < radius] = hu
    return np.repeat(ndimage.gaussian_filter(image, 0.8)[None], shape[0], axis=0)


def noise(shape=SHAPE, seed=0) -> np.ndarray:
    coloured = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), (0, 0.7, 0.7))
    return NOISE * coloured / coloured.std()


def candidate(array, kind="sharper", **changes):
    values = {"array": array, "kind": kind, "method": "blend", "iteration": 3, "seconds": 0.5, "position": 0.25,
              "tuning_noise_sd": 1.0}
    return SimpleNamespace(**{**values, **changes})


def blends(image, shares=(0.25, 0.5, 1.0), seed=0):
    """Candidates that hold these shares of the noise, the last one being the input."""
    n = noise(image.shape, seed)
    kinds = ["default", *["sharper"] * (len(shares) - 2), "input"]
    return [candidate(image + share * n, kind) for share, kind in zip(shares, kinds)]


def disk(centre, radius, shape=SHAPE) -> np.ndarray:
    row, column = np.ogrid[:shape[1], :shape[2]]
    inside = np.hypot(row - shape[1] / 2 - centre[0], column - shape[2] / 2 - centre[1]) < radius
    return np.repeat(inside[None], shape[0], axis=0)


@pytest.fixture(scope="module")
def image():
    return anatomy()


@pytest.fixture(scope="module")
def measured(image):
    candidates = blends(image)
    return measure_candidates(candidates, candidates[-1].array, SPACING)


def test_noise_is_measured_in_hu_and_as_a_share_of_the_input(measured):
    assert measured[-1].noise_sd_hu == pytest.approx(NOISE, rel=0.12)
    assert measured[-1].gnl_hu == pytest.approx(NOISE, rel=0.1)
    assert [one.noise_share for one in measured] == pytest.approx([0.25, 0.5, 1.0], rel=0.01)
    assert [one.gnl_hu / measured[-1].gnl_hu for one in measured] == pytest.approx([0.25, 0.5, 1.0], rel=0.1)


def test_less_noise_alone_is_no_loss_of_sharpness(measured):
    assert measured[-1].edges_kept == 1.0 and 50 < measured[0].edge_contrast_hu < 300
    assert [one.edges_kept for one in measured] == pytest.approx([1.0] * 3, abs=0.03)


def test_blur_is_a_loss_of_sharpness_that_grows(image):
    x = image + noise()
    blurred = [ndimage.gaussian_filter(x, (0, s, s)) for s in (1.6, 1.2, 0.8)]
    found = measure_candidates([candidate(blurred[0], "smoother"), candidate(blurred[1], "default"),
                                candidate(blurred[2]), candidate(x, "input")], x, SPACING)
    edges = [one.edges_kept for one in found]
    assert edges == sorted(edges) and edges[0] < 0.7 and edges[-1] == 1.0
    assert all(one.noise_share < 0.6 for one in found[:-1])


def test_the_input_is_no_distance_from_itself(measured):
    assert measured[-1].distance_to_input_hu == 0
    assert measured[0].distance_to_smoothest_hu == 0
    assert measured[0].distance_to_input_hu == pytest.approx(0.75 * NOISE, rel=0.05)
    assert measured[0].distance_to_input_hu == measured[-1].distance_to_smoothest_hu
    assert set(measured[-1].bias_hu.values()) == {0.0}


def test_a_shift_of_ct_numbers_is_found_in_each_tissue(image):
    x = image + noise()
    shifted = x + 2.0 * (image > 250) - 3.0 * (np.abs(image - 70) < 80)
    found = measure_candidates([candidate(shifted, "default"), candidate(x, "input")], x, SPACING)
    assert found[0].bias_hu["bone"] == pytest.approx(2.0)
    assert found[0].bias_hu["soft"] == pytest.approx(-3.0)
    assert found[0].bias_hu["fat"] == found[0].bias_hu["lung"] == 0


def test_a_denoised_image_without_bias_does_not_look_biased(image):
    """Classes chosen on the noisy input would: positive noise would bring pixels in at their lower ends."""
    x = image + 4 * noise()
    smooth = ndimage.gaussian_filter(image, (0, 0.5, 0.5))
    found = measure_candidates([candidate(smooth, "default"), candidate(x, "input")], x, SPACING)
    assert abs(found[0].bias_hu["soft"]) < 4 * NOISE * 3 / np.sqrt(5000)


def test_a_tissue_that_is_absent_has_no_bias():
    flat = np.where(disk((0, 0), 70), 40.0, -1000.0)
    candidates = blends(flat)
    found = measure_candidates(candidates, candidates[-1].array, SPACING)
    assert found[0].bias_hu["lung"] is None and found[0].bias_hu["bone"] is None
    assert found[0].bias_hu["soft"] == pytest.approx(0, abs=1)


def test_two_regions_give_the_contrast_to_noise_ratio_of_both_papers(image):
    candidates = blends(image)
    organ, tissue = disk((34, 0), 10), disk((0, 0), 10)
    found = measure_candidates(candidates, candidates[-1].array, SPACING, roi=organ, background_roi=tissue)
    for one, c in zip(found, candidates):
        a, b = c.array[organ], c.array[tissue]
        assert one.cnr["did"] == pytest.approx(2 * abs(a.mean() - b.mean()) / (a.std() + b.std()))
        assert one.cnr["seed"] == pytest.approx(2 * abs(a.mean() - b.mean()) / abs(a.std() - b.std()))
        assert one.noise_sd_hu == pytest.approx(a.std(), rel=0.1)
    assert found[0].cnr["did"] > 3 * found[-1].cnr["did"]


def test_without_a_second_region_there_is_no_contrast_to_noise_ratio(image, measured):
    candidates = blends(image)
    assert measured[0].cnr is None
    assert measure_candidates(candidates, candidates[-1].array, SPACING, roi=disk((0, 0), 8))[0].cnr is None


def test_a_reference_gives_the_error(image, measured):
    candidates = blends(image)
    found = measure_candidates(candidates, candidates[-1].array, SPACING, reference=image)
    assert [one.rmse_to_reference_hu for one in found] == pytest.approx([NOISE / 4, NOISE / 2, NOISE], rel=0.05)
    assert measured[0].rmse_to_reference_hu is None


def test_of_a_long_volume_some_slices_are_measured_and_give_the_same_numbers(image, measured):
    long = np.repeat(image[:1], 40, axis=0)
    candidates = blends(long, seed=3)
    found = measure_candidates(candidates, candidates[-1].array, SPACING)
    assert found[0].noise_sd_hu == pytest.approx(measured[0].noise_sd_hu, rel=0.03)
    assert found[0].edges_kept == pytest.approx(1.0, abs=0.02)


def test_a_region_far_from_the_measured_slices_is_still_used():
    long = np.repeat(anatomy((1, 96, 96)), 60, axis=0)
    candidates = blends(long)
    only = np.zeros(long.shape, bool)
    only[2] = disk((0, 0), 10, (1, 96, 96))[0]
    found = measure_candidates(candidates, candidates[-1].array, SPACING, roi=only)
    assert found[-1].noise_sd_hu == pytest.approx(candidates[-1].array[only].std(), rel=0.02)


def test_slices_that_jump_flicker_and_the_rest_does_not(image):
    volume = np.repeat(image[:1], 8, axis=0)
    steady = blends(volume)[0].array
    jumping = steady + np.where(np.arange(8) % 2, 3.0, -3.0)[:, None, None]
    x = volume + noise(volume.shape)
    found = measure_candidates([candidate(steady, "default"), candidate(jumping), candidate(x, "input")], x, SPACING)
    assert found[1].flicker_hu == pytest.approx(12 / np.sqrt(6), rel=0.05)
    assert found[0].flicker_hu < 0.2 * found[1].flicker_hu


def test_two_slices_cannot_flicker(measured):
    assert measured[0].flicker_hu is None


def test_integers_are_measured_and_nothing_is_modified(image):
    candidates = [candidate(np.rint(one.array).astype(np.int16), one.kind) for one in blends(image)]
    before = [one.array.copy() for one in candidates]
    found = measure_candidates(candidates, candidates[-1].array, SPACING, padding=np.zeros(SHAPE, bool))
    assert found[-1].noise_sd_hu == pytest.approx(NOISE, rel=0.12)
    for one, array in zip(candidates, before):
        np.testing.assert_array_equal(one.array, array)


def test_padding_is_not_measured(image):
    x = image.copy()
    corner = ~disk((0, 0), 78)
    x[corner] = -3024
    candidates = blends(x)
    for one in candidates:
        one.array[corner] = -3024
    found = measure_candidates(candidates, candidates[-1].array, SPACING, padding=corner)
    assert found[-1].noise_sd_hu == pytest.approx(NOISE, rel=0.12)
    assert found[0].edges_kept == pytest.approx(1.0, abs=0.03)


def measurements(**changes) -> Measurements:
    values = {"kind": "default", "method": "network", "iteration": 0, "seconds": 1.0, "position": 0.0,
              "noise_sd_hu": 11.2, "gnl_hu": 10.0, "noise_share": 0.62, "edges_kept": 0.94, "bias_hu": {"soft": 0.1},
              "cnr": None, "rmse_to_reference_hu": None, "distance_to_input_hu": 1.0, "distance_to_smoothest_hu": 2.0}
    return Measurements(**{**values, **changes})


@pytest.mark.parametrize("changes,sentence", [
    ({}, "noise 11 HU, 62 % of the original; edges 94 %"),
    ({"noise_sd_hu": 6.34, "noise_share": 0.155}, "noise 6.3 HU, 16 % of the original; edges 94 %"),
    ({"noise_sd_hu": 9.96, "edges_kept": 1.0, "noise_share": 1.0}, "noise 10 HU, 100 % of the original; edges 100 %"),
    ({"edges_kept": None}, "noise 11 HU, 62 % of the original; no edges to judge by"),
    ({"edge_contrast_hu": 120.0}, "noise 11 HU, 62 % of the original; edges 94 %"),
    ({"cnr": {"did": 1.84, "seed": 7.0}}, "noise 11 HU, 62 % of the original; edges 94 %; CNR 1.8"),
    ({"cnr": {"did": None, "seed": None}}, "noise 11 HU, 62 % of the original; edges 94 %"),
    ({"edge_contrast_hu": 877.0}, "noise 11 HU, 62 % of the original; bone and air edges 94 %"),
])
def test_the_trade_off_is_said_in_words(changes, sentence):
    assert measurements(**changes).sentence() == sentence


def test_the_numbers_are_ready_for_json(measured):
    for one in measured:
        values = one.as_dict()
        assert json.loads(json.dumps(values, allow_nan=False)) == values
        assert values["method"] == "blend" and values["iteration"] == 3 and values["seconds"] == 0.5


def test_what_cannot_be_had_is_none_not_nan():
    flat = np.full((1, 64, 64), 40.0)
    candidates = blends(flat)
    roi = disk((-12, 0), 8, (1, 64, 64))
    back = disk((12, 0), 8, (1, 64, 64))
    candidates[0].array[:] = 40.0
    one = measure_candidates(candidates, candidates[-1].array, SPACING, roi=roi, background_roi=back)[0]
    assert one.edges_kept is None and one.cnr == {"did": None, "seed": None}
    json.dumps(one.as_dict(), allow_nan=False)


def test_progress_rises_to_one_and_names_the_work(image):
    candidates, seen = blends(image), []
    measure_candidates(candidates, candidates[-1].array, SPACING,
                       progress=lambda fraction, text, remaining: seen.append((fraction, text)))
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0 and "easur" in seen[0][1]


@pytest.mark.parametrize("calls", [0, 2, 6])
def test_measuring_can_be_stopped(image, calls):
    candidates, count = blends(image), []

    def cancelled():
        count.append(1)
        return len(count) > calls

    with pytest.raises(Cancelled):
        measure_candidates(candidates, candidates[-1].array, SPACING, cancelled=cancelled)


def test_what_does_not_fit_is_refused_with_what_to_do(image):
    candidates = blends(image)
    x = candidates[-1].array
    with pytest.raises(ValueError, match="no default candidate"):
        measure_candidates(candidates[1:], x, SPACING)
    with pytest.raises(ValueError, match="reference has the shape"):
        measure_candidates(candidates, x, SPACING, reference=image[:1])
    with pytest.raises(ValueError, match="region of interest is empty"):
        measure_candidates(candidates, x, SPACING, roi=np.zeros(SHAPE, bool))
    with pytest.raises(ValueError, match="too few"):
        measure_candidates(candidates, x, SPACING, roi=disk((0, 0), 1))
    with pytest.raises(ValueError, match="give the region of interest too"):
        measure_candidates(candidates, x, SPACING, background_roi=disk((0, 0), 9))
    with pytest.raises(ValueError, match="too little tissue"):
        air = [candidate(np.full(SHAPE, -1000.0), kind) for kind in ("default", "input")]
        measure_candidates(air, air[-1].array, SPACING)
