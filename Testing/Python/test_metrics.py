"""Error, similarity, contrast and bias have their textbook values."""

import numpy as np
import pytest

from LDCTDenoiseLib import metrics

RNG = np.random.default_rng(7)


def slice_pair() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Reference with structure, a noisy copy and a mask."""
    j, i = np.mgrid[:96, :96]
    reference = 200 * np.sin(j / 6.0) + 150 * np.cos(i / 9.0) - 300
    mask = np.hypot(j - 48, i - 48) < 40
    return reference, reference + RNG.normal(0, 60, reference.shape), mask


def test_rmse_has_the_mean_inside_and_counts_the_mask_only():
    reference = np.zeros((4, 4))
    image = reference + 3
    image[0, 0] = 1000
    mask = np.ones((4, 4), bool)
    mask[0, 0] = False
    assert metrics.rmse(image, reference, mask) == 3.0
    assert metrics.rmse(image, reference) == pytest.approx(np.sqrt((15 * 9 + 1e6) / 16))


def test_rmse_of_integers_does_not_overflow():
    assert metrics.rmse(np.full((2, 2), 30000, np.int16), np.full((2, 2), -30000, np.int16)) == 60000.0


def test_psnr_is_twenty_decibels_at_a_tenth_of_the_range():
    assert metrics.psnr(np.full((5, 5), 200.0), np.zeros((5, 5))) == pytest.approx(20.0)
    assert metrics.psnr(np.full((5, 5), 40.0), np.zeros((5, 5)), data_range=400) == pytest.approx(20.0)
    assert metrics.psnr(np.zeros((5, 5)), np.zeros((5, 5))) == np.inf


def test_ssim_equals_scikit_image_on_the_shifted_hu_of_the_seed():
    structural_similarity = pytest.importorskip("skimage.metrics").structural_similarity
    reference, image, mask = slice_pair()
    expected, expected_map = structural_similarity(
        image + 1000, reference + 1000, data_range=2000, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, full=True,
    )
    assert metrics.ssim(image, reference) == pytest.approx(expected, abs=1e-12)
    assert metrics.ssim(image, reference, mask) == pytest.approx(expected_map[mask].mean(), abs=1e-12)


def test_psnr_equals_scikit_image():
    peak_signal_noise_ratio = pytest.importorskip("skimage.metrics").peak_signal_noise_ratio
    reference, image, _ = slice_pair()
    assert metrics.psnr(image, reference) == pytest.approx(peak_signal_noise_ratio(reference, image, data_range=2000))


def test_ssim_uses_the_constants_of_the_seed():
    """On two constant images only the luminance term is left: (2xy + 1e-4) / (x^2 + y^2 + 1e-4) with units/2000."""
    x, y = (40 + 1000) / 2000, (-900 + 1000) / 2000
    expected = (2 * x * y + 1e-4) / (x * x + y * y + 1e-4)
    assert metrics.ssim(np.full((32, 32), 40.0), np.full((32, 32), -900.0)) == pytest.approx(expected, rel=1e-6)


def test_vif_is_one_for_the_reference_and_falls_with_noise_and_with_blur():
    from scipy.ndimage import gaussian_filter

    reference, _, mask = slice_pair()
    noise = np.random.default_rng(0).normal(0, 1, reference.shape)
    values = [metrics.vif(reference + sd * noise, reference, mask) for sd in (0, 20, 60, 150)]
    assert values[0] == pytest.approx(1.0, abs=1e-6)
    assert values == sorted(values, reverse=True)
    assert metrics.vif(gaussian_filter(reference, 4), reference, mask) < 0.95
    assert metrics.vif(-reference, reference, mask) == pytest.approx(0.0, abs=1e-6)


def test_both_contrast_to_noise_ratios_follow_their_papers():
    image = np.zeros((4, 8))
    image[:, :4] = 100 + 10 * np.array([-1, 1, -1, 1])
    image[:, 4:] = 40 + 5 * np.array([-1, 1, -1, 1])
    foreground = np.zeros((4, 8), bool)
    foreground[:, :4] = True
    assert metrics.roi_mean(image, foreground) == 100
    assert metrics.roi_sd(image, foreground) == 10
    assert metrics.cnr_seed(image, foreground, ~foreground) == pytest.approx(2 * 60 / 5)
    assert metrics.cnr_did(image, foreground, ~foreground) == pytest.approx(2 * 60 / 15)


def test_equal_noises_make_the_seed_ratio_infinite():
    image = np.tile([0.0, 2.0, 10.0, 12.0], (2, 1))
    foreground = image > 5
    assert metrics.cnr_seed(image, foreground, ~foreground) == np.inf
    assert np.isfinite(metrics.cnr_did(image, foreground, ~foreground))


def test_a_shift_of_three_hu_is_a_bias_of_three_in_every_class():
    reference, image, mask = slice_pair()
    classes = {"soft": mask, "lung": ~mask, "bone": np.zeros_like(mask)}
    bias = metrics.bias_per_class(reference + 3, reference, classes)
    assert bias["soft"] == pytest.approx(3.0)
    assert bias["lung"] == pytest.approx(3.0)
    assert np.isnan(bias["bone"])
    assert metrics.hu_bias(reference - 3, reference) == pytest.approx(-3.0)


def test_an_empty_mask_or_another_shape_is_refused():
    image = np.zeros((8, 8))
    with pytest.raises(ValueError, match="mask is empty"):
        metrics.rmse(image, image, np.zeros((8, 8), bool))
    with pytest.raises(ValueError, match="one shape"):
        metrics.rmse(image, np.zeros((8, 9)))
    with pytest.raises(ValueError, match="one shape"):
        metrics.hu_bias(image, image, np.ones((4, 4), bool))
    with pytest.raises(ValueError, match="one shape"):
        metrics.ssim(image, np.zeros((8, 9)))
