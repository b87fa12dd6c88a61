"""The panel of the module DID Interactive: its parts, and the parameters that they share."""

from __future__ import annotations

import qt
import slicer

from LDCTDenoiseLib import scene
from LDCTDenoiseLib.widgetadvanced import AdvancedSettings
from LDCTDenoiseLib.widgetmodelcard import cardDetails, cardText
from LDCTDenoiseLib.widgetpanel import ModulePanel

from .didwidgetbrowse import CandidateBrowsing
from .didwidgetestimate import RunPlan, planOf
from .didwidgetkeys import ModuleKeys
from .didwidgetlist import CandidateSetList
from .didwidgetregions import Regions
from .didwidgetrun import CandidateRun
from .didwidgetset import CandidateActions
from .didwidgetviews import CandidateViews
from .didwidgetwords import filterTitles, methodTitles, tunedTitles
from .settings import CandidateSettings


class CandidatePanel(ModulePanel):
    """Connects the widgets of DIDInteractive.ui with the Logic.

    :param ui: the widgets, by name.
    :param logic: a ``DIDInteractive.DIDInteractiveLogic``.
    """

    DEFAULTS = {"model": "hrnet", "method": CandidateSettings.method, "count": CandidateSettings.count,
                "repetitions": CandidateSettings.repetitions, "extrapolation": 0, "tuned": CandidateSettings.tuned,
                "defaultFilter": "", "perSlice": CandidateSettings.per_slice}

    def __init__(self, ui, logic) -> None:
        super().__init__(ui, logic)
        self.entered = False
        self._set, self._nodes = None, ()
        self._inspected: tuple = (None, None)
        self.run = CandidateRun(self)
        self.regions = Regions(self)
        self.views = CandidateViews(logic)
        self.browsing = CandidateBrowsing(self)
        self.actions = CandidateActions(self)
        self.sets = CandidateSetList(self)
        self.keys = ModuleKeys({self.browsing.PREVIOUS: self.browsing.previous, self.browsing.NEXT: self.browsing.next})
        self._choices = {"method": (ui.methodComboBox, methodTitles()), "tuned": (ui.tunedComboBox, tunedTitles()),
                         "defaultFilter": (ui.defaultFilterComboBox, filterTitles())}
        for name, (combo, titles) in self._choices.items():
            for value, title in titles:
                combo.addItem(title, value)
            combo.connect("activated(int)", _setter(self, name, combo))
        self.updateModels()
        self.advanced = AdvancedSettings(self)
        # Nodes come and go in other modules too. A set is complete only some time after its first node is there.
        self._look = qt.QTimer()
        self._look.setSingleShot(True)
        self._look.connect("timeout()", self._lookAtNodes)
        self._sceneTags = [slicer.mrmlScene.AddObserver(event, self._onNodes) for event in (
            slicer.vtkMRMLScene.NodeAddedEvent, slicer.vtkMRMLScene.NodeRemovedEvent)]
        self._inspect()
        self._onChange()

    def enter(self) -> None:
        """The user opens the module."""
        self.entered = True
        self.keys.start()
        super().enter()
        self.run.showLatest()

    def exit(self) -> None:
        """The user opens another module: a run goes on, and what only the panel can undo is undone."""
        self.entered = False
        self.browsing.finish()
        self.actions.leave()
        self.views.setLatest(None)
        self.keys.stop()

    def setParameters(self, parameters) -> None:
        """Show ``parameters`` (didwidgetparameters.CandidateParameters), and follow them; see the base class."""
        self._inspected = (None, None)
        if parameters is None:
            self.views.close()
        super().setParameters(parameters)

    def close(self) -> None:
        """Let go of everything: the module is unloaded."""
        for tag in self._sceneTags:
            slicer.mrmlScene.RemoveObserver(tag)
        self.keys.stop()
        super().close()
        self.regions.close()
        self._look.stop()

    def plan(self, sliceIndex: int | None = None) -> RunPlan:
        """Return what a run on what is chosen, or on this slice of it, comes to; raises ValueError where none can be.
        """
        return planOf(self._source(), self.parameters.regionROI, sliceIndex, self.run.settings(),
                      self.logic.freeMemory)

    def _belongs(self, candidates) -> bool:
        return candidates in self.logic.candidateSets()  # not deleted meanwhile

    def _showResult(self, candidates) -> None:
        """Show the default candidate of the set ``candidates``, which a run has made or renewed."""
        if candidates is self._set:
            self.browsing.reload()
            self.actions.reload()
        else:
            self.parameters.candidates = candidates
        self.sets.update()
        self.views.showFirst()
        self.actions.refresh()
        self.ui.candidatesCollapsibleButton.collapsed = False

    def onImage(self) -> None:
        """Another image of the set is shown, in all slices."""
        self.actions.refresh()

    def leaveSet(self) -> None:
        """Browse no set; views that show one of its images show its source again, if that is still there."""
        if self._set is not None:
            source = self._set.GetNodeReference(scene.SOURCE_ROLE)
            self.actions.close()
            if source is not None:
                self.views.setDifference(None)
                self.views.show(source)
        self.parameters.candidates = None

    def _showModels(self) -> None:
        for row, card in enumerate(self._cards):
            self.ui.modelComboBox.setItemData(row, f"{cardText(card)}<br>{cardDetails(card)}", qt.Qt.ToolTipRole)
        self.inspectLater()
        self._onChange()

    def _source(self):
        return self.logic.sourceVolume(self.parameters.inputVolume)

    def _estimate(self) -> str:
        try:
            plan = self.plan()
        except ValueError as error:
            return str(error)
        return plan.text(self.card(), self.settings, bool(self.parameters.defaultFilter))

    def _onChange(self, caller=None, event=None) -> None:
        parameters = self.parameters
        self.lookAtSet()
        self.regions.follow()
        if parameters is not None:
            for name, (combo, _) in self._choices.items():
                combo.currentIndex = combo.findData(getattr(parameters, name))
            self.ui.modelComboBox.currentIndex = self.ui.modelComboBox.findData(parameters.model)
            self.ui.perSliceCheckBox.enabled = parameters.method != "did-literal"  # which always does that
        now = (None, None) if parameters is None else (parameters.inputVolume, parameters.model)
        if now != self._inspected:
            self._inspected = now
            self.inspectLater()
        self.run.update()

    def lookAtSet(self) -> None:
        """Browse the chosen set, as far as all of it that is needed is still there."""
        self._setSet(self.parameters.candidates if self.parameters is not None else None)
        self.sets.update()

    def _onNodes(self, caller, event) -> None:
        self._look.start(0)

    def _lookAtNodes(self) -> None:
        """Nodes were added or removed somewhere: the set may be one of them, or have lost its volume."""
        self._onChange()
        if self._set is not None and not self.run.busy:
            self.browsing.check()
            self.actions.check()

    def _setSet(self, candidates) -> None:
        # Without a browser, as when it was loaded alone, there is nothing to move.
        if candidates not in self.logic.candidateSets():
            candidates = None
        nodes = () if candidates is None else (
            candidates, self.logic.browser(candidates), self.logic.proxyVolume(candidates))
        if nodes != self._nodes:
            self._set, self._nodes = candidates, nodes
            self.views.setSet(candidates)
            self.browsing.setSet(candidates)
            self.actions.setSet(candidates)
            if candidates is not None:
                _activateToolbar(self.logic.browser(candidates))
        for widget in ("positionSlider", "smootherLabel", "sharperLabel", "previousButton", "nextButton",
                       "comparisonLabel", "comparisonComboBox", "sideBySideButton", "differenceButton", "plotButton",
                       "keepButton", "exportButton"):
            getattr(self.ui, widget).visible = candidates is not None

    def _likelyInput(self):
        """Return the same as in LDCT Denoise; in place of a candidate, the source of its set."""
        volume = super()._likelyInput()
        try:
            return None if volume is None else self.logic.sourceVolume(volume)
        except ValueError:
            return None  # its source is gone; the user may choose another one


def _setter(panel, name: str, combo):
    """Return a slot that makes what is chosen in ``combo`` the parameter ``name``."""
    return lambda index: setattr(panel.parameters, name, combo.itemData(index))


def _activateToolbar(browser) -> None:
    """Let the Sequences toolbar act on ``browser``, and show it unless the user does not want that."""
    if hasattr(slicer.modules, "sequences") and slicer.util.mainWindow() is not None:
        # By itself, the second leaves a toolbar that may not be shown unasked on the browser that it was on.
        slicer.modules.sequences.setToolBarActiveBrowserNode(browser)
        slicer.modules.sequences.showSequenceBrowser(browser)
