"""Export as DICOM in a panel: when the button can be used, folder, progress with Cancel, one sentence, the database."""

import sys
import types
from pathlib import Path

import numpy as np
import pytest
from dicomscene import ct, database, files, logic, out  # noqa: F401  (fixtures)
from didscene import array_of
from panelfixtures import (  # noqa: F401  (most are fixtures)
    add_ct, calls, complaints, denoise, open_panel, panel, parameters, session, ui,
)
from slicerscene import mrml  # noqa: F401  (a fixture)

from LDCTDenoiseLib.dicomreader import read_dicom


@pytest.fixture
def button(session, logic, monkeypatch):
    """Calls what a button calls, with the folder that the user chooses; returns what the panel says, and if as bad."""
    import qt
    import slicer

    from LDCTDenoiseLib.widgetexport import exportSeries

    def click(node, chosen):
        told = []
        panel = types.SimpleNamespace(logic=logic, run=types.SimpleNamespace(
            tell=lambda text, failed=False: told.append((text, failed)), log=lambda text: None))
        monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", staticmethod(lambda *arguments: str(chosen)))
        exportSeries(panel, node)
        return told

    monkeypatch.setattr(slicer.util, "confirmYesNoDisplay", lambda *arguments, **options: False)
    return click


def test_a_click_writes_into_the_chosen_folder_or_a_new_one_in_it(button, logic, ct, out):
    result = logic.process(ct)
    out.mkdir()
    assert button(result, out) == [(f"Exported as DICOM to '{out}'.", False)]
    # The colon of Slicer's name is not allowed in the names of folders everywhere.
    for name in ("4 Abdomen denoised", "4 Abdomen denoised 2"):
        assert button(result, out) == [(f"Exported as DICOM to '{out / name}'.", False)]
        np.testing.assert_array_equal(read_dicom(out / name).array, array_of(result))


def test_a_click_without_a_choice_or_without_headers_writes_nothing(button, logic, ct, out):
    result = logic.process(ct)
    assert button(result, "") == []
    ct.RemoveAttribute("DICOM.instanceUIDs")
    (said,) = button(result, out)
    assert said == (logic.exportProblem(result), True)
    assert not out.exists()


def test_cancel_in_the_dialog_leaves_nothing(button, logic, ct, out, monkeypatch):
    import slicer

    opened = []
    make = slicer.util.createProgressDialog

    def opened_dialog(*arguments, **options):
        opened.append(make(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(slicer.util, "createProgressDialog", opened_dialog)
    result = logic.process(ct)
    monkeypatch.setattr(slicer.app, "processEvents", lambda: opened[0].value == 7 and opened[0].cancel())
    assert button(result, out) == [("The export was cancelled, and nothing was written.", False)]
    assert list(out.parent.iterdir()) == []


def test_on_request_the_database_takes_the_new_series(button, logic, ct, out, monkeypatch):
    import slicer

    taken = []

    def importDicom(folder):
        taken.append(folder)
        return len(taken) == 1

    monkeypatch.setitem(sys.modules, "DICOMLib", types.SimpleNamespace(
        DICOMUtils=types.SimpleNamespace(importDicom=importDicom)))
    result = logic.process(ct)
    button(result, out)
    assert taken == []
    monkeypatch.setattr(slicer.util, "confirmYesNoDisplay", lambda *arguments, **options: True)
    assert button(result, out)[0][0].endswith("The DICOM database knows it.")
    assert taken == [str(out / "4 Abdomen denoised")]
    assert button(result, out)[0][0].endswith("The DICOM database did not take it.")


@pytest.fixture
def locked(out, monkeypatch):
    """A folder that may not be read."""
    listed = Path.iterdir

    def iterdir(folder):
        if folder == out:
            raise PermissionError(13, "Permission denied", str(folder))
        return listed(folder)

    out.mkdir()
    monkeypatch.setattr(Path, "iterdir", iterdir)
    return out


def test_a_folder_that_cannot_be_read_is_told_in_one_sentence(button, logic, ct, locked):
    result = logic.process(ct)
    sentence = "The folder 'series' cannot be used (Permission denied): choose another place."
    assert button(result, locked) == [(sentence, True)]
    with pytest.raises(ValueError, match="cannot be used"):
        logic.exportAsDICOM(result, locked)


@pytest.fixture
def denoised(ct, ui, parameters, calls):
    """The panel after a run on a CT that was loaded from DICOM."""
    denoise(ct, ui, parameters, calls)
    return ui


@pytest.fixture
def choose(session, monkeypatch):
    """Lets the user choose a folder, or none, whenever one is asked for; gives how often that was."""
    import qt
    import slicer

    asked = []

    def choose(folder):
        monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", staticmethod(
            lambda *arguments: asked.append(arguments) or str(folder)))
        return asked

    monkeypatch.setattr(slicer.util, "confirmYesNoDisplay", lambda *arguments, **options: False)
    return choose


def test_the_button_of_the_panel_exports_the_result(denoised, parameters, choose, out):
    assert denoised.exportButton.enabled
    assert "derived" in denoised.exportButton.toolTip
    choose(out)
    denoised.exportButton.click()
    assert denoised.messageLabel.text == f"Exported as DICOM to '{out}'."
    assert denoised.messageIcon.isHidden()
    assert denoised.messageLabel.text in denoised.logTextEdit.plainText
    np.testing.assert_array_equal(read_dicom(out).array, array_of(parameters.outputVolume))


def test_the_result_is_exported_while_something_else_is_shown(denoised, parameters, choose, out):
    denoised.differenceButton.click()
    denoised.sideBySideButton.click()
    choose(out)
    denoised.exportButton.click()
    np.testing.assert_array_equal(read_dicom(out).array, array_of(parameters.outputVolume))


def test_a_result_without_dicom_headers_cannot_be_exported_and_the_button_says_why(mrml, ui, parameters, calls):
    denoise(add_ct(mrml), ui, parameters, calls)
    assert not ui.exportButton.enabled
    assert "'CT' was not loaded from DICOM" in ui.exportButton.toolTip


def test_nothing_is_exported_during_a_run(denoised, calls):
    denoised.applyButton.click()
    assert not denoised.exportButton.enabled
    assert denoised.exportButton.toolTip == "Wait until the run is done."
    calls[1].finish()
    assert denoised.exportButton.enabled


def test_closing_the_dialog_without_a_folder_changes_nothing(denoised, choose, out):
    said = denoised.messageLabel.text
    asked = choose("")
    denoised.exportButton.click()
    assert len(asked) == 1
    assert (denoised.messageLabel.text, list(out.parent.iterdir())) == (said, [])


def test_files_that_are_gone_are_noticed_at_the_click_before_a_folder_is_asked_for(denoised, choose, files, out):
    asked = choose(out)
    for file in files:
        file.unlink()
    denoised.exportButton.click()
    assert asked == []
    assert "are not found" in denoised.messageLabel.text
    assert not denoised.messageIcon.isHidden()
    assert not denoised.exportButton.enabled
    assert denoised.exportButton.toolTip == denoised.messageLabel.text


def test_an_export_that_fails_is_told_in_one_message(denoised, panel, choose, out, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("No space left: choose another place.")

    monkeypatch.setattr(panel.widget.logic, "exportAsDICOM", fail)
    choose(out)
    denoised.exportButton.click()
    assert denoised.messageLabel.text == "No space left: choose another place."
    assert not denoised.messageIcon.isHidden()
    assert denoised.exportButton.enabled
