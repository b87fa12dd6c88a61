"""Patches drawn from a noise bank: determinism, noise level and colour, image and noise treated alike."""

from dataclasses import replace

import numpy as np
import pytest
from trainingfactory import KERNEL, PIXEL_MM, discs, write_bank

from LDCTDenoiseLib.hu import to_hu
from LDCTDenoiseLib.kernels import Kernel
from LDCTDenoiseLib.training.sampler import PatchSampler, PatchSampling

PLAIN = PatchSampling(patch=128, patches_per_region=1, noise_sd=(40.0, 40.0), clean_share=0.0, colour_share=0.0,
                      zoom=(1.0, 1.0), phantom_share=0.0, offset=0.0)


def hu(batch):
    return to_hu(batch[0].numpy()[:, 0]), to_hu(batch[1].numpy()[:, 0])


@pytest.fixture(scope="module")
def water(tmp_path_factory):
    return write_bank(tmp_path_factory.mktemp("bank") / "water", np.zeros((24, 192, 192), np.int16))


@pytest.fixture(scope="module")
def anatomy(tmp_path_factory):
    random = np.random.default_rng(1)
    return write_bank(tmp_path_factory.mktemp("bank") / "anatomy", discs(3, 192, random))


def test_the_same_seed_and_iteration_give_the_same_batch(anatomy):
    sampling = PatchSampling(patch=32)
    first, second = (PatchSampler(anatomy, sampling, seed=3) for _ in range(2))
    second.batch(0, 8)
    assert all((a == b).all() for a, b in zip(first.batch(5, 8), second.batch(5, 8)))
    assert not (first.batch(5, 8)[0] == first.batch(6, 8)[0]).all()
    assert not (first.batch(5, 8)[0] == PatchSampler(anatomy, sampling, seed=4).batch(5, 8)[0]).all()


def test_batches_have_the_size_asked_for(anatomy):
    for size in (1, 4, 6):
        noisy, target = PatchSampler(anatomy, PatchSampling(patch=32), 0).batch(0, size)
        assert noisy.shape == target.shape == (size, 1, 32, 32)
        assert noisy.dtype == target.dtype and str(noisy.dtype) == "torch.float32"


def test_noise_has_the_level_asked_for_and_the_colour_of_the_kernel(water):
    noise = np.concatenate([np.subtract(*hu(PatchSampler(water, PLAIN, 0).batch(i, 24))) for i in range(4)])
    assert noise.std() == pytest.approx(40, rel=0.03)
    taper = np.outer(np.hanning(128), np.hanning(128))
    power = (np.abs(np.fft.fft2(noise * taper)) ** 2).mean(0) * PIXEL_MM ** 2 / (taper ** 2).sum()
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(128, PIXEL_MM)] * 2))
    expected = frequency * KERNEL.response(frequency) ** 2
    cell = 1 / (128 * PIXEL_MM)
    expected *= 40 ** 2 / (expected.sum() * cell ** 2)
    bins = (frequency / 0.04).astype(int)
    for index in range(2, 16):  # 0.08 to 0.64 per mm; below, the taper smears the ramp
        inside = bins == index
        if expected[inside].mean() > 0.02 * expected.max():
            assert power[inside].mean() == pytest.approx(expected[inside].mean(), rel=0.08), index


def test_targets_come_through_unchanged_when_nothing_filters_them(water):
    assert np.abs(hu(PatchSampler(water, PLAIN, 0).batch(0, 4))[1]).max() < 0.01


def test_image_and_noise_are_turned_alike(tmp_path):
    row, column = np.mgrid[:192, :192] / 192
    pattern = 60 * np.sin(9 * row + 4 * column ** 2) + 40 * column
    sharp = Kernel(5.0, 2.0)  # leaves this smooth pattern as it is
    bank = write_bank(tmp_path / "bank", np.rint(pattern)[None], noise=pattern[None, None] / 50, kernel=sharp)
    noisy, target = hu(PatchSampler(bank, replace(PLAIN, patch=96), 0).batch(0, 24))
    for difference, image in zip(noisy - target, target):
        assert np.corrcoef(difference.ravel(), image.ravel())[0, 1] > 0.99


def test_filters_and_zoom_act_on_image_and_noise_alike(tmp_path):
    row, column = np.mgrid[:192, :192] / 192
    pattern = 80 * np.sin(30 * row + 14 * column) + 60 * np.sin(50 * column)
    sharp = Kernel(5.0, 2.0)
    bank = write_bank(tmp_path / "bank", np.rint(pattern)[None], noise=pattern[None, None] / 50, kernel=sharp)
    sampling = replace(PLAIN, patch=64, colour_share=0.5, zoom=(0.75, 1.35))
    noisy, target = hu(PatchSampler(bank, sampling, 0).batch(0, 24))
    for difference, image in zip(noisy - target, target):
        assert np.corrcoef(difference.ravel(), image.ravel())[0, 1] > 0.97


def test_shifts_move_noisy_and_target_by_the_same_hu(anatomy):
    still = PatchSampler(anatomy, replace(PLAIN, patch=64), 0).batch(2, 8)
    moved = PatchSampler(anatomy, replace(PLAIN, patch=64, offset=80.0), 0).batch(2, 8)
    shifts = hu(moved)[1] - hu(still)[1]
    assert np.abs(hu(moved)[0] - hu(still)[0] - shifts).max() < 0.01
    assert np.ptp(shifts, axis=(1, 2)).max() < 0.01 and np.abs(shifts).max() > 1


def test_values_stop_at_the_floor_of_ct(anatomy):
    noisy, target = hu(PatchSampler(anatomy, replace(PLAIN, noise_sd=(300.0, 300.0)), 0).batch(0, 8))
    assert noisy.min() == pytest.approx(-1024, abs=0.01) and target.min() >= -1024.01


def test_phantoms_hold_no_noise_of_their_own(water):
    noisy, target = hu(PatchSampler(water, replace(PLAIN, phantom_share=1.0), 0).batch(0, 12))
    assert (target.std((1, 2)) > 1).all()
    # Smooth almost everywhere: second differences vanish but at edges.
    assert np.median(np.abs(np.diff(target, 2, axis=2))) < 0.5 < np.median(np.abs(np.diff(noisy, 2, axis=2)))


def test_added_noise_stands_out_from_the_noise_that_the_target_has(tmp_path):
    random = np.random.default_rng(0)
    noisy_targets = np.rint(random.normal(40, 20, (4, 192, 192))).astype(np.int16)
    bank = write_bank(tmp_path / "noisy", noisy_targets)
    assert bank.noise_levels == pytest.approx(20, rel=0.1)
    sampler = PatchSampler(bank, replace(PLAIN, noise_sd=(4.0, 150.0), noise_ratio=2.5), 0)
    added = np.subtract(*hu(sampler.batch(0, 64))).std((1, 2))
    assert added.min() > 0.9 * 2.5 * 20  # a patch of coloured noise shows its SD to a few percent
    assert added.max() < 1.1 * 150
