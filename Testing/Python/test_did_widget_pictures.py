"""Pictures of the panel of DID Interactive in its states, in demo/panels, to be looked at; no text is cut off.

Where candidates are to be seen, they and their numbers are what the default network made of a part of the sample CT.
The picture "did-done" is that of the README.
"""

import pytest
from didpanelfixtures import (  # noqa: F401  (fixtures)
    calls, complaints, logic, mrml, open_panel, panel, parameters, plots, session, settle, toolbar, ui,
)
from panelpictures import SAMPLE, dark, picture, sample  # noqa: F401  (two are fixtures)

SIDE_MM = 60.0
"""Of the part of the sample that candidates are made of, which takes seconds."""


@pytest.fixture
def ready(panel, plots, parameters, sample, session):
    """The widgets of the panel with the sample CT chosen."""
    panel.widget.logic.freeMemory = None  # what this computer has free
    session.sliceLogics["Red"].SnapSliceOffsetToIJK()
    parameters.inputVolume = sample
    settle()
    return panel.widget.panel.ui


@pytest.fixture(scope="module")
def reply():
    """Returns what the real engine makes of a request, computed once for each kind."""
    from DIDInteractiveLib.didengine import InProcessDIDEngine

    engine, replies = InProcessDIDEngine(), {}

    def reply(request):
        kind = (request.array.shape, request.settings)
        if kind not in replies:
            replies[kind] = engine.generate(request)
        return replies[kind]

    return reply


@pytest.fixture
def chosen(ready, parameters, sample):
    """The same with five candidates of a part of it to be made."""
    bounds = [0.0] * 6
    sample.GetRASBounds(bounds)
    region = ready.regionSelector.addNode()
    region.SetName("liver")
    region.SetCenter(bounds[0] + 0.65 * (bounds[1] - bounds[0]), bounds[2] + 0.55 * (bounds[3] - bounds[2]),
                     0.5 * (bounds[4] + bounds[5]))
    region.SetSize(SIDE_MM, SIDE_MM, 2 * (bounds[5] - bounds[4]))
    parameters.count = 5
    return ready


@pytest.fixture
def made(chosen, parameters, calls, reply):
    """The same with the candidates."""
    chosen.generateButton.click()
    finish(calls[0], reply)
    return parameters.candidates


def finish(call, reply):
    call.listener.started()
    call.listener.finished(reply(call.request), None)


def test_empty(panel):
    picture(panel, "did-empty")


def test_ready(panel, ready):
    picture(panel, "did-ready")


def test_ready_with_all_choices_in_a_narrow_panel(panel, ready):
    for section in ("regions", "advanced"):
        getattr(ready, f"{section}CollapsibleButton").collapsed = False
    picture(panel, "did-narrow", width=330)


def test_done(panel, ready, made):
    ready.logCollapsibleButton.collapsed = False
    picture(panel, "did-done")


def test_running(panel, chosen, calls, reply):
    chosen.generateButton.click()
    calls[0].started()
    candidates = reply(calls[0].request).candidates
    for number in (2, 1):  # from the default outwards, as the engine finishes them
        calls[0].listener.partial(candidates[number])
    calls[0].progress(0.4, "Smoother candidates", 70.0)
    picture(panel, "did-running")


def test_preview(panel, chosen, calls, reply):
    chosen.previewButton.click()
    finish(calls[0], reply)
    picture(panel, "did-preview")


def test_removed_elsewhere(panel, mrml, ready, made, parameters):
    mrml.scene.RemoveNode(panel.widget.logic.browser(made))
    settle()
    picture(panel, "did-incomplete")


def test_with_a_reference(panel, mrml, chosen, calls, parameters, reply):
    reference = mrml.load_volume(SAMPLE / "ldct_sample_reference.nrrd", "CT reference")
    parameters.referenceVolume = reference
    parameters.count = 3
    chosen.previewButton.click()
    finish(calls[0], reply)
    picture(panel, "did-reference")


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


def test_difference_and_plot_in_a_narrow_panel_in_a_dark_theme(dark, panel, ready, made):
    ready.differenceButton.click()
    ready.plotButton.click()
    for section in ("regions", "advanced", "log"):
        getattr(ready, f"{section}CollapsibleButton").collapsed = False
    picture(panel, "did-narrow-dark", width=330)


def test_running_in_a_dark_theme_on_a_display_of_twice_the_resolution(dark, panel, chosen, calls):
    chosen.generateButton.click()
    calls[0].started()
    picture(panel, "did-running-dark-hidpi", scale=2)


def test_done_on_a_display_of_twice_the_resolution(panel, ready, made):
    picture(panel, "did-done-hidpi", scale=2)
