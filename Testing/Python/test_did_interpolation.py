"""Mixtures of weights go as far as the descent did that they lie on the way of."""

import numpy as np
import pytest
from didfactory import SPACING, OneValue, fitted
from networkfactory import CARD, volume

from DIDInteractiveLib.candidates import generate_candidates
from DIDInteractiveLib.settings import CandidateSettings
from LDCTDenoiseLib.inference import Denoiser


def made_with(denoiser, **options):
    return generate_candidates(volume(1), SPACING, denoiser, CandidateSettings(
        **{"method": "interpolate", "count": 7, **options}))


def noise_of(made, kind):
    return [one.tuning_noise_sd for one in made.candidates if one.kind == kind]


ONE_VALUE = Denoiser(OneValue(0.5), CARD, device="cpu")


@pytest.mark.parametrize(("denoiser", "direction"), [(fitted("plain"), "smoother"), (ONE_VALUE, "sharper")])
def test_where_the_descent_ends_short_the_candidates_are_spread_evenly_up_to_its_end(denoiser, direction):
    made = made_with(denoiser, max_steps=4)
    told = str(made.outcomes[direction])
    assert "short of" in told and "(4) were taken" in told
    way = noise_of(made, direction)
    assert len(way) == {"smoother": 3, "sharper": 2}[direction]
    assert f"Its candidates ({len(way)})" in told
    end = min(way) if direction == "smoother" else max(way)
    assert f"ended at a noise of {end:.1f} HU" in told
    steps = np.diff(np.log(sorted([made.candidates[made.default].tuning_noise_sd, *way])))
    assert steps == pytest.approx(np.full(len(way), steps.mean()), abs=0.012)


def test_a_short_way_has_no_more_candidates_than_can_be_told_apart():
    made = made_with(ONE_VALUE, max_steps=4)
    noise = np.log([made.candidates[made.default].tuning_noise_sd, *noise_of(made, "smoother")[::-1]])
    assert 2 <= len(noise) < 4
    assert (np.diff(noise) < -0.005).all()


def test_where_the_descent_arrives_the_candidates_lie_at_their_positions():
    made = made_with(fitted("plain"))
    assert [one.position for one in made.candidates if one.kind == "sharper"] == pytest.approx([1 / 3, 2 / 3], abs=0.02)


def test_a_descent_that_got_nowhere_leaves_no_candidates():
    made = made_with(fitted("plain"), max_steps=1, learning_rate=1e-6)
    assert [one.kind for one in made.candidates] == ["default", "input"]
    assert all("Its candidates (0)" in outcome for outcome in map(str, made.outcomes.values()))
    assert made.messages == ()
