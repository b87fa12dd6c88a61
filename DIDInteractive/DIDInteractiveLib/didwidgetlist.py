"""The list of the candidate sets in the scene."""

from __future__ import annotations

import slicer

from .candidatenodes import is_set


class CandidateSetList:
    """Lets the user choose the set to browse.

    A plain list, filled whenever the panel has reason to look: Slicer's selector of nodes looks at a node's attributes
    only when the node is added, and a sequence becomes a set after that.
    """

    def __init__(self, panel) -> None:
        self.panel = panel
        self._combo = panel.ui.setComboBox
        self._combo.connect("activated(int)", self.onChosen)

    def update(self) -> None:
        """Show the sets that there are, and which one is browsed."""
        chosen = self.panel.parameters.candidates if self.panel.parameters is not None else None
        sets = [node for node in slicer.util.getNodesByClass("vtkMRMLSequenceNode") if is_set(node)]
        self._combo.clear()
        for node in sets:
            self._combo.addItem(node.GetName(), node.GetID())
        self._combo.currentIndex = sets.index(chosen) if chosen in sets else -1
        self.panel.ui.candidatesCollapsibleButton.visible = bool(sets)

    def onChosen(self, index: int) -> None:
        """Browse the set that was chosen; one that has been deleted meanwhile goes from the list."""
        self.panel.parameters.candidates = slicer.mrmlScene.GetNodeByID(self._combo.itemData(index))
        self.update()
