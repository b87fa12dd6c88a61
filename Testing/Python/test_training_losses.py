"""The terms of the training loss."""

import math

import pytest
import torch
from LDCTDenoiseLib.training.losses import noise_weighted_error, spectrum_mismatch


@pytest.fixture
def images():
    random = torch.Generator().manual_seed(0)
    target = torch.full((2, 1, 64, 64), 0.5)
    return target + 0.02 * torch.randn(2, 1, 64, 64, generator=random), target


def test_removing_exactly_the_added_noise_has_no_spectrum_mismatch(images):
    noisy, target = images
    assert spectrum_mismatch(target, noisy, target, 0.004).item() == pytest.approx(0, abs=1e-10)


def test_the_mismatch_of_noise_removed_in_part_is_the_squared_logarithm_of_its_power(images):
    noisy, target = images
    half = target + 0.5 * (noisy - target)
    assert spectrum_mismatch(half, noisy, target, 0.0).item() == pytest.approx(math.log(4) ** 2, rel=1e-4)


def test_smoothing_leaves_noise_of_another_colour_and_counts(images):
    noisy, target = images
    smooth = torch.nn.functional.avg_pool2d(torch.nn.functional.pad(noisy, (2,) * 4, mode="circular"), 5, 1)
    # The mean of 25 pixels removes 24/25 of the power of white noise: as much white noise removed would count little.
    as_much = target + (1 - math.sqrt(24 / 25)) * (noisy - target)
    assert spectrum_mismatch(smooth, noisy, target, 1e-4) > 10 * spectrum_mismatch(as_much, noisy, target, 1e-4)


def test_without_noise_the_mismatch_is_negligible_and_its_gradient_finite(images):
    _, target = images
    output = (target + 1e-7).requires_grad_()
    loss = spectrum_mismatch(output, target, target, 0.004)
    loss.backward()
    assert loss.item() < 1e-6 and torch.isfinite(output.grad).all()


def test_with_a_floor_low_and_high_noise_count_alike(images):
    noisy, target = images
    loud = target + 5 * (noisy - target)
    errors = [noise_weighted_error(target + 0.3 * (image - target), image, target, 1e-4).item()
              for image in (noisy, loud)]
    assert errors == pytest.approx([0.09, 0.09], rel=1e-3)
    plain = noise_weighted_error(noisy, noisy, target, None).item()
    assert plain == pytest.approx(((noisy - target) ** 2).mean().item(), rel=1e-6)
