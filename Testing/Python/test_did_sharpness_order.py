"""Sharpness goes on with every candidate: never as sharp as the input, and falling towards the smooth bound."""

import math

import numpy as np
import pytest
from didfactory import SPACING, fitted
from networkfactory import volume

from DIDInteractiveLib.candidates import generate_candidates
from DIDInteractiveLib.edges import EdgeProbe
from DIDInteractiveLib.settings import CandidateSettings
from DIDInteractiveLib.sharpnessorder import LEAST_STEP, falling_shares, rising_parts


def sharpness_of(parts, edges, mixed):
    # it is linear in the image
    return [part * own + (1 - part) * one for part, own, one in zip(parts, edges, mixed)]


def test_candidates_in_order_below_the_input_stay_as_they_are():
    assert rising_parts([0.93, 0.95, 0.97], [0.92, 0.94, 0.96]) == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("edges", [[1.02, 1.02, 1.02], [0.95, 0.999, 0.985], [0.97, 1.0, 1.05], [0.95, 0.90, 0.97]])
def test_candidates_too_sharp_for_their_place_get_as_much_of_the_mixture_as_it_takes(edges):
    mixed = [0.92, 0.94, 0.96]
    parts = rising_parts(edges, mixed)
    steps = np.diff([*sharpness_of(parts, edges, mixed), 1.0])
    assert (steps > LEAST_STEP * np.diff([*mixed, 1.0]) - 1e-12).all()
    assert all(0 <= part <= 1 for part in parts)


def test_a_candidate_less_sharp_than_the_mixture_gives_way_to_it():
    assert rising_parts([0.91, 0.95], [0.92, 0.94]) == [0.0, 1.0]


@pytest.mark.parametrize(("edges", "mixed"), [
    ([0.95, math.nan], [0.9, 0.95]), ([1.0, 1.0], [math.nan, math.nan]), ([1.1, 1.1], [1.05, 1.02])])
def test_where_there_is_no_order_to_keep_that_is_the_answer(edges, mixed):
    assert rising_parts(edges, mixed) is None


@pytest.mark.parametrize("direction", ["smoother", "sharper"])
def test_an_image_without_edges_keeps_its_candidates_and_is_told_that_their_order_was_not_kept(monkeypatch, direction):
    settings = CandidateSettings(count=7)
    usual = generate_candidates(volume(1), SPACING, fitted("plain"), settings)
    assert "order of their sharpness" not in str(usual.outcomes[direction])
    monkeypatch.setattr(EdgeProbe, "kept", lambda self, images: math.nan)
    made = generate_candidates(volume(1), SPACING, fitted("plain"), settings)
    assert len(made.candidates) == 7
    assert "The order of their sharpness could not be kept" in str(made.outcomes[direction])


def test_each_candidate_says_how_much_of_it_is_a_mixture_of_images():
    made = generate_candidates(volume(1), SPACING, fitted("plain"), CandidateSettings(count=7))
    methods = {kind: [one.method for one in made.candidates if one.kind == kind] for kind in ("smoother", "sharper")}
    assert methods["smoother"] == ["did-ordered, mixture of images"] * 3
    mixed = sum("mixture" in method for method in methods["sharper"])
    told = str(made.outcomes["sharper"])
    words = {0: "", 1: "one of its candidates is partly a mixture"}.get(mixed, f"{mixed} of its candidates are partly")
    assert words in told and ("mixture" in told) == bool(mixed)


def test_slices_tuned_one_by_one_are_all_descents_on_the_sharper_side():
    def sharper(method):
        made = generate_candidates(volume(3), SPACING, fitted("plain"), CandidateSettings(
            method=method, count=7, per_slice=True))
        return made.messages, [one for one in made.candidates if one.kind == "sharper"]

    (messages, ordered), (none, plain) = sharper("did-ordered"), sharper("did")
    assert len(ordered) == len(plain) > 0
    for one, other in zip(ordered, plain):
        np.testing.assert_array_equal(one.array, other.array)
        assert one.method == "did-ordered"
    assert any("the order of their sharpness" in message for message in messages) and none == ()


def test_shares_in_order_are_left_alone_and_none_is_tried_beside_them():
    asked = []

    def edges(share):
        asked.append(share)
        return 1 - share

    assert falling_shares([0.25, 0.5, 1.0], edges) == [0.25, 0.5, 1.0]
    assert sorted(asked) == [0.0, 0.25, 0.5, 1.0]


def test_where_rounding_puts_sharpness_out_of_order_shares_move_a_little_and_the_last_one_stays():
    def edges(share):
        return 0.9 - 0.001 * share + (0.0008 if 0.45 < share < 0.52 else 0.0)

    given = [0.25, 0.5, 0.75, 1.0]
    found = falling_shares(given, edges)
    assert (np.diff([edges(share) for share in [0.0, *found]]) < 0).all()
    assert found[-1] == 1.0
    assert np.abs(np.subtract(found, given)).max() <= 0.1
    assert found[0] == 0.25 and found[2] == 0.75


@pytest.mark.parametrize("edges", [lambda share: 0.9 + share, lambda share: 0.9, lambda share: math.nan])
def test_where_no_choice_of_shares_is_in_order_there_is_none(edges):
    assert falling_shares([0.3, 0.6, 1.0], edges) is None
