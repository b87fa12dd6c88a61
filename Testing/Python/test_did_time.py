"""The time of a set: what its stages cost before the start, and what is left of them while it is made."""

import math

import pytest
from networkfactory import CARD

from DIDInteractiveLib import progressmeter
from DIDInteractiveLib.candidatetime import estimate_seconds, stages
from DIDInteractiveLib.progressmeter import ProgressMeter
from DIDInteractiveLib.settings import METHODS, CandidateSettings
from LDCTDenoiseLib.timeestimate import START_SECONDS

KNOWN = CARD.__class__(**{**vars(CARD), "details": {"multiply_adds_512": 2e10}})


class Clock:
    """Stands in for the time; ``seconds`` pass only when a test says so."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(progressmeter, "time", found)
    return found


def test_what_is_left_is_told_from_the_costs_as_long_as_a_stage_has_no_pace_of_its_own(clock):
    seen = []
    meter = ProgressMeter(lambda *what: seen.append(what), {"default": 2.0, "search": 6.0, "images": 2.0})
    clock.now += 4.0
    meter.report("default", 1.0, "Default")
    assert seen[-1] == (pytest.approx(0.2), "Default", pytest.approx(16.0))


def test_a_stage_that_goes_on_ten_times_slower_than_expected_says_so_by_its_own_pace(clock):
    seen = []
    meter = ProgressMeter(lambda *what: seen.append(what), {"default": 1.0, "search": 1.0})
    clock.now += 1.0
    meter.report("default", 1.0, "")
    clock.now += 5.0
    meter.report("search", 0.5, "")
    assert seen[-1][2] == pytest.approx(5.0)


def test_a_share_may_fall_but_the_fraction_never_does_and_nothing_done_leaves_the_time_open(clock):
    seen = []
    meter = ProgressMeter(lambda *what: seen.append(what), {"search": 1.0})
    for share in (0.0, 0.5, 0.4, 0.8):
        clock.now += 1.0
        meter.report("search", share, "")
    fractions, _, left = zip(*seen)
    assert fractions == (0.0, 0.5, 0.5, 0.8)
    assert left[0] == math.inf
    assert left[2] == pytest.approx(3.0 / 0.4 * 0.6)


def test_stages_that_end_early_are_behind_us(clock):
    seen = []
    meter = ProgressMeter(lambda *what: seen.append(what), {"search": 9.0, "images": 1.0})
    meter.finish("search")
    clock.now += 1.0
    meter.report("images", 1.0, "")
    assert seen == [(1.0, "", 0.0)]


def test_mixtures_cost_next_to_nothing_and_descents_most_of_the_time():
    blend, ordered, descents = (sum(stages(1, CandidateSettings(method)).values()) for method in (
        "blend", "did-ordered", "did"))
    assert 5 <= blend < 8  # the default, and the smooth bound twice: to measure its noise, and to mix it in
    assert 5 * blend < ordered < descents


def test_shared_weights_cost_a_volume_a_pass_for_each_slice_and_sharper_candidate_and_a_search_that_does_not_grow():
    few, many = (stages(slices, CandidateSettings(count=9)) for slices in (10, 110))
    assert many["sharper"] == few["sharper"]
    assert many["sharper images"] - few["sharper images"] == 3 * 100
    alone = stages(110, CandidateSettings(count=9, per_slice=True))
    assert alone["sharper"] == pytest.approx(110 / 3 * many["sharper"])


def test_without_a_smooth_bound_its_side_costs_nothing():
    found = stages(10, CandidateSettings(repetitions=1))
    assert found["smoother"] == found["smoother images"] == 0


@pytest.mark.parametrize("method", METHODS)
def test_the_time_before_the_start_follows_pixels_slices_and_the_rate_of_the_device(method):
    settings = CandidateSettings(method)
    small = estimate_seconds((1, 256, 256), settings, KNOWN, "cpu", 1e10)
    large = estimate_seconds((1, 512, 512), settings, KNOWN, "cpu", 1e10)
    assert large - START_SECONDS == pytest.approx(4 * (small - START_SECONDS))
    assert estimate_seconds((50, 512, 512), settings, KNOWN, "cpu", 1e10) > 3 * large
    assert estimate_seconds((1, 512, 512), settings, KNOWN, "cpu", 2e10) < large
    assert estimate_seconds((1, 512, 512), settings, KNOWN, "cuda:0") < estimate_seconds(
        (1, 512, 512), settings, KNOWN, "cpu")


def test_a_fit_to_another_default_image_takes_its_own_time_whatever_the_size():
    settings = CandidateSettings("blend")
    extra = [estimate_seconds(shape, settings, KNOWN, "cpu", 1e10, fitted=True)
             - estimate_seconds(shape, settings, KNOWN, "cpu", 1e10) for shape in ((1, 128, 128), (30, 512, 512))]
    assert extra[0] == pytest.approx(extra[1]) and extra[0] > 10


def test_a_model_whose_card_does_not_say_what_it_computes_has_no_estimate():
    assert estimate_seconds((1, 512, 512), CandidateSettings(), CARD, "cpu") is None
