import numpy as np
import pytest
from didfactory import SPACING
from networkfactory import phantom
from scipy import ndimage

from DIDInteractiveLib.noiseprobe import NoiseProbe
from DIDInteractiveLib.sliceselection import representative_slices


def uniform(shape=(2, 96, 96), hu=40.0):
    """A cylinder of one value in air."""
    row, column = np.mgrid[:shape[1], :shape[2]]
    inside = np.hypot(row - shape[1] / 2 + 0.5, column - shape[2] / 2 + 0.5) < 0.42 * shape[1]
    return np.broadcast_to(np.where(inside, hu, -1000.0), shape).copy()


def noise(shape, sd=20.0, seed=0):
    return np.random.default_rng(seed).normal(0, sd, shape)


def test_white_noise_is_measured_with_its_own_sd():
    clean = uniform()
    probe = NoiseProbe(clean, clean, SPACING)
    assert probe.sd(clean + noise(clean.shape)) == pytest.approx(20, rel=0.05)
    assert probe.sd(clean) == pytest.approx(0, abs=1e-3)


def test_the_measure_is_linear_in_the_noise_and_blind_to_offsets_and_slow_changes():
    clean = uniform()
    probe = NoiseProbe(clean, clean, SPACING)
    one = probe.sd(clean + noise(clean.shape))
    assert probe.sd(clean + 3 * noise(clean.shape)) == pytest.approx(3 * one, rel=1e-4)
    slope = np.linspace(0, 30, clean.shape[2])
    assert probe.sd(clean + noise(clean.shape) + 500 + slope) == pytest.approx(one, rel=0.01)


def test_the_region_keeps_away_from_edges_so_that_structure_is_no_noise():
    image = phantom((1, 128, 128), noise=0.0)
    probe = NoiseProbe(image, image, SPACING)
    assert 100 <= probe.mask.sum() < 0.3 * image.size
    assert probe.sd(image) < 0.01
    assert not (probe.mask & ((image < 0) | (image > 150))).any()


def test_lung_alone_or_another_material_is_measured_too():
    clean = uniform(hu=-750.0)
    assert NoiseProbe(clean, clean, SPACING).sd(clean + noise(clean.shape)) == pytest.approx(20, rel=0.05)


def test_a_region_of_the_users_choice_gives_the_plain_sd_within_each_slice():
    clean = uniform()
    clean[1] += 100
    image = clean + noise(clean.shape)
    roi = np.zeros(clean.shape, bool)
    roi[:, 40:56, 40:56] = True
    expected = np.sqrt(np.mean([image[k][roi[k]].var(ddof=1) for k in range(2)]))
    probe = NoiseProbe(image, clean, SPACING, roi=roi)
    assert probe.sd(image) == pytest.approx(expected, rel=1e-5)
    np.testing.assert_array_equal(probe.mask, roi)


def test_padding_is_never_part_of_the_region():
    clean = uniform()
    padding = np.zeros(clean.shape, bool)
    padding[:, :, :48] = True
    roi = np.ones(clean.shape, bool)
    for probe in (NoiseProbe(clean, clean, SPACING, padding), NoiseProbe(clean, clean, SPACING, padding, roi)):
        assert not (probe.mask & padding).any()


@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 8, 8), (1, 1, 1)])
def test_air_is_refused_with_what_to_do_next(shape):
    air = np.full(shape, -1000.0)
    with pytest.raises(ValueError, match="region of interest"):
        NoiseProbe(air, air, SPACING)


def test_a_region_that_is_too_small_or_does_not_fit_is_refused():
    image = uniform()
    roi = np.zeros(image.shape, bool)
    roi[0, 0, :5] = True
    with pytest.raises(ValueError, match="5 voxels"):
        NoiseProbe(image, image, SPACING, roi=roi)
    with pytest.raises(ValueError, match="agree"):
        NoiseProbe(image, image, SPACING, roi=roi[:1])


def noisy_stack(sds, seed=1):
    clean = uniform((len(sds), 64, 64))
    return clean, clean + noise(clean.shape, 1.0, seed) * np.array(sds)[:, None, None]


def test_representative_slices_are_spread_and_leave_out_air_and_outliers():
    clean, image = noisy_stack([10, 11, 90, 10, 12, 11, 80, 10, 11])
    clean[:1] = image[:1] = -1000
    chosen = representative_slices(image, clean, SPACING, 3)
    assert len(chosen) == 3
    assert chosen == sorted(chosen)
    assert not {0, 2, 6} & set(chosen)
    assert chosen[0] <= 3 < chosen[1] <= 6 < chosen[2]


def test_looking_for_slices_can_be_stopped_before_each():
    clean, image = noisy_stack([10] * 6)
    looks = []

    def stop():
        looks.append(1)
        if len(looks) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        representative_slices(image, clean, SPACING, 2, before_slice=stop)
    assert len(looks) == 3


def test_tissue_in_a_single_slice_of_many_is_found():
    clean, image = noisy_stack([10] * 40)
    clean[np.arange(40) != 17] = image[np.arange(40) != 17] = -1000
    assert representative_slices(image, clean, SPACING, 2) == [17]


def test_with_a_region_only_its_slices_stand_for_the_volume():
    clean, image = noisy_stack([10] * 8)
    roi = np.zeros(clean.shape, bool)
    roi[5:7, 24:40, 24:40] = True
    assert representative_slices(image, clean, SPACING, 3, roi=roi) == [5, 6]
    with pytest.raises(ValueError, match="empty"):
        representative_slices(image, clean, SPACING, 3, roi=np.zeros_like(roi))


def test_a_smoother_image_has_less_noise_in_the_fixed_region():
    image = phantom((2, 96, 96))
    smooth = ndimage.gaussian_filter(image, (0, 1, 1))
    probe = NoiseProbe(image, smooth, SPACING)
    assert probe.sd(ndimage.gaussian_filter(image, (0, 2, 2))) < probe.sd(smooth) < probe.sd(image)
