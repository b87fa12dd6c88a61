"""Pictures of the panel in all its states, in demo/panels, to be looked at; and that no text in them is cut off."""

import pytest
from panelfixtures import (  # noqa: F401  (fixtures)
    calls, complaints, mrml, open_panel, panel, parameters, session, settle, ui,
)
from panelpictures import dark, picture, sample  # noqa: F401  (two are fixtures)


def test_empty(panel):
    picture(panel, "empty")


def test_ready(panel, parameters, sample):
    parameters.inputVolume = sample
    settle()
    picture(panel, "ready")


def test_ready_in_a_narrow_panel(panel, parameters, sample, ui):
    parameters.inputVolume = sample
    ui.advancedCollapsibleButton.collapsed = False
    settle()
    picture(panel, "narrow", width=330)


def preview(parameters, sample, ui, calls, session):
    parameters.inputVolume = sample
    session.sliceLogics["Red"].SnapSliceOffsetToIJK()
    ui.previewButton.click()
    calls[0].finish()
    settle()


def test_preview(panel, parameters, sample, ui, calls, session):
    preview(parameters, sample, ui, calls, session)
    picture(panel, "preview")


def test_preview_refused(panel, parameters, sample, ui, session):
    parameters.inputVolume = sample
    session.sliceLogics["Red"].GetSliceNode().SetOrientation("Sagittal")
    ui.previewButton.click()
    settle()
    picture(panel, "preview-refused")


def run(parameters, sample, ui, calls):
    parameters.inputVolume = sample
    ui.applyButton.click()
    calls[0].started()
    calls[0].progress(2, 84.0)
    settle()


def test_running(panel, parameters, sample, ui, calls):
    run(parameters, sample, ui, calls)
    picture(panel, "running")


@pytest.fixture(scope="module")
def denoised():
    """What HRNet makes of the sample CT, so that the numbers in the pictures are true; computed once."""
    from LDCTDenoiseLib.engine import InProcessEngine

    engine, results = InProcessEngine(), []

    def denoised(request):
        if not results:
            results.append(engine.denoise(request))
        return results[0].array

    return denoised


def finish(parameters, sample, ui, calls, denoised):
    parameters.inputVolume = sample
    ui.applyButton.click()
    calls[0].finish(array=denoised(calls[0].request))
    ui.logCollapsibleButton.collapsed = False
    settle()


def test_done(panel, parameters, sample, ui, calls, denoised):
    finish(parameters, sample, ui, calls, denoised)
    picture(panel, "done")


def test_done_in_a_narrow_panel(panel, parameters, sample, ui, calls, denoised):
    finish(parameters, sample, ui, calls, denoised)
    picture(panel, "done-narrow", width=330)


def test_done_with_views_side_by_side_and_the_difference(panel, parameters, sample, ui, calls, denoised):
    finish(parameters, sample, ui, calls, denoised)
    ui.sideBySideButton.click()
    ui.differenceButton.click()
    picture(panel, "done-compared")


def test_a_warning(panel, parameters, sample):
    sample.SetSpacing(0.2, 0.2, 0.5)
    parameters.inputVolume = sample
    settle()
    picture(panel, "warning")


def test_failed(panel, parameters, sample, ui, calls):
    parameters.inputVolume = sample
    ui.applyButton.click()
    calls[0].fail(RuntimeError("The worker process ended unexpectedly (signal 9), perhaps for lack of memory, and the "
                               "run with it: close other programs, or run again."))
    settle()
    picture(panel, "failed")


def test_advanced_with_devices(panel, parameters, sample, ui, monkeypatch):
    from LDCTDenoiseLib import widgetinstall
    from LDCTDenoiseLib.engine import Device

    asked = []
    monkeypatch.setattr(widgetinstall, "torchIsInstalled", lambda: True)
    panel.widget.logic.engine.start_devices = asked.append
    parameters.inputVolume = sample
    ui.advancedCollapsibleButton.click()
    asked[0].finished([Device("auto", "NVIDIA RTX A4000", 16 * 2**30), Device("cpu", "x86_64, 8 threads", 32 * 2**30),
                       Device("cuda:0", "NVIDIA RTX A4000", 16 * 2**30)], None)
    settle()
    picture(panel, "advanced")


def test_done_in_a_dark_theme(dark, panel, parameters, sample, ui, calls, denoised):
    finish(parameters, sample, ui, calls, denoised)
    ui.sideBySideButton.click()
    picture(panel, "done-dark")
    picture(panel, "done-dark-hidpi", scale=2)


def test_preview_and_a_warning_in_a_dark_theme(dark, panel, parameters, sample, ui, calls, session):
    sample.SetSpacing(0.2, 0.2, 5.0)
    preview(parameters, sample, ui, calls, session)
    picture(panel, "preview-dark")


def test_running_in_a_dark_theme(dark, panel, parameters, sample, ui, calls):
    run(parameters, sample, ui, calls)
    picture(panel, "running-dark")


def test_running_on_a_display_of_twice_the_resolution(panel, parameters, sample, ui, calls):
    run(parameters, sample, ui, calls)
    picture(panel, "running-hidpi", scale=2)


def test_done_on_a_display_of_twice_the_resolution(panel, parameters, sample, ui, calls, denoised):
    finish(parameters, sample, ui, calls, denoised)
    picture(panel, "done-hidpi", scale=2)
