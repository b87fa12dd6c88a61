"""Kernels are read back from noise of a known colour, and soft images are re-sharpened by the known gain."""

import numpy as np
import pytest
from ctfactory import coloured_noise
from scipy import ndimage
from trainingfactory import ramp_noise

from LDCTDenoiseLib.kernels import (FALLBACK_KERNEL, SHARPENING_LIMIT, Kernel, KernelError, bare_ramp_response,
                                    body_kernel, estimate_kernel, resharpen, sharpening_gain, soft_kernel,
                                    uniform_spectrum)

PIXEL = (0.8, 0.8)


def test_half_of_the_amplitude_is_left_at_f50():
    assert Kernel(0.4, 2.5).response(np.array([0.0, 0.4, 4.0])) == pytest.approx([1, 0.5, 0], abs=1e-6)


@pytest.mark.parametrize("kernel", [Kernel(0.3, 2.0), Kernel(0.4, 2.5), Kernel(0.5, 4.0)])
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_the_kernel_is_read_back_from_its_noise(kernel, dtype):
    volume = np.rint(40 + coloured_noise(kernel)).astype(dtype)
    read = estimate_kernel(volume, PIXEL)
    f = np.linspace(0.05, 0.55, 40)
    np.testing.assert_allclose(read.response(f), kernel.response(f), atol=0.06)


def test_the_kernel_is_read_through_smooth_anatomy_and_other_tissue():
    kernel = Kernel(0.4, 2.5)
    y, x = np.mgrid[:192, :192]
    volume = 40 + coloured_noise(kernel) + 15 * np.sin(x / 40) * np.cos(y / 30)
    volume[:, :40] = -1000
    volume[:, 100:110, 100:110] = 800
    assert estimate_kernel(volume, PIXEL).f50 == pytest.approx(0.4, abs=0.06)


def test_pixels_that_are_not_square_are_read_in_mm():
    kernel, pixel = Kernel(0.35, 2.5), (0.7, 1.0)
    assert estimate_kernel(40 + coloured_noise(kernel, pixel=pixel), pixel).f50 == pytest.approx(0.35, abs=0.05)


def test_the_spectrum_of_uniform_regions_has_the_height_of_the_noise():
    white = np.random.default_rng(3).normal(0, 10, (6, 192, 192))
    frequency, power = uniform_spectrum(white, PIXEL)
    # The regions are the most uniform ones, so a little below the mean.
    assert power[3:].mean() == pytest.approx(100 * 0.64, rel=0.12)
    assert 0 < frequency[1] < frequency[-1] <= 0.625


@pytest.mark.parametrize("volume, message", [
    (np.full((2, 128, 128), -1000, np.int16), "No uniform soft tissue"),
    (np.full((2, 128, 128), 40, np.int16), "holds no noise"),
    (np.zeros((2, 40, 300), np.int16), "too small"),
    (40 + coloured_noise(Kernel(0.08, 3.0)), "cannot be read"),
])
def test_an_image_without_a_readable_kernel_is_refused(volume, message):
    with pytest.raises(KernelError, match=message):
        estimate_kernel(volume, PIXEL)


def test_a_body_kernel_stands_in_where_none_can_be_read():
    volume = 40 + coloured_noise(Kernel(0.3, 2.0))
    assert body_kernel(volume, PIXEL) == estimate_kernel(volume, PIXEL)
    assert body_kernel(np.full((1, 128, 128), 40, np.int16), PIXEL) == FALLBACK_KERNEL


def test_soft_images_are_told_from_those_of_the_bare_ramp_and_unreadable_ones_are_neither():
    soft = 40 + coloured_noise(Kernel(0.35, 2.5))
    assert soft_kernel(soft, PIXEL) == estimate_kernel(soft, PIXEL)
    for pixel in (0.6, 0.8, 1.0):
        ramp = 40 + 12 * ramp_noise((4, 192, 192), pixel, np.random.default_rng(0))
        assert soft_kernel(ramp, (pixel, pixel)) is None
    assert soft_kernel(np.full((1, 128, 128), 40, np.int16), PIXEL) is None


def test_sharpening_takes_the_kernel_to_the_ramp_and_is_bounded():
    kernel, f = Kernel(0.4, 2.5), np.linspace(0, 0.7, 50)
    gain = sharpening_gain(f, kernel)
    assert gain[0] == 1 and gain.max() == SHARPENING_LIMIT
    free = gain < SHARPENING_LIMIT
    np.testing.assert_allclose((gain * kernel.response(f))[free], bare_ramp_response(f)[free])


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(128, 128), (101, 160)])
def test_a_wave_is_resharpened_by_the_gain_of_its_frequency(shape, axis):
    kernel, pixel, count = Kernel(0.4, 2.5), (0.8, 0.7), shape[axis]
    frequency = 30 / (2 * count * pixel[axis])
    wave = 100 * np.cos(np.pi * 30 * (np.arange(count) + 0.5) / count)
    image = np.broadcast_to(wave if axis else wave[:, None], shape)
    sharp = resharpen(image[None].astype(np.float32), pixel, kernel)[0]
    np.testing.assert_allclose(sharp, image * sharpening_gain(frequency, kernel), atol=0.01)


def test_resharpening_keeps_uniform_values_and_does_not_wrap_around_the_edges():
    volume = np.zeros((1, 128, 128), np.float32)
    volume[:, :, :6] = 500  # touches the left edge only
    sharp = resharpen(volume, PIXEL, Kernel(0.4, 2.5))
    np.testing.assert_allclose(sharp[0, :, 100:], 0, atol=1.0)
    assert resharpen(np.full((1, 64, 64), 37, np.int16), PIXEL, Kernel(0.4, 2.5)).tolist() == [[[37] * 64] * 64]


def test_resharpening_keeps_dtype_input_and_padding_and_clips_like_a_scanner():
    y, x = np.mgrid[:128, :128]
    image = np.where(np.hypot(x - 64, y - 60) < 30, 60, -1000) + coloured_noise(Kernel(0.4, 2.5), (1, 128, 128), 20)[0]
    padded = np.hypot(x - 63.5, y - 63.5) > 64
    volume = np.rint(np.maximum(image, -1024)).astype(np.int16)[None]
    volume[:, padded] = -2000
    before = volume.copy()
    sharp = resharpen(volume, PIXEL, Kernel(0.4, 2.5))
    np.testing.assert_array_equal(volume, before)
    assert sharp.dtype == np.int16
    np.testing.assert_array_equal(sharp[:, padded], -2000)
    assert sharp[:, ~padded].min() >= -1024
    rim = ndimage.binary_dilation(padded, iterations=4) & ~padded
    assert abs(sharp[0][rim].mean() + 1000) < 15  # no band along the padding
    assert sharp[0, 50:70, 54:74].std() > 1.5 * volume[0, 50:70, 54:74].std()
