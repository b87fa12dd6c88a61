"""Fixtures for tests of the modules' panels: Slicer around a real scene, by stand-ins; see :mod:`slicerstandins`."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from slicerscene import mrml  # noqa: F401  (a fixture)

ROOT = Path(__file__).resolve().parents[2]


class _Unseen(logging.Handler):
    """Collects the errors of those who watch a job, which are logged so that the others hear of it all the same."""

    def __init__(self, found: list) -> None:
        super().__init__(logging.ERROR)
        self.found = found

    def emit(self, record) -> None:
        if record.exc_info:
            self.found.append(record.exc_info[1])


@pytest.fixture
def complaints(monkeypatch):
    """What went wrong where no caller can see it, in slots and observers; a test fails if there is anything."""
    found = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: found.append(error))
    handler = _Unseen(found)
    logging.getLogger("LDCTDenoiseLib.job").addHandler(handler)
    yield found
    logging.getLogger("LDCTDenoiseLib.job").removeHandler(handler)
    assert not found, found


@pytest.fixture
def session(mrml, complaints, tmp_path):  # noqa: F811
    """Slicer with a main window, slice views and no dialogs."""
    from slicerstandins.session import Session

    running = Session(mrml, tmp_path / "settings")
    yield running
    running.close()


@contextlib.contextmanager
def opener(session, monkeypatch, tmp_path, name, prepare):
    """Give a function that opens the panel of the module ``name``, not entered yet.

    ``prepare(logic)``: called for each, to set an engine that the test drives. The panels are closed in the end.
    """
    from slicerstandins.session import Panel

    monkeypatch.setenv("LDCT_MODELS", str(tmp_path / "models"))
    opened = []

    def open_panel():
        opened.append(Panel(session, session.add_module(ROOT / name / f"{name}.py"), name))
        prepare(opened[-1].widget.logic)
        return opened[-1]

    yield open_panel
    for panel in opened:
        panel.close()


def drive(logic):
    """Give the logic of LDCT Denoise an engine that the test drives."""
    from controlledengine import ControlledEngine

    logic.engine = ControlledEngine()


@pytest.fixture
def open_panel(session, monkeypatch, tmp_path):
    """Opens the panel of LDCT Denoise, not entered yet, on an engine that the test drives."""
    with opener(session, monkeypatch, tmp_path, "LDCTDenoise", drive) as open_panel:
        yield open_panel


@pytest.fixture
def panel(open_panel):
    """The panel as the user has it open."""
    opened = open_panel()
    opened.enter()
    return opened


@pytest.fixture
def ct(mrml):  # noqa: F811
    """A small CT of soft tissue with noise of 30 HU, in slices as scanners store them."""
    return add_ct(mrml)


@pytest.fixture
def ui(panel):
    """The widgets of the panel, by name."""
    return panel.widget.panel.ui


@pytest.fixture
def parameters(panel):
    """What the panel keeps in the scene."""
    return panel.widget.panel.parameters


@pytest.fixture
def calls(panel):
    """The runs that the engine was asked for."""
    return panel.widget.logic.engine.calls


@pytest.fixture
def ready(ct, ui, parameters):
    """The widgets of the panel with everything chosen that a run needs."""
    parameters.inputVolume = ct
    settle()
    return ui


@pytest.fixture
def done(ct, ui, parameters, calls):
    """The panel after a run; all views show the result."""
    import slicer

    slicer.util.setSliceViewerLayers(background=ct, fit=True)
    denoise(ct, ui, parameters, calls)
    return ui


def denoise(ct, ui, parameters, calls):
    """Let a run of the panel of LDCT Denoise begin and end."""
    parameters.inputVolume = ct
    ui.applyButton.click()
    calls[-1].finish()


@pytest.fixture
def result(done, parameters):
    return parameters.outputVolume


@pytest.fixture
def importing(mrml):  # noqa: F811
    """``with importing():`` Slicer tells that a scene is read, before and after."""
    import slicer

    @contextlib.contextmanager
    def importing():
        mrml.scene.StartState(slicer.vtkMRMLScene.ImportState)
        yield
        mrml.scene.EndState(slicer.vtkMRMLScene.ImportState)
        settle()

    return importing


@pytest.fixture(params=[False, True], ids=["the scene says", "a scene is read"])
def finish_during_import(request, mrml, ready, calls, importing, tmp_path):  # noqa: F811
    """Begins a run with a button and lets it end while a scene is imported; returns whether one is really read."""
    def finish(button):
        mrml.save(tmp_path / "scene.mrb")
        button.click()
        calls[0].started()
        with importing():
            calls[0].finish()
            assert ready.messageLabel.text.startswith("Done in ")
            if request.param:
                assert mrml.scene.ReadFromMRB(str(tmp_path / "scene.mrb"))
        return request.param

    return finish


@pytest.fixture
def dialogs(monkeypatch):
    """The texts of the error dialogs that the user was shown."""
    import slicer

    told = []
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **more: told.append(text))
    return told


def settle():
    """Let everything happen that waits for the event loop."""
    import slicer

    for _ in range(3):
        slicer.app.processEvents()


def wait_for(condition):
    """Let events happen until the condition holds, for ten seconds at most."""
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        settle()
    assert condition()


def tab_order(panel, ui, names):  # noqa: F811
    """Return those of the widgets ``names`` that the Tab key reaches, in its order, from the first of them on."""
    from PySide6 import QtCore, QtTest, QtWidgets

    _activate(panel)
    getattr(ui, names[0]).setFocus()
    order = [names[0]]
    for _ in range(150):
        QtTest.QTest.keyClick(QtWidgets.QApplication.focusWidget(), QtCore.Qt.Key_Tab)
        name = _name_of_focus(names)
        if name == names[0]:
            break
        if name and name != order[-1]:
            order.append(name)
    return order


def reached_by_letter(panel, ui, start):  # noqa: F811
    """Return for every widget that a label marks a letter for, by name, what has the focus after Alt and this letter.

    Before each, the widget ``start`` has the focus.
    """
    import qt
    from PySide6 import QtCore, QtTest, QtWidgets

    _activate(panel)
    reached = {}
    for label in [widget for widget in vars(ui).values() if isinstance(widget, qt.QLabel)]:
        letter = re.search("&(.)", label.text.replace("&&", ""))
        if label.buddy() is not None and letter:
            start.setFocus()
            key = getattr(QtCore.Qt, f"Key_{letter[1].upper()}")
            QtTest.QTest.keyClick(QtWidgets.QApplication.focusWidget(), key, QtCore.Qt.AltModifier)
            name = label.buddy().name
            reached[name] = _name_of_focus([name, start.name])
    return reached


def _activate(panel) -> None:  # noqa: F811
    from PySide6 import QtTest

    panel.parent.show()
    panel.parent.activateWindow()
    assert QtTest.QTest.qWaitForWindowActive(panel.parent)


def _name_of_focus(names):
    """Return which of the widgets ``names`` has the focus, or what it is made of, or None."""
    from PySide6 import QtWidgets

    widget = QtWidgets.QApplication.focusWidget()
    while widget is not None and widget.name not in names:
        widget = widget.parent()
    return widget.name if widget is not None else None


def add_ct(mrml):  # noqa: F811
    values = np.random.default_rng(7).normal(50, 30, (5, 48, 48)).astype(np.int16)
    return mrml.add_volume(values, np.array([[-0.8, 0, 0, 19.0], [0, -0.8, 0, 21.0], [0, 0, 3.0, -50.0], [0, 0, 0, 1]]))


def array_of(volume):
    import slicer

    return slicer.util.arrayFromVolume(volume)


def shown(view="Red"):
    """Return the background volume of a slice view."""
    import slicer

    composite = slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceCompositeNode{view}")
    return slicer.mrmlScene.GetNodeByID(composite.GetBackgroundVolumeID() or "")
