"""The verdicts of the report on tasks, and the page that shows them."""

import csv
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from reportfactory import FILE

BENCHMARKS = Path(__file__).resolve().parents[1] / "Benchmarks"
sys.path.append(str(BENCHMARKS))

from taskreport import diskspart, gridpart, mismatchpart, mitapart, rodspart, scorespart  # noqa: E402
from taskreport.aims import keep_aims, write_index  # noqa: E402
from taskreport.origin import keep_origin, origin_lines  # noqa: E402
from taskreport.plan import Anatomy, Plan  # noqa: E402
from taskreport.statistics import Aim, Estimate  # noqa: E402


def test_cells_with_more_error_than_their_input_are_counted_even_where_little_noise_was_added():
    cells = [{"anatomy": "chest", "kernel": "soft", "pixel_mm": 0.5, "dose": dose, "ratio": ratio, "added_hu": added,
              "target_gnl_hu": 10.0, "noise_ratio": 0.5, "shift_soft_hu": 0.0, "shift_lung_hu": 0.0,
              "shift_bone_hu": 0.0, "method": "net"}
             for dose, ratio, added in ((1.0, math.nan, 0.0), (0.5, 1.25, 10.0), (0.25, 1.1, 17.0), (0.1, 0.4, 30.0))]
    words = gridpart.above_input(cells)
    assert words.startswith("2 of 3, worst 1.250") and words.endswith("dose 0.5")
    judged = gridpart.rule_aims(cells, "net")[0]
    assert judged.verdict == "met" and words in judged.case


def test_a_region_with_more_error_than_its_input_is_told_though_another_one_is_judged_worst():
    cells = [{"anatomy": anatomy, "kernel": "soft", "pixel_mm": 0.804688, "dose": dose, "ratio": ratio,
              "added_hu": added, "target_gnl_hu": 10.0, "noise_ratio": 0.5, "shift_soft_hu": 0.0,
              "shift_lung_hu": math.nan, "shift_bone_hu": 0.0, "method": "net"}
             for anatomy, dose, ratio, added in (("chest", 0.5, 0.7, 10.0), ("chest", 0.1, 0.6, 30.0),
                                                 ("head", 0.5, 1.2, 10.0), ("head", 0.1, 0.4, 30.0))]
    error, noise, *shifts = gridpart.rule_aims(cells, "net", "chest")
    assert error.found.value == 0.6
    assert error.case.endswith("above 1 at any dose: 1 of 4, worst 1.200: head, soft, 0.8 mm, dose 0.5")
    assert noise.case == "0 of 2 cells beyond, worst: chest, soft, 0.8 mm, dose 0.5"
    lung = next(a for a in shifts if "lung" in a.aim)
    assert lung.verdict == "not measured" and lung.case == "nothing to judge in chest"


def network(key: str, architecture: str, schedule: str) -> SimpleNamespace:
    """What the aims see of a network."""
    return SimpleNamespace(key=key, label=f"{key} 1", identity={"architecture": architecture, "sha256": f"abc{key}"},
                           network=SimpleNamespace(schedule=schedule, stages=[schedule], recipe=f"{schedule}, 1 h"))


LONG, SHORT = "22,500 steps of 8 x 128 x 128", "4,000 steps of 8 x 64 x 64"
HRNET, UNET = network("hrnet", "hrnet", LONG), network("unet", "unet", "6,600 steps of 8 x 128 x 128")
HRNET_EQUAL, REDCNN = network("hrnet_equal", "hrnet", SHORT), network("redcnn", "redcnn", SHORT)


def means(dose: float = 0.25, **rmse: float) -> list[dict]:
    """Means of one condition for networks of these RMSE."""
    return [{"label": f"{key} 1", "track": "matched", "noise_index_hu": 15.0, "dose": dose, "rmse_hu": value,
             "ssim": 0.9, "vif": 0.5, "multiply_adds": 20e9, "seconds_per_slice": value / 10, "timed": "validation"}
            for key, value in rmse.items()]


def test_hrnet_and_redcnn_of_one_training_are_judged_first_and_other_trainings_are_named():
    context = SimpleNamespace(networks=[HRNET, UNET, REDCNN, HRNET_EQUAL])
    rows = means(hrnet=12.0, unet=4.0, redcnn=15.0, hrnet_equal=14.0)
    aims = scorespart._opponent_aims(context, rows)
    assert aims[0].method == "hrnet_equal 1" and aims[0].found.value == pytest.approx(14 / 15)
    assert aims[0].aim.endswith(f"trained alike: {SHORT}")
    shipped = next(a for a in aims if a.method == "hrnet 1")
    assert shipped.found.value == pytest.approx(12 / 15)
    assert shipped.aim.endswith(f"trained differently: {LONG} against {SHORT}")
    cost = next(a for a in aims if a.method == "hrnet 1" and a.aim.startswith("multiply-adds"))
    assert cost.case.endswith("hrnet 1 takes 1.20 s per slice, redcnn 1 1.50 s")
    rows[2]["timed"] = "this report"
    cost = next(a for a in scorespart._opponent_aims(context, rows) if a.aim.startswith("multiply-adds"))
    assert cost.case.endswith("1.50 s (timed by validation and by this report, so not side by side)")


def test_without_redcnn_hrnet_is_not_measured_against_it():
    aims = scorespart._opponent_aims(SimpleNamespace(networks=[HRNET, UNET]), means(hrnet=12.0, unet=4.0))
    assert [a.verdict for a in aims] == ["not measured"] * 3 + ["met"]


def test_the_bias_is_judged_at_every_dose_and_the_worst_dose_is_named():
    rows = [{"label": "hrnet 1", "patient": "p", "track": "matched", "noise_index_hu": "30", "dose": dose,
             "bias_soft_hu": soft, "bias_lung_hu": "", "bias_bone_hu": "2"} for dose, soft in
            (("0.25", "-0.9"), ("0.125", "-1.15"))]
    soft, bone = scorespart._bias_aims(SimpleNamespace(networks=[HRNET]), rows)
    assert (soft.verdict, bone.verdict) == ("missed", "met")
    assert soft.case == "1 of 2 beyond, worst: p, matched, NI 30 HU, dose 0.125"


def test_the_mismatch_is_judged_on_the_other_reconstruction_alone_and_says_on_which_slice():
    rows = [{"method": f"{key} 1", "anatomy": "chest", "reconstruction": name, "rmse_hu": value, "ratio": value / 30}
            for key, known, other in (("hrnet", 20.0, 11.0), ("unet", 10.0, 10.0))
            for name, value in ((mismatchpart.KNOWN, known), (mismatchpart.OTHER, other))]
    context = SimpleNamespace(leading=[HRNET, UNET], plan=Plan(mismatch=(Anatomy("chest", FILE, 0, 1),)))
    aim = mismatchpart._aims(context, rows)[-1]
    assert aim.found.value == pytest.approx(1.1) and aim.verdict == "missed"
    assert aim.case == "chest, other reconstruction, NI 15 HU" and "these 1 slices only" in aim.aim and LONG in aim.aim


def test_few_realisations_are_told_beside_the_verdict_and_weak_doses_beside_the_figure():
    assert diskspart._count(10) == "10 realisations of 50 that were asked for"
    assert diskspart._count(50) == "50 realisations"
    stacks = [SimpleNamespace(dose=dose, own=own, group=f"{dose} {own}") for dose in ("0.10", "1.00")
              for own in (True, False)]
    rows = [{"group": f"{s.group}, half the noise", "task": mitapart.ANY, "level": "FBP",
             "d_low": 0.3 if s.own and s.dose == "1.00" else -0.1} for s in stacks]
    assert diskspart._left_out(rows, stacks).endswith("lies above 0; these do not: 0.10.")


def test_ttf50_is_judged_by_the_projects_aims_and_by_what_is_published():
    rows = [{"method": "net", "noise_hu": 15.0, "level": "half the noise", "contrast_hu": contrast, "ratio": 0.6,
             "low": 0.59, "high": 0.61} for contrast in (100.0, 50.0, 20.0)]
    found = [(a.limit, a.verdict) for a in rodspart._aims(rows, "net", 15.0)]
    assert found == [(0.84, "missed"), (0.5, "met"), (0.842, "missed"), (0.711, "missed"), (0.474, "met")]


def test_the_page_tells_the_commands_and_the_weights_that_made_its_parts(tmp_path):
    def keep(part, command, *networks):
        keep_origin(SimpleNamespace(output=tmp_path, command=command, networks=networks), part)

    keep("rods", "old", HRNET)
    keep("rods", "report --extra-weights redcnn=best.pt", HRNET, REDCNN)
    keep("grid", "report", HRNET)
    page = "\n".join(origin_lines(tmp_path, ["rods", "grid"]))
    assert "- rods: `report --extra-weights redcnn=best.pt`\n- grid: `report`" in page and "old" not in page
    assert page.count("abchrnet") == 1 and "| redcnn 1 | redcnn | 4,000 steps of 8 x 64 x 64, 1 h | abcredcnn |" in page
    assert "redcnn" not in "\n".join(origin_lines(tmp_path, ["grid"]))


def test_the_page_shows_the_noise_texture_and_what_is_missed(tmp_path):
    folder, recipes = tmp_path / "task", tmp_path / "recipes"
    folder.mkdir()
    (folder / "rods.md").write_text("rods")
    (folder / "texture.csv").write_text(
        "noise_hu,method,level,peak_ratio,mean_ratio,height_ratio,height_at_equal_noise\n"
        "30,FBP,,1,1,1,1\n30,net,full strength,0.55,0.7,0.03,1.4\n")
    keep_aims(folder, "rods", [Aim("rods", "sharp", "net", "case", "at least", 0.5, Estimate(0.4)),
                               Aim("rods", "flat", "net", "case", "at least", 0.5, Estimate(0.6))])
    write_index(folder)
    page = (folder / "README.md").read_text()
    assert "| noise 30 HU, full strength | frequency of the peak | 0.55 |" in page
    assert "Recipes were judged by" not in page  # neither TTF50, d' nor bone is missed
    assert "| rods | sharp | net |" in page and "| rods | flat | net |" not in page
    assert "recipes_report.py" in page and "../recipes/README.md" not in page  # there is no such report yet
    recipes.mkdir()
    (recipes / "README.md").write_text("recipes")
    write_index(folder)
    assert "[recipes](../recipes/README.md)" in (folder / "README.md").read_text()


@pytest.mark.parametrize(("sense", "limit", "found", "verdict"), (
    ("at least", 0.84, Estimate(0.9, 0.86, 0.95), "met"),
    ("at least", 0.84, Estimate(0.8, 0.7, 0.83), "missed"),
    ("at least", 0.84, Estimate(0.8, 0.7, 0.9), "open"),
    ("at most", 1.0, Estimate(1.0), "met"),
    ("at most", 1.0, Estimate(1.01), "missed"),
    ("within", 1.0, Estimate(-0.9), "met"),
    ("within", 1.0, Estimate(-1.2), "missed"),
    ("within", 1.0, Estimate(-0.9, -1.1, -0.7), "open"),
    ("at most", 1.0, Estimate(float("nan")), "not measured")))
def test_a_verdict_follows_from_value_interval_and_limit(sense, limit, found, verdict):
    assert Aim("rods", "aim", "method", "case", sense, limit, found).verdict == verdict


def test_the_page_keeps_the_aims_of_parts_that_are_not_made_again(tmp_path):
    def aim(part, value):
        return Aim(part, "aim", "net", "case", "at least", 0.5, Estimate(value))
    (tmp_path / "rods.md").write_text("rods")
    keep_aims(tmp_path, "rods", [aim("rods", 0.4), aim("rods", 0.6)])
    keep_aims(tmp_path, "grid", [aim("grid", 0.7)])
    keep_aims(tmp_path, "rods", [aim("rods", 0.45)])
    with (tmp_path / "aims.csv").open() as stream:
        kept = [(row["part"], row["verdict"]) for row in csv.DictReader(stream)]
    assert kept == [("rods", "missed"), ("grid", "met")]
    write_index(tmp_path)
    assert "**missed** by 0.05: 0.45, case" in (tmp_path / "README.md").read_text()


def test_the_page_shows_the_worst_case_of_an_aim_and_how_many_are_like_it(tmp_path):
    cases = [Aim("rods", "aim", "net", f"case {n}", "within", 1.0, Estimate(v)) for n, v in enumerate((0.5, -3.0, 2.0))]
    (tmp_path / "rods.md").write_text("rods")
    keep_aims(tmp_path, "rods", [*cases, Aim("rods", "other", "net", "case", "at most", 1.0, Estimate(math.nan))])
    write_index(tmp_path)
    page = (tmp_path / "README.md").read_text()
    assert "**missed** by 2: 2 of 3; -3, case 1" in page and "| other | at most 1 | not measured |" in page
    assert "1 met, 0 open, 2 missed, 1 not measured" in page


def test_cases_that_cannot_be_measured_do_not_hide_the_others_and_are_counted(tmp_path):
    (tmp_path / "robust.md").write_text("robust")
    keep_aims(tmp_path, "robust", [Aim("robust", "aim", "net", f"case {n}", "within", 1.0, Estimate(v))
                                   for n, v in enumerate((0.5, math.nan, -0.7))])
    write_index(tmp_path)
    page = (tmp_path / "README.md").read_text()
    assert "**met**: 2 of 3, 1 not measured; -0.7, case 2" in page and "2 met, 0 open, 0 missed, 1 not measured" in page


def test_a_value_that_three_digits_cannot_tell_from_its_limit_gets_more_of_them(tmp_path):
    (tmp_path / "scores.md").write_text("scores")
    keep_aims(tmp_path, "scores", [
        Aim("scores", "SSIM", "net", "case", "at least", 1.0, Estimate(0.99986)),
        Aim("scores", "RMSE", "net", "case", "at most", 1.0, Estimate(1.0037)),
        Aim("scores", "d' kept", "net", "case", "at least", 1.0, Estimate(0.5, 0.4, 0.6))])
    write_index(tmp_path)
    page = (tmp_path / "README.md").read_text()
    assert "by 0.00014: 0.99986, case" in page and "by 0.0037: 1.0037, case" in page
    assert "0.5 (0.4 .. 0.6), case" in page
    assert "against misses of d' nothing was tried" in page


def test_the_sharpest_method_is_named_with_hrnet_beside_it_unless_it_is_hrnet():
    rows = [{"noise_hu": noise, "level": level, "contrast_hu": "100", "method": method, "ratio": ratio}
            for noise, level, method, ratio in (
                ("15", "half the noise", "hrnet 1", "0.89"), ("15", "half the noise", "Non-local means", "0.99"),
                ("15", "full strength", "unet 1", "1.5"), ("30", "half the noise", "hrnet 1", "0.8"),
                ("30", "half the noise", "hrnet_equal 1", "0.7"))]
    words, _ = rodspart.sharpest_words(rows)
    assert words.endswith("at noise 15 HU Non-local means with 0.99 of FBP's (hrnet 1 0.89); "
                          "at noise 30 HU hrnet 1 with 0.80 of FBP's.")
    assert rodspart.sharpest_words([]) == []
