"""The part of the panel about the result: before and after, side by side, difference, numbers, export as DICOM."""

from __future__ import annotations

import qt
import slicer
from slicer.i18n import tr as _

from . import region
from .widgetcomparison import Comparison
from .widgetexport import exportSeries
from .widgetregion import RegionWatch
from .widgetstatistics import fillTable


class ResultView:
    """Compares the result with its source, while there is one.

    The key is a shortcut of the whole application for as long as the module is open. Slice views use f b v g t r, the
    brackets and the arrows, other modules letters of their own, each only while it is open.
    """

    KEY = "D"
    ROW_MARGIN = 6

    def __init__(self, panel) -> None:
        self.panel = panel
        self.ui = panel.ui
        self.comparison = Comparison()
        self.statistics = None
        self._shortcut = None
        self._region = None
        self._watch = RegionWatch(self.measure)
        self._exportTip = self.ui.exportButton.toolTip
        self.ui.statisticsTable.setHorizontalHeaderLabels([_("In HU"), _("Before"), _("After"), _("Change")])
        header = self.ui.statisticsTable.horizontalHeader()
        header.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        header.setSectionResizeMode(0, qt.QHeaderView.Stretch)
        rows = self.ui.statisticsTable.verticalHeader()
        rows.hide()
        rows.setDefaultSectionSize(self.ui.statisticsTable.fontMetrics().height() + self.ROW_MARGIN)
        self.ui.beforeAfterButton.connect("clicked(bool)", lambda checked: self.flip())
        self.ui.sideBySideButton.connect("clicked(bool)", self.onSideBySide)
        self.ui.differenceButton.connect("clicked(bool)", self.onDifference)
        self.ui.exportButton.connect("clicked(bool)", self.onExport)
        self.ui.regionSelector.connect("nodeAddedByUser(vtkMRMLNode*)", self.onRegionAdded)
        self.update()

    def setResult(self, result) -> None:
        """Take ``result``, a volume that a run made, or None, as what there is to compare."""
        if self.comparison.setResult(result):
            self.update()
            self.measure()

    def setRegion(self, chosen) -> None:
        """Measure in ``chosen`` (vtkMRMLMarkupsROINode) from now on, wherever it is moved; None: in soft tissue."""
        if chosen is not self._region:
            self._region = chosen
            self._watch.follow(chosen)
            self.measure()

    def show(self) -> None:
        """Show the result in the slice views."""
        self.comparison.show()
        self.update()

    def flip(self) -> None:
        """Change between before and after, or hide and show the preview."""
        preview = self.panel.run.preview
        if preview.shown is not None:
            preview.flip()
        elif self.comparison.available:
            self.comparison.flip()
        self.update()

    def onSideBySide(self, checked: bool) -> None:
        self.panel.run.removePreview()  # it would take the left view back to what was there before
        self._do(lambda: self.comparison.setSideBySide(checked))

    def onDifference(self, checked: bool) -> None:
        self._do(lambda: self.comparison.setDifference(checked))

    def onExport(self, checked=False) -> None:
        """Let the user export the result as DICOM."""
        exportSeries(self.panel, self.comparison.result)
        self.updateExport()

    def onRegionAdded(self, added) -> None:
        """The user wants a new region: place it where it can be seen, to be dragged from there."""
        if self.comparison.available:
            region.place_new(added, self.comparison.source)

    def enter(self) -> None:
        """Let the key work, as the module is open."""
        window = slicer.util.mainWindow()
        if window is not None and self._shortcut is None:
            self._shortcut = qt.QShortcut(qt.QKeySequence(self.KEY), window)
            # Slice views may be in windows of their own.
            self._shortcut.setContext(qt.Qt.ApplicationShortcut)
            self._shortcut.connect("activated()", self.flip)

    def exit(self) -> None:
        """Let the key be free again, and the views and the layout be as they were before the comparison."""
        self.comparison.leave()
        self.update()
        if self._shortcut is not None:
            self._shortcut.disconnect("activated()", self.flip)
            self._shortcut.setEnabled(False)
            self._shortcut.deleteLater()
            self._shortcut = None

    def close(self) -> None:
        self.comparison.close()
        self.setRegion(None)
        self._watch.close()
        self.exit()

    def measure(self) -> None:
        """Fill the table: in soft tissue, or in the region that the user chose."""
        self.statistics = None
        self.ui.statisticsLabel.visible = False
        fillTable(self.ui.statisticsTable, None)
        self.ui.statisticsTable.visible = self.comparison.available
        if not self.comparison.available:
            return
        # scipy takes a moment to load, which the opening of the module does not wait for.
        from .resultstatistics import measure

        source, result = self.comparison.source, self.comparison.result
        # Not slicer.util.WaitCursor: that processes events, and this is called while parameters change.
        slicer.app.setOverrideCursor(qt.Qt.WaitCursor)
        try:
            before, after = (slicer.util.arrayFromVolume(volume) for volume in (source, result))
            mask = None if self._region is None else region.mask_of(self._region, source)
            self.statistics = measure(before, after, source.GetSpacing()[::-1], mask)
            fillTable(self.ui.statisticsTable, self.statistics)
        except ValueError as error:
            self.ui.statisticsTable.visible = False
            self.ui.statisticsLabel.text = str(error)
            self.ui.statisticsLabel.visible = True
        finally:
            slicer.app.restoreOverrideCursor()

    def update(self) -> None:
        """Bring the buttons into line with what the views show."""
        comparison = self.comparison
        self.ui.resultCollapsibleButton.visible = comparison.available
        text = _("Show befo&re ({key})") if comparison.after else _("Show afte&r ({key})")
        self.ui.beforeAfterButton.text = text.format(key=self.KEY)
        self.ui.sideBySideButton.checked = comparison.sideBySide
        self.ui.differenceButton.checked = comparison.difference
        # In words too: with some styles, above all dark ones, it can hardly be seen that a button is down.
        self.ui.sideBySideButton.text = _("End side b&y side") if comparison.sideBySide else _("Side b&y side")
        self.ui.differenceButton.text = _("Hide &difference") if comparison.difference else _("&Difference")
        self.updateExport()

    def updateExport(self) -> None:
        """Say whether the result can be exported, or why not. What others change meanwhile is noticed at the click."""
        if self.panel.run.busy:
            problem = _("Wait until the run is done.")
        else:
            problem = self.panel.logic.exportProblem(self.comparison.result)
        self.ui.exportButton.enabled = not problem
        self.ui.exportButton.toolTip = problem or self._exportTip

    def _do(self, action) -> None:
        try:
            action()
        except ValueError as error:
            self.panel.run.tell(str(error), failed=True)
        self.update()
