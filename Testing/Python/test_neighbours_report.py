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
from LDCTDenoiseLib.kernels import Kernel  # noqa: E402
from LDCTDenoiseLib.networks import HRNet  # noqa: E402
from LDCTDenoiseLib.networks.multiplyadds import multiply_adds  # noqa: E402
from LDCTDenoiseLib.training.config import DataConfig, read_config  # noqa: E402
from LDCTDenoiseLib.training.sampler import PatchSampling  # noqa: E402
from LDCTDenoiseLib.volumeio import write_volume  # noqa: E402
from neighboursreport.judging import Scene, scores  # noqa: E402
from neighboursreport.network import OneSliceSeenAsAll, StackHRNet  # noqa: E402
from neighboursreport.page import NUMBERS, PAGE, write_report  # noqa: E402
from neighboursreport.stacks import StackSampler, inner_slices, mixing  # noqa: E402
from neighboursreport.training import ARMS, finished, path_of, train  # noqa: E402

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
    assert inner_slices(data, tmp_path).tolist() == [1, 2, 11]


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


def test_trainings_are_kept_and_told_on_the_page(bank, tmp_path):
    config = read_config(ROOT / "configs" / "experiments" / "base.toml")
    config = replace(config, network=replace(config.network, widths=WIDTHS),
                     optimiser=replace(config.optimiser, iterations=3, batch_size=2))
    assert finished(tmp_path, WIDTHS) == []
    steps = []
    for arm in ARMS[:2]:
        train(arm, 1, config, sampler(bank, arm.overlap), path_of(tmp_path, arm, 1), steps.append)
    runs = finished(tmp_path, WIDTHS)
    assert [(run.arm, run.seed, run.steps) for run in runs] == [(arm, 1, 3) for arm in ARMS[:2]]
    assert steps == [1, 2, 3] * 2
    for run in runs:
        assert any(weight.abs().sum() > 0 for weight in run.network.predictor.parameters())
    rows = [{"input": arm.name, "seed": seed, "noise": "shared", "steps": 3, "seconds": 5, "multiply_adds": 2e9,
             "matched_rmse_ratio": ratio, "sharp_rmse_ratio": ratio, "rmse_ratio": ratio, "soft_bias_hu": 0.5}
            for arm, ratios in zip(ARMS, ((0.50, 0.52), (0.40, 0.41), (0.51,))) for seed, ratio in enumerate(ratios, 1)]
    write_report(rows, tmp_path / "report", [3, 7], "someone")
    page = (tmp_path / "report" / PAGE).read_text()
    assert "| 0.794 | better |" in page and "| 1.020 | one seed only |" in page and "slices 3, 7 of someone" in page
    with open(tmp_path / "report" / NUMBERS, newline="") as stream:
        assert [float(row["rmse_ratio"]) for row in csv.DictReader(stream)] == [0.50, 0.52, 0.40, 0.41, 0.51]
