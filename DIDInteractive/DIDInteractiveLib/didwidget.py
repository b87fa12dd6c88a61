"""The panel of the module DID Interactive: its parts, and the parameters that they share."""

from __future__ import annotations

import qt
import slicer
from slicer.i18n import tr as _

from LDCTDenoiseLib import scene
from LDCTDenoiseLib.region import whole
from LDCTDenoiseLib.widgetadvanced import AdvancedSettings
from LDCTDenoiseLib.widgetmodelcard import cardDetails, cardText
from LDCTDenoiseLib.widgetpanel import ModulePanel

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
from .settings import CandidateSettings

GIGABYTE, MEGABYTE = 1e9, 1e6


class CandidatePanel(ModulePanel):
    """Connects the widgets of DIDInteractive.ui with the Logic.

    :param ui: the widgets, by name.
    :param logic: a ``DIDInteractive.DIDInteractiveLogic``.
    """

    DEFAULTS = {"model": "hrnet", "method": CandidateSettings.method, "count": CandidateSettings.count,
                "repetitions": CandidateSettings.repetitions, "extrapolation": 0, "tuned": CandidateSettings.tuned}

    def __init__(self, ui, logic) -> None:
        super().__init__(ui, logic)
        self._set = None
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
        self.advanced = AdvancedSettings(self)
        self._onChange()

    def enter(self) -> None:
        """The user opens the module."""
        self.keys.start()
        super().enter()

    def exit(self) -> None:
        """The user opens another module; a run goes on."""
        self.browsing.finish()
        self.keys.stop()

    def close(self) -> None:
        """Let go of everything: the module is unloaded."""
        self.keys.stop()
        super().close()

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

    def _showModels(self) -> None:
        for row, card in enumerate(self._cards):
            self.ui.modelComboBox.setItemData(row, f"{cardText(card)}<br>{cardDetails(card)}", qt.Qt.ToolTipRole)
        self._onChange()

    def _estimate(self) -> str:
        """Return what memory the set will take, in words."""
        source, region = self.logic.sourceVolume(self.parameters.inputVolume), self.parameters.regionROI
        try:
            settings = self.run.settings()
            box = whole(source) if region is None else with_margin(box_of(region, source), source)[0]
        except ValueError as error:
            return str(error)
        shape = [part.stop - part.start for part in box]
        need = estimate_memory(shape, slicer.util.arrayFromVolume(source).dtype, settings).total
        free = free_memory()
        text = (_("{count} candidates of {slices} slices need {need} of memory.") if free is None else
                _("{count} candidates of {slices} slices need {need} of memory; {free} are free."))
        return text.format(count=settings.count, slices=shape[0], need=_memoryText(need), free=_memoryText(free or 0))

    def _onChange(self, caller=None, event=None) -> None:
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
    """Let the Sequences toolbar act on ``browser``, as far as the user wants to have it."""
    if hasattr(slicer.modules, "sequences") and slicer.util.mainWindow() is not None:
        slicer.modules.sequences.showSequenceBrowser(browser)


def _memoryText(number: float) -> str:
    """Return a number of bytes in GB, or in MB where that would be next to nothing."""
    if number < GIGABYTE / 10:
        return _("{number}\N{NO-BREAK SPACE}MB").format(number=round(number / MEGABYTE))
    return _("{number}\N{NO-BREAK SPACE}GB").format(number=f"{number / GIGABYTE:.1f}")
