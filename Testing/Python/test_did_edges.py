"""The slope of edges is a sharpness that blur lowers by a known amount and noise does not change."""

import numpy as np
import pytest
from scipy import ndimage

from DIDInteractiveLib.edges import EdgeProbe
from LDCTDenoiseLib.evaluationphantoms import rods_in_water
from LDCTDenoiseLib.kernels import Kernel
from LDCTDenoiseLib.metrics import task_transfer_function

PIXEL = 0.5
SPACING = (3.0, PIXEL, PIXEL)
RADIUS_MM = 14.0
CENTRE = 63.7


def disk(sigma_mm: float, contrast=100.0, base=0.0, size=128, spacing=SPACING) -> np.ndarray:
    """A volume of one slice: a disk on ``base`` HU, blurred by a Gaussian before it is sampled."""
    fine = 4
    row, column = (s / fine for s in spacing[1:])
    j, i = np.ogrid[:size * fine, :size * fine]
    distance = np.hypot((j - CENTRE * fine) * row, (i - CENTRE * fine) * column)
    sharp = base + contrast * np.clip((RADIUS_MM - distance) / max(row, column) + 0.5, 0, 1)
    return ndimage.gaussian_filter(sharp, (sigma_mm / row, sigma_mm / column))[::fine, ::fine][None]


def noise(sd: float, seed: int, shape=(1, 128, 128)) -> np.ndarray:
    """Noise of a usual colour."""
    coloured = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), (0, 0.8, 0.8))
    return coloured * sd / coloured.std()


def blurred(image: np.ndarray, sigma_pixels: float) -> np.ndarray:
    return ndimage.gaussian_filter(image, (0, sigma_pixels, sigma_pixels))


@pytest.mark.parametrize("contrast", [100.0, -100.0, 60.0])
@pytest.mark.parametrize("sigma", [0.8, 1.2, 2.0])
def test_a_gaussian_edge_loses_slope_as_its_width_grows(contrast, sigma):
    image = disk(0.6, contrast)
    probe = EdgeProbe(image, image, SPACING)
    # the central difference averages the line spread over two pixels
    expected = np.sqrt((0.6 ** 2 + PIXEL ** 2 / 3) / (sigma ** 2 + PIXEL ** 2 / 3))
    assert probe.kept(disk(sigma, contrast)) == pytest.approx(expected, rel=0.03)
    assert probe.kept(image) == 1.0
    assert probe.contrast == pytest.approx(abs(contrast), rel=0.2)


def test_pixels_that_are_not_square_are_measured_in_millimetres():
    spacing = (3.0, 0.5, 0.8)
    image = disk(0.8, spacing=spacing)
    ratio = EdgeProbe(image, image, spacing).kept(disk(1.6, spacing=spacing))
    steps = [step ** 2 / 3 for step in spacing[1:]]
    expected = np.mean([np.sqrt((0.8 ** 2 + step) / (1.6 ** 2 + step)) for step in steps])
    assert ratio == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("kernel", [Kernel(0.3, 2.0), Kernel(0.49, 4.0)])
def test_it_is_the_area_below_the_transfer_function_as_far_as_the_pixels_show_it(kernel):
    phantom = rods_in_water(kernel, 320, 0.7)
    rod = next(rod for rod in phantom.rods if rod.contrast == 100)

    def area(image):
        ttf = task_transfer_function(image, rod.centre, rod.radius_mm, phantom.spacing)
        return np.sum(ttf.transfer * np.sinc(2 * phantom.pixel * ttf.frequency))  # a difference over two pixels

    image = phantom.image.astype(np.float64)
    probe = EdgeProbe(image[None], image[None], phantom.spacing)
    for sigma in (0.5, 0.8, 1.2):
        softer = ndimage.gaussian_filter(image, sigma)
        assert probe.kept(softer[None]) == pytest.approx(area(softer) / area(image), rel=0.03)


def test_it_is_linear_so_that_blending_interpolates_it():
    image, smooth = disk(0.6) + noise(20, 0), disk(1.5)
    probe = EdgeProbe(image, smooth, SPACING)
    for share in (0.25, 0.5, 0.8):
        mixed = share * image + (1 - share) * smooth
        assert probe.kept(mixed) == pytest.approx(share + (1 - share) * probe.kept(smooth), rel=1e-9)


@pytest.mark.parametrize("sd", [10.0, 40.0])
def test_noise_is_not_mistaken_for_sharpness(sd):
    clean = np.tile(disk(0.7), (1, 2, 2))
    truth = EdgeProbe(clean, clean, SPACING).kept(blurred(clean, 1.5))
    found = []
    for seed in range(6):
        noisy = clean + noise(sd, seed, clean.shape)
        found.append(EdgeProbe(noisy, blurred(noisy, 3.0), SPACING).kept(blurred(noisy, 1.5)))
    # these disks have a fifth of the edge pixels of a patient's slice
    assert np.mean(found) == pytest.approx(truth, abs=0.015)
    assert np.std(found) < 0.025
    # a measure that squares its slopes takes the input's noise for edges
    energies = [np.sum(np.square(np.gradient(image[0]))) for image in (blurred(noisy, 1.5), noisy)]
    assert np.sqrt(energies[0] / energies[1]) < truth - 0.1


def test_edges_of_a_few_hu_and_skin_are_left_out_where_there_are_better_ones():
    image = np.full((1, 200, 200), -1000.0)
    image[0, 20:180, 20:180] = 0.0
    image[0, 60:140, 60:140] = 100.0
    image[0, 90:110, 90:110] = 120.0
    image = blurred(image, 1.2)
    probe = EdgeProbe(image, image, (1.0, 0.7, 0.7))
    assert probe.contrast == pytest.approx(100, rel=0.2)
    assert 200 <= probe.pixels <= 700
    skin_only = image.copy()
    skin_only[0, 50:150, 50:150] = image[0, 50:150, 50:150]
    skin_only[0, :45] = blurred(image, 3.0)[0, :45]
    assert probe.kept(skin_only) == pytest.approx(1.0)


def test_strong_edges_take_their_place_where_there_are_no_others():
    image = disk(0.6, contrast=900.0, base=-900.0)
    probe = EdgeProbe(image, image, SPACING)
    assert probe.contrast == pytest.approx(900, rel=0.2)
    assert 0 < probe.kept(disk(1.2, contrast=900.0, base=-900.0)) < 0.8


def test_the_rim_of_the_scan_field_is_no_edge():
    image = disk(0.6, contrast=900.0, base=-900.0)
    j, i = np.ogrid[:128, :128]
    rim = (np.hypot(j - CENTRE, i - CENTRE) * PIXEL > RADIUS_MM - 1)[None]
    assert EdgeProbe(image, image, SPACING, rim).pixels == 0


def test_without_edges_there_is_no_number():
    flat = np.full((2, 64, 64), 40.0)
    probe = EdgeProbe(flat, flat, SPACING)
    assert probe.pixels == 0
    assert np.isnan(probe.kept(flat)) and np.isnan(probe.contrast)
    tiny = np.zeros((1, 5, 5))
    assert np.isnan(EdgeProbe(tiny, tiny, SPACING).kept(tiny))


def test_integers_and_several_slices_are_taken_as_they_are():
    image = np.rint(np.concatenate([disk(0.6), disk(0.6, -80.0)])).astype(np.int16)
    before = image.copy()
    probe = EdgeProbe(image, image, SPACING)
    assert probe.kept(image) == 1.0
    assert probe.kept(np.full_like(image, 7)) == 0.0
    np.testing.assert_array_equal(image, before)


def test_images_that_do_not_fit_are_refused():
    image = disk(0.6)
    with pytest.raises(ValueError, match="guide has the shape"):
        EdgeProbe(image, image[:, :64], SPACING)
    with pytest.raises(ValueError, match="two positive numbers"):
        EdgeProbe(image, image, (1.0, 0.0, 0.5))
