"""What the tests with pictures of the panels have in common; the pictures are left in demo/panels."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from panelfixtures import ROOT, settle

FOLDER = Path(os.environ.get("LDCT_SCREENSHOTS", ROOT / "demo" / "panels"))
SAMPLE = ROOT / "LDCTDenoise" / "Resources" / "SampleData"
WIDTH = 420


@pytest.fixture
def dark():
    """Slicer's dark theme, or nearly so."""
    import qt

    before = qt.QApplication.palette()
    palette = qt.QPalette()
    for role, color in (("Window", "#353535"), ("WindowText", "#ffffff"), ("Base", "#2a2a2a"), ("Text", "#ffffff"),
                        ("AlternateBase", "#404040"), ("Button", "#353535"), ("ButtonText", "#ffffff"),
                        ("ToolTipBase", "#353535"), ("ToolTipText", "#ffffff"), ("Highlight", "#2a82da"),
                        ("HighlightedText", "#000000"), ("Link", "#2a82da")):
        palette.setColor(getattr(qt.QPalette, role), qt.QColor(color))
    for role in ("WindowText", "Text", "ButtonText"):
        palette.setColor(qt.QPalette.Disabled, getattr(qt.QPalette, role), qt.QColor("#7f7f7f"))
    qt.QApplication.setPalette(palette)
    yield
    qt.QApplication.setPalette(before)


@pytest.fixture
def sample(mrml):
    """The sample CT at a quarter of the dose, shown in all views."""
    import slicer

    volume = mrml.load_volume(SAMPLE / "ldct_sample_quarter_dose.nrrd", "CT quarter dose")
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    return volume


def picture(panel, name, width=WIDTH, scale=1):
    """Save the panel as it is now, in full height, and check that it can be read."""
    import qt

    parent = panel.parent
    parent.show()
    settle()
    parent.resize(width, parent.layout().totalHeightForWidth(width))
    settle()
    FOLDER.mkdir(parents=True, exist_ok=True)
    image = qt.QPixmap(parent.size * scale)
    image.setDevicePixelRatio(scale)
    parent.render(image)
    assert image.save(str(FOLDER / f"{name}.png"))
    assert cut_off(panel.widget.panel.ui) == []
    table = getattr(panel.widget.panel.ui, "statisticsTable", None)  # which DID Interactive has not
    assert table is None or cut_off_cells(table) == []


def cut_off(ui):
    """Return the names of labels and buttons that are too small for their text."""
    found = []
    for name, widget in vars(ui).items():
        if not name.endswith(("Label", "Button", "CheckBox")) or name.endswith("CollapsibleButton") or (
                not widget.isVisible()):
            continue
        if getattr(widget, "wordWrap", False):
            if widget.height < widget.heightForWidth(widget.width):
                found.append(name)
        elif widget.width < widget.sizeHint().width() or widget.height < widget.sizeHint().height():
            found.append(name)
    return found


def cut_off_cells(table):
    """Return the texts of a table that do not fit into their cells."""
    found = []
    for row in range(table.rowCount):
        for column in range(table.columnCount):
            item = table.item(row, column)
            index = table.model().index(row, column)
            if item is not None and table.visualRect(index).width() < table.sizeHintForIndex(index).width():
                found.append(item.text())
    return found
