"""What a panel's button for the export does: folder, progress with Cancel, one sentence, the DICOM database."""

import sys
import types

import numpy as np
import pytest
from dicomscene import ct, database, files, logic, out  # noqa: F401  (fixtures)
from didscene import array_of
from slicerscene import mrml  # noqa: F401  (a fixture)

from LDCTDenoiseLib.dicomreader import read_dicom


@pytest.fixture
def button(mrml, logic, monkeypatch, tmp_path):
    """Calls what a button calls, with the folder that the user chooses; returns what the panel says, and if as bad."""
    from slicerstandins.session import Session

    session = Session(mrml, tmp_path / "settings")
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
    yield click
    session.close()


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
