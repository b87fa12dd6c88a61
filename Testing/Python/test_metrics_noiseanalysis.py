"""The noise analysis of the seed finds how much of which noise was removed."""

import numpy as np
import pytest

from LDCTDenoiseLib.metrics import high_pass, noise_analysis

RNG = np.random.default_rng(11)
TARGET = RNG.normal(0, 10, (4, 128, 128))
ADDED = RNG.normal(0, 17, (4, 128, 128))


def test_known_parts_of_two_noises_are_recovered():
    low_dose = TARGET + ADDED
    result = noise_analysis(low_dose, low_dose - (0.8 * ADDED + 0.6 * TARGET), TARGET)
    assert result.removed_on_added == pytest.approx(0.8, abs=0.02)
    assert result.removed_on_target == pytest.approx(0.6, abs=0.04)
    assert result.target_added == pytest.approx(0.0, abs=0.02)
    assert result.remaining_energy == pytest.approx(0.0, abs=1e-12)
    total = np.hypot(0.8 * 17, 0.6 * 10)
    assert result.removed_added == pytest.approx(0.8 * 17 / total, abs=0.02)
    assert result.removed_target == pytest.approx(0.6 * 10 / total, abs=0.03)


def test_removing_exactly_the_added_noise_is_a_correlation_of_one():
    result = noise_analysis(TARGET + ADDED, TARGET, TARGET)
    assert result.removed_added == pytest.approx(1.0)
    assert result.removed_on_added == pytest.approx(1.0)


def test_what_is_neither_noise_remains():
    other = RNG.normal(0, 17, ADDED.shape)
    result = noise_analysis(TARGET + ADDED, TARGET + ADDED - (ADDED + other), TARGET)
    assert result.remaining_energy == pytest.approx(0.5, abs=0.02)


def test_anatomy_of_low_frequency_does_not_enter():
    j, i = np.mgrid[:128, :128]
    anatomy = 300 * np.sin(2 * np.pi * 5 * j / 128) + 200 * np.cos(2 * np.pi * 9 * i / 128)
    plain = noise_analysis(TARGET + ADDED, TARGET + 0.3 * ADDED, TARGET)
    with_anatomy = noise_analysis(TARGET + ADDED + anatomy, TARGET + 0.3 * ADDED, TARGET + anatomy)
    assert with_anatomy.removed_added == pytest.approx(plain.removed_added, abs=1e-9)
    assert with_anatomy.target_added == pytest.approx(plain.target_added, abs=1e-9)


def test_the_high_pass_cuts_at_150_of_256():
    pixels = np.arange(512)
    for cycles, kept in ((149, False), (151, True)):
        wave = np.tile(np.cos(2 * np.pi * cycles * pixels / 512), (512, 1))
        np.testing.assert_allclose(high_pass(wave), wave if kept else 0, atol=1e-9)


def test_a_denoiser_that_removed_nothing_is_refused():
    with pytest.raises(ValueError, match="removed noise is zero"):
        noise_analysis(TARGET + ADDED, TARGET + ADDED, TARGET)
