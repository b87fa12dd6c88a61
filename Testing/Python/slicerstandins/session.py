"""What surrounds a module's panel in Slicer: ``qt``, ``ctk``, the qMRML widgets, ``slicer.app`` and ``slicer.modules``.

A :class:`Session` puts all of it in place around a real MRML scene.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path

from PySide6 import QtCore, QtWidgets

from . import ctkwidgets, mrmlwidgets, pythonqt
from .uiloader import UiLoader


class Application:
    """``slicer.app``. What it lacks, Slicer may have; what it has, Slicer has too."""

    applicationName = "Slicer"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._moduleManager = ModuleManager()
        self.listeners: dict[str, list] = {"startupCompleted()": [], "aboutToQuit()": []}

    def connect(self, signal: str, function) -> bool:
        self.listeners[signal].append(function)
        return True

    def disconnect(self, signal: str, function) -> bool:
        self.listeners[signal].remove(function)
        return True

    def applicationLogic(self):
        return self._session.mrml.application

    def mrmlScene(self):
        return self._session.mrml.scene

    def layoutManager(self):
        return self._session.layoutManager

    def moduleManager(self):
        return self._moduleManager

    def testingEnabled(self) -> bool:
        return self._session.testing

    def topLevelWidgets(self):
        return QtWidgets.QApplication.topLevelWidgets()

    def processEvents(self, *flags) -> None:
        QtWidgets.QApplication.processEvents()

    def setOverrideCursor(self, cursor) -> None:
        QtWidgets.QApplication.setOverrideCursor(cursor)

    def restoreOverrideCursor(self) -> None:
        QtWidgets.QApplication.restoreOverrideCursor()

    def style(self):
        return QtWidgets.QApplication.style()

    def userSettings(self):
        return QtCore.QSettings()

    def translate(self, context: str, text: str) -> str:
        return text


class ModuleManager:
    """``slicer.app.moduleManager()``: tells who listens that a module is about to go."""

    def __init__(self) -> None:
        self.listeners: dict[str, list] = {"moduleAboutToBeUnloaded(QString)": []}

    def connect(self, signal: str, function) -> bool:
        self.listeners[signal].append(function)
        return True

    def disconnect(self, signal: str, function) -> bool:
        self.listeners[signal].remove(function)
        return True


class LayoutManager:
    """``slicer.app.layoutManager()``, on the real layout node and slice logics of the scene."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def layout(self) -> int:
        return self._session.layoutNode.GetViewArrangement()

    def setLayout(self, identifier: int) -> None:
        self._session.layoutNode.SetViewArrangement(identifier)

    def sliceViewNames(self) -> tuple[str, ...]:
        return tuple(self._session.sliceLogics)

    def mrmlSliceLogics(self):
        return self._session.mrml.application.GetSliceLogics()

    def sliceWidget(self, name: str):
        logic = self._session.sliceLogics.get(name)
        if logic is None:
            return None
        return types.SimpleNamespace(sliceLogic=lambda: logic, mrmlSliceNode=logic.GetSliceNode,
                                     mrmlSliceCompositeNode=logic.GetSliceCompositeNode)


class SequencesModule:
    """``slicer.modules.sequences`` with its toolbar, which acts on one browser.

    Attributes:
        autoShow: whether the user lets the toolbar be shown by itself.
        shown: whether it is.
        active: every browser that it was put on, the last one being what it acts on.
    """

    def __init__(self, mrml) -> None:
        self.logic = lambda: mrml.logic("Sequences")
        self.autoShow, self.shown, self.active = True, False, []

    def setToolBarActiveBrowserNode(self, browser) -> None:
        if self.active[-1:] != [browser]:
            self.active.append(browser)

    def showSequenceBrowser(self, browser) -> bool:
        # As in Slicer: without leave to show the toolbar, nothing at all is done.
        if self.autoShow:
            self.setToolBarActiveBrowserNode(browser)
            self.shown = True
        return True


class Session:
    """Slicer around ``mrml``, a :class:`slicerscene.SlicerScene`, until :meth:`close`.

    Args:
        settings: folder for the user's settings.
        main_window: whether there is a main window with slice views, or none as with --no-main-window.

    Attributes:
        testing: what ``slicer.app.testingEnabled()`` says: True shows no dialogs.
    """

    def __init__(self, mrml, settings: Path, main_window: bool = True) -> None:
        import slicer

        self.mrml = mrml
        self.testing = True
        qt = pythonqt.install()
        ctk = sys.modules.setdefault("ctk", ctkwidgets.make_module())
        if not hasattr(slicer, "qMRMLWidget"):
            mrmlwidgets.install(slicer)
        classes = {name: cls for module in (ctk, slicer) for name, cls in vars(module).items()
                   if isinstance(cls, type) and issubclass(cls, QtWidgets.QWidget)}
        qt.QUiLoader = lambda: UiLoader(classes)
        QtCore.QSettings.setDefaultFormat(QtCore.QSettings.IniFormat)
        QtCore.QSettings.setPath(QtCore.QSettings.IniFormat, QtCore.QSettings.UserScope, str(settings))
        QtCore.QCoreApplication.setOrganizationName("tests")
        QtCore.QCoreApplication.setApplicationName("tests")
        self.layoutManager = self.mainWindow = self.layoutNode = None
        self.sliceLogics = {}
        if main_window:  # the views and their nodes belong to it
            self._add_views(slicer)
            self.layoutManager = LayoutManager(self)
            self.mainWindow = qt.QMainWindow()
            self.mainWindow.objectName = "qSlicerMainWindow"
        slicer.app = Application(self)
        slicer.modules = types.SimpleNamespace(sequences=SequencesModule(mrml))

    def _add_views(self, slicer) -> None:
        import vtk

        scene = self.mrml.scene
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
        for name, orientation in (("Red", "Axial"), ("Green", "Coronal"), ("Yellow", "Sagittal")):
            logic = slicer.vtkMRMLSliceLogic()
            logic.SetMRMLApplicationLogic(self.mrml.application)
            logic.SetMRMLScene(scene)
            self.mrml.application.GetSliceLogics().AddItem(logic)
            logic.AddSliceNode(name).SetOrientation(orientation)
            logic.ResizeSliceNode(256, 256)
            self.sliceLogics[name] = logic
        self._layoutLogic = slicer.vtkMRMLLayoutLogic()
        self._layoutLogic.SetMRMLScene(scene)
        self.layoutNode = self._layoutLogic.GetLayoutNode()
        self.layoutNode.SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
        self._map_views()
        # Slicer's layout manager tells the views whether they are to be seen.
        self._observer = self.layoutNode.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._map_views())

    def _map_views(self) -> None:
        arrangement = self.layoutNode.GetViewArrangement()
        shown = {self.layoutNode.SlicerLayoutSideBySideView: ("Red", "Yellow"),
                 self.layoutNode.SlicerLayoutOneUp3DView: ()}.get(arrangement, tuple(self.sliceLogics))
        for name, logic in self.sliceLogics.items():
            logic.GetSliceNode().SetMappedInLayout(name in shown)

    def add_module(self, path: Path):
        """Make the module in the file ``path`` known to Slicer, import it and return it."""
        import slicer

        name = path.stem
        setattr(slicer.modules, name.lower(), types.SimpleNamespace(path=str(path), name=name))
        return __import__(name)

    def close(self) -> None:
        """Take ``slicer.app`` and ``slicer.modules`` away: without them, slicer is the data model alone again."""
        import slicer

        QtWidgets.QApplication.processEvents()
        if self.mainWindow is not None:
            self.layoutNode.RemoveObserver(self._observer)
            self.mainWindow.deleteLater()
        QtWidgets.QApplication.sendPostedEvents(None, QtCore.QEvent.DeferredDelete)
        pythonqt.forget_connections()
        del slicer.app, slicer.modules


class Panel:
    """A module's widget in the module panel of the application: opened, left, and closed as Slicer does it."""

    def __init__(self, session: Session, module, name: str) -> None:
        import slicer

        self.session = session
        self.parent = slicer.qSlicerScriptedLoadableModuleWidget()
        self.parent.setLayout(QtWidgets.QVBoxLayout())
        self.parent.setMRMLScene(session.mrml.scene)
        self.parent.setPythonSource(module.__file__)
        getattr(slicer.modules, name.lower()).widgetRepresentation = lambda: self.parent
        self.widget.setup()

    @property
    def widget(self):
        """The widget that Python made; after a reload of the module it is another one."""
        return self.parent.self()

    def enter(self) -> None:
        self.parent.setEntered(True)
        self.widget.enter()

    def exit(self) -> None:
        self.parent.setEntered(False)
        self.widget.exit()

    def close(self) -> None:
        """Unload the module, as a reload and the end of the application do."""
        import slicer

        for listener in list(slicer.app.moduleManager().listeners["moduleAboutToBeUnloaded(QString)"]):
            listener(self.widget.moduleName)
        self.parent.deleteLater()
        QtWidgets.QApplication.sendPostedEvents(None, QtCore.QEvent.DeferredDelete)
