import math

import numpy as np
import pytest
import torch
from didfactory import SPACING, OneValue, smoothing
from networkfactory import volume
from torch import nn

from DIDInteractiveLib.application import smooth_bound
from DIDInteractiveLib.descent import Descent
from DIDInteractiveLib.literal import literal_descent
from DIDInteractiveLib.objective import Objective
from DIDInteractiveLib.parameterisation import Parameterisation
from DIDInteractiveLib.piece import Images, Piece
from DIDInteractiveLib.settings import CandidateSettings
from LDCTDenoiseLib.hu import to_network


def smoothed(units, weight):
    return units - nn.functional.conv2d(nn.functional.pad(units, (2, 2, 2, 2), mode="replicate"), weight)


def piece_of(denoiser, image, outside=None):
    outside = np.zeros(image.shape, bool) if outside is None else outside
    default = denoiser.denoise(image, spacing=SPACING).array
    return Piece(Images(image, default, outside, 1.0, lambda images: smooth_bound(
        denoiser, images.array, images.default, images.outside, 1.0, 3)), SPACING)


def descent_of(network, direction, image=None, tuned="all", **settings):
    denoiser = smoothing()
    denoiser.network = network
    piece = piece_of(denoiser, volume(2) if image is None else image)
    objective = Objective(piece, Parameterisation(network, tuned), direction)
    return piece, objective, Descent(objective, CandidateSettings(**settings))


def test_the_loss_is_the_mean_over_the_scan_field_and_its_gradient_that_of_autograd():
    denoiser, image = smoothing(), volume(2)
    outside = np.zeros(image.shape, bool)
    outside[:, :10] = True
    piece = piece_of(denoiser, image, outside)
    state = Objective(piece, Parameterisation(denoiser.network), "sharper").evaluate(
        Parameterisation(denoiser.network).start)
    units = torch.from_numpy(to_network(image))[:, None]
    weight = denoiser.network.layer.weight.detach().clone().requires_grad_()
    loss = (smoothed(units, weight) - units)[:, 0, 10:].square().mean()
    loss.backward()
    assert state.loss == pytest.approx(loss.item(), rel=1e-5)
    torch.testing.assert_close(state.gradient, weight.grad.flatten(), rtol=1e-4, atol=1e-9)
    np.testing.assert_array_equal(state.image[:, :10], image[:, :10])


@pytest.mark.parametrize("direction", ["smoother", "sharper"])
def test_the_literal_descent_is_torchs_gradient_descent_with_momentum(direction):
    denoiser, image = smoothing(strength=0.95), volume(1, noise=300.0)  # so noisy that it goes on for many steps
    piece = piece_of(denoiser, image)
    rate = 3e-5
    weight = denoiser.network.layer.weight.detach().clone().requires_grad_()
    units, target = (torch.from_numpy(to_network(one.astype(np.float32)))[:, None]
                     for one in (image, piece.bound(direction)))
    objective = Objective(piece, Parameterisation(denoiser.network), direction)
    run = literal_descent(objective, CandidateSettings(method="did-literal", learning_rate=rate, reduction="sum"))
    assert len(run.steps) >= 8, run.outcome
    optimiser = torch.optim.SGD([weight], lr=rate, momentum=0.9)
    outputs = []
    for _ in range(run.steps[-1]):
        optimiser.zero_grad()
        (smoothed(units, weight) - target).square().sum().backward()
        optimiser.step()
        outputs.append(smoothed(units, weight.detach())[:, 0].numpy() * 2000 - 1000)
    for step, found in zip(run.steps, run.images):
        np.testing.assert_allclose(found, outputs[step - 1], atol=0.01, err_msg=f"step {step}")


def test_the_literal_descent_ends_at_the_first_step_that_changes_the_output_by_less_than_one_percent():
    denoiser, image = smoothing(), volume(1)
    objective = Objective(piece_of(denoiser, image), Parameterisation(denoiser.network), "sharper")
    run = literal_descent(objective, CandidateSettings(method="did-literal", learning_rate=1e-6, reduction="sum"))
    assert run.steps == [1] and run.outcome.step == 1
    assert "because step 1 changed the image by less than 1 %" in str(run.outcome)


def test_the_literal_descent_goes_on_while_the_output_changes_by_one_percent():
    denoiser, image = smoothing(strength=0.95), volume(1, noise=300.0)
    piece = piece_of(denoiser, image)
    objective = Objective(piece, Parameterisation(denoiser.network), "sharper")
    run = literal_descent(objective, CandidateSettings(method="did-literal", reduction="sum", learning_rate=2e-5))
    assert len(run.steps) > 1
    assert run.noise == sorted(run.noise)


def test_the_literal_descent_names_its_divergence():
    denoiser, image = smoothing(), volume(1)
    objective = Objective(piece_of(denoiser, image), Parameterisation(denoiser.network), "sharper")
    run = literal_descent(objective, CandidateSettings(method="did-literal", reduction="sum", learning_rate=10.0))
    assert "because the descent diverged at step 1" in str(run.outcome)
    assert run.images == []


@pytest.mark.parametrize("rate", [1e-6, 1e-2, 10.0])
def test_targets_are_met_whatever_the_first_trial_step(rate):
    piece, objective, descent = descent_of(OneValue(), "sharper", learning_rate=rate)
    targets = [piece.noise_at(position) for position in (0.25, 0.5, 0.75)]
    places = list(descent.run(targets))
    assert [place.noise for place in places] == pytest.approx(targets, rel=0.006)
    assert "one step before the input" in str(descent.outcome)


def test_with_a_single_value_to_tune_the_descent_is_blending():
    piece, objective, descent = descent_of(OneValue(), "sharper")
    [place] = descent.run([piece.noise_at(0.5)])
    share = float(place.values) / 0.9
    expected = piece.array + share * (piece.default - piece.array)
    np.testing.assert_allclose(objective.evaluate(place.values, gradient=False).image, expected, atol=0.01)
    assert piece.probe.sd(expected) == pytest.approx(piece.noise_at(0.5), rel=0.006)


def test_the_descent_goes_both_ways_and_never_raises_the_loss():
    for direction, positions in (("sharper", (0.3, 0.6)), ("smoother", (-0.2, -0.5))):
        piece, objective, descent = descent_of(OneValue(share=0.5), direction)
        places = list(descent.run([piece.noise_at(position) for position in positions]))
        losses = [objective.evaluate(place.values, gradient=False).loss for place in places]
        noise = [piece.default_noise] + [place.noise for place in places]
        assert len(places) == 2
        assert losses == sorted(losses, reverse=True)
        assert (np.diff(noise) > 0).all() if direction == "sharper" else (np.diff(noise) < 0).all()


def test_steps_into_values_that_are_not_finite_are_taken_back():
    piece, _, descent = descent_of(OneValue(share=0.9, fails_below=0.3), "sharper", learning_rate=1.0)
    targets = [piece.noise_at(position) for position in (0.2, 0.5, 0.99)]
    places = list(descent.run(targets))
    assert [place.noise for place in places][:2] == pytest.approx(targets[:2], rel=0.006)
    assert "short of its last candidate" in str(descent.outcome)
    assert all(math.isfinite(place.noise) for place in places)


def test_a_descent_that_runs_out_of_steps_says_so_and_how_far_it_got():
    piece, _, descent = descent_of(OneValue(), "sharper", max_steps=2, learning_rate=1e-4)
    assert list(descent.run([piece.noise_at(1 / 2)])) == []
    told = str(descent.outcome)
    assert "because the most steps allowed (2) were taken" in told and descent.outcome.step == 2
    assert f"at a noise of {descent.end.noise:.1f} HU" in told and "% of the input's" in told
    assert descent.steps == 2


def test_a_network_whose_weights_change_nothing_ends_without_progress():
    class Frozen(OneValue):
        def forward(self, image):
            return super().forward(image).detach() + 0 * self.share

    piece, _, descent = descent_of(Frozen(), "sharper")
    assert list(descent.run([piece.noise_at(0.5)])) == []
    assert "every step, however small, raised the loss" in str(descent.outcome)


def test_the_bound_counts_as_reached_within_five_percent():
    class Limited(OneValue):
        """Cannot remove more than 0.7 of the difference."""

        def forward(self, image):
            limited = 0.7 * torch.tanh(self.share / 0.7)
            return image - limited * (image - nn.functional.avg_pool2d(image, 3, 1, 1, count_include_pad=False))

    piece, objective, descent = descent_of(Limited(share=0.5), "smoother")
    bound = objective.evaluate(torch.tensor([99.0]), gradient=False).noise
    assert bound < piece.default_noise
    [place] = descent.run([bound / 1.02])
    assert place.noise == pytest.approx(bound, rel=0.05)
    assert "was reached, after" in str(descent.outcome)
