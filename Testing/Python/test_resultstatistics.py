"""Noise before and after, shift of HU, and what was removed, against known answers."""

import numpy as np
import pytest

from LDCTDenoiseLib.resultstatistics import measure

SPACING = (3.0, 0.8, 0.8)


@pytest.fixture
def pair():
    """A body of 50 HU in air with noise of 30 HU; afterwards a third of the noise, and 4 HU more."""
    generator = np.random.default_rng(2)
    j, i = np.mgrid[:128, :128] - 63.5
    body = np.where(i**2 + j**2 < 55**2, 50.0, -1000.0)
    noise = generator.normal(0, 30, (9, 128, 128))
    return (body + noise).astype(np.float32), (body + noise / 3 + 4).astype(np.float32)


def test_soft_tissue_is_measured_where_no_region_is_given(pair):
    found = measure(*pair, SPACING)
    assert found.noise_before == pytest.approx(30, rel=0.08)
    assert found.noise_after == pytest.approx(10, rel=0.08)
    assert found.removed_sd == pytest.approx(20, rel=0.05)
    assert found.bias == {"soft": pytest.approx(4.0, abs=0.4)}
    assert found.voxels == 0


def test_a_region_is_measured_as_it_is(pair):
    before, after = pair
    region = np.zeros(before.shape, bool)
    region[2:5, 50:70, 50:70] = True
    found = measure(before, after, SPACING, region)
    assert found.voxels == 3 * 20 * 20
    assert found.noise_before == pytest.approx(before[region].astype(float).std(ddof=1))
    assert found.noise_after == pytest.approx(after[region].astype(float).std(ddof=1))
    assert found.bias == {"region": pytest.approx((after[region].astype(float) - before[region]).mean())}


def test_nothing_changed_is_zero_change(pair):
    found = measure(pair[0], pair[0], SPACING)
    assert (found.noise_before, found.removed_sd) == (found.noise_after, 0.0)
    assert set(found.bias.values()) == {0.0}


@pytest.mark.parametrize("shape", [(1, 40, 40), (2, 64, 64)])
def test_few_and_small_slices_without_tissue_can_be_measured(shape):
    image = np.random.default_rng(0).normal(-1000, 10, shape).astype(np.int16)
    found = measure(image, image, SPACING)
    assert found.noise_before == pytest.approx(10, rel=0.2)
    assert found.bias == {}


def test_what_cannot_be_compared_is_refused(pair):
    before, after = pair
    with pytest.raises(ValueError, match="differ in size"):
        measure(before, after[1:], SPACING)
    region = np.zeros(before.shape, bool)
    region[0, 0, :5] = True
    with pytest.raises(ValueError, match="5 voxels, too few"):
        measure(before, after, SPACING, region)
