"""The panels' part of an export as DICOM: choose a folder, write with progress and Cancel, and say what came of it."""

from __future__ import annotations

import qt
import slicer
from slicer.i18n import tr as _

from . import dicomexport
from .engine import Cancelled


def exportSeries(panel, node) -> None:
    """Let the user export ``node`` as DICOM.

    ``panel`` has the ``logic`` that knows the node, and a ``run`` that can tell the user a sentence. The series is
    written to the folder that the user chooses, or to a new one in it where that is not empty. Then the user is asked
    whether Slicer's DICOM database should know it.
    """
    found = panel.logic.exportProblem(node)
    if found:
        panel.run.tell(found, failed=True)
        return
    parent = slicer.util.mainWindow()
    chosen = qt.QFileDialog.getExistingDirectory(parent, _("Export as DICOM: choose a folder"))
    if not chosen:
        return
    dialog = slicer.util.createProgressDialog(
        maximum=0, labelText=_("Writing the DICOM series..."), windowTitle=_("Export as DICOM"),
        windowModality=qt.Qt.ApplicationModal, autoClose=False, autoReset=False)

    def progress(done: int, total: int) -> None:
        dialog.maximum = total
        dialog.value = done
        slicer.app.processEvents()  # or Cancel would not be heard

    try:
        folder = panel.logic.exportAsDICOM(
            node, dicomexport.free_folder(chosen, node.GetName()), progress, lambda: dialog.wasCanceled)
    except Cancelled:
        panel.run.tell(_("The export was cancelled, and nothing was written."))
        return
    except (ValueError, RuntimeError) as error:
        panel.run.tell(str(error), failed=True)
        panel.run.log(str(error))
        return
    finally:
        dialog.close()
        dialog.deleteLater()
    text = _("Exported as DICOM to '{folder}'.").format(folder=folder)
    if dicomexport.database() is not None and slicer.util.confirmYesNoDisplay(
            _("{text} Shall Slicer's DICOM database know the series too? Its files stay where they are.").format(
                text=text), _("Export as DICOM")):
        added = dicomexport.add_to_database(folder)
        text += " " + (_("The DICOM database knows it.") if added else _("The DICOM database did not take it."))
    panel.run.tell(text)
    panel.run.log(text)
