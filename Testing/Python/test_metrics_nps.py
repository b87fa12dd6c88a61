"""The noise power spectrum has the right magnitude, shape and integral."""

import microct_iq_toolbox as toolbox
import numpy as np
import pytest

from LDCTDenoiseLib.metrics import noise_power_spectrum, rois_in_mask

SPACING = (0.8, 0.8)


def white(count: int = 200, size: int = 64, sd: float = 20.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, sd, (count, size, size))


def filtered(count: int = 200, size: int = 64, sd: float = 20.0, mm: float = 1.0):
    """White noise through a Gaussian of ``mm`` (periodic, so that the answer is exact) and its true NPS."""
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(size, SPACING[0]), np.fft.fftfreq(size, SPACING[1]), indexing="ij"))
    transfer = np.exp(-2 * (np.pi * mm * f) ** 2)
    noise = np.fft.ifft2(np.fft.fft2(white(count, size, sd)) * transfer).real
    return noise, sd**2 * SPACING[0] * SPACING[1] * transfer**2, f


def test_white_noise_is_flat_with_height_variance_times_pixel_area():
    frequency, power = noise_power_spectrum(white(), SPACING, detrend_order=0).radial()
    expected = 20.0**2 * 0.8 * 0.8
    np.testing.assert_allclose(power[1:], expected, rtol=0.1)  # the first ring holds 8 bins only
    assert power[1:].mean() == pytest.approx(expected, rel=0.01)
    assert frequency[-1] == pytest.approx(0.5 / 0.8, rel=0.02)


def test_the_integral_is_the_variance():
    noise, *_ = filtered()
    residual = noise - noise.mean(axis=(1, 2), keepdims=True)
    assert noise_power_spectrum(noise, SPACING, 0).variance == pytest.approx(residual.var(), rel=1e-9)


def test_filtered_noise_has_the_spectrum_of_the_filter():
    noise, truth, f = filtered()
    measured = noise_power_spectrum(noise, SPACING, 0).power
    band = (f > 0.05) & (f < 0.45)
    assert (measured[band] / truth[band]).mean() == pytest.approx(1.0, abs=0.01)
    np.testing.assert_allclose(measured[band], truth[band], rtol=0.45)  # single bins of 200 periodograms


def test_height_does_not_depend_on_the_size_of_the_regions():
    big = noise_power_spectrum(white(60, 96), SPACING, 0).power[1:, 1:].mean()
    small = noise_power_spectrum(white(500, 32), SPACING, 0).power[1:, 1:].mean()
    assert big == pytest.approx(small, rel=0.02)


def test_a_sine_appears_at_its_frequency_in_rows_and_in_columns():
    pixels = np.arange(64)
    wave = 10 * np.sin(2 * np.pi * 8 * pixels / 64)
    for roi, index in ((np.tile(wave, (64, 1)), (0, 8)), (np.tile(wave[:, None], (1, 64)), (8, 0))):
        spectrum = noise_power_spectrum(roi, (0.5, 0.8), 0)
        assert np.unravel_index(spectrum.power[:33, :33].argmax(), (33, 33)) == index
        assert spectrum.variance == pytest.approx(50.0)
        assert spectrum.radial_frequency[index] == pytest.approx(8 / 64 / (0.8 if index[1] else 0.5))


def test_peak_and_mean_frequency_of_a_ring_are_on_the_ring():
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(64, 0.8), np.fft.fftfreq(64, 0.8), indexing="ij"))
    ring = np.exp(-(((f - 0.3) / 0.03) ** 2))
    noise = np.fft.ifft2(np.fft.fft2(white()) * ring).real
    spectrum = noise_power_spectrum(noise, SPACING)
    assert spectrum.peak_frequency == pytest.approx(0.3, abs=0.02)
    assert spectrum.mean_frequency == pytest.approx(0.3, abs=0.01)


def test_a_quadratic_background_leaves_no_trace():
    j, i = np.mgrid[:64, :64]
    background = 100 + 0.5 * j - 0.2 * i + 0.01 * j * j + 0.02 * i * j
    noise = white(20)
    with_trend = noise_power_spectrum(noise + background, SPACING).power
    np.testing.assert_allclose(with_trend, noise_power_spectrum(noise, SPACING).power, atol=1e-6)


def test_the_spectrum_for_bm3d_has_the_energy_of_the_noise_on_any_grid():
    noise, *_ = filtered()
    spectrum = noise_power_spectrum(noise, SPACING, 0)
    for shape in ((64, 64), (100, 120)):
        expected = spectrum.expected_dft_power(shape)
        assert expected.shape == shape
        # Parseval: the sum of |DFT|^2 over N^2 is the variance.
        assert expected.sum() / np.prod(shape) ** 2 == pytest.approx(noise.var(), rel=0.02)
    np.testing.assert_allclose(noise_power_spectrum(white(), SPACING, 0).expected_dft_power((64, 64))[1:, 1:].mean(),
                               20.0**2 * 64 * 64, rtol=0.01)


def test_it_agrees_with_an_independent_toolbox():
    noise, *_ = filtered(40)
    their_frequency, theirs = toolbox.get_NPS(noise, np.array([0, 64, 0, 64]), SPACING[0])
    spectrum = noise_power_spectrum(noise, SPACING)
    frequency, ours = spectrum.radial()
    # Their ring k reaches from k to k + 1 frequency steps and its axis is stretched; compare at the true ring centres.
    step = 1 / (64 * SPACING[0])
    centres = (np.arange(len(theirs)) + 0.5) * step
    band = slice(3, 20)
    np.testing.assert_allclose(np.interp(centres, frequency, ours)[band], theirs[band], rtol=0.08)


def test_regions_lie_wholly_inside_the_mask():
    image = np.arange(100 * 100).reshape(100, 100)
    mask = np.zeros((100, 100), bool)
    mask[10:90, 30:99] = True
    regions = rois_in_mask(image, mask, size=16)
    assert regions.shape[1:] == (16, 16) and len(regions) > 20
    assert all(mask.ravel()[region].all() for region in regions)
    assert rois_in_mask(np.stack([image] * 2), np.stack([mask] * 2), size=16).shape[0] == 2 * len(regions)
    assert rois_in_mask(image, np.zeros_like(mask), size=16).shape == (0, 16, 16)


def test_regions_that_are_too_small_or_missing_are_refused():
    with pytest.raises(ValueError, match="8 x 8"):
        noise_power_spectrum(np.zeros((3, 4, 4)), SPACING)
    with pytest.raises(ValueError, match="8 x 8"):
        noise_power_spectrum(np.zeros((0, 64, 64)), SPACING)
