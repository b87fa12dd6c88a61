"""Sets whose slices are tuned each on its own: no more candidates than were reached, and the reason why."""

import pytest
from didfactory import SPACING, smoothing
from networkfactory import volume

from DIDInteractiveLib.candidates import generate_candidates
from DIDInteractiveLib.outcome import Outcome, of_slices
from DIDInteractiveLib.settings import CandidateSettings

DIVERGING = {"method": "did-literal", "reduction": "sum", "learning_rate": 10.0}
SHORT = {"method": "did", "per_slice": True, "max_steps": 1}


def made_of(slices, **options):
    return generate_candidates(volume(slices), SPACING, smoothing(), CandidateSettings(count=7, **options))


@pytest.mark.parametrize("slices", [1, 3])
@pytest.mark.parametrize(("options", "reason"), [
    ({"method": "did-literal"}, "the published rule to stop"), (DIVERGING, "diverged at step 1"),
    (SHORT, "the most steps allowed (1) were taken")])
def test_candidates_that_no_slice_reached_are_not_made_and_the_reason_is_told(slices, options, reason):
    made = made_of(slices, **options)
    each = 1 if options["method"] == "did-literal" and options is not DIVERGING else 0
    assert [one.kind for one in made.candidates] == ["smoother"] * each + ["default"] + ["sharper"] * each + ["input"]
    assert made.messages == ()
    for outcome in made.outcomes.values():
        assert reason in str(outcome)


def test_of_several_slices_the_outcome_tells_how_many_ended_like_that():
    outcome = str(made_of(3, **DIVERGING).outcomes["smoother"])
    assert "0 of 3 candidates were reached in each" in outcome
    assert "Commonest outcome (3 of 3, one is given): The smoother side ended" in outcome


def test_slices_that_ended_alike_are_counted_as_such_whatever_their_numbers():
    apart = [Outcome("Ended at {noise:.1f} HU, stuck.", {"noise": noise}) for noise in (21.0, 22.0)]
    other = Outcome("Ended at {noise:.1f} HU, arrived.", {"noise": 20.0})
    told = str(of_slices("sharper", 4, [2, 4, 3], [other, *apart]))
    assert told.endswith("2 to 4 of 4 candidates were reached in each. Commonest outcome (2 of 3, one is given): "
                         "Ended at 21.0 HU, stuck.")


def test_one_candidate_is_not_spoken_of_as_many():
    outcomes = [str(one) for one in made_of(2, method="did-literal").outcomes.values()]
    assert all("1 of " in outcome and "was reached" in outcome for outcome in outcomes)
