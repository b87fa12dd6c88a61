"""The fan-beam projector and reconstruction give the known answers of disks, and linear theory their noise."""

import numpy as np
import pytest
import torch
from scanfactory import PIXEL, SMALL, disk, disk_integrals

from LDCTDenoiseLib.fanbeam import (FanBeamGeometry, backproject, image_radius, pixel_positions, point_variance,
                                    project, reconstruct)
from LDCTDenoiseLib.kernels import Kernel
from LDCTDenoiseLib.simulation import MU_WATER

CENTRE = (30.0, -15.0)


def attenuation(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(MU_WATER * (1 + image / 1000))[None]


@pytest.mark.parametrize("shape, pixel", [((256, 256), (1.25, 1.25)), ((320, 160), (1.0, 2.0)),
                                          ((255, 200), (1.2, 1.5))])
def test_projections_of_a_disk_are_its_chords(shape, pixel):
    exact = disk_integrals(SMALL, 90, CENTRE)
    projected = project(attenuation(disk(90, shape, pixel, centre=CENTRE)), pixel, SMALL)
    assert projected.shape == exact.shape
    thick = exact > 0.3 * exact.max()
    relative = (projected / exact - 1)[thick]
    assert abs(relative.mean()) < 0.002
    assert relative.abs().quantile(0.99) < 0.03  # the disk's edge is a staircase


@pytest.mark.parametrize("shape, pixel", [((128, 128), (2.5, 2.5)), ((160, 80), (2.0, 4.0)), ((127, 101), (2.4, 3.0))])
def test_a_disk_is_reconstructed_in_its_place_and_to_its_hu(shape, pixel):
    geometry = SMALL.covering(image_radius(shape, pixel))
    image = reconstruct(disk_integrals(geometry, 90, CENTRE), shape, pixel, geometry)[0].numpy()
    image = image * 1000 / MU_WATER - 1000
    x, y = (t.numpy() for t in pixel_positions(shape, pixel))
    distance = np.hypot(x - CENTRE[0], y - CENTRE[1])
    inside, near, beyond = distance < 78, distance < 20, (distance > 102) & (np.hypot(x, y) < 150)
    assert abs(image[inside].mean()) < 1 and abs(image[near].mean()) < 2
    assert image[inside].std() < 15
    assert abs(image[beyond].mean() + 1000) < 2


def test_views_that_are_not_in_quarter_turns_give_the_same_image():
    x, y = pixel_positions((128, 128), (PIXEL, PIXEL))
    inside = torch.hypot(x - CENTRE[0], y - CENTRE[1]) < 78
    for views in (240, 242, 241):
        geometry = FanBeamGeometry(views, SMALL.channels, SMALL.channel_pitch)
        exact = disk_integrals(geometry, 90, CENTRE)
        projected = project(attenuation(disk(90, centre=CENTRE)), (PIXEL, PIXEL), geometry)
        assert (projected - exact).abs().mean() < 0.02
        image = reconstruct(exact, (128, 128), (PIXEL, PIXEL), geometry, radius=150)[0]
        assert float(image[inside].mean()) / MU_WATER == pytest.approx(1, abs=0.001)


def test_projection_and_reconstruction_are_linear_and_independent_of_the_batch():
    images = torch.from_numpy(np.random.default_rng(0).random((3, 64, 64), np.float32))
    spacing = (4.0, 4.0)
    together = project(images, spacing, SMALL)
    for image, sinogram in zip(images, together):
        assert torch.equal(project(image[None], spacing, SMALL)[0], sinogram)
    torch.testing.assert_close(project(2 * images[:1] - images[1:2], spacing, SMALL), 2 * together[:1] - together[1:2],
                               rtol=1e-4, atol=1e-3)
    reconstructed = reconstruct(together, (64, 64), spacing, SMALL, radius=120)
    single = reconstruct(together[1:2], (64, 64), spacing, SMALL, radius=120)
    torch.testing.assert_close(reconstructed[1:2], single, rtol=0, atol=1e-5)
    both = reconstruct(2 * together[:1] - together[1:2], (64, 64), spacing, SMALL, radius=120)
    torch.testing.assert_close(both, 2 * reconstructed[:1] - reconstructed[1:2], rtol=1e-4, atol=1e-4)


def test_nothing_is_reconstructed_outside_the_radius_and_the_whole_image_without_one():
    sinogram = torch.randn(1, SMALL.views, SMALL.channels, generator=torch.Generator().manual_seed(0))
    x, y = pixel_positions((64, 64), (3.0, 3.0))
    image = reconstruct(sinogram, (64, 64), (3.0, 3.0), SMALL, radius=80)[0]
    outside = torch.hypot(x, y) > 80.01
    assert (image[outside] == 0).all() and (image[~outside] != 0).all()
    assert (reconstruct(sinogram, (64, 64), (3.0, 3.0), SMALL)[0] != 0).all()


def test_a_field_of_view_that_is_too_small_is_refused_and_can_be_widened():
    shape, pixel = (128, 128), (4.0, 4.0)
    with pytest.raises(ValueError, match=r"wider than the field of view.*covering"):
        backproject(torch.zeros(1, SMALL.views, SMALL.channels), shape, pixel, SMALL)
    wide = SMALL.covering(image_radius(shape, pixel))
    assert wide.field_of_view_radius >= image_radius(shape, pixel) and wide.views == SMALL.views
    assert SMALL.covering(50) == SMALL
    with pytest.raises(ValueError, match="does not fit between source and detector"):
        SMALL.covering(580)


@pytest.mark.parametrize("kernel", [None, Kernel(0.12, 2.5)])
@pytest.mark.parametrize("point", [(0.0, 0.0), (60.0, -40.0)])
def test_the_predicted_variance_is_that_of_an_ensemble(kernel, point):
    random = torch.Generator().manual_seed(1)
    variance = 1 + torch.linspace(0, 3, SMALL.channels).expand(1, SMALL.views, -1)
    noise = torch.randn(64, SMALL.views, SMALL.channels, generator=random) * variance.sqrt()
    shape, pixel = (128, 128), (PIXEL, PIXEL)
    images = reconstruct(noise, shape, pixel, SMALL, kernel, radius=100)
    x, y = pixel_positions(shape, pixel)
    # Wide enough to average over the positions between two channels, as the prediction does.
    near = torch.hypot(x - point[0], y - point[1]) < 25
    measured = images[:, near].square().mean()
    expected = point_variance(variance, point, SMALL, kernel)
    assert float(measured / expected[0]) == pytest.approx(1, abs=0.03)
