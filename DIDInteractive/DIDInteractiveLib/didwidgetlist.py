"""The list of the candidate sets in the scene."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _


class CandidateSetList:
    """Lets the user choose the set to browse, or what is left of one, to delete it.

    A plain list, filled whenever the panel has reason to look: Slicer's selector of nodes looks at a node's attributes
    only when the node is added, and a sequence becomes a set after that.
    """

    def __init__(self, panel) -> None:
        self.panel = panel
        self.ui = panel.ui
        self.ui.setComboBox.connect("activated(int)", self.onChosen)

    def update(self) -> None:
        """Show the sets that there are, and which one is browsed."""
        combo, logic = self.ui.setComboBox, self.panel.logic
        chosen = self.panel.parameters.candidates if self.panel.parameters is not None else None
        # While the scene is closed there is nothing to look for.
        sets = logic.candidateSets() if self.panel.parameters is not None else []
        remains = logic.incompleteSets() if self.panel.parameters is not None else []
        combo.clear()
        for node in sets:
            combo.addItem(node.GetName(), node.GetID())
        for node in remains:
            combo.addItem(_("{name} (incomplete)").format(name=node.GetName()), node.GetID())
        combo.currentIndex = [*sets, *remains].index(chosen) if chosen in (*sets, *remains) else -1
        self.ui.candidatesCollapsibleButton.visible = bool(sets or remains)
        self.ui.deleteButton.visible = chosen in (*sets, *remains)
        self.ui.candidateLabel.visible = chosen in (*sets, *remains)
        if chosen in remains:
            self.ui.candidateLabel.text = _("Nodes of this set were removed from the scene: it can only be deleted.")
        self.ui.factsLabel.visible = chosen in sets and bool(self.ui.factsLabel.text)

    def onChosen(self, index: int) -> None:
        """Show and browse the set that was chosen; one that has been deleted meanwhile goes from the list."""
        chosen = slicer.mrmlScene.GetNodeByID(self.ui.setComboBox.itemData(index))
        self.panel.parameters.candidates = chosen
        if chosen in self.panel.logic.candidateSets():
            self.panel.views.showFirst()
        self.update()
