"""The part of the panel about the set as a whole: two candidates side by side, difference, plot, keep and delete."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from LDCTDenoiseLib.widgetexport import exportSeries

from .candidatenodes import items_of
from .didwidgetplot import PlotLayout
from .didwidgetwords import shortText


class CandidateActions:
    """What is done with the set on request, and undone by a second click."""

    def __init__(self, panel) -> None:
        self.panel = panel
        self.ui, self.logic, self.views = panel.ui, panel.logic, panel.views
        self.plot = PlotLayout(self.logic.selectFromPlot)
        self._set = None
        self._exportTip = self.ui.exportButton.toolTip
        self.ui.comparisonComboBox.connect("activated(int)", self.onComparison)
        self.ui.sideBySideButton.connect("clicked(bool)", self.onSideBySide)
        self.ui.differenceButton.connect("clicked(bool)", self.onDifference)
        self.ui.plotButton.connect("clicked(bool)", self.onPlot)
        self.ui.keepButton.connect("clicked(bool)", self.onKeep)
        self.ui.exportButton.connect("clicked(bool)", self.onExport)
        self.ui.deleteButton.connect("clicked(bool)", self.onDelete)

    def setSet(self, candidates) -> None:
        """Act on this set (vtkMRMLSequenceNode), or on none."""
        self._set = candidates
        if candidates is not None:
            self.reload()
        else:
            self.plot.stop()
        self.update()

    def reload(self) -> None:
        """The set has other candidates than before."""
        combo, before = self.ui.comparisonComboBox, self.ui.comparisonComboBox.currentIndex
        items = items_of(self._set)
        same = combo.count == len(items)
        combo.clear()
        for index, item in enumerate(items):
            combo.addItem(shortText(item, index))
        # The input, unless the user compared with another one that is still there.
        combo.currentIndex = before if same and before >= 0 else len(items) - 1
        if self.views.sideBySide:
            self.onComparison(combo.currentIndex)
        if self.plot.on:
            self.plot.start(self.logic.chart(self._set))

    def refresh(self) -> None:
        """Another image of the set is shown."""
        if self.views.difference:
            self.views.setDifference(self._differenceVolume())
        self._updateExport()

    def check(self) -> None:
        """Nodes were added or removed: give up what has lost its nodes."""
        if self.plot.on and self.logic.chart(self._set) is None:
            self.plot.stop()
        self.update()

    def leave(self) -> None:
        """Undo what only the panel can undo. The plot stays: a click on a point needs no panel."""
        self.views.setSideBySide(None)
        self.views.setDifference(None)
        self.update()

    def close(self) -> None:
        """Undo what was asked for."""
        self.views.setSideBySide(None)
        self.plot.stop()

    def update(self) -> None:
        """Bring the buttons into line with what is to be seen."""
        self.ui.sideBySideButton.checked = self.views.sideBySide
        self.ui.differenceButton.checked = self.views.difference
        self.ui.plotButton.checked = self.plot.on
        # In words too: with some styles, above all dark ones, it can hardly be seen that a button is down.
        self.ui.sideBySideButton.text = _("End side b&y side") if self.views.sideBySide else _("Side b&y side")
        self.ui.differenceButton.text = _("Hide &difference") if self.views.difference else _("&Difference")
        self.ui.plotButton.text = _("Hide pl&ot") if self.plot.on else _("Pl&ot")
        hasPlot = hasattr(slicer.modules, "plots") and self._set is not None and self.logic.chart(self._set) is not None
        self.ui.plotButton.enabled = hasPlot
        self._updateExport()

    def _updateExport(self) -> None:
        found = self.logic.exportProblem(self.views.current)  # what others change meanwhile is noticed at the click
        self.ui.exportButton.enabled = not found
        self.ui.exportButton.toolTip = found or self._exportTip

    def onComparison(self, index: int) -> None:
        """Another candidate is to be compared with."""
        if self.views.sideBySide:
            self._do(lambda: self.views.setSideBySide(self._comparisonVolume()))

    def onSideBySide(self, checked: bool) -> None:
        """Show the candidate to compare with on the left and the current image on the right, or no longer."""
        if checked:
            self.plot.stop()  # which has another layout
        self._do(lambda: self.views.setSideBySide(self._comparisonVolume() if checked else None))

    def onDifference(self, checked: bool) -> None:
        """Show what was removed, or the image again."""
        self._do(lambda: self.views.setDifference(self._differenceVolume() if checked else None))

    def onPlot(self, checked: bool) -> None:
        """Show the plot beside the slice views, or bring their layout back."""
        if checked:
            self.views.setSideBySide(None)
            self._do(lambda: self.plot.start(self.logic.chart(self._set)))
        else:
            self._do(self.plot.stop)

    def onKeep(self, checked=False) -> None:
        """Make an ordinary volume of the image."""
        def keep():
            self.panel.browsing.finish()
            kept = self.logic.keepCandidate(self._set, self.panel.browsing.position)
            self.panel.run.tell(_("Kept as '{volume}'.").format(volume=kept.GetName()))
            self.panel.run.log(_("Kept as '{volume}'.").format(volume=kept.GetName()))

        self._do(keep)

    def onExport(self, checked=False) -> None:
        """Write the image as a DICOM series."""
        self.panel.browsing.finish()
        exportSeries(self.panel, self.views.current)

    def onDelete(self, checked=False) -> None:
        """Remove the set, or what is left of it; one of a whole volume, which took a while, only if the user means it.
        """
        doomed = self.panel.parameters.candidates
        name = doomed.GetName()
        isPreview = self._set is not None and items_of(self._set)[0].GetImageData().GetDimensions()[2] == 1
        if not isPreview and not slicer.util.confirmOkCancelDisplay(
                _("Delete '{name}' with all its images? What was kept stays.").format(name=name), _("Delete set")):
            return

        def delete():
            self.panel.leaveSet()
            self.logic.deleteSet(doomed)
            self.panel.sets.update()
            self.panel.run.tell(_("'{name}' was deleted.").format(name=name))
            self.panel.run.log(_("'{name}' was deleted.").format(name=name))

        self._do(delete)

    def _comparisonVolume(self):
        browser = self.logic.compareCandidates(self._set, self.ui.comparisonComboBox.currentIndex)
        return browser.GetProxyNode(self._set)

    def _differenceVolume(self):
        return self.logic.differenceToInput(self._set, self.panel.browsing.position)

    def _do(self, action) -> None:
        try:
            action()
        except (ValueError, RuntimeError) as error:
            self.panel.run.tell(str(error), failed=True)
        self.update()
