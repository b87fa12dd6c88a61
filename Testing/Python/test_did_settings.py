import dataclasses

import pytest

from DIDInteractiveLib.settings import CandidateSettings


@pytest.mark.parametrize("values", [
    {"method": "magic"}, {"tuned": "biases"}, {"reduction": "median"}, {"count": 2}, {"count": 32}, {"count": 9.0},
    {"count": True}, {"repetitions": 0}, {"repetitions": 11}, {"max_steps": 0}, {"tuning_slices": 0},
    {"learning_rate": 0}, {"learning_rate": 9e-7}, {"learning_rate": float("nan")}, {"learning_rate": 11},
    {"learning_rate": "fast"},
    {"extrapolation": -0.1}, {"extrapolation": float("inf")}, {"per_slice": 1}])
def test_a_value_out_of_its_range_is_refused_by_name(values):
    with pytest.raises(ValueError, match=next(iter(values))):
        CandidateSettings(**values)


def test_settings_do_not_change_once_made():
    with pytest.raises(dataclasses.FrozenInstanceError):
        CandidateSettings().count = 5


@pytest.mark.parametrize("count", range(3, 32))
def test_positions_are_equal_steps_that_end_at_the_smooth_bound_and_one_step_before_the_input(count):
    smoother, sharper = CandidateSettings(count=count).positions
    assert len(smoother) + len(sharper) + 2 == count
    assert smoother[-1] == -1
    for side in (smoother, (*sharper, 1.0)):
        assert [k * side[0] for k in range(1, len(side) + 1)] == pytest.approx(side)
    assert 0 <= len(sharper) + 1 - len(smoother) <= 1
