"""The button for the export as DICOM in the panel of DID Interactive: when it is there, and what a click writes."""

import numpy as np
import pytest
from dicomscene import database, files, load, out  # noqa: F401  (most are fixtures)
from didpanelfixtures import (  # noqa: F401  (fixtures)
    array_of, calls, complaints, logic, made, mrml, open_panel, panel, parameters, session, settle, shown, toolbar, ui,
)

from LDCTDenoiseLib.dicomreader import read_dicom


@pytest.fixture
def ct(mrml, database, files):
    return load(mrml, files, database=database)


@pytest.fixture
def ready(ct, ui, parameters):
    import slicer

    slicer.util.setSliceViewerLayers(background=ct, fit=True)
    parameters.inputVolume = ct
    settle()
    return ui


@pytest.fixture
def choose(monkeypatch, out):
    """The user chooses the folder ``out``, and does not want Slicer's database to know what is in it."""
    import qt
    import slicer

    out.mkdir()
    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", staticmethod(lambda *arguments: str(out)))
    monkeypatch.setattr(slicer.util, "confirmYesNoDisplay", lambda *arguments, **options: False)
    return out


def test_a_click_exports_the_candidate_that_is_shown(ready, made, choose):
    assert ready.exportButton.enabled
    assert "derived" in ready.exportButton.toolTip
    ready.previousButton.click()
    ready.exportButton.click()
    assert ready.messageLabel.text == f"Exported as DICOM to '{choose}'."
    np.testing.assert_array_equal(read_dicom(choose).array, array_of(made.GetNthDataNode(1)))


def test_a_click_between_two_candidates_exports_that_image_in_all_slices(ready, made, choose):
    ready.positionSlider.value = -250
    ready.exportButton.click()
    np.testing.assert_array_equal(read_dicom(choose).array, array_of(shown()))
    assert not np.array_equal(array_of(shown()), array_of(made.GetNthDataNode(1)))


def test_the_untouched_input_is_not_exported_and_the_button_says_why(ready, made):
    for _ in range(2):
        ready.nextButton.click()
    assert not ready.exportButton.enabled
    assert "untouched input" in ready.exportButton.toolTip
    ready.previousButton.click()
    assert ready.exportButton.enabled


def test_without_headers_the_button_says_so(ready, ct, calls, parameters):
    ct.RemoveAttribute("DICOM.instanceUIDs")
    parameters.count = 3
    ready.generateButton.click()
    calls[0].finish()
    assert not ready.exportButton.enabled
    assert "DICOM" in ready.exportButton.toolTip
