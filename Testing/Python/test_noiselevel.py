"""The global noise level finds the noise of soft tissue, whatever else is in the image."""

import numpy as np
import pytest
from scipy import ndimage

from LDCTDenoiseLib.noiselevel import global_noise_level, local_sd

SPACING = (0.8, 0.8)


def body(size: int = 256, edges: bool = True) -> np.ndarray:
    """Noise-free slice: 50 HU body in air, with fat, lung and bone."""
    j, i = np.mgrid[:size, :size] - size / 2
    image = np.full((size, size), -1000.0)
    image[np.hypot(j, i) < 0.46 * size] = -100
    image[np.hypot(j, i) < 0.42 * size] = 50
    if edges:
        image[np.hypot(j + 40, i - 40) < 25] = -850
        image[np.hypot(j - 50, i) < 10] = 800
    return image


def noise(shape, sd: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, sd, shape)


@pytest.mark.parametrize("sd", [2.0, 12.0, 40.0])
def test_white_noise_of_known_sd_is_found_among_edges(sd):
    assert global_noise_level(body() + noise((256, 256), sd), SPACING) == pytest.approx(sd, rel=0.04)


def test_the_level_follows_the_noise_exactly_when_both_scale():
    flat = noise((128, 128), 10.0)
    assert global_noise_level(3 * flat, SPACING) == pytest.approx(3 * global_noise_level(flat, SPACING), rel=0.02)


def test_noise_in_air_does_not_count_as_soft_tissue_noise():
    image = body() + noise((256, 256), 10.0)
    image[body() < -500] += noise((256, 256), 200.0, seed=1)[body() < -500]
    assert global_noise_level(image, SPACING) == pytest.approx(10.0, rel=0.05)


def test_low_noise_is_found_although_most_windows_hold_an_edge():
    j, i = np.mgrid[:256, :256]
    stripes = np.where((j // 8) % 2 == 0, 40.0, -110.0)
    stripes[:100, :100] = 40.0
    assert global_noise_level(stripes + noise(stripes.shape, 8.0), SPACING) == pytest.approx(8.0, rel=0.05)


def test_images_without_soft_tissue_fall_back_to_what_they_hold():
    assert global_noise_level(-800 + noise((128, 128), 15.0), SPACING) == pytest.approx(15.0, rel=0.04)
    assert global_noise_level(-1000 + noise((128, 128), 5.0), SPACING) == pytest.approx(5.0, rel=0.04)


@pytest.mark.parametrize("value", [-1024, 0, 40, 1000])
def test_constant_images_have_no_noise(value):
    assert global_noise_level(np.full((64, 64), value, np.int16), SPACING) == 0.0
    assert global_noise_level(np.full((3, 64, 64), value, np.float32)) == 0.0


def test_a_noise_free_body_has_no_noise():
    assert global_noise_level(body(), SPACING) == 0.0


def test_a_volume_gives_the_level_of_its_slices_and_the_window_is_in_millimetres():
    volume = body()[None] + noise((4, 256, 256), 20.0)
    assert global_noise_level(volume, (5.0, *SPACING)) == pytest.approx(20.0, rel=0.04)
    # Noise coarser than a 2-pixel window but finer than a 7-pixel one is seen only by the right window.
    coarse = ndimage.zoom(noise((64, 64), 20.0), 4, order=0)
    assert global_noise_level(coarse, (1.0, 1.0)) < 0.9 * global_noise_level(coarse, (0.25, 0.25))


def test_the_input_is_not_changed_and_integers_do_not_overflow():
    image = (body() + noise((256, 256), 10.0)).astype(np.int16)
    kept = image.copy()
    assert global_noise_level(image, SPACING) == pytest.approx(10.0, rel=0.05)
    np.testing.assert_array_equal(image, kept)


def test_local_sd_equals_the_sample_standard_deviation_of_the_window():
    image = noise((32, 40), 10.0) + 700
    mean, deviation = local_sd(image, (1.0, 1.4))  # 7 x 5 pixels
    window = image[10:17, 12:17]
    assert mean[13, 14] == pytest.approx(window.mean())
    assert deviation[13, 14] == pytest.approx(window.std(ddof=1))


@pytest.mark.parametrize("spacing", [(0.0, 1.0), (-1.0, 1.0), (float("nan"), 1.0), (1.0,)])
def test_impossible_spacing_is_refused(spacing):
    with pytest.raises(ValueError, match="spacing"):
        global_noise_level(np.zeros((32, 32)), spacing)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="shape"):
        global_noise_level(np.zeros(32))
    with pytest.raises(ValueError, match="one slice"):
        local_sd(np.zeros((2, 32, 32)))
