"""The experiment with neighbouring slices as input: Testing/Benchmarks/neighbours_report.py."""

import csv
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Testing" / "Benchmarks"))

from LDCTDenoiseLib.ctvolume import CTVolume  # noqa: E402
from LDCTDenoiseLib.evaluationcases import Condition  # noqa: E402
from LDCTDenoiseLib.kernels import Kernel  # noqa: E402
from LDCTDenoiseLib.networks import HRNet  # noqa: E402
from LDCTDenoiseLib.networks.multiplyadds import multiply_adds  # noqa: E402
from LDCTDenoiseLib.training.config import DataConfig, read_config  # noqa: E402
from LDCTDenoiseLib.training.sampler import PatchSampling  # noqa: E402
from LDCTDenoiseLib.volumeio import write_volume  # noqa: E402
from neighboursreport.judging import Scene, scenes, scores, stacks  # noqa: E402
from neighboursreport.network import OneSliceSeenAsAll, StackHRNet  # noqa: E402
from neighboursreport.page import NUMBERS, PAGE, judged_words, trained_words, write_report  # noqa: E402
from neighboursreport.stacks import StackSampler, inner_slices, mixing  # noqa: E402
from neighboursreport.training import ARMS, finished, folder_of, train  # noqa: E402

WIDTHS = (4, 6)


@pytest.fixture
def bank():
    """Nine slices of water with white noise, each with two realisations."""
    random = np.random.default_rng(0)
    return SimpleNamespace(
        targets=np.zeros((9, 128, 128), np.int16), noise=random.normal(size=(9, 2, 128, 128)).astype(np.float16),
        pixels=np.full((9, 2), 0.8), kernels=[Kernel(0.5, 4.0)] * 9, weights=np.full(9, 1 / 9),
        noise_levels=np.zeros(9))


def sampler(bank, overlap, seed=1):
    sampling = PatchSampling(patch=64, noise_sd=(40.0, 40.0), clean_share=0.0, colour_share=0.0)
    return StackSampler(bank, np.arange(1, 8), sampling, overlap, seed)


def random_network(slices):
    network = StackHRNet(WIDTHS, slices).eval()
    torch.manual_seed(3)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    return network


@pytest.mark.parametrize("overlap,neighbours,outer", [(1.0, 0.0, 0.0), (1.5, 1 / 3, 0.0), (4.0, 0.75, 0.5)])
def test_slices_share_as_much_noise_as_they_overlap(bank, overlap, neighbours, outer):
    factor = mixing(overlap)
    shared = [[1, neighbours, neighbours], [neighbours, 1, outer], [neighbours, outer, 1]]
    np.testing.assert_allclose(factor @ factor.T, shared, atol=1e-12)
    noisy, target = sampler(bank, overlap).batch(0, 16)
    noise = (noisy - target).flatten(2).transpose(0, 1).flatten(1)
    np.testing.assert_allclose(np.corrcoef(noise), shared, atol=0.05)


def test_samples_are_a_function_of_seed_and_step(bank):
    first, again, other = (sampler(bank, 1.5, seed).batch(4, 2)[0] for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_only_slices_between_two_near_neighbours_are_drawn(tmp_path):
    for name, count, distance in (("near", 4, 3.0), ("far", 3, 6.0), ("table", 3, 1.0), ("last", 3, 5.0)):
        write_volume(CTVolume(np.zeros((count, 8, 8), np.int16), np.diag([1.0, 1.0, distance, 1.0])),
                     tmp_path / f"{name}.nii.gz")
    data = DataConfig(train=({"path": "near.nii.gz"}, {"path": "far.nii.gz"},
                             {"path": "table.nii.gz", "table": "table.csv"}, {"path": "last.nii.gz"}))
    found = inner_slices(data, tmp_path)
    assert (found.slices.tolist(), found.left_out, found.count) == ([1, 2, 11], ("far", "table"), 13)
    assert "far, table: 50 % of" in " ".join(trained_words(data, found.left_out))


def test_a_network_of_one_slice_is_the_shipped_architecture():
    own, known = random_network(1), HRNet(WIDTHS).eval()
    known.load_state_dict(own.state_dict())
    image = torch.rand(2, 1, 30, 34)
    with torch.no_grad():
        assert torch.equal(own(image), known(image))
    assert multiply_adds(OneSliceSeenAsAll(own)) == multiply_adds(known)


def test_a_fresh_network_changes_nothing_and_a_trained_one_sees_the_neighbours():
    stack = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(StackHRNet(WIDTHS, 3)(stack), stack[:, :1])
    changed = stack.clone()
    changed[:, 2] += 0.1 * torch.rand(32, 32)
    for slices, sees in ((1, False), (3, True)):
        network = random_network(slices)
        with torch.no_grad():
            assert torch.equal(network(stack), network(changed)) != sees


def test_a_network_that_does_nothing_has_the_ratio_one():
    target, body = np.zeros((1, 32, 32), np.float32), np.ones((1, 32, 32), bool)
    noise = np.random.default_rng(0).normal(scale=30, size=(2, 3, 32, 32)).astype(np.float32)
    shown = [Scene(kind, "sharp", part, target, body, body) for kind, part in zip(("shared", "independent"), noise)]
    for found, part in zip(scores(StackHRNet(WIDTHS, 3), shown).values(), noise):
        assert found["rmse_ratio"] == found["sharp_rmse_ratio"] == pytest.approx(1, abs=1e-4)
        assert found["soft_bias_hu"] == pytest.approx(abs(part[0].mean()), abs=1e-2)


@pytest.fixture
def disks(tmp_path):
    """A file of seven slices, 3 mm apart, of a disk of tissue that grows from slice to slice, with soft noise."""
    position = np.arange(96) - 47.5
    radius = np.hypot(position[:, None], position[None, :])
    array = np.stack([np.where(radius < 30 + k, 40.0, -1000.0) for k in range(7)])
    array += np.random.default_rng(0).normal(scale=4, size=array.shape) * (array > 0)
    write_volume(CTVolume(array.astype(np.int16), np.diag([3.0, 3.0, 3.0, 1.0])), tmp_path / "a_1_b.nii.gz")


@pytest.mark.usefixtures("disks")
def test_the_slice_between_its_neighbours_is_judged_and_noise_is_shared_as_said(tmp_path):
    path = tmp_path / "a_1_b.nii.gz"
    patients = stacks(path, 2)
    assert [patient.slices for patient in patients] == [(1, 2, 3), (3, 4, 5)]
    for scene in scenes(patients[:1], (Condition("sharp", 30.0, 0.25), Condition("matched", 30.0, 0.25))):
        reference = patients[0].reference(scene.track)
        np.testing.assert_array_equal(scene.target, reference[1:2])
        inside = scene.body[0] & patients[0].body.all(axis=0)
        noise = [(scene.low_dose[n].astype(float) - reference[k])[inside] for n, k in enumerate((1, 0, 2))]
        expected = {"shared": (1 / 3, 1 / 3, 0), "independent": (0, 0, 0)}[scene.noise]
        found = np.corrcoef(noise)
        assert (found[0, 1], found[0, 2], found[1, 2]) == pytest.approx(expected, abs=0.12)
    data = DataConfig(train=({"path": "train/other_2.nii.gz"},))
    words = judged_words(patients, path.name, (Condition("sharp", 30.0, 0.25),), data, tmp_path)
    assert "slices 2, 4 of a_1_b, 3 mm apart" in words[0] and "noise indices of 30 HU" in words[0]
    assert words[1] == "Training saw no slice of this patient."
    same = DataConfig(train=({"path": "train/a_1_thin.nii.gz"},))
    assert judged_words(patients, path.name, (), same, tmp_path)[1] == "**Training saw slices of this patient.**"


def small(config):
    return replace(config, network=replace(config.network, widths=WIDTHS), checkpoint_every=2, validate_every=2,
                   optimiser=replace(config.optimiser, iterations=3, batch_size=2), seed=1)


def test_trainings_are_kept_and_refused_for_another_recipe(bank, tmp_path):
    config = small(read_config(ROOT / "configs" / "experiments" / "base.toml"))
    assert finished(tmp_path, config) == []
    for arm in ARMS[:2]:
        train(arm, config, sampler(bank, arm.overlap), folder_of(tmp_path, arm, 1))
    kept = (folder_of(tmp_path, ARMS[0], 1) / "best.pt").read_bytes()
    train(ARMS[0], config, sampler(bank, 1.0, seed=9), folder_of(tmp_path, ARMS[0], 1))
    assert (folder_of(tmp_path, ARMS[0], 1) / "best.pt").read_bytes() == kept  # nothing was left to be done
    runs = finished(tmp_path, config)
    assert [(run.arm, run.seed, run.steps) for run in runs] == [(arm, 1, 3) for arm in ARMS[:2]]
    for run in runs:
        assert any(weight.abs().sum() > 0 for weight in run.network.predictor.parameters())
    with pytest.raises(ValueError, match="another configuration"):
        finished(tmp_path, replace(config, optimiser=replace(config.optimiser, rate=1.0)))


def row(arm, seed, ratio):
    return {"input": arm.name, "seed": seed, "noise": "shared", "steps": 3, "seconds": 5, "multiply_adds": 2e9,
            "matched_rmse_ratio": ratio, "sharp_rmse_ratio": ratio, "rmse_ratio": ratio, "soft_bias_hu": 0.5}


def test_the_page_compares_the_seeds_that_both_have(tmp_path):
    rows = [row(arm, seed, ratio) for arm, ratios in zip(ARMS, ((0.50, 0.52), (0.40, 0.41), (0.51,)))
            for seed, ratio in enumerate(ratios, 1)]
    write_report(rows, tmp_path, ["Judged so."], ["Trained so."])
    page = (tmp_path / PAGE).read_text()
    assert "| 0.794 | better |" in page and "| 1.020 | one seed only |" in page
    assert "Judged so." in page and "Trained so." in page
    with open(tmp_path / NUMBERS, newline="") as stream:
        assert [float(row["rmse_ratio"]) for row in csv.DictReader(stream)] == [0.50, 0.52, 0.40, 0.41, 0.51]
    write_report([row(ARMS[0], 1, 0.5), row(ARMS[1], 2, 0.4)], tmp_path, [], [])
    assert "| 0.400 | - | - |  |" in (tmp_path / PAGE).read_text()
