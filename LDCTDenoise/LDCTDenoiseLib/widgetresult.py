"""The part of the panel about the result: before and after, side by side, difference, and the table of numbers."""

from __future__ import annotations

import qt
import slicer
from slicer.i18n import tr as _

from . import region
from .widgetcomparison import Comparison
from .widgetstatistics import fillTable


class ResultView:
    """Compares the result with its source, while there is one.

    The key is a shortcut of the whole application for as long as the module is open. Slice views use f b v g t r, the
    brackets and the arrows, other modules letters of their own, each only while it is open.
    """

    KEY = "D"

    def __init__(self, panel) -> None:
        self.panel = panel
        self.ui = panel.ui
        self.comparison = Comparison()
        self.statistics = None
        self._shortcut = None
        self.ui.statisticsTable.setHorizontalHeaderLabels([_("HU"), _("Before"), _("After"), _("Change")])
        header = self.ui.statisticsTable.horizontalHeader()
        header.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        header.setSectionResizeMode(0, qt.QHeaderView.Stretch)
        self.ui.statisticsTable.verticalHeader().hide()
        self.ui.beforeAfterButton.connect("clicked(bool)", lambda checked: self.flip())
        self.ui.sideBySideButton.connect("clicked(bool)", self.onSideBySide)
        self.ui.differenceButton.connect("clicked(bool)", self.onDifference)
        self.update()

    def setResult(self, result) -> None:
        """Take ``result``, a volume that a run made, or None, as what there is to compare."""
        if self.comparison.setResult(result):
            self.update()
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
        self._do(lambda: self.comparison.setSideBySide(checked))

    def onDifference(self, checked: bool) -> None:
        self._do(lambda: self.comparison.setDifference(checked))

    def enter(self) -> None:
        """Let the key work, as the module is open."""
        window = slicer.util.mainWindow()
        if window is not None and self._shortcut is None:
            self._shortcut = qt.QShortcut(qt.QKeySequence(self.KEY), window)
            # Slice views may be in windows of their own.
            self._shortcut.setContext(qt.Qt.ApplicationShortcut)
            self._shortcut.connect("activated()", self.flip)

    def exit(self) -> None:
        """Let the key be free again."""
        if self._shortcut is not None:
            self._shortcut.disconnect("activated()", self.flip)
            self._shortcut.setEnabled(False)
            self._shortcut.deleteLater()
            self._shortcut = None

    def close(self) -> None:
        self.exit()
        self.comparison.stop()

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
        chosen = self.panel.parameters.region if self.panel.parameters is not None else None
        try:
            with slicer.util.WaitCursor():
                before, after = (slicer.util.arrayFromVolume(volume) for volume in (source, result))
                mask = None if chosen is None else region.mask_of(chosen, source)
                self.statistics = measure(before, after, source.GetSpacing()[::-1], mask)
                fillTable(self.ui.statisticsTable, self.statistics)
        except ValueError as error:
            self.ui.statisticsTable.visible = False
            self.ui.statisticsLabel.text = str(error)
            self.ui.statisticsLabel.visible = True

    def update(self) -> None:
        """Bring the buttons into line with what the views show."""
        comparison = self.comparison
        self.ui.resultCollapsibleButton.visible = comparison.available
        text = _("Show before ({key})") if comparison.after else _("Show after ({key})")
        self.ui.beforeAfterButton.text = text.format(key=self.KEY)
        self.ui.sideBySideButton.checked = comparison.sideBySide
        self.ui.differenceButton.checked = comparison.difference

    def _do(self, action) -> None:
        try:
            action()
        except ValueError as error:
            self.panel.run.tell(str(error))
        self.update()
