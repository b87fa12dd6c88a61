"""The model observer: known answers in noise whose law is known."""

import numpy as np
import pytest
from scipy import ndimage

from LDCTDenoiseLib.metrics.observer import COUNT, channel_outputs, detectability, detectability_squared, dog_channels

SIZE, PIXEL, CENTRE = 32, 0.8, (15.3, 16.2)
SIGMA = 30.0


def disk(contrast: float, radius_mm: float) -> np.ndarray:
    j, i = np.ogrid[:SIZE, :SIZE]
    distance = np.hypot(j - CENTRE[0], i - CENTRE[1]) * PIXEL
    return contrast * np.clip(0.5 - (distance - radius_mm) / PIXEL, 0, 1)


def white(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, SIGMA, (count, SIZE, SIZE))


def test_a_signal_known_exactly_in_white_noise_has_the_root_of_its_energy_over_sigma():
    signal = disk(12.0, 5.0)
    template = (signal / np.sqrt((signal ** 2).sum()))[None]
    found = detectability(channel_outputs(white(4000) + signal, template), channel_outputs(white(4000, 1), template))
    assert found == pytest.approx(np.sqrt((signal ** 2).sum()) / SIGMA, rel=0.03)


def test_channels_see_of_a_signal_in_white_noise_what_linear_theory_says_and_never_more_than_all():
    signal, templates = disk(12.0, 3.0), dog_channels(SIZE, PIXEL, CENTRE)
    flat = templates.reshape(COUNT, -1)
    seen = flat @ signal.ravel()
    expected = np.sqrt(seen @ np.linalg.solve(flat @ flat.T, seen)) / SIGMA
    found = detectability(channel_outputs(white(4000) + signal, templates), channel_outputs(white(4000, 1), templates))
    assert found == pytest.approx(expected, rel=0.03)
    assert 0.85 * np.sqrt((signal ** 2).sum()) / SIGMA < expected < np.sqrt((signal ** 2).sum()) / SIGMA


def test_linear_filtering_that_loses_no_frequency_of_a_channel_changes_little():
    signal, templates = disk(12.0, 3.0), dog_channels(SIZE, PIXEL, CENTRE)

    def found(sigma):
        kinds = (ndimage.gaussian_filter(kind, (0, sigma, sigma)) for kind in (white(3000) + signal, white(3000, 1)))
        return detectability(*(channel_outputs(kind, templates) for kind in kinds))
    assert found(0.7) == pytest.approx(found(1e-9), rel=0.06)


def test_the_estimate_has_no_bias_even_from_few_samples():
    random = np.random.default_rng(0)
    for distance in (0.0, 2.0):
        shift = np.zeros(COUNT)
        shift[0] = distance
        found = [detectability_squared(random.normal(size=(10, COUNT)) + shift, random.normal(size=(12, COUNT)),
                                       [random.normal(3, 1, size=(20, COUNT))]) for _ in range(2000)]
        assert np.mean(found) == pytest.approx(distance ** 2, abs=4 * np.std(found) / np.sqrt(len(found)))


def test_the_mean_of_an_image_and_its_unit_do_not_matter():
    templates = dog_channels(SIZE, PIXEL, CENTRE)
    signal = disk(20.0, 3.0)

    def found(change):
        return detectability(channel_outputs(change(white(50) + signal), templates),
                             channel_outputs(change(white(50, 1)), templates))
    assert found(lambda images: images) == pytest.approx(found(lambda images: 3 * images + 40))


def test_nonsense_is_refused_with_a_reason():
    with pytest.raises(ValueError, match="too few"):
        detectability(np.zeros((4, COUNT)), np.zeros((3, COUNT)))
    with pytest.raises(ValueError, match="do not fit"):
        channel_outputs(np.zeros((2, 8, 8)), dog_channels(SIZE, PIXEL, CENTRE))
    with pytest.raises(ValueError, match="centre"):
        dog_channels(SIZE, PIXEL, (40, 2))
