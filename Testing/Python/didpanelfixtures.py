"""Fixtures for tests of the panel of DID Interactive; see :mod:`panelfixtures`."""

from __future__ import annotations

import types

import pytest
from controlleddidengine import ControlledDIDEngine
from panelfixtures import (  # noqa: F401  (fixtures)
    ROOT, add_ct, array_of, calls, complaints, dialogs, finish_during_import, importing, mrml, opener, panel,
    parameters, ready, session, settle, shown, ui, wait_for,
)


class PlotViews:
    """The plot view of the layout manager, and the logic that shows a chart there."""

    def __init__(self, session) -> None:  # noqa: F811
        import slicer

        self.listeners: list = []
        self.view = types.SimpleNamespace(connect=lambda signal, slot: self.listeners.append((signal, slot)),
                                          disconnect=lambda signal, slot: self.listeners.remove((signal, slot)))
        self.logic = slicer.vtkSlicerPlotsLogic()
        self.logic.SetMRMLApplicationLogic(session.mrml.application)
        self.logic.SetMRMLScene(session.mrml.scene)
        session.mrml.application.SetModuleLogic("Plots", self.logic)
        slicer.modules.plots = types.SimpleNamespace(logic=lambda: self.logic)
        session.layoutManager.plotViewCount = 1
        session.layoutManager.plotWidget = lambda n: types.SimpleNamespace(plotView=lambda: self.view)
        node = slicer.vtkMRMLPlotViewNode()
        node.SetLayoutName("PlotView1")
        node.SetSingletonTag("PlotView1")
        self.node = session.mrml.scene.AddNode(node)

    def choose(self, series, row: int) -> None:
        """Click on a point of ``series``."""
        import vtk

        names, points, rows = vtk.vtkStringArray(), vtk.vtkCollection(), vtk.vtkIdTypeArray()
        names.InsertNextValue(series.GetID())
        rows.InsertNextValue(row)
        points.AddItem(rows)
        for _signal, slot in list(self.listeners):
            slot(names, points)


@pytest.fixture
def toolbar(session):  # noqa: F811
    """The Sequences toolbar, see :class:`slicerstandins.session.SequencesModule`."""
    import slicer

    return slicer.modules.sequences


@pytest.fixture
def plots(session):  # noqa: F811
    return PlotViews(session)


def drive_candidates(logic):  # noqa: F811
    """Give the logic of DID Interactive an engine that the test drives, and memory enough."""
    logic.engine = ControlledDIDEngine()
    logic.freeMemory = 10**12


@pytest.fixture
def open_panel(session, toolbar, monkeypatch, tmp_path):  # noqa: F811
    """Opens the panel of DID Interactive, not entered yet, on an engine that the test drives."""
    with opener(session, monkeypatch, tmp_path, "DIDInteractive", drive_candidates) as open_panel:
        yield open_panel


@pytest.fixture
def ct(mrml, session):  # noqa: F811
    """The same CT as in the tests of the other panel, shown in all views, slice 3 in the Red one."""
    import slicer

    volume = add_ct(mrml)
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    session.sliceLogics["Red"].SetSliceOffset(-41.0)
    return volume


@pytest.fixture
def logic(panel):  # noqa: F811
    return panel.widget.logic


@pytest.fixture
def made(ready, parameters, calls):  # noqa: F811
    """A set of five candidates of the whole volume, made with the panel."""
    parameters.count = 5
    ready.generateButton.click()
    calls[0].finish()
    return parameters.candidates
