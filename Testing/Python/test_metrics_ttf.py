"""The task transfer function of a blurred disk is that of the blur."""

import microct_iq_toolbox as toolbox
import numpy as np
import pytest
from scipy import ndimage

from LDCTDenoiseLib.metrics import task_transfer_function

OVERSAMPLING = 8
RADIUS_MM = 20.0


def disk(sigma_mm: float, contrast: float = 100.0, spacing=(0.5, 0.5), size: int = 160, centre=(80.3, 78.6)):
    """Disk on 40 HU, blurred by a Gaussian before it is point-sampled."""
    fine = size * OVERSAMPLING
    steps = [s / OVERSAMPLING for s in spacing]
    j, i = np.ogrid[:fine, :fine]
    distance = np.hypot((j - centre[0] * OVERSAMPLING) * steps[0], (i - centre[1] * OVERSAMPLING) * steps[1])
    sharp = 40 + contrast * np.clip((RADIUS_MM - distance) / steps[0] + 0.5, 0, 1)
    blurred = ndimage.gaussian_filter(sharp.astype(np.float32), [sigma_mm / s for s in steps])
    return blurred[::OVERSAMPLING, ::OVERSAMPLING].astype(np.float64)


@pytest.mark.parametrize("sigma", [0.6, 1.0])
@pytest.mark.parametrize("contrast", [100.0, -30.0])
def test_a_gaussian_blur_has_its_analytic_transfer(sigma, contrast):
    ttf = task_transfer_function(disk(sigma, contrast), (80.3, 78.6), RADIUS_MM, (0.5, 0.5))
    analytic = np.exp(-2 * (np.pi * sigma * ttf.frequency) ** 2)
    used = ttf.frequency < 0.5 / 0.5
    np.testing.assert_allclose(ttf.transfer[used], analytic[used], atol=0.02)
    assert ttf.contrast == pytest.approx(contrast, rel=0.01)
    assert ttf.frequency_at(0.5) == pytest.approx(np.sqrt(np.log(2) / 2) / (np.pi * sigma), rel=0.02)


def test_spacing_is_taken_in_millimetres_along_each_axis():
    image = disk(1.0, spacing=(0.5, 0.8))
    ttf = task_transfer_function(image, (80.3, 78.6), RADIUS_MM, (5.0, 0.5, 0.8))
    assert ttf.frequency_at(0.5) == pytest.approx(np.sqrt(np.log(2) / 2) / np.pi, rel=0.03)


def test_more_blur_lowers_ttf50_by_the_ratio_of_the_widths():
    sharp, smooth = (task_transfer_function(disk(s), (80.3, 78.6), RADIUS_MM, (0.5, 0.5)) for s in (0.6, 1.2))
    assert sharp.frequency_at(0.5) / smooth.frequency_at(0.5) == pytest.approx(2.0, rel=0.03)


def test_repeated_noisy_slices_give_the_transfer_of_their_mean():
    clean = disk(0.8)
    noisy = clean + np.random.default_rng(0).normal(0, 20, (100, *clean.shape))
    ttf = task_transfer_function(noisy, (80.3, 78.6), RADIUS_MM, (0.5, 0.5), half_width_mm=6.0)
    assert ttf.frequency_at(0.5) == pytest.approx(np.sqrt(np.log(2) / 2) / (np.pi * 0.8), rel=0.05)


def test_a_level_that_is_never_reached_is_nan():
    ttf = task_transfer_function(disk(0.3), (80.3, 78.6), RADIUS_MM, (0.5, 0.5))
    assert np.isnan(ttf.frequency_at(-1.0))


def test_it_agrees_with_an_independent_toolbox():
    image = disk(1.0, size=161, centre=(80, 80))
    frequency, curves, _ = toolbox.get_TTF(np.stack([image] * 3), [(80, 80)] * 2, 76, ["rod"] * 2,
                                           pixel_size=0.5)
    ttf = task_transfer_function(image, (80, 80), RADIUS_MM, (0.5, 0.5))
    theirs = np.interp([0.1, 0.2, 0.3], frequency[frequency >= 0], np.asarray(curves)[0][frequency >= 0])
    np.testing.assert_allclose(np.interp([0.1, 0.2, 0.3], ttf.frequency, ttf.transfer), theirs, atol=0.05)


def test_profiles_that_leave_the_image_and_absent_disks_are_refused():
    with pytest.raises(ValueError, match="reaches"):
        task_transfer_function(disk(1.0), (10, 80), RADIUS_MM, (0.5, 0.5))
    with pytest.raises(ValueError, match="no contrast"):
        task_transfer_function(np.full((160, 160), 40.0), (80, 80), RADIUS_MM, (0.5, 0.5))
