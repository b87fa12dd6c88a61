"""Keys that work while the module is open."""

from __future__ import annotations

import qt
import slicer


class ModuleKeys:
    """Shortcuts of the whole application, by key, for as long as the module is open.

    Slice views use f b v g t r, the brackets and the arrows, so the keys are others. Text fields keep them for typing.
    """

    def __init__(self, actions: dict) -> None:
        self._actions = actions
        self._shortcuts: list = []

    def start(self) -> None:
        """Let the keys work, as the module is opened."""
        window = slicer.util.mainWindow()
        if window is None or self._shortcuts:
            return
        for key, action in self._actions.items():
            shortcut = qt.QShortcut(qt.QKeySequence(key), window)
            # Slice views may be in windows of their own.
            shortcut.setContext(qt.Qt.ApplicationShortcut)
            shortcut.connect("activated()", action)
            self._shortcuts.append((shortcut, action))

    def stop(self) -> None:
        """Let the keys be free again."""
        for shortcut, action in self._shortcuts:
            shortcut.disconnect("activated()", action)
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._shortcuts = []
