"""The table of noise and HU before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

if TYPE_CHECKING:
    from .resultstatistics import ResultStatistics

TISSUES = ("soft", "fat", "lung", "bone", "region")


def rowsOf(statistics: ResultStatistics) -> list[tuple[str, str, str, str]]:
    """Return name, before, after and change of each line, the change with units as it may be a share too."""
    before, after = statistics.noise_before, statistics.noise_after
    change = signedHU(after - before)
    if before > 0:
        change = _("{change} ({share:+.0f} %)").format(change=change, share=100 * (after / before - 1))
    rows = [(_("Noise"), f"{before:.1f}", f"{after:.1f}", change),
            (_("Removed noise (SD)"), "", "", _("{value} HU").format(value=f"{statistics.removed_sd:.1f}"))]
    names = {"soft": _("Shift of HU, soft tissue"), "fat": _("Shift of HU, fat"), "lung": _("Shift of HU, lung"),
             "bone": _("Shift of HU, bone"), "region": _("Shift of HU, region")}
    return rows + [(names[tissue], "", "", signedHU(statistics.bias[tissue])) for tissue in TISSUES
                   if tissue in statistics.bias]


def signedHU(value: float) -> str:
    """Return a difference in HU with its sign, unless it rounds to nothing."""
    text = f"{value:+.1f}"
    return _("{value} HU").format(value="0.0" if text in ("+0.0", "-0.0") else text)


def fillTable(table, statistics: ResultStatistics | None) -> None:
    """Show ``statistics`` in ``table`` (QTableWidget), in full height; None empties it."""
    rows = rowsOf(statistics) if statistics is not None else []
    table.clearSpans()
    table.setRowCount(len(rows))
    for row, texts in enumerate(rows):
        if not any(texts[1:3]):
            table.setSpan(row, 0, 1, 3)  # so that a name that nothing follows is never cut off
        for column, text in enumerate(texts):
            item = qt.QTableWidgetItem(text.replace("-", "\N{MINUS SIGN}") if column else text)
            if column:
                item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
            table.setItem(row, column, item)
    row = table.verticalHeader().defaultSectionSize
    table.setFixedHeight(table.horizontalHeader().height + row * len(rows) + 2 * table.frameWidth)
