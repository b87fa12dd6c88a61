"""Stand in for the qMRML widgets that the panels use: a widget that knows the scene, and a selector of its nodes."""

from __future__ import annotations

import sys
import weakref
from pathlib import Path

import shiboken6
from PySide6 import QtCore, QtWidgets

from . import pythonqt
from .ctkwidgets import ctkSliderWidget

SCENE, NODE = "vtkMRMLScene*", "vtkMRMLNode*"


class qMRMLWidget(QtWidgets.QWidget):
    """Tells the widgets within it which scene to work on."""

    STANDS_IN = True
    mrmlSceneChanged = QtCore.Signal(object)
    SIGNALS = {f"mrmlSceneChanged({SCENE})": "mrmlSceneChanged"}

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self.__dict__["_scene"] = None

    def mrmlScene(self):
        return self._scene

    def setMRMLScene(self, scene) -> None:
        if scene is not self._scene:
            self.__dict__["_scene"] = scene
            self.mrmlSceneChanged.emit(scene)


class qSlicerWidget(qMRMLWidget):
    STANDS_IN = True


class qSlicerScriptedLoadableModuleWidget(qMRMLWidget):
    """What a module's own widget is built into. ``isEntered``: whether it is the module that the user has open."""

    STANDS_IN = True

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self.__dict__.update(_entered=False, _widget=None, _source=None)

    isEntered = QtCore.Property(bool, lambda self: self._entered)

    def self(self):
        """Return the widget that Python made."""
        return self._widget

    def setPythonSource(self, path: str) -> None:
        """Make the widget of the module that the file ``path`` holds, by the module's class as it is now."""
        import slicer

        name = Path(path).stem
        self.__dict__["_source"] = path
        self.__dict__["_widget"] = getattr(sys.modules[name], f"{name}Widget")(self)
        setattr(slicer.modules, f"{name}Widget", self._widget)

    def reload(self) -> None:
        """Make the widget anew."""
        self.setPythonSource(self._source)
        self._widget.setup()

    def setEntered(self, entered: bool) -> None:
        self.__dict__["_entered"] = entered


_followers: list = []


def _follow_name(node, selector) -> None:
    """Let ``selector`` show the name of ``node`` whenever that changes."""
    import vtk

    found = weakref.ref(selector)

    def changed(node, event):
        alive = found()
        if alive is not None and shiboken6.isValid(alive):
            alive._rename(node)

    # Python takes a function that only a node calls for garbage when it sees no use of the node any more; the scene,
    # which it does not see, uses that still.
    _followers.append(changed)
    node.AddObserver(vtk.vtkCommand.ModifiedEvent, changed)


class qMRMLNodeComboBox(QtWidgets.QWidget):
    """A choice among the nodes of a scene.

    As in Slicer it selects no node by itself when nodes are added; when the current one is removed, it falls back to
    "None" or, where that is no choice, to the last node. As there, too, the list hands the focus to the selector, which
    takes none: by itself no key reaches either.
    """

    STANDS_IN = True
    currentNodeChanged = QtCore.Signal(object)
    currentNodeValid = QtCore.Signal(bool)
    currentNodeIDChanged = QtCore.Signal(str)
    nodeAddedByUser = QtCore.Signal(object)
    SIGNALS = {f"currentNodeChanged({NODE})": "currentNodeChanged", "currentNodeChanged(bool)": "currentNodeValid",
               f"nodeAddedByUser({NODE})": "nodeAddedByUser"}

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        box = QtWidgets.QComboBox(self)
        box.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Fixed)
        box.setMinimumContentsLength(8)
        # As ctkComboBox with an elide mode, which Slicer's has: a long name does not widen the panel.
        box.setSizeAdjustPolicy(QtWidgets.QComboBox.AdjustToMinimumContentsLengthWithIcon)
        layout.addWidget(box)
        box.setFocusProxy(self)
        self.__dict__.update(_box=box, _scene=None, _tags=[], _nodes=[], _attributes=[], _options={
            "nodeTypes": [], "showHidden": False, "showChildNodeTypes": True, "noneEnabled": False, "addEnabled": True,
            "removeEnabled": True, "editEnabled": False, "renameEnabled": False, "selectNodeUponCreation": True,
            "baseName": "", "noneDisplay": "None"})
        box.activated.connect(self._activated)
        self.setEnabled(False)

    def _option(name: str, kind):
        def write(self, value):
            self._options[name] = list(value) if kind is list else value
            self._refresh()

        return QtCore.Property("QStringList" if kind is list else kind, lambda self: self._options[name], write)

    nodeTypes = _option("nodeTypes", list)
    showHidden = _option("showHidden", bool)
    showChildNodeTypes = _option("showChildNodeTypes", bool)
    noneEnabled = _option("noneEnabled", bool)
    addEnabled = _option("addEnabled", bool)
    removeEnabled = _option("removeEnabled", bool)
    editEnabled = _option("editEnabled", bool)
    renameEnabled = _option("renameEnabled", bool)
    selectNodeUponCreation = _option("selectNodeUponCreation", bool)
    baseName = _option("baseName", str)
    noneDisplay = _option("noneDisplay", str)
    del _option

    def addAttribute(self, nodeType: str, name: str, value=None) -> None:
        self._attributes.append((nodeType, name, value))
        self._refresh()

    def mrmlScene(self):
        return self._scene

    def setMRMLScene(self, scene) -> None:
        if scene is self._scene:
            return
        for tag in self._tags:
            self._scene.RemoveObserver(tag)
        self.__dict__.update(_scene=scene, _tags=[])
        if scene is not None:
            import slicer
            import vtk

            def changed(caller, event):
                if shiboken6.isValid(self) and not caller.IsBatchProcessing():
                    self._refresh()

            def added(caller, event, node):
                _follow_name(node, self)
                changed(caller, event)

            added.CallDataType = vtk.VTK_OBJECT
            cls = slicer.vtkMRMLScene
            self.__dict__["_tags"] = [scene.AddObserver(cls.NodeAddedEvent, added)] + [
                scene.AddObserver(event, changed) for event in (
                    cls.NodeRemovedEvent, cls.EndBatchProcessEvent, cls.EndCloseEvent, cls.EndImportEvent)]
        self.setEnabled(scene is not None)
        self._refresh()

    def nodeCount(self) -> int:
        return len(self._nodes)

    def nodeFromIndex(self, index: int):
        return self._nodes[index] if 0 <= index < len(self._nodes) else None

    def currentNode(self):
        return self.nodeFromIndex(self._box.currentIndex - self._offset())

    def setCurrentNode(self, node) -> None:
        if node is not None and not hasattr(node, "GetID"):
            raise TypeError(f"setCurrentNode takes a node or None, not {node!r}")
        self._select(node)

    def setCurrentNodeID(self, identifier: str) -> None:
        self._select(self._scene.GetNodeByID(identifier) if self._scene and identifier else None)

    currentNodeID = QtCore.Property(str, lambda self: self.currentNode().GetID() if self.currentNode() else "",
                                    setCurrentNodeID)

    def addNode(self):
        node = self._scene.AddNewNodeByClass(self._options["nodeTypes"][0], self._options["baseName"])
        if self._options["selectNodeUponCreation"]:
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def _offset(self) -> int:
        return int(self._options["noneEnabled"])

    def _select(self, node) -> None:
        index = self._nodes.index(node) + self._offset() if node in self._nodes else self._offset() - 1
        if index != self._box.currentIndex:
            self._box.setCurrentIndex(index)
            self._tell()

    def _activated(self, index: int) -> None:
        # The last entries act; they are never left as the choice.
        if index >= len(self._nodes) + self._offset():
            before = self.__dict__.get("_last")
            self._box.setCurrentIndex(self._nodes.index(before) + self._offset() if before in self._nodes else
                                      self._offset() - 1)
            self.addNode()
        else:
            self._tell()

    def _tell(self) -> None:
        node = self.currentNode()
        self.__dict__["_last"] = node
        self.currentNodeChanged.emit(node)
        self.currentNodeValid.emit(node is not None)
        self.currentNodeIDChanged.emit(node.GetID() if node else "")

    def _rename(self, node) -> None:
        if node in self._nodes:
            self._box.setItemText(self._nodes.index(node) + self._offset(), node.GetName() or "")

    def _refresh(self) -> None:
        if "_box" not in self.__dict__:
            return
        before = self.__dict__.get("_last")
        nodes = [] if self._scene is None else [
            self._scene.GetNthNode(n) for n in range(self._scene.GetNumberOfNodes())]
        self.__dict__["_nodes"] = [node for node in nodes if self._shows(node)]
        self._box.blockSignals(True)
        self._box.clear()
        if self._options["noneEnabled"]:
            self._box.addItem(self._options["noneDisplay"])
        for node in self._nodes:
            self._box.addItem(node.GetName() or "")
        if self._options["addEnabled"]:
            self._box.addItem("Create new " + (self._options["baseName"] or "node"))
        if before in self._nodes:
            index = self._nodes.index(before) + self._offset()
        elif before is not None and self._nodes and not self._options["noneEnabled"]:
            index = len(self._nodes) - 1
        else:
            index = self._offset() - 1
        self._box.setCurrentIndex(index)
        self._box.blockSignals(False)
        if self.currentNode() is not before:
            self._tell()

    def _shows(self, node) -> bool:
        types = self._options["nodeTypes"]
        fits = any(node.IsA(kind) if self._options["showChildNodeTypes"] else node.GetClassName() == kind
                   for kind in types)
        if not fits or (node.GetHideFromEditors() and not self._options["showHidden"]):
            return False
        return all(node.GetAttribute(name) is not None if value is None else node.GetAttribute(name) == str(value)
                   for kind, name, value in self._attributes if node.IsA(kind))


class qMRMLSliderWidget(ctkSliderWidget):
    STANDS_IN = True


_OTHERS = ("qMRMLSpinBox", "qMRMLRangeWidget", "qMRMLSubjectHierarchyTreeView", "qMRMLSubjectHierarchyComboBox",
           "qMRMLCheckableNodeComboBox")
"""Classes that Slicer's Python files compare types with, without behaviour of their own."""


def install(slicer) -> None:
    """Make the widgets known as ``slicer.qMRML...``."""
    classes = [qMRMLWidget, qSlicerWidget, qSlicerScriptedLoadableModuleWidget, qMRMLNodeComboBox,
               qMRMLSliderWidget]
    classes += [type(name, (QtWidgets.QWidget,), {"STANDS_IN": True}) for name in _OTHERS]
    for cls in classes:
        pythonqt.adapt(cls)
        setattr(slicer, cls.__name__, cls)
