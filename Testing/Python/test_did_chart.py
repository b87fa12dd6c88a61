"""Table and plot of a set show every candidate; browsing moves the mark, and choosing a point selects its candidate."""

import numpy as np
import pytest
from didscene import candidates, column, ct, didlogic  # noqa: F401  (three are fixtures)
from slicerscene import mrml  # noqa: F401  (a fixture)

NOISE, SHARPNESS = "Noise SD (HU)", "Edges kept"


def series_of(chart):
    return [chart.GetNthPlotSeriesNode(n) for n in range(chart.GetNumberOfPlotSeriesNodes())]


def marked_at(didlogic, candidates):
    """Return (noise, sharpness) of the mark."""
    table = series_of(didlogic.chart(candidates))[1].GetTableNode()
    assert table.GetNumberOfRows() == 1
    return column(table, NOISE)[0], column(table, SHARPNESS)[0]


def test_the_table_has_a_row_for_every_candidate(didlogic, candidates):
    table = didlogic.table(candidates)
    assert table.GetName() == "CT candidates table"
    np.testing.assert_allclose(column(table, NOISE), [2, 4, 6, 8, 10])
    np.testing.assert_allclose(column(table, "Noise kept (%)"), [20, 40, 60, 80, 100])
    np.testing.assert_allclose(column(table, SHARPNESS), [0.2, 0.4, 0.6, 0.8, 1])
    np.testing.assert_allclose(column(table, "Bias of soft tissue (HU)"), [0.4, 0.3, 0.2, 0.1, 0])
    np.testing.assert_allclose(column(table, "Position"), [-1, -0.5, 0, 0.5, 1])
    texts = [table.GetTable().GetColumnByName(name) for name in ("Kind", "Method", "In words")]
    assert [text.GetValue(2) for text in texts] == ["default", "network",
                                                    "noise 6.0 HU, 60 % of the original; edges 60 %"]


def test_the_chart_plots_noise_against_sharpness_with_one_point_for_every_candidate(didlogic, candidates):
    chart = didlogic.chart(candidates)
    assert chart.GetXAxisTitle() == NOISE
    assert "Edges" in chart.GetYAxisTitle()
    points, mark = series_of(chart)
    assert points.GetTableNode() is didlogic.table(candidates)
    for series in (points, mark):
        assert series.GetPlotType() == series.PlotTypeScatter
        assert (series.GetXColumnName(), series.GetYColumnName()) == (NOISE, SHARPNESS)
        assert series.GetLabelColumnName() == "In words"
    assert mark.GetMarkerSize() > points.GetMarkerSize()
    assert mark.GetColor() != points.GetColor()


def test_browsing_moves_the_mark_and_redraws_the_plot(didlogic, candidates):
    import vtk

    assert marked_at(didlogic, candidates) == (6, 0.6)
    redrawn = []
    didlogic.chart(candidates).AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *arguments: redrawn.append(1))
    browser = didlogic.browser(candidates)
    for number in (0, 4, 1):
        redrawn.clear()
        browser.SetSelectedItemNumber(number)
        assert marked_at(didlogic, candidates) == pytest.approx((2 * (number + 1), (number + 1) / 5))
        assert redrawn


def test_the_second_browser_leaves_the_mark_alone(didlogic, candidates):
    didlogic.compareCandidates(candidates, 0)
    assert marked_at(didlogic, candidates) == (6, 0.6)


def test_the_mark_stands_between_candidates_where_the_image_does(didlogic, candidates):
    for slice_index in (1, None):
        didlogic.candidateAt(candidates, 0.25, slice_index)
        assert marked_at(didlogic, candidates) == pytest.approx((7, 0.7))
    didlogic.selectCandidate(candidates, 0)
    assert marked_at(didlogic, candidates) == (2, 0.2)


def test_the_tables_of_the_mark_are_out_of_the_user_s_way(mrml, didlogic, candidates):
    marks = candidates.GetNodeReference("DIDInteractive.Mark")
    didlogic.selectCandidate(candidates, 0)
    assert marks.GetHideFromEditors()
    assert didlogic.browser(candidates).GetProxyNode(marks).GetHideFromEditors()


def select(*points):
    """Return what a plot view reports when these points, (series, row), are selected."""
    import vtk

    series_ids, selections = vtk.vtkStringArray(), vtk.vtkCollection()
    for series in dict.fromkeys(series for series, _ in points):
        rows = vtk.vtkIdTypeArray()
        for one, row in points:
            if one is series:
                rows.InsertNextValue(row)
        series_ids.InsertNextValue(series.GetID())
        selections.AddItem(rows)
    return series_ids, selections


def test_choosing_a_point_selects_its_candidate(didlogic, candidates):
    points, mark = series_of(didlogic.chart(candidates))
    for number in (4, 0, 3):
        assert didlogic.selectFromPlot(*select((points, number)))
        assert didlogic.currentCandidate(candidates) == number
    # a click on the marked point hits the mark as well
    assert didlogic.selectFromPlot(*select((mark, 0), (points, 3)))
    assert didlogic.currentCandidate(candidates) == 3
    # an area with several points: the first
    assert didlogic.selectFromPlot(*select((points, 1), (points, 2)))
    assert didlogic.currentCandidate(candidates) == 1


def test_choosing_what_is_no_candidate_changes_nothing(mrml, didlogic, candidates):
    import vtk

    points, mark = series_of(didlogic.chart(candidates))
    other = mrml.scene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", "somebody else's")
    for chosen in (select((mark, 0)), select((other, 1)), select((points, 99)),
                   select(), (vtk.vtkStringArray(), vtk.vtkCollection())):
        assert not didlogic.selectFromPlot(*chosen)
        assert didlogic.currentCandidate(candidates) == 2
    gone = select((points, 1))
    didlogic.deleteSet(candidates)
    assert not didlogic.selectFromPlot(*gone)


def test_a_point_belongs_to_its_own_set(mrml, didlogic, ct, candidates):
    preview = didlogic.preview(ct, 1, count=4)
    points, _ = series_of(didlogic.chart(preview))
    assert didlogic.selectFromPlot(*select((points, 3)))
    assert (didlogic.currentCandidate(preview), didlogic.currentCandidate(candidates)) == (3, 2)


def test_the_rows_that_a_vtk_plot_selects_are_the_candidates_also_where_points_are_missing(didlogic, ct):
    """vtkPlotLine is what Slicer's plot view draws a scatter series with, and where it takes the selection from."""
    import vtk

    didlogic.engine.edges = [0.3, None, 0.5, 0.9, 1.0]
    candidates = didlogic.generateCandidates(ct, count=5)
    points, _ = series_of(didlogic.chart(candidates))
    plot = vtk.vtkPlotLine()
    plot.SetInputData(points.GetTableNode().GetTable(), points.GetXColumnName(), points.GetYColumnName())
    plot.Update()
    assert plot.SelectPoints(vtk.vtkVector2f(7.5, 0.8), vtk.vtkVector2f(8.5, 0.95))
    series_ids, selections = vtk.vtkStringArray(), vtk.vtkCollection()
    series_ids.InsertNextValue(points.GetID())
    selections.AddItem(plot.GetSelection())
    assert didlogic.selectFromPlot(series_ids, selections)
    assert didlogic.currentCandidate(candidates) == 3


def test_an_update_of_the_set_plots_the_new_candidates_in_the_user_s_colours(didlogic, ct, candidates):
    points, _ = series_of(didlogic.chart(candidates))
    points.SetColor(0, 1, 0)
    didlogic.generateCandidates(ct, count=7)
    assert series_of(didlogic.chart(candidates))[0] is points
    assert points.GetTableNode().GetNumberOfRows() == 7
    assert points.GetColor() == (0, 1, 0)
    assert didlogic.chart(candidates).GetNumberOfPlotSeriesNodes() == 2
    didlogic.selectCandidate(candidates, 6)
    assert marked_at(didlogic, candidates) == (14, 1)
