"""Table and plot of a candidate set: one point per candidate, the current one marked, points that can be chosen.

The mark is a second plot series on a table of one row. That table is the proxy of a sequence of such tables in the
browser of the set, so that the Sequences module itself moves the mark when the candidates are browsed, also in a Slicer
without this extension.
"""

from __future__ import annotations

import slicer
import vtk
from slicer.i18n import tr as _

from . import candidatenodes as nodes
from .candidatebrowser import select as select_item
from .candidatebrowser import take_over
from .candidatefacts import NOISE_COLUMN, SHARPNESS_COLUMN, WORDS_COLUMN, SetContent

POINT_COLOR, MARK_COLOR = (0.25, 0.45, 0.75), (0.90, 0.35, 0.10)
POINT_SIZE, MARK_SIZE = 9.0, 16.0


def write_table(table, rows) -> None:
    """Make ``table`` (vtkMRMLTableNode) hold ``rows``, dictionaries of one and the same columns."""
    with slicer.util.NodeModify(table):
        table.RemoveAllColumns()
        for name, value in rows[0].items():
            column = vtk.vtkStringArray() if isinstance(value, str) else vtk.vtkDoubleArray()
            column.SetName(name)
            for row in rows:
                column.InsertNextValue(row[name])
            table.AddColumn(column)


def mark_row(noise: float, sharpness: float, words: str) -> dict[str, float | str]:
    """Return the row of the mark's table."""
    return {NOISE_COLUMN: noise, SHARPNESS_COLUMN: sharpness, WORDS_COLUMN: words}


def mark_tables(content: SetContent) -> list:
    """Return a table of one row for every candidate, for the mark."""
    tables = []
    for row in content.rows:
        table = slicer.vtkMRMLTableNode()
        write_table(table, [mark_row(row[NOISE_COLUMN], row[SHARPNESS_COLUMN], row[WORDS_COLUMN])])
        tables.append(table)
    return tables


def show_mark(browser, sequence, marks) -> None:
    """Let ``browser`` fill a hidden table from ``marks``, the mark's sequence of the set ``sequence``."""
    browser.AddSynchronizedSequenceNode(marks)
    take_over(browser, marks, nodes.unused(sequence, nodes.MARK_TABLE_ROLE, marks))
    table = browser.GetProxyNode(marks)
    if table is None:
        table = nodes.add_hidden_node(browser.GetScene(), "vtkMRMLTableNode", marks.GetName())
        browser.AddProxyNode(table, marks, False)
    if not sequence.HasNodeReferenceID(nodes.MARK_TABLE_ROLE, table.GetID()):
        sequence.AddNodeReferenceID(nodes.MARK_TABLE_ROLE, table.GetID())


def move_mark(sequence, row: dict[str, float | str]) -> None:
    """Put the mark where ``row`` says, until the next candidate is selected."""
    browser, marks = nodes.browser_of(sequence), sequence.GetNodeReference(nodes.MARK_ROLE)
    table = None if browser is None or marks is None else browser.GetProxyNode(marks)
    if table is not None:
        write_table(table, [row])


def write_chart(sequence, content: SetContent, source_name: str) -> None:
    """Make or update the table, the two plot series and the chart of a set."""
    name = sequence.GetName()
    table = nodes.part(sequence, nodes.TABLE_ROLE, "vtkMRMLTableNode", f"{name} table")
    write_table(table, content.rows)
    points = _series(sequence, nodes.POINTS_ROLE, f"{name} points", table, POINT_COLOR, POINT_SIZE)
    points.SetMarkerStyle(points.MarkerStyleCircle)
    points.SetLineStyle(points.LineStyleDot)
    points.SetNodeReferenceID(nodes.SET_ROLE, sequence.GetID())
    marks = sequence.GetNodeReference(nodes.MARK_ROLE)
    mark = _series(sequence, nodes.MARK_SERIES_ROLE, f"{name} current",
                   nodes.browser_of(sequence).GetProxyNode(marks), MARK_COLOR, MARK_SIZE)
    mark.SetMarkerStyle(mark.MarkerStyleDiamond)
    mark.SetLineStyle(mark.LineStyleNone)
    chart = nodes.part(sequence, nodes.CHART_ROLE, "vtkMRMLPlotChartNode", f"{name} plot")
    with slicer.util.NodeModify(chart):
        for series in (points, mark):
            if not chart.HasPlotSeriesNodeID(series.GetID()):
                chart.AddAndObservePlotSeriesNodeID(series.GetID())
        chart.SetTitle(_("Noise and sharpness: {volume}").format(volume=source_name))
        chart.SetXAxisTitle(_("Noise SD (HU)"))
        chart.SetYAxisTitle(_("Edges kept (1: as sharp as the input)"))
        chart.SetLegendVisibility(False)


def _series(sequence, role: str, name: str, table, color, size: float):
    series = sequence.GetNodeReference(role)
    new = series is None
    series = nodes.part(sequence, role, "vtkMRMLPlotSeriesNode", name)
    with slicer.util.NodeModify(series):
        series.SetAndObserveTableNodeID(table.GetID())
        series.SetPlotType(series.PlotTypeScatter)
        series.SetXColumnName(NOISE_COLUMN)
        series.SetYColumnName(SHARPNESS_COLUMN)
        series.SetLabelColumnName(WORDS_COLUMN)
        if new:
            series.SetColor(*color)
            series.SetMarkerSize(size)
    return series


def select(scene, series_ids, selections) -> bool:
    """Show the candidate of the point chosen in a plot view; return False where it is no candidate's.

    The arguments are those of the signal ``dataSelected(vtkStringArray*, vtkCollection*)`` of Slicer's plot view: the
    IDs of the plot series that have selected points, and for each a vtkIdTypeArray of the points' rows. Where several
    points lie in the selected area, the first one is taken. The mark has no candidate of its own.
    """
    for n in range(min(series_ids.GetNumberOfValues(), selections.GetNumberOfItems())):
        series, points = scene.GetNodeByID(series_ids.GetValue(n)), selections.GetItemAsObject(n)
        sequence = None if series is None else series.GetNodeReference(nodes.SET_ROLE)
        if nodes.is_set(sequence) and nodes.is_complete(sequence) and points.GetNumberOfValues() > 0:
            item = points.GetValue(0)
            if 0 <= item < sequence.GetNumberOfDataNodes():
                select_item(sequence, item)
                return True
    return False
