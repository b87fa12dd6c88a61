"""The part of the panel that follows the trade-off: the slider, one candidate on or back, and what is said of each."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from contextlib import contextmanager

import qt
import vtk
from slicer.i18n import tr as _

from .candidatenodes import items_of
from .didwidgetwords import currentText, factsText

STEPS = 1000
"""Of the slider, from the default to either end."""
REST_MILLISECONDS = 250
"""How long the slider has to stand still before the whole volume follows."""
SNAP = 0.012
"""As near to a candidate, the slider stands on it: what is said of a candidate was measured."""


class CandidateBrowsing:
    """Keeps the slider, the browser of the set and the views at one image.

    Moving the slider changes the visible slice at once and the volume when the slider rests. Whatever else selects a
    candidate, such as the Sequences toolbar or the plot, moves the slider.
    """

    PREVIOUS, NEXT = ",", "."

    def __init__(self, panel) -> None:
        self.panel = panel
        self.ui, self.logic, self.views = panel.ui, panel.logic, panel.views
        self._set = self._browser = self._tag = None
        self._positions: list[float] = []
        self._position = 0.0
        self._item = 0
        self._moving = False
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self.rest)
        self.ui.previousButton.text = _("Previous ({key})").format(key=self.PREVIOUS)
        self.ui.nextButton.text = _("Next ({key})").format(key=self.NEXT)
        self.ui.positionSlider.connect("valueChanged(int)", self.onSlider)
        self.ui.previousButton.connect("clicked(bool)", lambda checked: self.previous())
        self.ui.nextButton.connect("clicked(bool)", lambda checked: self.next())

    def setSet(self, candidates) -> None:
        """Browse this set, a vtkMRMLSequenceNode with a browser, or None."""
        self._timer.stop()
        if self._browser is not None:
            self._browser.RemoveObserver(self._tag)
        self._set, self._browser = candidates, None
        if candidates is not None:
            self._browser = self.logic.browser(candidates)
            self._tag = self._browser.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onBrowser)
            self.reload()

    def reload(self) -> None:
        """The set has other candidates than before."""
        self._timer.stop()
        self._positions = self.logic.positions(self._set)
        slider = self.ui.positionSlider
        blocked = slider.blockSignals(True)
        slider.setRange(round(STEPS * self._positions[0]), round(STEPS * self._positions[-1]))
        slider.blockSignals(blocked)
        self._arrive(self.logic.currentCandidate(self._set))

    @property
    def position(self) -> float | None:
        """The position between two candidates; None on a candidate."""
        return None if self._position in self._positions else self._position

    def previous(self) -> None:
        """Go to the next smoother candidate."""
        if self._alive():
            self._goTo(bisect_left(self._positions, self._position) - 1)

    def next(self) -> None:
        """Go to the next sharper candidate."""
        if self._alive():
            self._goTo(bisect_right(self._positions, self._position))

    def check(self) -> None:
        """Nodes were removed from the scene: go to the current candidate if the image is one of them."""
        if self.views.check():
            self._arrive(self.logic.currentCandidate(self._set))

    def finish(self) -> None:
        """Let the whole volume follow now if it is about to."""
        if self._timer.active:
            self.rest()

    def onSlider(self, value: int) -> None:
        """Show the image at this place of the slider: one slice now, the others when it rests."""
        if not self._alive():
            return
        self._position = self._snapped(value / STEPS)
        k = self.views.visibleSlice()
        if k is not None:
            with self._own():
                self.views.show(self.logic.candidateAt(self._set, self._position, k))
                if self.views.difference:
                    self.views.setDifference(self.logic.differenceToInput(self._set, self._position, k))
        self._timer.start(REST_MILLISECONDS)
        self._describe()

    def rest(self) -> None:
        """Show the image at the slider's place in all slices."""
        self._timer.stop()
        if not self._alive():
            return
        if self.position is None:
            self._goTo(self._positions.index(self._position))
            return
        with self._own():
            self.views.show(self.logic.candidateAt(self._set, self._position))
            self._item = self.logic.currentCandidate(self._set)
        self._describe()
        self.panel.onImage()

    def _alive(self) -> bool:
        """Return whether there is a set to browse; one that has just lost its browser is none any more."""
        if self._set is not None and (
                self._browser.GetScene() is None or self._set not in self.logic.candidateSets()):
            self.panel.lookAtSet()
        return self._set is not None

    def _snapped(self, position: float) -> float:
        position = min(max(position, self._positions[0]), self._positions[-1])
        nearest = min(self._positions, key=lambda candidate: abs(candidate - position))
        return nearest if abs(nearest - position) <= SNAP else position

    def _goTo(self, item: int) -> None:
        item = min(max(item, 0), len(self._positions) - 1)
        with self._own():
            if item == self.logic.currentCandidate(self._set):
                # The browser would do nothing, and the mark in the plot stay between two points.
                self.logic.candidateAt(self._set, self._positions[item])
            else:
                self.logic.selectCandidate(self._set, item)
        self._arrive(item)

    def _arrive(self, item: int) -> None:
        """Take candidate ``item``, which the browser shows, as the current image."""
        self._timer.stop()
        self._item, self._position = item, self._positions[item]
        slider = self.ui.positionSlider
        blocked = slider.blockSignals(True)
        slider.value = round(STEPS * self._position)
        slider.blockSignals(blocked)
        self.views.show(self.logic.proxyVolume(self._set))
        self._describe()
        self.panel.onImage()

    def _onBrowser(self, caller, event) -> None:
        """Somebody used the browser."""
        if self._moving or self._set not in self.logic.candidateSets() or (
                self._set.GetNumberOfDataNodes() != len(self._positions)):
            return  # in the latter cases the set is being written, or removed
        item = self.logic.currentCandidate(self._set)
        if item != self._item and self.logic.proxyVolume(self._set) is not None:
            self._arrive(item)

    def _describe(self) -> None:
        lower = min(bisect_right(self._positions, self._position), len(self._positions)) - 1
        place = lower if self.position is None else lower + 0.5
        volume = items_of(self._set)[lower] if self.position is None else self.views.current
        self.ui.candidateLabel.text = currentText(volume, place, len(self._positions))
        # Nothing is measured on an image between two candidates.
        facts = factsText(self.logic.facts(self._set), lower) if self.position is None else ""
        self.ui.factsLabel.text = facts
        self.ui.factsLabel.visible = bool(facts)
        self.ui.previousButton.enabled = self._position > self._positions[0]
        self.ui.nextButton.enabled = self._position < self._positions[-1]

    @contextmanager
    def _own(self):
        """The browser is moved from here."""
        self._moving = True
        try:
            yield
        finally:
            self._moving = False
