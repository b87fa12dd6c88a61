"""A network must do no harm at full dose and on phantoms, and every check of that can pass and can fail."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from LDCTDenoiseLib.evaluationcases import Patient
from LDCTDenoiseLib.evaluationharm import RULES, Finding, HarmPlan, harm_checks, harm_tasks
from LDCTDenoiseLib.evaluationharmreport import write_harm
from LDCTDenoiseLib.evaluationnetwork import load_networks
from LDCTDenoiseLib.evaluationphantoms import CONTRASTS_HU, PHANTOMS, PhantomScanner, chest, rods_in_water, water
from LDCTDenoiseLib.kernels import Kernel, body_kernel
from LDCTDenoiseLib.metrics import body_mask, task_transfer_function, tissue_classes
from LDCTDenoiseLib.modelregistry import save_weights
from LDCTDenoiseLib.networks import build
from LDCTDenoiseLib.networks.layers import DETAIL_GAIN

KERNEL = Kernel(0.25, 4.0)
PLAN = HarmPlan(kernels=(KERNEL,), noise_indices=(20.0,), doses=(0.25,), pairs=3, size=160, pixel=1.4)
DELTA = torch.tensor([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]])
BLUR = torch.full((3, 3), 1 / 9)
NETWORKS = {"silent": 0 * DELTA, "blurs": DELTA - BLUR, "sharpens": BLUR - DELTA, "darkens": 0.01 * DELTA}
"""What each tiny network takes for noise: a filter of the image in network units, which are positive in all of it."""


@pytest.fixture(scope="module")
def patient():
    size, spacing = 160, (5.0, 2.0, 2.0)
    j, i = np.mgrid[:size, :size] - size / 2
    clean = np.where(np.hypot(j, i) < 70, 40.0, -1000.0)
    clean[np.hypot(j + 35, i) < 20] = -850
    clean[np.hypot(j - 35, i) < 15] = 600
    noise = np.random.default_rng(0).normal(0, 10, (2, size, size))
    target = (clean + noise).round().astype(np.int16)
    body = body_mask(target)
    return Patient("p", (3, 8), target, None, spacing, body_kernel(target, spacing[1:]), body,
                   tissue_classes(target, spacing, body))


@pytest.fixture(scope="module")
def judged(patient, tmp_path_factory):
    """Findings and checks of every tiny network, each a model of the user's folder."""
    folder = tmp_path_factory.mktemp("models")
    entries = []
    for name, removed in NETWORKS.items():
        network = build("plain", (1,) * 7)
        state = {key: DELTA.expand(value.shape).clone() for key, value in network.state_dict().items()}
        state["body.0.0.weight"][:, 0] = 0  # the detail, which holds negative values too
        state["predictor.weight"] = DETAIL_GAIN * removed[None, None]
        entries.append({"name": name, "version": "1", "architecture": "plain", "widths": [1] * 7, "file": f"{name}.pt",
                        "sha256": save_weights(state, folder / f"{name}.pt")})
    (folder / "models.json").write_text(json.dumps({"models": entries}))
    networks = load_networks(list(NETWORKS), "cpu", folder)
    tasks = list(harm_tasks([patient], ("matched", "sharp"), PLAN, "cpu"))
    findings = {n.key: [f for task in tasks for f in task.run(n)] for n in networks}
    return findings, {name: dict(zip(RULES, harm_checks(name, own))) for name, own in findings.items()}


def failed(judged, name):
    return {rule for rule, check in judged[1][name].items() if not check.passed}


def test_a_network_that_removes_nothing_passes_everything(judged):
    assert failed(judged, "silent") == set()
    checks = judged[1]["silent"]
    assert checks["rod resolution"].worst == pytest.approx(1, abs=1e-4)
    assert checks["patient noise"].worst == checks["noisy phantom"].worst == 1
    assert checks["rod bias soft"].worst == pytest.approx(0, abs=1e-4)


def test_every_rule_has_cases(judged, patient):
    counts = {rule: check.compared for rule, check in judged[1]["silent"].items()}
    assert counts["patient noise"] == 2 * len(patient.slices)
    assert counts["patient bias soft"] == counts["patient bias lung"] == counts["patient bias bone"] == 2
    assert counts["rod resolution"] == len(CONTRASTS_HU)
    assert counts["rod bias soft"] + counts["rod bias hard"] == len(CONTRASTS_HU) + 1
    assert counts["rod noise"] == 2 * PLAN.pairs
    assert counts["clean phantom"] == counts["noisy phantom"] == len(PHANTOMS)


def test_a_blur_costs_resolution_and_raises_no_noise(judged):
    assert "rod resolution" in failed(judged, "blurs")
    assert not {"patient noise", "rod noise", "rod bias soft"} & failed(judged, "blurs")
    for finding in judged[0]["blurs"]:
        if finding.rule == "rod resolution":
            assert finding.value < 0.9 and finding.low <= finding.value <= finding.high


def test_sharpening_raises_the_noise_and_the_distance_to_the_truth(judged):
    assert {"patient noise", "rod noise", "noisy phantom"} <= failed(judged, "sharpens")
    assert "rod resolution" not in failed(judged, "sharpens")


def test_a_shift_of_ct_numbers_is_found_in_every_tissue(judged):
    found = failed(judged, "darkens")
    assert {"patient bias soft", "patient bias bone", "rod bias soft", "rod bias hard"} <= found
    assert "patient bias lung" not in found and "rod resolution" not in found
    assert judged[1]["darkens"]["patient bias soft"].worst == pytest.approx(-10.4, abs=0.6)
    assert judged[1]["darkens"]["rod bias hard"].worst == pytest.approx(-20, abs=0.5)


def test_changing_an_image_without_noise_is_found():
    network = SimpleNamespace(denoise=lambda array, spacing, padding=None: array + np.float32(0.5))
    task = next(t for t in harm_tasks([], (), PLAN, "cpu") if "water" in t.title)
    clean, = (f for f in task.run(network) if f.rule == "clean phantom")
    assert clean.value == pytest.approx(0.5, abs=1e-3) and not clean.passed


def test_a_rod_that_was_wiped_out_has_no_resolution_left():
    flat = SimpleNamespace(denoise=lambda array, spacing, padding=None: np.zeros_like(array))
    task = next(t for t in harm_tasks([], (), PLAN, "cpu") if t.title.startswith("rods"))
    ratios = [f for f in task.run(flat) if f.rule == "rod resolution"]
    assert [(f.value, f.passed) for f in ratios] == [(0, False)] * len(CONTRASTS_HU)


def test_a_check_without_cases_does_not_pass():
    assert not any(check.passed for check in harm_checks("n", []))
    unmeasured = harm_checks("n", [Finding("rod noise", "c", float("nan"))])
    assert not next(c for c in unmeasured if c.name == RULES["rod noise"].name).passed


def test_tasks_can_be_told_apart(patient):
    keys = [json.dumps(t.key, sort_keys=True) for t in harm_tasks([patient], ("matched", "sharp"), PLAN, "cpu")]
    assert len(set(keys)) == len(keys) == 2 + 1 + len(PHANTOMS)


def test_the_report_holds_every_finding_and_every_check(judged, tmp_path):
    write_harm(tmp_path, judged[0], PLAN)
    text = (tmp_path / "harm.md").read_text()
    assert all(f"## {name}" in text for name in NETWORKS) and "FAILED" in text and "passed" in text
    assert all(rule.name.replace("|", r"\|") in text for rule in RULES.values())
    lines = (tmp_path / "harm.csv").read_text().splitlines()
    assert len(lines) == 1 + sum(len(own) for own in judged[0].values())


def test_phantoms_hold_the_values_they_are_drawn_with():
    for contrast, rod in zip(CONTRASTS_HU, (phantom := rods_in_water(Kernel(0.49, 4), 320, 0.7)).rods):
        inside = phantom.image[phantom.distance(rod.centre) < 5]
        assert inside.mean() == pytest.approx(contrast, abs=0.02 * abs(contrast) + 0.5)
        found = task_transfer_function(phantom.image, rod.centre, rod.radius_mm, phantom.spacing)
        # The kernel's half amplitude, less the partial volume of 0.7 mm pixels.
        assert found.frequency_at(0.5) == pytest.approx(0.46, abs=0.015)
    assert water(KERNEL, 160, 1.4).image[80, 80] == pytest.approx(0, abs=1)
    assert chest(KERNEL, 160, 1.4).image[54, 80 - 33] == pytest.approx(-890, abs=20)


def test_a_scan_at_half_the_dose_holds_the_noise_index():
    scanner = PhantomScanner(water(KERNEL, 160, 1.4))
    noise = scanner.noise(20.0, 0.5, range(8))
    assert noise[:, 74:86, 74:86].std() == pytest.approx(20, rel=0.1)
    assert not np.array_equal(noise[0], noise[1])
    np.testing.assert_allclose(scanner.noise(20.0, 0.5, [3])[0], noise[3], atol=1e-3)
