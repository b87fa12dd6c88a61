"""Stands in for QUiLoader with Slicer's Designer plugins: makes the widgets of a .ui file, ctk's and MRML's too."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from PySide6 import QtCore, QtUiTools


class UiLoader:
    """``load(file)`` returns the widgets of a .ui file, a ``qt.QFile``.

    Signals and slots that carry MRML objects are unknown to PySide's own loader: connections are made here. Unlike Qt,
    which prints a warning and goes on, this raises ValueError for a class, sender, receiver, signal or slot that does
    not exist.
    """

    def __init__(self, classes: dict[str, type]) -> None:
        self._classes = classes

    def load(self, file, parent=None):
        tree = ElementTree.parse(file.fileName())
        root = tree.getroot()
        connections = root.find("connections")
        if connections is not None:
            root.remove(connections)
        unknown = {element.get("class") for element in root.iter("widget")
                   if not element.get("class").startswith("Q")} - set(self._classes)
        if unknown:
            raise ValueError(f"{file.fileName()} uses classes that no plugin provides: {sorted(unknown)}")
        widget = self._make(tree, parent)
        for connection in connections if connections is not None else ():
            self._connect(widget, *(connection.find(part).text for part in ("sender", "signal", "receiver", "slot")))
        return widget

    def _make(self, tree, parent):
        loader = QtUiTools.QUiLoader()
        for cls in self._classes.values():
            loader.registerCustomWidget(cls)
        folder = Path(tempfile.mkdtemp())
        try:
            tree.write(folder / "widgets.ui")
            file = QtCore.QFile(str(folder / "widgets.ui"))
            file.open(QtCore.QFile.ReadOnly)
            widget = loader.load(file, parent)
            file.close()
        finally:
            shutil.rmtree(folder)
        if widget is None:
            raise ValueError(loader.errorString())
        return widget

    def _connect(self, root, sender, signal, receiver, slot) -> None:
        ends = []
        for name in (sender, receiver):
            found = root if root.objectName == name else root.findChild(QtCore.QObject, name)
            if found is None:
                raise ValueError(f"a connection names {name}, which is no object of the file")
            ends.append(found)
        ends[0].connect(signal, getattr(ends[1], slot.partition("(")[0]))
