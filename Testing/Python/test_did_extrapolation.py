"""The smooth bound is pushed beyond the network's own output only as far as that lowers the noise."""

import numpy as np
import pytest
from didfactory import SPACING, fitted, smoothing
from networkfactory import volume

from DIDInteractiveLib.application import extrapolated
from DIDInteractiveLib.candidates import generate_candidates
from DIDInteractiveLib.piece import Images, Piece
from DIDInteractiveLib.settings import CandidateSettings
from LDCTDenoiseLib.inference import Denoiser
from LDCTDenoiseLib.modelregistry import load_model

SHARES = (0.25, 1.0, 5.0)


def made_with(denoiser, image, share, **options):
    return generate_candidates(image, SPACING, denoiser, CandidateSettings(
        **{"method": "blend", "count": 5, "extrapolation": share, **options}))


def packaged():
    network, card = load_model("plain")
    return Denoiser(network, card, device="cpu", precision="fp32")


@pytest.mark.parametrize("options", [{}, {"per_slice": True}])
@pytest.mark.parametrize("denoiser", [packaged(), fitted("hrnet")], ids=["packaged", "fitted"])
def test_extrapolation_never_raises_the_noise_of_the_smoothest_candidate(denoiser, options):
    image = np.rint(volume(2)).astype("int16")
    usual = made_with(denoiser, image, 0.0, **options)
    for share in SHARES:
        made = made_with(denoiser, image, share, **options)
        noise = [one.tuning_noise_sd for one in made.candidates]
        assert noise[0] <= usual.candidates[0].tuning_noise_sd
        assert len(noise) == 5 and (np.diff(noise) > 0).all()


def test_more_than_useful_gives_what_is_useful_and_says_how_much_of_what_was_asked_for_that_is():
    image = volume(1)
    most, more = (made_with(packaged(), image, share) for share in (1.0, 5.0))
    for one, other in zip(most.candidates, more.candidates):
        np.testing.assert_array_equal(one.array, other.array)
    told = str(more.outcomes["smoother"])
    assert "asked for (500 %), " in told and "noise is least" in told
    within = made_with(smoothing(0.4), image, 0.1)
    assert "asked for" not in str(within.outcomes["smoother"])
    assert within.candidates[0].method == "blend, extrapolated"


def piece_with(remaining):
    """A piece whose default is half noise, and whose smooth bound holds ``remaining`` of the input's."""
    noise = np.random.default_rng(0).normal(0, 20, (1, 96, 96))
    array, default, smooth = (40 + share * noise for share in (1.0, 0.5, remaining))
    roi = np.ones(array.shape, bool)
    return Piece(Images(array, default, np.zeros_like(roi), 1.0, lambda _: smooth), SPACING, roi)


@pytest.mark.parametrize("wanted", SHARES)
def test_the_share_is_that_of_the_least_noise(wanted):
    # The noise of 0.5 - (1 + s) 0.3 is gone at s = 2 / 3, and as high as without at 4 / 3.
    assert piece_with(0.2).useful_extrapolation(wanted) == pytest.approx(min(wanted, 2 / 3), rel=1e-4)


@pytest.mark.parametrize("remaining", [-0.1, 0.0, 0.5, 0.6])
def test_nothing_is_pushed_where_that_lowers_no_noise(remaining):
    assert piece_with(remaining).useful_extrapolation(1.0) == 0.0


def test_a_bound_without_less_noise_is_told_as_what_the_network_leaves():
    class Stubborn(Denoiser):
        """Removes noise from the input, but none from what it has made."""

        def removed_noise(self, array):
            return super().removed_noise(array) if array.std() > self.limit else np.zeros(array.shape, np.float32)

    image = volume(1)
    denoiser = Stubborn(smoothing().network, smoothing().card, device="cpu")
    denoiser.limit = image.std() - 1e-3
    made = made_with(denoiser, image, 5.0)
    default = made.candidates[made.default].tuning_noise_sd
    assert f"applied 3 times the network leaves {default:.1f} HU" in str(made.outcomes["smoother"])
    assert "0 % were used" in str(made.outcomes["smoother"])


def test_an_extrapolation_is_a_straight_line_through_default_and_bound():
    default, smooth = np.full((1, 2, 2), 10, "int16"), np.full((1, 2, 2), 4, "float32")
    np.testing.assert_allclose(extrapolated(default, smooth, 0.5), 1.0)
    assert extrapolated(default, smooth, 0.0) is smooth
