import numpy as np
import pytest
from didfactory import SPACING

from DIDInteractiveLib.flicker import FlickerProbe

CLEAN = np.full((40, 32, 32), 40.0)
CLEAN[:, :2] = -1000


def test_shifts_of_whole_slices_are_measured_with_their_own_sd():
    shifts = np.random.default_rng(0).normal(0, 3, 40)
    probe = FlickerProbe(CLEAN, SPACING)
    assert probe.sd(CLEAN + shifts[:, None, None]) == pytest.approx(shifts.std(), rel=0.15)
    assert probe.sd(CLEAN + 5 * shifts[:, None, None]) == pytest.approx(5 * probe.sd(CLEAN + shifts[:, None, None]))


def test_tissue_that_changes_steadily_along_z_does_not_flicker():
    assert FlickerProbe(CLEAN, SPACING).sd(CLEAN + np.arange(40)[:, None, None]) == pytest.approx(0, abs=1e-9)


def test_pixel_noise_flickers_by_its_sd_over_the_root_of_the_pixels():
    image = CLEAN + np.random.default_rng(0).normal(0, 20, CLEAN.shape)
    pixels = 26 * 30  # what erosion leaves of 30 x 32 pixels of tissue
    assert FlickerProbe(CLEAN, SPACING).sd(image) == pytest.approx(20 / pixels ** 0.5, rel=0.4)


@pytest.mark.parametrize("image", [CLEAN[:2], np.full((5, 32, 32), -1000.0)])
def test_without_three_slices_of_soft_tissue_there_is_a_clear_refusal(image):
    with pytest.raises(ValueError, match="three"):
        FlickerProbe(image, SPACING)
