"""An evaluation judges all methods alike, reports what it found, and says where a network failed."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from LDCTDenoiseLib import evaluation, evaluationmethods
from LDCTDenoiseLib.ctvolume import CTVolume
from LDCTDenoiseLib.evaluation import EvaluationConfig, evaluate
from LDCTDenoiseLib.evaluationcases import Condition, evenly_spaced, load_patients, simulate
from LDCTDenoiseLib.evaluationchecks import checks
from LDCTDenoiseLib.evaluationharm import RULES, HarmPlan
from LDCTDenoiseLib.evaluationmethods import Output, lowest
from LDCTDenoiseLib.evaluationscores import SliceScore, patient_score
from LDCTDenoiseLib.kernels import Kernel
from LDCTDenoiseLib.noiselevel import global_noise_level
from LDCTDenoiseLib.volumeio import write_volume

pytest.importorskip("matplotlib")
CONDITION = Condition("matched", 15.0, 0.25)
HARM = HarmPlan(kernels=(Kernel(0.25, 4.0),), noise_indices=(20.0,), doses=(0.25,), pairs=1, size=112, pixel=2.0)


@pytest.fixture(scope="module")
def volume_path(tmp_path_factory):
    """Four slices of a noisy cylinder with a lung, as a file."""
    size = 128
    j, i = np.mgrid[:size, :size] - size / 2
    clean = np.where(np.hypot(j, i) < 56, 40.0, -1000.0)
    clean[np.hypot(j + 25, i) < 14] = -850
    noise = np.random.default_rng(0).normal(0, 6, (4, size, size))
    path = tmp_path_factory.mktemp("volumes") / "cylinder.nii.gz"
    affine = np.diag([2.0, 2.0, 5.0, 1.0])
    write_volume(CTVolume((clean + noise).round().astype(np.int16), affine, {}, None, (), ()), path)
    return path


class Perfect:
    """Stands for a network that returns the reference."""

    key, label, kind, parameters, multiply_adds = "perfect", "Perfect 1", "network", 10, 1000
    identity = {"key": "perfect"}

    def __call__(self, case):
        return Output(case.reference, None, 0.5)

    def denoise(self, array, spacing, padding=None):
        return array


class Harmful(Perfect):
    """Stands for a network that adds 80 HU."""

    key, label, identity = "harmful", "Harmful 1", {"key": "harmful"}

    def __call__(self, case):
        return Output(case.low_dose + np.int16(80), None, 0.5)

    def denoise(self, array, spacing, padding=None):
        return array + array.dtype.type(80)


@pytest.fixture(scope="module")
def report(volume_path, tmp_path_factory):
    """The report of an evaluation with a perfect and a harmful network."""
    output = tmp_path_factory.mktemp("report") / "evaluation"
    steps = []
    with pytest.MonkeyPatch.context() as patch:
        methods = [evaluationmethods.LowDose(), evaluationmethods.Classical("gaussian"), Perfect(), Harmful()]
        patch.setattr(evaluation, "build_methods", lambda *_: methods)
        config = EvaluationConfig((volume_path,), output, doses=(0.25,), noise_indices=(30.0,), slices_per_patient=2,
                                  harm=HARM)
        assert evaluate(config, lambda done, total, what: steps.append((done, total))) == output
    assert steps == [(n, 2 * 4 + 6 * 2) for n in range(21)]
    return output


def rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_report_is_complete(report):
    names = {p.name for p in report.iterdir()}
    assert {"slices.csv", "patients.csv", "table.md", "checks.json", "settings.json", "harm.md", "harm.csv"} <= names
    assert {"curves_matched_ni30_dose0.25.png", "curves_sharp_ni30_dose0.25.png"} <= names
    assert len(rows(report / "slices.csv")) == 2 * 4 * 2
    assert len(rows(report / "patients.csv")) == 2 * 4


def test_known_methods_get_their_known_scores(report):
    found = {(r["track"], r["method"]): r for r in rows(report / "patients.csv")}
    for track in ("matched", "sharp"):
        perfect, harmful, low = (found[track, m] for m in ("perfect", "harmful", "ldct"))
        assert float(perfect["rmse_hu"]) == 0 and float(perfect["ssim"]) == pytest.approx(1)
        assert float(perfect["bias_soft_hu"]) == 0
        assert float(harmful["bias_soft_hu"]) - float(low["bias_soft_hu"]) == pytest.approx(80, abs=1e-3)
        assert float(harmful["bias_lung_hu"]) - float(low["bias_lung_hu"]) == pytest.approx(80, abs=1e-3)
        assert found[track, "gaussian"]["parameter"] != ""
        assert float(found[track, "gaussian"]["rmse_hu"]) < float(low["rmse_hu"])
        assert low["bias_bone_hu"] == ""


def test_patients_are_means_of_their_slices(report):
    slices = [r for r in rows(report / "slices.csv") if (r["track"], r["method"]) == ("sharp", "ldct")]
    patient = next(r for r in rows(report / "patients.csv") if (r["track"], r["method"]) == ("sharp", "ldct"))
    assert float(patient["rmse_hu"]) == pytest.approx(np.mean([float(r["rmse_hu"]) for r in slices]), rel=1e-4)


def test_checks_pass_for_the_perfect_and_fail_for_the_harmful_network(report):
    found = {(c["method"], c["check"].split(" (")[0]): c for c in json.loads((report / "checks.json").read_text())}
    perfect = [c for (method, _), c in found.items() if method == "perfect"]
    assert len(perfect) == 5 + len(RULES)
    for check in perfect:
        assert check["passed"] == (check["compared"] > 0)
    harm = next(c for (m, n), c in found.items() if m == "harmful" and n.startswith("no slice made worse"))
    assert not harm["passed"] and harm["worst"] > 1 and len(harm["failures"]) == harm["compared"] == 4
    assert not found["harmful", "|HU bias| at most 1 in soft"]["passed"]
    table = (report / "table.md").read_text()
    assert "FAILED" in table and "BM3D" in table and "## matched, NI 30 HU, dose 0.25" in table


def test_a_check_without_any_case_does_not_pass(report):
    bone = [c for c in json.loads((report / "checks.json").read_text()) if c["check"].endswith("in bone")]
    assert len(bone) == 2 * 2 and all(c["compared"] == 0 and not c["passed"] for c in bone)


def test_harm_is_judged_only_where_the_added_noise_is_twice_the_targets():
    common = dict(patient="p", condition=CONDITION, label="", parameter=None, ssim=1.0, psnr=30.0, vif=1.0, gnl=5.0,
                  target_gnl=10.0, bias={t: 0.0 for t in ("lung", "fat", "soft", "bone")},
                  pixels={t: 1 for t in ("lung", "fat", "soft", "bone")})
    low = [SliceScore(slice=k, method="ldct", kind="input", rmse=20.0, added_sd=sd, **common)
           for k, sd in enumerate((19.0, 20.0))]
    worse = [replace(s, method="net", kind="network", rmse=21.0) for s in low]
    scores = [patient_score(group, Perfect(), Output(np.zeros(0), None, 0.1)) for group in (low, worse)]
    harm = checks(low + worse, scores)[0]
    assert harm.compared == 1
    assert harm.failures == ["p slice 1, matched, NI 15 HU, dose 0.25: ratio 1.050"]


def test_the_simulated_case_holds_the_reference_plus_its_noise(volume_path):
    patient = next(load_patients(volume_path, 2))
    assert patient.slices == (1, 2) and patient.name == "cylinder"
    case = simulate(patient, CONDITION, seed=0, device="cpu")
    inside = patient.body
    np.testing.assert_allclose(case.low_dose[inside], (patient.target + case.noise)[inside], atol=0.51)
    assert case.known_noise.sd == pytest.approx(float(case.noise[inside].std()))
    assert case.added_sd[0] == pytest.approx(float(case.noise[0][inside[0]].std()))


def test_the_sharp_track_is_judged_against_the_resharpened_image(volume_path):
    patient = next(load_patients(volume_path, 1))
    soft = replace(patient, kernel=Kernel(0.12, 2.0))
    matched, sharp = (simulate(soft, Condition(track, 15.0, 0.25), 0, "cpu") for track in ("matched", "sharp"))
    assert matched.reference is soft.target
    level = global_noise_level(sharp.reference, soft.spacing)
    assert sharp.target_noise == (pytest.approx(level),) and level > 1.5 * matched.target_noise[0]
    expected = np.maximum(sharp.reference + sharp.noise, -1024)
    np.testing.assert_allclose(sharp.low_dose[soft.body], expected[soft.body], atol=0.51)


def test_a_table_beside_unrelated_slices_separates_patients_and_gives_their_pixel_size(volume_path, tmp_path):
    path = tmp_path / "mixed.nii.gz"
    path.write_bytes(volume_path.read_bytes())
    (tmp_path / "mixed.csv").write_text("slice,patient,spacing\n0,A,2.0\n1,B,1.5\n2,A,2.0\n3,C,0.9\n")
    patients = list(load_patients(path, 6))
    assert [p.name for p in patients] == ["mixed-1", "mixed-2", "mixed-3"]
    assert [p.slices for p in patients] == [(0, 2), (1,), (3,)]
    assert [p.spacing[1] for p in patients] == [2.0, 1.5, 0.9]


def test_a_table_that_does_not_fit_is_refused_and_another_csv_is_ignored(volume_path, tmp_path):
    path = tmp_path / "mixed.nii.gz"
    path.write_bytes(volume_path.read_bytes())
    (tmp_path / "mixed.csv").write_text("slice,patient,spacing\n0,A,2.0\n9,B,1.5\n")
    with pytest.raises(ValueError, match="line 3: the volume has no slice 9"):
        list(load_patients(path, 6))
    (tmp_path / "mixed.csv").write_text("slice,patient,spacing\n0,A,wide\n")
    with pytest.raises(ValueError, match="line 2: slice and spacing must be numbers"):
        list(load_patients(path, 6))
    (tmp_path / "mixed.csv").write_text("z,mA\n0,25\n")
    assert [p.name for p in load_patients(path, 6)] == ["mixed"]


def test_the_best_parameter_is_the_bottom_of_the_valley_and_few_are_tried():
    tried = []

    def error(value):
        tried.append(value)
        return (value - 2) ** 2

    assert lowest(error, (0, 1, 2, 3, 4, 5, 6, 7, 8)) == 2
    assert len(tried) == len(set(tried)) < 9
    assert lowest(lambda v: v, (1, 2, 3)) == 1
    assert lowest(lambda v: -v, (1, 2, 3)) == 3


def test_slices_are_evenly_spaced_without_the_ends():
    assert evenly_spaced(4, 6) == [0, 1, 2, 3]
    assert evenly_spaced(51, 6) == [7, 14, 21, 29, 36, 43]


def test_no_slice_is_chosen_twice():
    for count in range(1, 25):
        for wanted in range(count + 3):
            chosen = evenly_spaced(count, wanted)
            assert len(set(chosen)) == len(chosen) == min(count, wanted) and set(chosen) <= set(range(count))


@pytest.mark.parametrize(("change", "message"), [
    ({"classical": ("median",)}, "Unknown filter 'median'"),
    ({"tracks": ("soft",)}, "Unknown track 'soft'"),
])
def test_unknown_names_are_refused(volume_path, tmp_path, change, message):
    config = EvaluationConfig((volume_path,), tmp_path / "out", **{"classical": (), "models": (), **change})
    with pytest.raises(ValueError, match=message):
        evaluate(config)
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_the_run_ends_before_the_work(volume_path, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="matplotlib; install the 'evaluate' extra"):
        evaluate(EvaluationConfig((volume_path,), tmp_path / "out"))
    assert not list(tmp_path.iterdir())


def test_an_output_that_holds_something_and_an_empty_plan_are_refused(volume_path, tmp_path):
    (tmp_path / "kept.txt").write_text("kept")
    with pytest.raises(ValueError, match="not an empty folder"):
        evaluate(EvaluationConfig((volume_path,), tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == ["kept.txt"]
    with pytest.raises(ValueError, match="at least one volume"):
        EvaluationConfig((), tmp_path)


def test_the_command_line_has_the_defaults_of_the_configuration(monkeypatch, tmp_path, capsys):
    import argparse

    parser = argparse.ArgumentParser()
    evaluation.add_arguments(parser)
    seen = []
    monkeypatch.setattr(evaluation, "evaluate", lambda config, progress: seen.append(config) or config.output)
    evaluation.run(parser.parse_args(["a.nii", "--output", str(tmp_path)]))
    assert seen[0] == EvaluationConfig((tmp_path.__class__("a.nii"),), tmp_path)


def test_a_network_of_a_user_folder_takes_part_with_its_cost(volume_path, tmp_path):
    from LDCTDenoiseLib.modelregistry import save_weights
    from LDCTDenoiseLib.networks import build

    network = build("plain", (4,) * 7)
    entry = {"name": "tiny", "version": "1", "architecture": "plain", "widths": [4] * 7, "file": "tiny.pt",
             "sha256": save_weights(network.state_dict(), tmp_path / "tiny.pt")}
    (tmp_path / "models.json").write_text(json.dumps({"models": [entry]}))
    low, tiny = evaluationmethods.build_methods((), ("tiny",), "cpu", 1, tmp_path)
    assert (tiny.key, tiny.kind) == ("tiny", "network")
    assert tiny.parameters == sum(p.numel() for p in network.parameters())
    assert tiny.multiply_adds > 512 * 512 * 9 * 4
    case = simulate(next(load_patients(volume_path, 2)), CONDITION, seed=0, device="cpu")
    output = tiny(case)
    assert output.array.shape == case.low_dose.shape and output.seconds_per_slice > 0
    assert low(case).array is case.low_dose
