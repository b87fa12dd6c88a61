"""The plot of noise against sharpness in Slicer's plot view, for as long as the user wants to see it."""

from __future__ import annotations

import contextlib

import slicer

SELECTED = "dataSelected(vtkStringArray*, vtkCollection*)"
"""Signal of a plot view: points were chosen."""


class PlotLayout:
    """Shows a chart beside the slice views. ``choose(seriesIDs, selections)`` is called when points are chosen.

    A click on a point chooses it in every mode of Slicer's plot view but "move points", which it does not begin with.
    """

    def __init__(self, choose) -> None:
        self._choose = choose
        self._layout = self._shownLayout = None
        self._views: list = []

    @property
    def on(self) -> bool:
        return self._layout is not None

    def start(self, chart) -> None:
        """Change to a layout with a plot, unless it is one, and show ``chart`` (vtkMRMLPlotChartNode) there."""
        layout = _layoutNode()
        if not self.on:
            self._layout = layout.GetViewArrangement()
        slicer.modules.plots.logic().ShowChartInLayout(chart)
        self._shownLayout = layout.GetViewArrangement()
        self._disconnect()
        manager = slicer.app.layoutManager()
        self._views = [manager.plotWidget(n).plotView() for n in range(manager.plotViewCount)] if manager else []
        for view in self._views:
            view.connect(SELECTED, self._choose)

    def stop(self) -> None:
        """Bring the layout back; one that the user has chosen meanwhile stays."""
        self._disconnect()
        layout = _layoutNode()
        if self.on and layout.GetViewArrangement() == self._shownLayout:
            layout.SetViewArrangement(self._layout)
        self._layout = None

    def _disconnect(self) -> None:
        for view in self._views:
            with contextlib.suppress(ValueError):  # PythonQt: the view is gone
                view.disconnect(SELECTED, self._choose)
        self._views = []


def _layoutNode():
    return slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
