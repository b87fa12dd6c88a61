"""The region outside the scan field: the solid corners, never the clipped noise of air."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from LDCTDenoiseLib.scanfield import outside_scan_field

SIZE = 192


def circle(radius, size=SIZE, centre=None):
    row, column = np.mgrid[:size, :size]
    centre = ((size - 1) / 2, (size - 1) / 2) if centre is None else centre
    return (row - centre[0]) ** 2 + (column - centre[1]) ** 2 <= radius**2


def noise(shape, sd, sigma, seed):
    values = np.random.default_rng(seed).standard_normal(shape)
    if sigma:
        values = np.stack([gaussian_filter(image, sigma, mode="wrap") for image in values])
    return values * sd / values.std()


def patient(slices=2, padding=-1024, seed=1):
    """Nearly clean air and a body inside a scan circle, padding outside; also the true outside."""
    field = circle(SIZE / 2 - 1)
    image = np.where(circle(SIZE / 4), 40, -1000)
    volume = np.rint(image + noise((slices, SIZE, SIZE), 5, 0, seed))
    return np.where(field, volume, padding).astype(np.int16), np.broadcast_to(~field, volume.shape)


def test_the_corners_outside_the_scan_circle_are_found_exactly():
    volume, outside = patient()
    found = outside_scan_field(volume)
    assert found.dtype == bool
    np.testing.assert_array_equal(found, outside)


@pytest.mark.parametrize("sigma", [0, 1, 2])
@pytest.mark.parametrize("floor", [-1024, -1000])
def test_noise_that_is_clipped_at_the_floor_stays_inside_the_scan_field(sigma, floor):
    clean, outside = patient(padding=floor)
    noisy = np.clip(np.rint(clean + noise(clean.shape, 60, sigma, 2)), floor, None)
    noisy = np.where(outside, floor, noisy).astype(np.int16)
    inside_at_floor = np.count_nonzero((noisy == floor) & ~outside)
    assert inside_at_floor > 10000, "the case is pointless unless much air is clipped"
    found = outside_scan_field(noisy)
    assert np.all(found[outside]), "all padding is found"
    # What is eaten is less than half of the outermost voxels along the edge of each circle, and nothing deeper.
    edge = np.count_nonzero(circle(SIZE / 2 - 1) & ~circle(SIZE / 2 - 2))
    assert np.count_nonzero(found & ~outside) < 0.5 * edge * len(clean)
    assert not found[:, circle(SIZE / 2 - 3)].any()


def test_declared_padding_next_to_clipped_air_leaves_the_air_to_be_processed():
    volume, outside = patient(padding=-3024)
    noisy = np.clip(np.rint(volume + noise(volume.shape, 60, 1, 3)), -1024, None)
    noisy = np.where(outside, -3024, noisy).astype(np.int16)
    np.testing.assert_array_equal(outside_scan_field(noisy, outside), outside)
    np.testing.assert_array_equal(outside_scan_field(noisy), outside)


def test_declared_padding_always_counts_wherever_it_lies():
    volume, outside = patient()
    padding = np.zeros(volume.shape, dtype=bool)
    padding[0, 90:95, 90:95] = True
    np.testing.assert_array_equal(outside_scan_field(volume, padding), outside | padding)


@pytest.mark.parametrize("sigma", [0, 1, 2])
def test_a_square_scan_of_noisy_air_without_padding_has_nothing_outside(sigma):
    volume = np.where(circle(60), 40, -1000) + noise((4, SIZE, SIZE), 60, sigma, 4)
    clipped = np.clip(np.rint(volume), -1024, None).astype(np.int16)
    assert np.mean(clipped == -1024) > 0.1
    assert not outside_scan_field(clipped).any()


def test_clipped_gas_inside_the_body_is_not_outside():
    volume, outside = patient()
    volume[:, circle(14, centre=(95, 95))] = -1024
    np.testing.assert_array_equal(outside_scan_field(volume), outside)


def test_a_circle_that_leaves_the_image_gives_only_small_corners():
    field = circle(118)
    volume = np.where(field, noise((1, SIZE, SIZE), 8, 0, 5) - 990, -1024)
    found = outside_scan_field(volume)
    np.testing.assert_array_equal(found[0], ~field)
    assert 0 < found.mean() < 0.05


def test_air_that_was_masked_away_around_a_body_is_outside_also_in_the_bay_between_two_legs():
    legs = circle(40, 320, (220, 60)) | circle(40, 320, (220, 260))
    volume = np.where(legs, 40 + noise((1, 320, 320), 10, 0, 6), -1024)
    found = outside_scan_field(volume)[0]
    assert found[100, 160] and found[220, 160] and found[310, 160]
    assert not found[legs].any()


def test_each_slice_is_judged_alone():
    volume, outside = patient(slices=3)
    volume[1] = 40 + noise((1, SIZE, SIZE), 10, 0, 7)[0]
    volume[2] = -1024
    found = outside_scan_field(volume)
    np.testing.assert_array_equal(found[0], outside[0])
    assert not found[1].any()
    assert found[2].all()


def test_a_uniform_object_that_fills_the_image_is_not_padding():
    assert not outside_scan_field(np.zeros((1, 64, 64), dtype=np.int16)).any()


def test_float_volumes_work_and_the_input_is_left_alone():
    volume, outside = patient()
    volume = volume.astype(np.float32)
    before = volume.copy()
    np.testing.assert_array_equal(outside_scan_field(volume), outside)
    np.testing.assert_array_equal(volume, before)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="2 axes"):
        outside_scan_field(np.zeros((4, 4)))
    with pytest.raises(ValueError, match="padding mask"):
        outside_scan_field(np.zeros((1, 4, 4)), np.zeros((1, 4, 5), dtype=bool))
