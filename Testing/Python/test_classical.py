"""The classical filters lower noise, keep flat values and grow with their parameter."""

import builtins

import numpy as np
import pytest

from LDCTDenoiseLib import classical
from LDCTDenoiseLib.classical import FILTERS, Noise
from LDCTDenoiseLib.metrics import noise_power_spectrum

RNG = np.random.default_rng(5)
CLEAN = np.where(np.hypot(*(np.mgrid[:72, :72] - 36)) < 20, 100.0, 0.0)
NOISY = CLEAN + RNG.normal(0, 30, CLEAN.shape)
NOISE = Noise(30.0)


def usable(name: str):
    if not FILTERS[name].available:
        pytest.skip(f"{FILTERS[name].package} is not installed")
    return FILTERS[name]


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_lowers_the_error_at_its_best_parameter_and_keeps_the_mean(name):
    method = usable(name)
    errors = {p: np.sqrt(((method.apply(NOISY, p, NOISE) - CLEAN) ** 2).mean()) for p in method.parameters}
    assert min(errors.values()) < 0.75 * 30
    best = min(errors, key=errors.get)
    assert abs((method.apply(NOISY, best, NOISE) - NOISY).mean()) < 1.0


@pytest.mark.parametrize("name", FILTERS)
def test_larger_parameters_remove_more(name):
    method = usable(name)
    removed = [np.std(NOISY - method.apply(NOISY, p, NOISE)) for p in (method.parameters[0], method.parameters[-1])]
    assert removed[0] < removed[1]


@pytest.mark.parametrize("name", FILTERS)
def test_the_input_is_not_changed_and_integers_are_accepted(name):
    method = usable(name)
    image = NOISY.astype(np.int16)
    kept = image.copy()
    out = method.apply(image, method.parameters[1], NOISE)
    np.testing.assert_array_equal(image, kept)
    assert out.dtype == np.float64 and out.shape == image.shape


@pytest.mark.parametrize("name", ["nlm", "tv"])
def test_strength_is_relative_to_the_noise(name):
    method = usable(name)
    small = method.apply(NOISY, 0.5, NOISE)
    large = method.apply(10 * NOISY, 0.5, Noise(300.0))
    np.testing.assert_allclose(large, 10 * small, rtol=1e-3, atol=0.5)


def test_gaussian_averages_white_noise_as_calculated():
    """Variance after a Gaussian of sigma s: 1 / (4 pi s^2) of that of white noise."""
    flat = RNG.normal(0, 30, (256, 256))
    assert classical.gaussian(flat, 1.5, NOISE).std() == pytest.approx(30 / (2 * np.sqrt(np.pi) * 1.5), rel=0.03)


def test_bm3d_knows_the_colour_of_the_noise():
    method = usable("bm3d")
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(72), np.fft.fftfreq(72), indexing="ij"))
    coloured = np.fft.ifft2(np.fft.fft2(RNG.normal(0, 1, (30, 72, 72))) * np.exp(-((f / 0.12) ** 2))).real
    coloured *= 30 / coloured.std()
    image = CLEAN + coloured[0]
    spectrum = noise_power_spectrum(coloured, (1.0, 1.0), 0)
    white, known = (method.apply(image, 1.0, Noise(30.0, s)) - CLEAN for s in (None, spectrum))
    assert known.std() < 0.9 * white.std()


def test_bm3d_leaves_numpy_as_it_was():
    had = hasattr(np, "trapz")
    with classical._numpy_trapz():
        assert np.trapz([1.0, 1.0]) == 1.0
    assert hasattr(np, "trapz") == had


def test_a_missing_package_is_named(monkeypatch):
    real = builtins.__import__
    monkeypatch.setattr(classical.importlib, "import_module", lambda name: real("package_that_is_not_there"))
    with pytest.raises(classical.MissingFilterError, match="pip install bm3d"):
        classical.bm3d(NOISY, 1.0, NOISE)
    with pytest.raises(ImportError, match="pip install scikit-image"):
        classical.non_local_means(NOISY, 1.0, NOISE)
