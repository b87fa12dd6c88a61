"""The part of the panel that makes candidates: Preview slice, Generate and Cancel, and what it shows of a run."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from LDCTDenoiseLib import scene, sliceplane
from LDCTDenoiseLib.widgetjob import JobControl
from LDCTDenoiseLib.widgetmodelcard import durationText, titleOf

from . import didwidgetstart
from .didwidgetwords import methodTitles
from .settings import CandidateSettings

PREVIEW_VIEW = "Red"


class CandidateRun(JobControl):
    """Starts runs, of one slice or of all, and shows how they get on. One is under way at a time."""

    SECTIONS = ("inputsCollapsibleButton", "regionsCollapsibleButton", "advancedCollapsibleButton")

    def __init__(self, panel) -> None:
        super().__init__(
            panel, panel.ui.generateButton,
            (_("Generate"), _("Make the candidates of the whole volume, or of your region. Nothing is shown or changed "
                              "before they are complete.")),
            _("The candidates are written to the scene."))
        self.ui.generateButton.connect("clicked(bool)", self.onGenerateButton)
        self.ui.previewButton.connect("clicked(bool)", self.onPreviewButton)

    def missing(self) -> str | None:
        """Return what stands in the way of a run, or None."""
        parameters = self.panel.parameters
        if parameters is None or parameters.inputVolume is None:
            return _("Choose the CT volume to make candidates of.")
        try:
            source = self.panel.logic.sourceVolume(parameters.inputVolume)
            scene.check_kind(source, "input")
        except ValueError as error:
            return str(error)
        return self._missingOf(source)

    def settings(self) -> CandidateSettings:
        """Return how candidates are to be made; raises ValueError for what a scene of another version may hold."""
        parameters = self.panel.parameters
        return CandidateSettings(
            method=parameters.method, count=parameters.count, repetitions=parameters.repetitions,
            extrapolation=parameters.extrapolation / 100, tuned=parameters.tuned)

    def onGenerateButton(self, checked=False) -> None:
        """Make the candidates of the volume, or stop what is under way."""
        if self.busy:
            self._job.cancel()
        else:
            self._make(lambda source: None)

    def onPreviewButton(self, checked=False) -> None:
        """Make the candidates of the slice that the Red view shows."""
        if not self.busy:
            self._make(_shownSlice)

    def close(self) -> None:
        """The panel goes: what is under way is stopped, and nothing is to be shown any more."""
        self.stop()
        super().close()

    def _updatePreview(self, missing: str | None) -> None:
        self.ui.previewButton.enabled = missing is None and not self.busy
        self.ui.previewButton.toolTip = missing or _(
            "Make the candidates of the slice that the Red view shows, to see what the range offers before the whole "
            "volume is computed.")

    def _make(self, sliceOf) -> None:
        """Begin to make candidates; ``sliceOf(source)``: the only slice to make them of, or None."""
        parameters, machine = self.panel.parameters, self.panel.settings
        if self.missing() is not None or not self._ready():
            return

        def start():
            source = self.panel.logic.sourceVolume(parameters.inputVolume)
            settings, sliceIndex = self.settings(), sliceOf(source)
            begun = didwidgetstart.start(
                self.panel.logic, source, settings, sliceIndex, model=parameters.model, device=machine.device,
                precision=machine.precision, region_roi=parameters.regionROI,
                statistics_roi=parameters.statisticsROI, background_roi=parameters.backgroundROI)
            text = (_("Candidates of '{volume}' with '{model}', method '{method}', {count} in all.")
                    if sliceIndex is None else
                    _("Candidates of slice {slice} of '{volume}' with '{model}', method '{method}', {count} in all."))
            self.log(text.format(
                volume=source.GetName(), model=titleOf(self.panel.card()), method=dict(methodTitles())[settings.method],
                count=settings.count, slice=sliceIndex))
            return begun

        self._begin(start)

    def _progress(self, fraction: float, text: str, remaining: float) -> None:
        self.ui.progressBar.setRange(0, 100)
        self.ui.progressBar.value = int(100 * fraction)
        # The remaining time is infinite as long as nothing is done.
        self.ui.remainingLabel.text = text if remaining == float("inf") else _("{text}, about {duration} left").format(
            text=text, duration=durationText(remaining))

    def _succeed(self, ended, seconds: float) -> None:
        self.panel.onCandidates(ended.result)
        facts = self.panel.logic.facts(ended.result) or {}
        for text in facts.get("outcomes", {}).values():
            self.log(text)
        self._tellDone(ended, seconds)


def _shownSlice(source) -> int:
    """Return the slice of ``source`` that the Red view shows; raises ValueError when it shows none."""
    node = slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{PREVIEW_VIEW}")
    if node is None or not node.IsMappedInLayout():
        raise ValueError(_("The {view} view is not in this layout: choose a layout that shows it.").format(
            view=PREVIEW_VIEW))
    return sliceplane.shown_slice(source, node)
