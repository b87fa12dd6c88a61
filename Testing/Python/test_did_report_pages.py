"""What the pages of the report on candidates say first, and the images that their figures are made of."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "Benchmarks"
sys.path.append(str(BENCHMARKS))

from didreport import conebeam, figurespart  # noqa: E402
from didreport.contrast import disc  # noqa: E402
from didreport.figurefindings import contrast, error  # noqa: E402
from didreport.fitpart import fit_lines  # noqa: E402
from didreport.flatsquare import flattest  # noqa: E402
from didreport.matchedpart import FLAT  # noqa: E402
from didreport.matchedverdict import verdict  # noqa: E402
from didreport.noisetotals import to_be_added  # noqa: E402
from didreport.plan import Choice, Figures, Plan  # noqa: E402
from didreport.rangepart import reach, statement  # noqa: E402
from didreport.timingpart import uses  # noqa: E402


def test_the_flat_square_of_a_cone_beam_like_scan_lies_in_what_was_soft_tissue_before_the_cupping(monkeypatch):
    image = np.full((1, 96, 96), -1000.0)
    image[0, disc((96, 96), 48, 48, 44)] = 60
    bone = disc((96, 96), 48, 48, 16)
    image[0, bone] = 170  # becomes soft tissue, and the most uniform, by the cupping
    image[0, ~bone & (image[0] > 0)] += np.random.default_rng(0).normal(0, 8, (96, 96))[~bone & (image[0] > 0)]
    monkeypatch.setattr(conebeam, "simulate_low_dose", lambda target, *_, **__: SimpleNamespace(array=target))
    scenes = SimpleNamespace(target=lambda choice: SimpleNamespace(target=image, spacing=(1.0, 1.0, 1.0)),
                             made=lambda title, key, make: make())
    scene = conebeam.cone_beam(scenes, Choice("phantom", "phantom", 0, (0,), 96), 0.5)
    inside = disc((96, 96), 48, 48, 11)  # clear of the edge
    assert (scene.reference[0][inside] < 150).all()
    assert scene.masks["soft"].any() and not (scene.masks["soft"][0] & inside).any()
    row, column = flattest(scene.reference[0], scene.masks["soft"][0])
    assert not inside[row - 8:row + 8, column - 8:column + 8].any()


def test_the_noise_in_all_is_what_was_there_and_what_is_added():
    assert to_be_added(20.0, 12.0) == pytest.approx(16.0)
    with pytest.raises(ValueError, match="12.0 HU"):
        to_be_added(10.0, 12.0)


@pytest.mark.parametrize(("cnr", "rmse", "counted", "compared"), [
    (9.0, 12.0, "1 of 1 candidates have one (at most, figure 5, 14 HU: default: 9.00 against 8.00)",
     "In 1 of the 1 rows with a reference the default has more error (RMSE) than the untouched input: "
     "figure 5, 14 HU: default (slice): 12.0 against 11.0 HU"),
    (7.0, 10.0, "0 of 1 candidates have one:", "In all of the 1 rows with a reference the default has less error")])
def test_the_figures_say_where_a_number_is_beyond_the_reference_or_the_input(cnr, rmse, counted, compared):
    rows = [{"figure": "5", "scene": "slice", "model": "tiny", "panel": panel, "cnr": c, "rmse_hu": r, "std_hu": 1.0}
            for panel, c, r in (("14 HU: default", cnr, rmse), ("LDCT", 5.0, 11.0), ("NDCT", 8.0, 0.0))]
    assert counted in contrast(rows)
    assert compared in error(rows)


@pytest.mark.parametrize(("ratio", "words"), [
    (1.0, "no method is visibly better than blending, and no method is visibly worse"),
    (0.96, "visibly better than blending are 'did' (at 100 % of the places), and no method is visibly worse"),
    (1.02, "no method is visibly better than blending, and visibly worse than blending are 'did'")])
def test_the_verdict_follows_the_numbers(ratio, words):
    rows = [{"scene": "slice", "patient": "one", "tissue": "body", "method": method, "position": 0.5, "noise_hu": 10.0,
             "rmse_hu": 20.0 * one, "ratio": one, "nps_mean_per_mm": 0.2, "edges_kept": edges}
            for method, one, edges in (("blend", 1.0, 0.9), ("did-ordered", 1.0, 0.92), ("did", ratio, 0.95))]
    lines = verdict(rows, ["did-ordered", "did"], FLAT, [])
    assert lines[0].startswith("**At equal noise " + words)
    page = "\n".join(lines)
    assert "1 scenes of 1 patients" in page and "it has 2.0 percentage points more of the edges' slope" in page
    assert "slope of the edges, in percentage points: smoother side nobody; sharper side 'did' (3.0)" in page


def test_every_use_is_told_in_one_line_with_its_time():
    sets = [{"size": "1 x 512 x 512", "candidates": 9, "model": "tiny", "method": method, "seconds": seconds}
            for method, seconds in (("did-ordered", 37.7), ("did", 99.0), ("blend", 0.27))]
    fits = [{"filter": "nlm", "model": "tiny", "size": "1 x 512 x 512", "filter_seconds": 0.4, "steps": 200,
             "fit_seconds": 33.0, "passes": 83.0, "left_share": 0.18}]
    slider = [{"what": "slider, slice", "size": "1 x 512 x 512", "seconds": 0.0005}]
    assert uses(sets, fits, slider, "on one core") == [
        "- A 512 x 512 slice, 9 candidates, tiny, did-ordered: 38 s on one core.",
        "- A 512 x 512 slice, 9 candidates, tiny, blend: 0.3 s on one core.",
        "- From a conventional default (nlm) instead, a 512 x 512 slice: 33 s more on one core, for the filter and the "
        "fit of tiny.",
        "- A move of the slider to new pixels, slice (1 x 512 x 512): 0.5 ms."]
    assert "| nlm | tiny | 1 x 512 x 512 | 0.4 | 200 | 33.0 | 83 | 18 % |" in fit_lines(fits)
    assert any("scikit-image" in line for line in fit_lines([]))


def test_what_is_lost_is_told_in_percentage_points_and_not_as_what_is_kept():
    in_order = reach([8.0, 9.0, 20.0, 50.0], [0.9346, 1.0, 1.01, 1.02], default=1)
    text = statement("did", [in_order])
    assert "loses 6.54 to 6.54 percentage points of the edges' slope against the default" in text
    assert "out of order" not in text
    text = statement("did", [in_order, reach([8.0, 9.0, 20.0, 50.0], [0.95, 0.94, 0.97, 1.0], default=1)])
    assert "out of order, a candidate loses at most 1.00 percentage points of the edges' slope" in text


def test_scans_with_real_noise_stand_under_what_the_cards_tell_of_their_patients(tmp_path, monkeypatch):
    drawn = {}
    monkeypatch.setattr(figurespart, "_row", lambda context, rows, figure, scene, model: scene)
    monkeypatch.setattr(figurespart, "draw_panels", lambda path, grid, crop: drawn.update({path.name: grid}))
    monkeypatch.setattr(figurespart, "find_model", lambda name: SimpleNamespace(
        details={"training": {"data": [{"file": "lidc_0314_chest_avg3.nii.gz"}]}}))
    for name in ("cptac_C3L-00189", "lidc_0314_raw", "somebody"):
        (tmp_path / f"{name}.nii.gz").touch()
    scenes = SimpleNamespace(data=tmp_path, real=lambda path, number, choice: choice.name)
    real = tuple((f"{name}.nii.gz", 0, (9, 9), f"words on {name}") for name in (
        "cptac_C3L-00189", "lidc_0314_raw", "somebody", "not_there_1"))
    context = SimpleNamespace(plan=Plan(figures=Figures(real=real)), scenes=scenes, output=tmp_path)
    page = "\n".join(figurespart.real_noise(context, []))
    assert drawn == {"real.png": ["cptac_C3L-00189"], "real-trained.png": ["lidc_0314_raw"],
                     "real-unknown.png": ["somebody"]}
    assert page.index("no network was trained on") < page.index("words on cptac") < page.index("took part in the")
    assert "not_there" not in page
