"""Finished scores are kept one by one: a stopped evaluation goes on, and a later one adds methods to an earlier one."""

import csv
import itertools
import json

import numpy as np
import pytest

from LDCTDenoiseLib import evaluation, evaluationprobe
from LDCTDenoiseLib.ctvolume import CTVolume
from LDCTDenoiseLib.evaluation import EvaluationConfig, evaluate
from LDCTDenoiseLib.evaluationmethods import Classical, LowDose, Output
from LDCTDenoiseLib.evaluationprobe import fingerprint
from LDCTDenoiseLib.evaluationstore import ScoreStore
from LDCTDenoiseLib.volumeio import write_volume

pytest.importorskip("matplotlib")


class Counted(LowDose):
    """Leaves the image as it is, counts its cases and may stop at one of them."""

    def __init__(self, key="counted", stops_at=None):
        self.key = self.label = key
        self.kind, self.identity = "classical", {"key": key}
        self.stops_at, self.calls = stops_at, []

    def __call__(self, case):
        if case.patient.name == "probe":
            return Output(case.low_dose, None, 0.1)
        if len(self.calls) == self.stops_at:
            raise KeyboardInterrupt
        self.calls.append((case.condition.dose, case.patient.name))
        return Output(case.low_dose, None, 0.1)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Evaluates methods at doses 1/2 and 1/4; gives the report's rows and the number of simulated cases."""
    size = 64
    j, i = np.mgrid[:size, :size] - size / 2
    for seed in range(2):
        noise = np.random.default_rng(seed).normal(0, 6, (1, size, size))
        image = np.where(np.hypot(j, i) < 28, 40.0, -1000.0) + noise
        volume = CTVolume(image.round().astype(np.int16), np.diag([3.0, 3.0, 5.0, 1.0]), {}, None, (), ())
        write_volume(volume, tmp_path / f"p{seed}.nii.gz")
    simulated, number = [], itertools.count()
    real = evaluation.simulate
    monkeypatch.setattr(evaluation, "simulate", lambda *args: simulated.append(args[:2]) or real(*args))

    def evaluate_methods(*methods, seed=0):
        monkeypatch.setattr(evaluation, "build_methods", lambda *_: list(methods))
        output = tmp_path / f"report{next(number)}"
        config = EvaluationConfig((tmp_path / "p0.nii.gz", tmp_path / "p1.nii.gz"), output, tracks=("matched",),
                                  noise_indices=(30.0,), doses=(0.5, 0.25), scores=tmp_path / "scores", seed=seed)
        simulated.clear()
        evaluate(config)
        with (output / "patients.csv").open(newline="") as stream:
            return list(csv.DictReader(stream)), len(simulated)

    return evaluate_methods


def test_a_stopped_evaluation_goes_on_where_it_was(run):
    with pytest.raises(KeyboardInterrupt):
        run(Counted(stops_at=3))
    again = Counted()
    rows, simulated = run(again)
    assert len(again.calls) == simulated == 1 and len(rows) == 4
    whole, _ = run(Counted())
    assert whole == rows


def test_the_dose_that_is_compared_comes_first_and_the_report_keeps_the_order_asked_for(run):
    method = Counted()
    rows, _ = run(method)
    assert method.calls == [(0.25, "p0"), (0.25, "p1"), (0.5, "p0"), (0.5, "p1")]
    assert [(row["dose"], row["patient"]) for row in rows] == [("0.5", "p0"), ("0.5", "p1"), ("0.25", "p0"),
                                                               ("0.25", "p1")]


def test_methods_are_added_without_doing_the_others_again(run):
    first, second = Counted("first"), Counted("second")
    run(first)
    rows, simulated = run(first, second)
    assert len(first.calls) == len(second.calls) == simulated == 4 and len(rows) == 8
    _, simulated = run(first, second)
    assert simulated == 0


def test_other_seeds_and_other_weights_are_other_scores(run):
    method = Counted()
    run(method)
    run(method, seed=1)
    assert len(method.calls) == 8
    method.identity = {"key": "counted", "sha256": "another"}
    run(method)
    assert len(method.calls) == 12


def test_a_method_that_behaves_otherwise_has_another_fingerprint(monkeypatch):
    method = Classical("gaussian", 1)
    before = fingerprint(method, "cpu")
    assert fingerprint(Classical("gaussian", 1), "cpu") == before
    monkeypatch.setattr(method, "_best_parameter", lambda case: 1.5)
    assert fingerprint(method, "cpu") != before


def test_a_change_of_the_metrics_changes_every_fingerprint(monkeypatch):
    before = fingerprint(LowDose(), "cpu")
    monkeypatch.setattr("LDCTDenoiseLib.evaluationscores.rmse", lambda *_: 1.0)
    evaluationprobe._common.cache_clear()
    assert fingerprint(LowDose(), "cpu") != before
    evaluationprobe._common.cache_clear()


def test_a_damaged_or_foreign_file_counts_as_none_and_is_replaced(tmp_path):
    store = ScoreStore(tmp_path / "scores")
    assert store.get("a b", {"x": (1, 2)}) is None and not store.folder.exists()
    store.put("a b", {"x": (1, 2)}, {"rmse": float("nan")})
    file, = store.folder.iterdir()
    assert file.name.startswith("a-b-") and np.isnan(store.get("a b", {"x": [1, 2]})["rmse"])
    assert store.get("a b", {"x": (1, 3)}) is None
    for content in ("{", "[]", json.dumps({"key": {"x": [9]}, "score": 1})):
        file.write_text(content)
        assert store.get("a b", {"x": (1, 2)}) is None
    store.put("a b", {"x": (1, 2)}, 5)
    assert store.get("a b", {"x": (1, 2)}) == 5 and len(list(store.folder.iterdir())) == 1


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "scores").write_text("")
    with pytest.raises(ValueError, match="a file, not a folder"):
        ScoreStore(tmp_path / "scores")
