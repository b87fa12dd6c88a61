"""Pictures of the panel of DID Interactive in its states, in demo/panels, to be looked at; no text is cut off."""

import pytest
from didpanelfixtures import (  # noqa: F401  (fixtures)
    calls, complaints, logic, mrml, open_panel, panel, parameters, plots, session, settle, toolbar, ui,
)
from test_widget_screenshots import dark, picture, sample  # noqa: F401  (fixtures)


@pytest.fixture
def ready(panel, plots, parameters, sample, session):
    """The widgets of the panel with the sample CT chosen."""
    session.sliceLogics["Red"].SnapSliceOffsetToIJK()
    parameters.inputVolume = sample
    settle()
    return panel.widget.panel.ui


@pytest.fixture
def made(ready, parameters, calls):
    """The same with a set of candidates."""
    ready.generateButton.click()
    calls[0].finish()
    return parameters.candidates


def test_empty(panel):
    picture(panel, "did-empty")


def test_ready(panel, ready):
    picture(panel, "did-ready")


def test_ready_with_all_choices_in_a_narrow_panel(panel, ready):
    for section in ("regions", "advanced"):
        getattr(ready, f"{section}CollapsibleButton").collapsed = False
    picture(panel, "did-narrow", width=330)


def test_running(panel, ready, calls):
    ready.generateButton.click()
    calls[0].started()
    calls[0].progress(0.4, "Smoother candidates", 70.0)
    picture(panel, "did-running")


def test_preview(panel, ready, calls):
    ready.previewButton.click()
    calls[0].finish()
    picture(panel, "did-preview")


def test_done(panel, ready, made):
    ready.logCollapsibleButton.collapsed = False
    picture(panel, "did-done")


def test_failed(panel, ready, calls):
    ready.generateButton.click()
    calls[0].started()
    calls[0].fail(RuntimeError("The worker process ended unexpectedly (signal 9), perhaps for lack of memory, and the "
                               "run with it: close other programs, or run again."))
    picture(panel, "did-failed")


def test_between_two_candidates_side_by_side_in_a_dark_theme(dark, panel, ready, made):
    ready.positionSlider.value = -300
    panel.widget.panel.browsing.rest()
    ready.sideBySideButton.click()
    picture(panel, "did-done-dark")


def test_done_on_a_display_of_twice_the_resolution(panel, ready, made):
    picture(panel, "did-done-hidpi", scale=2)
