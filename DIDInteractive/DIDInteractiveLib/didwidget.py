"""The panel of the module DID Interactive: its parts, and the parameters that they share."""

from __future__ import annotations

import qt
import slicer
import vtk
from slicer.i18n import tr as _

from LDCTDenoiseLib import modelregistry, scene
from LDCTDenoiseLib.region import whole
from LDCTDenoiseLib.widgetadvanced import AdvancedSettings
from LDCTDenoiseLib.widgetmodelcard import cardDetails, cardText, titleOf
from LDCTDenoiseLib.widgetsettings import MachineSettings

from .candidateregion import box_of, with_margin
from .didwidgetbrowse import CandidateBrowsing
from .didwidgetkeys import ModuleKeys
from .didwidgetlist import CandidateSetList
from .didwidgetrun import CandidateRun
from .didwidgetset import CandidateActions
from .didwidgetviews import CandidateViews
from .didwidgetwords import methodTitles, tunedTitles
from .freememory import free_memory
from .memoryestimate import estimate_memory

GIGABYTE, MEGABYTE = 1e9, 1e6
DEFAULTS = {"model": "hrnet", "method": "did-structure", "count": 9, "repetitions": 3, "extrapolation": 0, "tuned": "all"}


class CandidatePanel:
    """Connects the widgets of DIDInteractive.ui with the Logic.

    :param ui: the widgets, by name.
    :param logic: a ``DIDInteractive.DIDInteractiveLogic``.
    """

    def __init__(self, ui, logic) -> None:
        self.ui = ui
        self.logic = logic
        self.settings = MachineSettings()
        self.parameters = None
        self._guiTag = self._observer = None
        self._cards: list[modelregistry.ModelCard] = []
        self._set = None
        style = slicer.app.style()
        size = style.pixelMetric(qt.QStyle.PM_SmallIconSize)
        self.ui.messageIcon.setPixmap(style.standardIcon(qt.QStyle.SP_MessageBoxWarning).pixmap(size, size))
        self.run = CandidateRun(self)
        self.views = CandidateViews(logic)
        self.browsing = CandidateBrowsing(self)
        self.actions = CandidateActions(self)
        self.sets = CandidateSetList(self)
        self.keys = ModuleKeys({self.browsing.PREVIOUS: self.browsing.previous, self.browsing.NEXT: self.browsing.next})
        self._choices = {"method": (ui.methodComboBox, methodTitles()), "tuned": (ui.tunedComboBox, tunedTitles())}
        for name, (combo, titles) in self._choices.items():
            for value, title in titles:
                combo.addItem(title, value)
            combo.connect("activated(int)", _setter(self, name, combo))
        self.updateModels()
        self.ui.modelComboBox.connect("activated(int)", _setter(self, "model", self.ui.modelComboBox))
        self.advanced = CandidateAdvanced(self)
        self._onChange()

    def enter(self) -> None:
        """The user opens the module."""
        self.keys.start()
        parameters = self.parameters
        if parameters is not None and parameters.inputVolume is None and not self.run.busy:
            parameters.inputVolume = self._likelyInput()

    def exit(self) -> None:
        """The user opens another module; a run goes on."""
        self.browsing.finish()
        self.keys.stop()

    def sceneCloses(self) -> None:
        """The scene is about to be emptied."""
        self.run.stop()
        self.setParameters(None)

    def close(self) -> None:
        """Let go of everything: the module is unloaded."""
        self.keys.stop()
        self.run.close()
        self.setParameters(None)

    def setParameters(self, parameters) -> None:
        """Show ``parameters`` (CandidateParameters), and follow them; None while there is no scene."""
        if self.parameters is not None:
            self.parameters.disconnectGui(self._guiTag)
            self.parameters.RemoveObserver(self._observer)
        self.parameters = parameters
        self._guiTag = self._observer = None
        if parameters is not None:
            self._guiTag = parameters.connectGui(self.ui)
            self._observer = parameters.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onChange)
        self._onChange()

    def card(self) -> modelregistry.ModelCard | None:
        """Return the card of the chosen network."""
        name = self.parameters.model if self.parameters is not None else None
        return next((card for card in self._cards if card.name == name), None)

    def updateModels(self) -> None:
        """Read the lists of networks again."""
        problems: list[str] = []
        self._cards = modelregistry.list_models(self.settings.weightsFolder, problems)
        for problem in problems:
            self.run.log(problem)
        self.ui.modelComboBox.clear()
        for card in self._cards:
            self.ui.modelComboBox.addItem(titleOf(card), card.name)
            self.ui.modelComboBox.setItemData(
                self.ui.modelComboBox.count - 1, f"{cardText(card)}<br>{cardDetails(card)}", qt.Qt.ToolTipRole)
        self._onChange()

    def updateEstimate(self) -> None:
        """Show what memory the set will take, or what is missing; nothing during a run."""
        self.ui.estimateLabel.visible = not self.run.busy
        missing = self.run.missing()
        if missing is not None:
            self.ui.estimateLabel.text = missing
            return
        source, region = self.logic.sourceVolume(self.parameters.inputVolume), self.parameters.regionROI
        try:
            settings = self.run.settings()
            box = whole(source) if region is None else with_margin(box_of(region, source), source)[0]
        except ValueError as error:
            self.ui.estimateLabel.text = str(error)
            return
        shape = [part.stop - part.start for part in box]
        need = estimate_memory(shape, slicer.util.arrayFromVolume(source).dtype, settings).total
        free = free_memory()
        text = (_("{count} candidates of {slices} slices need {need} of memory.") if free is None else
                _("{count} candidates of {slices} slices need {need} of memory; {free} are free."))
        self.ui.estimateLabel.text = text.format(count=settings.count, slices=shape[0], need=_memoryText(need),
                                                 free=_memoryText(free or 0))

    def onCandidates(self, candidates) -> None:
        """A run has made or renewed the set ``candidates``: show its default candidate."""
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
        source = self._set.GetNodeReference(scene.SOURCE_ROLE)
        self.actions.close()
        if source is not None:
            self.views.setDifference(None)
            self.views.show(source)
        self.parameters.candidates = None

    def _onChange(self, caller=None, event=None) -> None:
        """The parameters changed, or are others."""
        parameters = self.parameters
        self._setSet(parameters.candidates if parameters is not None else None)
        self.sets.update()
        if parameters is not None:
            for name, (combo, titles) in self._choices.items():
                combo.currentIndex = combo.findData(getattr(parameters, name))
            self.ui.modelComboBox.currentIndex = self.ui.modelComboBox.findData(parameters.model)
        self.run.update()

    def _setSet(self, candidates) -> None:
        # Without a browser, as when it was loaded alone, there is nothing to move.
        if self.logic.candidateSet(candidates) is None or self.logic.browser(candidates) is None:
            candidates = None
        if candidates is not self._set:
            self._set = candidates
            self.views.setSet(candidates)
            self.browsing.setSet(candidates)
            self.actions.setSet(candidates)
            if candidates is not None:
                _activateToolbar(self.logic.browser(candidates))
        for widget in ("positionSlider", "smootherLabel", "sharperLabel", "previousButton", "nextButton",
                       "candidateLabel", "comparisonLabel", "comparisonComboBox", "sideBySideButton",
                       "differenceButton", "plotButton", "keepButton", "deleteButton"):
            getattr(self.ui, widget).visible = candidates is not None

    def _likelyInput(self):
        """Return the volume that the Red view shows, or the source of the candidate there, or the scene's first one."""
        red = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceCompositeNodeRed")
        shown = slicer.mrmlScene.GetNodeByID(red.GetBackgroundVolumeID() or "") if red is not None else None
        volumes = [volume for volume in (shown, *slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"))
                   if volume is not None and volume.GetClassName() == "vtkMRMLScalarVolumeNode"]
        try:
            return self.logic.sourceVolume(volumes[0]) if volumes else None
        except ValueError:
            return None  # its source is gone; the user may choose another one


class CandidateAdvanced(AdvancedSettings):
    """Device, precision, weights folder and models of one's own, as in LDCT Denoise, which keeps them."""

    def onRestoreDefaults(self, checked=False) -> None:
        """Forget all choices but volumes, regions and the set."""
        self.panel.settings.restoreDefaults()
        if self.panel.parameters is not None:
            with slicer.util.NodeModify(self.panel.parameters):
                for name, value in DEFAULTS.items():
                    setattr(self.panel.parameters, name, value)
        self._foldersChanged()


def _setter(panel, name: str, combo):
    """Return a slot that makes what is chosen in ``combo`` the parameter ``name``."""
    return lambda index: setattr(panel.parameters, name, combo.itemData(index))


def _activateToolbar(browser) -> None:
    """Let the Sequences toolbar act on ``browser``, as far as the user wants to have it."""
    if hasattr(slicer.modules, "sequences") and slicer.util.mainWindow() is not None:
        slicer.modules.sequences.showSequenceBrowser(browser)


def _memoryText(number: float) -> str:
    """Return a number of bytes in GB, or in MB where that would be next to nothing."""
    if number < GIGABYTE / 10:
        return _("{number}\N{NO-BREAK SPACE}MB").format(number=round(number / MEGABYTE))
    return _("{number}\N{NO-BREAK SPACE}GB").format(number=f"{number / GIGABYTE:.1f}")
