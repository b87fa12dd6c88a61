import math

import numpy as np
import pytest
import torch

from DIDInteractiveLib.baselines import blend, interpolate
from DIDInteractiveLib.noisesearch import share_for_noise

RANDOM = np.random.default_rng(0)
INPUT, DEFAULT = (RANDOM.integers(-1000, 1000, (2, 8, 8)).astype("int16") for _ in range(2))
NOTHING_OUTSIDE = np.zeros(INPUT.shape, bool)


def test_a_blend_is_exact_at_its_ends_and_linear_between():
    np.testing.assert_array_equal(blend(DEFAULT, INPUT, 0.0, INPUT, NOTHING_OUTSIDE), DEFAULT)
    np.testing.assert_array_equal(blend(DEFAULT, INPUT, 1.0, INPUT, NOTHING_OUTSIDE), INPUT)
    middle = blend(DEFAULT, INPUT, 0.25, INPUT, NOTHING_OUTSIDE)
    np.testing.assert_allclose(middle, 0.75 * DEFAULT + 0.25 * INPUT, atol=0.501)
    assert middle.dtype == INPUT.dtype


def test_a_blend_leaves_what_lies_outside_as_it_is():
    outside = RANDOM.random(INPUT.shape) < 0.3
    smooth = RANDOM.normal(size=INPUT.shape)
    result = blend(DEFAULT, smooth, 0.5, INPUT, outside)
    np.testing.assert_array_equal(result[outside], INPUT[outside])


def test_interpolated_weights_are_the_given_ones_at_the_ends():
    start, end = torch.randn(50), torch.randn(50)
    assert torch.equal(interpolate(start, end, 0.0), start)
    assert torch.equal(interpolate(start, end, 1.0), end)


def test_the_share_with_a_wanted_noise_is_found():
    def sd(share):
        return math.hypot(5, 40 * share)

    for target in (6, 12, 30, 40):
        share, found = share_for_noise(sd, target, (sd(0), sd(1)))
        assert found == pytest.approx(target, rel=0.006)
        assert share == pytest.approx(math.sqrt(target ** 2 - 25) / 40, rel=0.03)


def test_a_noise_beyond_the_ends_gives_the_nearer_end():
    assert share_for_noise(lambda share: 5 + share, 7, (5, 6)) == (1.0, 6)
    assert share_for_noise(lambda share: 5 + share, 4, (5, 6)) == (0.0, 5)


def test_trials_without_a_usable_noise_do_not_end_the_search():
    def sd(share):
        return math.nan if 0.3 < share < 1 else 5 + 10 * share

    share, found = share_for_noise(sd, 6, (5, 15))
    assert found == pytest.approx(6, rel=0.01)
    assert share == pytest.approx(0.1, abs=0.01)
