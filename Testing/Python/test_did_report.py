"""The report on candidates: its arithmetic, and that its command works."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
from networkfactory import phantom
from reportfactory import FILE, add_fitted_model, write_data

from DIDInteractiveLib.outcome import Outcome
from LDCTDenoiseLib.training.config import read_config

BENCHMARKS = Path(__file__).resolve().parents[1] / "Benchmarks"
sys.path.append(str(BENCHMARKS))

import did_report  # noqa: E402
from didreport import doses, matching  # noqa: E402
from didreport.contrast import contrasting, disc  # noqa: E402
from didreport.flatsquare import flattest  # noqa: E402
from didreport.flickerpart import ALONE, SHARED, statement  # noqa: E402
from didreport.literalpart import steps_of  # noqa: E402
from didreport.matchedpart import FLAT, ceiling, flat_tissue, noise_of_pairs, room_for_squares  # noqa: E402
from didreport.phantompart import evidence, order_table  # noqa: E402
from didreport.plan import Choice, Figures, Plan  # noqa: E402
from didreport.rangepart import METHODS, reach  # noqa: E402
from didreport.regions import halves  # noqa: E402
from didreport.scenes import Scene  # noqa: E402


def test_a_curve_is_exact_at_its_points_and_where_the_score_follows_the_log_of_the_noise():
    noise = np.array([5.0, 10.0, 20.0, 40.0])
    found = matching.curve(noise, 3 + 2 * np.log(noise), default=1)
    assert found.at(noise) == pytest.approx(3 + 2 * np.log(noise))
    assert found.at([7.0, 14.0, 33.0]) == pytest.approx(3 + 2 * np.log([7.0, 14.0, 33.0]))


def test_a_curve_may_bend_at_the_default():
    noise = np.geomspace(5.0, 80.0, 9)
    steep = np.where(noise < 20, 3.0, 3 + 4 * np.log(noise / 20))
    found = matching.curve(noise, steep, default=4)
    assert found.at([8.0, 19.9]) == pytest.approx([3.0, 3.0])
    assert found.at([21.0, 70.0]) == pytest.approx(3 + 4 * np.log(np.array([21.0, 70.0]) / 20))


def test_what_is_not_noise_in_an_error_is_the_rest_of_its_square():
    assert matching.without_noise([5.0, 13.0], [4.0, 5.0]) == pytest.approx([3.0, 12.0])
    assert np.isnan(matching.without_noise(3.0, 4.0))


def test_a_curve_says_nothing_beyond_its_ends():
    found = matching.curve([5.0, 10.0], [1.0, 2.0], default=0)
    assert np.isnan(found.at([4.9, 10.1])).all()


def test_candidates_out_of_order_in_a_region_are_left_out_but_never_the_default():
    found = matching.curve([9.0, 11.0, 10.0, 9.5, 20.0, 15.0, 30.0], range(7), default=2)
    assert list(found.noise) == [9.0, 10.0, 20.0, 30.0]
    assert list(found.score) == [0, 2, 4, 6]


def test_positions_are_equal_steps_of_the_log_of_the_noise_on_each_side():
    noise = matching.noise_at([-1.0, -0.5, 0.0, 0.5, 1.0], 10.0, (2.5, 40.0))
    assert noise == pytest.approx([2.5, 5.0, 10.0, 20.0, 40.0])
    assert matching.positions(3) == pytest.approx([-0.75, -0.5, -0.25, 0.25, 0.5, 0.75])


def test_there_is_no_smoother_noise_where_the_smooth_bound_is_no_smoother():
    assert np.isnan(matching.noise_at([-0.5], 10.0, (10.0, 40.0))).all()


def test_a_summary_counts_what_is_more_than_one_per_cent_worse_and_at_least_three_per_cent_better():
    found = matching.summary([1.0, 1.01, 1.0101, 0.97, 0.9701, 0.5, float("nan")])
    assert (found.count, found.lowest, found.highest) == (6, 0.5, 1.0101)
    assert found.worse == pytest.approx(1 / 6)
    assert found.better == pytest.approx(2 / 6)
    assert matching.summary([float("nan")]).count == 0


def test_the_input_itself_is_not_counted_as_reached():
    found = reach([8.0, 9.0, 20.0, 50.0], [0.7, 0.8, 0.95, 1.0], default=1)
    assert (found.smoothest, found.default, found.sharpest, found.input) == (8.0, 9.0, 20.0, 50.0)
    assert found.noise_rises and found.edges_rise and found.edges_lost == pytest.approx(0.1)
    assert not reach([8.0, 9.0, 9.0, 50.0], [0.7, 0.8, None, 1.0], default=1).noise_rises
    assert not reach([8.0, 9.0, 20.0, 50.0], [0.7, 0.8, None, 1.0], default=1).edges_rise
    overshooting = reach([8.0, 8.5, 9.0, 20.0, 50.0], [0.7, 0.9, 0.8, 0.95, 1.0], default=2)
    assert overshooting.sharper_edges and not overshooting.smoother_edges
    assert (found.edges_back, overshooting.edges_back) == (0, pytest.approx(0.1))


def test_the_most_that_could_be_gained_counts_the_places_where_blending_has_more_than_noise_in_its_error():
    rows = [{"method": "blend", "tissue": "body", "position": position, "noise_hu": noise, "rmse_hu": 10.0}
            for position, noise in ((-0.5, 9.0), (-0.2, 9.6), (0.2, 9.6), (0.4, 9.7), (0.6, 9.8), (0.8, 9.9))]
    text = ceiling(rows + [{**row, "tissue": "lung", "noise_hu": 1.0} for row in rows])
    assert "100 % of the places on the smoother side and 50 % on the sharper one" in text


def test_resolution_out_of_order_is_named_on_its_side():
    values = {-0.5: 0.32, -0.2: 0.31, 0.2: 0.31, 0.5: 0.35, 0.8: 0.372}
    rows = [{"task": "TTF50", "method": "did", "position": place, "value": value} for place, value in values.items()]
    lines = "\n".join(order_table(rows))
    assert "| did | smoother | NO (-3.1 %) |" in lines and "| did | sharper | yes (+20.0 %) |" in lines


def test_only_rods_that_stand_out_from_the_noise_of_the_input_are_counted_as_evidence():
    rows = [{"task": task, "method": method, "position": place, "ratio": ratio}
            for task, method, place, ratio in (
                ("14 HU", "blend", 0.5, 1.0), ("14 HU", "did", -0.5, 0.9), ("14 HU", "did", 0.2, 1.1),
                ("14 HU", "did", 0.5, 1.3), ("3 HU", "did", 0.5, 9.0))]
    text = evidence(rows, {"14 HU": (12.0, 5.0), "3 HU": (3.0, 1.6)})
    assert "1 of 2 differences exceed" in text and "did 0.900 on the smoother and 1.200 on the sharper side" in text
    assert "0 of 1 differences" in evidence(rows, {"3 HU": (3.0, 1.6)})


@pytest.mark.parametrize(("shared", "alone", "words"), [
    ((0.1, 0.2), (0.3, 0.4), "Shared weights flicker less, at 2 of the 2"),
    ((0.3, 0.4), (0.1, 0.2), "Shared weights do not flicker less, at 0 of the 2"),
    ((0.3, 0.2), (0.1, 0.8), "at some places only, at 1 of the 2")])
def test_what_is_said_of_flicker_follows_the_numbers(shared, alone, words):
    rows = [{"method": name.format("did-ordered"), "kind": kind, "position": place, "flicker_hu": value}
            for name, values in ((SHARED, shared), (ALONE, alone))
            for kind, place, value in (("smoother", -0.5, 9.0), ("sharper", 0.3, values[0]),
                                       ("sharper", 0.7, values[1]), ("input", 1.0, 0.2))]
    text = statement("did-ordered", rows, 0.2)
    assert words in text
    ends = [f"{100 * min(values) / 0.2:.0f} % to {100 * max(values) / 0.2:.0f} %" for values in (shared, alone)]
    assert all(one in text for one in ends)


def test_the_steps_of_the_papers_descent_are_those_that_its_outcome_tells():
    for step in (1, 12, 80):
        assert steps_of(Outcome("It ended at step {step}; {images} went on.", {"step": step, "images": 3})) == step
    assert np.isnan(steps_of(Outcome("No smoother candidates")))


def test_room_for_a_spectrum_is_counted_in_squares_that_lie_wholly_inside_a_tissue():
    full = np.ones((1, 96, 96), bool)
    checked = full & (np.arange(96) % 47 != 0)
    masks = {"lung": ~full, "fat": checked, "soft": checked, "bone": ~full, "body": full}
    scenes = [Scene("phantom", "phantom", 30.0, full, None, (1.0, 1.0, 1.0), {**masks, "soft": soft})
              for soft in (checked, full)]
    assert room_for_squares(scenes) == "lung 0 of 2, fat 0 of 2, soft 1 of 2, bone 0 of 2, body 2 of 2"


def test_noise_of_two_realisations_does_not_count_anatomy():
    random = np.random.default_rng(0)
    anatomy = np.where(np.arange(200) % 20 < 10, -800.0, 300.0) * np.ones((3, 200, 1))
    image = np.concatenate([anatomy, anatomy]) + random.normal(0, 12.0, (6, 200, 200))
    assert noise_of_pairs(image, np.ones(image.shape, bool)) == pytest.approx(12.0, rel=0.01)


def test_the_region_that_judges_shares_no_pixel_with_the_one_that_is_used():
    image = phantom((2, 96, 96), noise=3.0)
    soft = (image > 20) & (image < 60)
    scene = Scene("phantom", "phantom", 30.0, image, image, (1.0, 2.0, 2.0), {"soft": soft})
    used, judging = halves(scene)
    assert not (used & judging).any()
    assert not ((used | judging) & ~soft).any()
    assert min(used.sum(), judging.sum()) > 0.5 * max(used.sum(), judging.sum())


def test_the_flat_square_lies_in_uniform_tissue():
    image = np.zeros((80, 80))
    image[:, 40:] = 100 * (np.arange(40) % 8 < 4)
    row, column = flattest(image, np.ones(image.shape, bool))
    assert column < 40
    assert disc((80, 80), row, column, 3).sum() == 29


def test_contrast_is_taken_between_a_bright_disc_and_soft_tissue_near_it():
    image = np.random.default_rng(0).normal(50, 5, (100, 100))
    image[disc(image.shape, 40, 30, 7)] += 200
    image[disc(image.shape, 75, 75, 7)] += 100
    image[:, 92:] = -900
    soft = (image > 0) & (image < 120)
    (row, column, radius), (other_row, other_column, _) = contrasting(image, soft)
    assert disc(image.shape, 40, 30, 7)[disc(image.shape, row, column, radius)].all()
    assert soft[disc(image.shape, other_row, other_column, radius)].all()
    apart = np.hypot(row - other_row, column - other_column)
    assert 2 * radius < apart <= 28
    assert contrasting(np.full((40, 40), -900.0), np.zeros((40, 40), bool)) is None


def test_the_view_at_a_glance_tells_how_often_and_how_far_a_method_is_worse_matched_in_flat_tissue():
    rows = [{"method": "did", "tissue": FLAT, "ratio": ratio} for ratio in (0.98, 1.0, 1.02, 1.047)]
    text = flat_tissue([*rows, {"method": "did", "tissue": "body", "ratio": 2.0}], "did")
    assert "more than 1 % worse than blending at 50 % of 4 places" in text and "at worst 1.047" in text


def test_the_noise_of_other_doses_follows_the_root_of_one_over_the_dose_less_one():
    factors = [doses.physical_factor(dose) for dose in (0.5, 0.25, 0.125, 0.0625)]
    assert factors == pytest.approx([0.577, 1.0, 1.528, 2.236], abs=1e-3)
    meant = [doses.equivalent_dose(factor) for factor in doses.LITERAL.values()]
    assert meant == pytest.approx([0.571, 0.25, 0.077, 0.0204], abs=1e-3)
    assert doses.equivalent_dose(doses.physical_factor(0.125)) == pytest.approx(0.125)


@pytest.mark.parametrize("network", doses.all_networks(), ids=lambda one: one.name)
def test_every_dose_has_a_recipe_with_its_one_noise_level(network):
    config = read_config(doses.CONFIGS / f"{network.name}.toml")
    assert config.sampling.noise_sd == pytest.approx((network.sd, network.sd), abs=0.06)
    assert (config.sampling.clean_share, config.sampling.colour_share, config.sampling.zoom) == (0, 0, (1, 1))
    assert config.validate_every == config.optimiser.iterations
    assert (doses.ROOT / config.initial_weights).is_file()


SMALL = Choice("phantom", FILE, 0, (0, 1), 96)
TINY = Plan(
    models=("tiny",), patients=(SMALL,), all_models=(SMALL,), noise_indices=(30.0,), count=5,
    volume=Choice("volume", FILE, 0, (0, 1, 2, 3), 80), whole=SMALL, rods_size=192, rods_pixel=1.1, rods_pairs=1,
    slider_size=32, slider_slices=2, fit_steps=20, figures=Figures(
        low_contrast=SMALL, lesion=(40, 50, 4), liver=(60, 50, 4), low_zoom=(44, 44, 20), low_detail=(50, 50, 20),
        high_contrast=SMALL, high_zoom=(44, 44, 20), other=SMALL, cone_beam=SMALL, noise_totals=(20.0,),
        exposures=(0.25,), crop=96, count=3))


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder with a phantom, and a small network that was fitted to it, in the registry as "tiny"."""
    add_fitted_model(tmp_path / "models")
    monkeypatch.setenv("LDCT_MODELS", str(tmp_path / "models"))
    return write_data(tmp_path / "data", slices=4)


@pytest.mark.filterwarnings("error::UserWarning")  # matplotlib, of a figure whose axes do not fit
def test_the_command_writes_every_part_and_takes_finished_sets_from_its_cache(data, tmp_path, capsys):
    arguments = ["--data", str(data), "--output", str(tmp_path / "did"), "--cache", str(tmp_path / "cache"),
                 "--dose-networks", str(tmp_path / "none")]
    assert did_report.main(arguments, TINY) == 0
    made = {path.name for path in (tmp_path / "did").iterdir()}
    assert {"README.md", "range.md", "matched.md", "figures.md", "timing.md"} <= made
    with (tmp_path / "did" / "range.csv").open() as stream:
        kinds = [row["kind"] for row in csv.DictReader(stream)]
    assert kinds.count("default") == kinds.count("input") == 2 * len(METHODS)  # slices and a volume
    page = (tmp_path / "did" / "figures.md").read_text()
    assert "Left out" in page and "## Regions of the CNR" in page and "did-ordered, differs" in page
    with (tmp_path / "did" / "figures.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert all(float(row["std_hu"]) >= 0 and float(row["cnr"]) >= 0 for row in rows)
    assert {row["scene"] for row in rows if not row["rmse_hu"]} == {"phantom as it is"}
    assert "## What the numbers say" in page
    matched = (tmp_path / "did" / "matched.md").read_text()
    assert matched.index("**At equal noise") < matched.index("## How it is measured") < matched.index("## In one view")
    timing = (tmp_path / "did" / "timing.md").read_text()
    assert "- A 96 x 96 slice, 9 candidates, tiny, did-ordered: " in timing
    assert "## A conventional default and its fit" in timing
    assert "| slider, slice |" in timing and "| tiny | gains |" in timing
    with (tmp_path / "did" / "literal.csv").open() as stream:
        assert [(row["reduction"], row["side"]) for row in csv.DictReader(stream)] == [
            (reduction, side) for reduction in ("mean", "sum") for side in ("smoother", "sharper")]
    page = (tmp_path / "did" / "range.md").read_text()
    assert "Does TTF50 rise" in page and "## Flicker" in page and "## The paper's own descent" in page
    assert "candidates:" in capsys.readouterr().out

    before = (tmp_path / "did" / "matched.csv").read_text()
    assert did_report.main([*arguments, "--parts", "matched"], TINY) == 0
    assert "candidates:" not in capsys.readouterr().out
    assert (tmp_path / "did" / "matched.csv").read_text() == before


def test_the_command_names_a_folder_without_data(tmp_path, capsys):
    with pytest.raises(SystemExit):
        did_report.main(["--data", str(tmp_path)])
    assert "validation/" in capsys.readouterr().err
