"""Fixtures for tests of the panel of DID Interactive; see :mod:`panelfixtures`."""

from __future__ import annotations

import types

import numpy as np
import pytest
from fakedidengine import FakeDIDEngine
from panelfixtures import ROOT, complaints, mrml, session, settle, shown  # noqa: F401  (fixtures)

from LDCTDenoiseLib.engine import Cancelled

PLACE = np.array([[-0.8, 0, 0, 19.0], [0, -0.8, 0, 21.0], [0, 0, 3.0, -50.0], [0, 0, 0, 1]])


class Call:
    """A run that has begun; ``listener`` hears what the test lets happen."""

    def __init__(self, request, listener) -> None:
        self.request, self.listener = request, listener
        self.cancels = 0

    def cancel(self) -> None:
        self.cancels += 1

    def started(self) -> None:
        self.listener.started()

    def progress(self, fraction: float, text: str = "Smoother candidates", remaining: float = 0.0) -> None:
        self.listener.progressed(fraction, text, remaining)

    def finish(self) -> None:
        self.listener.started()
        self.listener.finished(FakeDIDEngine().generate(self.request), None)

    def fail(self, error: BaseException) -> None:
        self.listener.finished(None, error)

    def stopped(self) -> None:
        self.fail(Cancelled("stopped"))


class ControlledDIDEngine:
    """Keeps the runs that were begun in ``calls``, to be driven as a worker process would."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def models(self) -> list[str]:
        return FakeDIDEngine().models()

    def start_generate(self, request, listener) -> Call:
        self.calls.append(Call(request, listener))
        return self.calls[-1]


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
    """The browsers that the Sequences toolbar was asked to show."""
    import slicer

    asked: list = []
    slicer.modules.sequences.showSequenceBrowser = asked.append
    return asked


@pytest.fixture
def plots(session):  # noqa: F811
    return PlotViews(session)


@pytest.fixture
def open_panel(session, toolbar, monkeypatch, tmp_path):  # noqa: F811
    """Opens the panel of DID Interactive, not entered yet, on an engine that the test drives."""
    from slicerstandins.session import Panel

    monkeypatch.setenv("LDCT_MODELS", str(tmp_path / "models"))
    opened = []

    def open_panel():
        module = session.add_module(ROOT / "DIDInteractive" / "DIDInteractive.py")
        opened.append(Panel(session, module, "DIDInteractive"))
        opened[-1].widget.logic.engine = ControlledDIDEngine()
        opened[-1].widget.logic.freeMemory = 10**12
        return opened[-1]

    yield open_panel
    for panel in opened:
        panel.close()


@pytest.fixture
def panel(open_panel):
    """The panel as the user has it open."""
    opened = open_panel()
    opened.enter()
    return opened


@pytest.fixture
def ct(mrml, session):  # noqa: F811
    """A small CT of soft tissue, shown in all views, slice 3 in the Red one."""
    import slicer

    values = np.random.default_rng(7).normal(50, 30, (5, 48, 48)).astype(np.int16)
    volume = mrml.add_volume(values, PLACE)
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    session.sliceLogics["Red"].SetSliceOffset(-41.0)
    return volume


@pytest.fixture
def ui(panel):
    return panel.widget.panel.ui


@pytest.fixture
def logic(panel):
    return panel.widget.logic


@pytest.fixture
def parameters(panel):
    """What the panel keeps in the scene."""
    return panel.widget.panel.parameters


@pytest.fixture
def calls(logic):
    """The runs that the engine was asked for."""
    return logic.engine.calls


@pytest.fixture
def ready(ct, ui, parameters):
    """The widgets of the panel with everything chosen that a run needs."""
    parameters.inputVolume = ct
    settle()
    return ui


@pytest.fixture
def made(ready, parameters, calls):
    """A set of five candidates of the whole volume, made with the panel."""
    parameters.count = 5
    ready.generateButton.click()
    calls[0].finish()
    return parameters.candidates
