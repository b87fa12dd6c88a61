"""Whole slices with the seed paper's augmentation."""

import numpy as np
import pytest
from trainingfactory import KERNEL, PIXEL_MM, discs, write_bank

from LDCTDenoiseLib.hu import to_hu
from LDCTDenoiseLib.kernels import radial_frequency
from LDCTDenoiseLib.training.slicesampler import NO_AUGMENTATION, BankPairs, SliceSampler, SliceSampling, augmented

STILL = SliceSampling(**NO_AUGMENTATION)


@pytest.fixture(scope="module")
def water(tmp_path_factory):
    return write_bank(tmp_path_factory.mktemp("bank") / "water", np.zeros((6, 256, 256), np.int16))


def test_the_same_seed_and_iteration_give_the_same_slices(tmp_path):
    bank = write_bank(tmp_path / "bank", discs(3, 96, np.random.default_rng(0)))
    first, second = (SliceSampler(BankPairs(bank, SliceSampling()), SliceSampling(), seed=2) for _ in range(2))
    second.batch(0, 2)
    assert all((a == b).all() for a, b in zip(first.batch(7, 2), second.batch(7, 2)))
    assert not (first.batch(7, 2)[1] == first.batch(8, 2)[1]).all()


@pytest.mark.parametrize("kernel", ["matched", "sharp"])
def test_noise_follows_dose_and_noise_index(water, kernel):
    sampling = SliceSampling(**NO_AUGMENTATION, noise_index=15, dose=0.25, kernel=kernel)
    noisy, target = SliceSampler(BankPairs(water, sampling), sampling, 0).batch(0, 12)
    assert (to_hu(noisy) - to_hu(target)).std().item() == pytest.approx(15 * 3 ** 0.5, rel=0.03)


def test_matched_noise_is_softer_than_sharp_noise_as_the_kernel_says(water):
    def high_share(kernel):
        sampling = SliceSampling(**NO_AUGMENTATION, kernel=kernel)
        noisy, target = SliceSampler(BankPairs(water, sampling), sampling, 0).batch(0, 6)
        power = np.abs(np.fft.rfft2((noisy - target).numpy()[:, 0])) ** 2
        return power[:, radial_frequency((256, 256), (PIXEL_MM, PIXEL_MM)) > 0.5].sum() / power.sum()
    frequency = np.linspace(0, 0.7, 1000)
    expected = frequency ** 2 * KERNEL.response(frequency) ** 2
    assert high_share("matched") == pytest.approx(expected[frequency > 0.5].sum() / expected.sum(), rel=0.15)
    assert high_share("sharp") > 2 * high_share("matched")


def test_noisy_and_target_are_moved_alike():
    image = discs(1, 128, np.random.default_rng(3))[0].astype(np.float32)
    for seed in range(8):
        first, second = augmented(np.stack((image, image)), SliceSampling(translation=32), np.random.default_rng(seed))
        assert (first == second).all()


def test_what_comes_from_outside_is_zero_in_network_units():
    sampling = SliceSampling(translation=40, rotation=0.0, smallest_crop=1.0)
    image = np.full((1, 128, 128), 1000.0)
    shares = set()
    for seed in range(10):
        moved = augmented(image, sampling, np.random.default_rng(seed))[0]
        assert moved.shape == (128, 128)
        assert set(np.unique(moved)) == {0.0, 1.0}
        rows, columns = (moved.any(axis).sum() for axis in (1, 0))
        assert min(rows, columns) >= 128 - 40 and (moved == 1).sum() == rows * columns
        shares.add((rows, columns))
    assert len(shares) > 5


def test_shifts_are_exact():
    image = np.random.default_rng(0).normal(0, 100, (1, 64, 64)).astype(np.float32)
    shift = np.random.default_rng(5)
    shift.uniform(-1, 1)
    rows, columns = shift.integers(-10, 10, 2, endpoint=True)
    moved = to_hu(augmented(image, SliceSampling(10, 0.0, 1.0), np.random.default_rng(5)))[0]
    inside = (slice(10, 54), slice(10, 54))
    assert np.allclose(moved[inside], np.roll(image[0], (rows, columns), (0, 1))[inside], atol=0.01)


def test_crops_keep_their_place_and_size():
    sampling = SliceSampling(translation=0, rotation=0.0, smallest_crop=0.5)
    for seed in range(10):
        cropped = augmented(np.zeros((1, 64, 64)), sampling, np.random.default_rng(seed))[0]
        side = cropped.any(0).sum()
        assert 32 <= side <= 64 and (cropped == 0.5).sum() == side ** 2


def test_rotation_keeps_the_centre_and_stays_within_ten_degrees():
    row, column = np.mgrid[:129, :129] - 64
    image = np.where(np.abs(column) < 2, 1000.0, -1000.0)[None]  # a vertical line through the centre
    angles = []
    for seed in range(30):
        turned = augmented(image, SliceSampling(0, 10.0, 1.0), np.random.default_rng(seed))[0]
        assert turned[64, 64] == pytest.approx(1.0, abs=1e-3)
        ends = [(turned[r] * column[0]).sum() / turned[r].sum() for r in (14, 114)]
        angles.append(np.degrees(np.arctan2(ends[1] - ends[0], 100)))
    assert np.abs(angles).max() <= 10.2 and np.ptp(angles) > 12


def test_without_augmentation_slices_come_through(tmp_path):
    targets = discs(2, 96, np.random.default_rng(0))
    bank = write_bank(tmp_path / "bank", targets)
    target = to_hu(SliceSampler(BankPairs(bank, STILL), STILL, 0).batch(0, 1)[1][0, 0].numpy())
    assert min(np.abs(target - image).max() for image in targets) < 0.01
