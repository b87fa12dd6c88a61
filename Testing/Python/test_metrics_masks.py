"""The regions of judgement are fixed by the reference and are not biased by its noise."""

import numpy as np
import pytest

from LDCTDenoiseLib.metrics import bias_per_class, body_mask, tissue_classes

SPACING = (5.0, 0.8, 0.8)


def thorax(size: int = 256) -> np.ndarray:
    """Noise-free slice: air, fat, soft tissue, two lungs, spine, and a table below the patient."""
    j, i = np.mgrid[:size, :size] - size / 2
    image = np.full((size, size), -1000.0)
    image[np.hypot(j / 0.8, i) < 110] = -100
    image[np.hypot(j / 0.8, i) < 98] = 30
    for side in (-1, 1):
        image[np.hypot(j, i - side * 45) < 32] = -850
    image[np.hypot(j - 50, i) < 16] = 600
    image[int(size / 2) + 105:int(size / 2) + 110, 40:-40] = -300
    return image


def test_the_body_is_filled_and_the_table_is_left_out():
    mask = body_mask(thorax())
    j, i = np.mgrid[:256, :256] - 128
    np.testing.assert_array_equal(mask, np.hypot(j / 0.8, i) < 110)


def test_every_slice_has_its_own_body_and_empty_slices_have_none():
    volume = np.stack([thorax(), np.full((256, 256), -1000.0)])
    mask = body_mask(volume)
    np.testing.assert_array_equal(mask[0], body_mask(thorax()))
    assert not mask[1].any()


def test_padding_is_never_part_of_the_body():
    padding = np.zeros((256, 256), bool)
    padding[:, :80] = True
    image = np.where(padding, 0.0, thorax())
    mask = body_mask(image, padding)
    assert not (mask & padding).any()
    assert mask[128, 200]
    with pytest.raises(ValueError, match="Padding has shape"):
        body_mask(image, padding[:4])


def test_the_classes_lie_inside_their_tissues_and_do_not_overlap():
    truth = thorax()
    classes = tissue_classes(truth, SPACING, body_mask(truth))
    for name, value in {"lung": -850, "fat": -100, "soft": 30, "bone": 600}.items():
        assert classes[name].sum() > 50
        assert set(truth[classes[name]]) == {value}, name
    assert sum(mask.astype(int) for mask in classes.values()).max() == 1


def test_thresholding_noise_does_not_bias_the_classes():
    """A perfect denoiser, judged against a noisy reference, has no bias; a plain threshold would say otherwise."""
    truth = np.stack([thorax()] * 4)
    reference = truth + np.random.default_rng(3).normal(0, 30, truth.shape)
    classes = tissue_classes(reference, SPACING, body_mask(reference))
    bias = bias_per_class(truth, reference, classes)
    assert abs(bias["soft"]) < 0.3
    assert abs(bias["lung"]) < 0.5
    assert abs(bias["fat"]) < 2
    assert abs(bias["bone"]) < 2
    naive = (reference > 0) & (reference < 150) & (truth == 30)
    assert (truth - reference)[naive].mean() < -5


def test_classes_work_on_single_slices_and_leave_the_reference_unchanged():
    volume = thorax()[None]
    kept = volume.copy()
    classes = tissue_classes(volume, SPACING, body_mask(volume))
    single = tissue_classes(volume[0], SPACING[1:], body_mask(volume[0]))
    for name in classes:
        np.testing.assert_array_equal(classes[name][0], single[name])
    np.testing.assert_array_equal(volume, kept)
