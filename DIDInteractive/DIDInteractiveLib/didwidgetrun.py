"""The part of the panel that makes candidates: Preview slice, Generate and Cancel, and what it shows of a run."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from LDCTDenoiseLib import job, scene, sliceplane
from LDCTDenoiseLib.widgetjob import JobControl
from LDCTDenoiseLib.widgetmodelcard import durationText, titleOf

from .didwidgetwords import methodTitles
from .settings import CandidateSettings

PREVIEW_VIEW = "Red"


class CandidateRun(JobControl):
    """Starts runs, of one slice or of all, and shows how they get on. One is under way at a time."""

    SECTIONS = ("inputsCollapsibleButton", "regionsCollapsibleButton", "advancedCollapsibleButton")

    def __init__(self, panel) -> None:
        super().__init__(
            panel, panel.ui.generateButton,
            (_("&Generate"), _("Make the candidates of the whole volume, or of your region. Each is shown when it is "
                               "finished; the set is there when all are.")),
            _("The candidates are written to the scene."))
        self._source = self._latest = None
        self._wanted = 0
        self._made: list[float] = []
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
        return self._missingOf(source) or self.panel.regions.problem(source)

    def settings(self) -> CandidateSettings:
        """Return how candidates are to be made; raises ValueError for what a scene of another version may hold."""
        parameters = self.panel.parameters
        return CandidateSettings(
            method=parameters.method, count=parameters.count, repetitions=parameters.repetitions,
            extrapolation=parameters.extrapolation / 100, tuned=parameters.tuned, per_slice=parameters.perSlice)

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

    def showLatest(self) -> None:
        """Show what the run finished last in the views, if there is a run and the user has the module open."""
        if self._latest is not None and self.panel.entered:
            self.panel.views.setLatest(self._latest, self._source)

    def close(self) -> None:
        """The panel goes: nothing is to be shown any more. What is under way is the Logic's to stop."""
        super().close()
        self._onCandidate(None)

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
            self._source, self._wanted, self._made = source, self.panel.plan(sliceIndex).settings.count, []
            self.panel.logic.generateCandidates(
                source, parameters.model, settings=settings, sliceIndex=sliceIndex, device=machine.device,
                precision=machine.precision, regionROI=parameters.regionROI, statisticsROI=parameters.statisticsROI,
                backgroundROI=parameters.backgroundROI, referenceVolume=parameters.referenceVolume,
                defaultFilter=parameters.defaultFilter or None, onCandidate=self._onCandidate,
                waitForCompletion=False)
            text = (_("Candidates of '{volume}' with '{model}', method '{method}', {count} in all.")
                    if sliceIndex is None else
                    _("Candidates of slice {slice} of '{volume}' with '{model}', method '{method}', {count} in all."))
            self.log(text.format(
                volume=source.GetName(), model=titleOf(self.panel.card()), method=dict(methodTitles())[settings.method],
                count=settings.count, slice=sliceIndex))
            return self.panel.logic.job

        self._begin(start)

    def _onCandidate(self, volume) -> None:
        """A run shows another finished candidate in ``volume``, or, None, will show no more."""
        self._latest = volume
        if volume is None:
            self.panel.views.setLatest(None)
        else:
            self.showLatest()

    def _onJob(self, source, event: str, value) -> None:
        if event == job.PARTIAL and source is self._job:
            self._made.append(value.tuning_noise_sd)
            self._progress(*source.progress)
        super()._onJob(source, event, value)

    def _progress(self, fraction: float = 0.0, text: str = "", remaining: float = float("inf")) -> None:
        self.ui.progressBar.setRange(0, 100)
        self.ui.progressBar.value = int(100 * fraction)
        # The remaining time is infinite as long as nothing is done.
        stage = text if remaining == float("inf") else _("{text}, about {duration} left").format(
            text=text, duration=durationText(remaining))
        made = "" if not self._made else _(
            "{made} of {count} made, the last with noise of about {noise}\N{NO-BREAK SPACE}HU.").format(
                made=len(self._made), count=self._wanted, noise=f"{self._made[-1]:.1f}")
        self.ui.remainingLabel.text = " ".join(filter(None, (made, stage)))

    def _succeed(self, ended, seconds: float) -> None:
        self.panel.onResult(ended.result)
        facts = self.panel.logic.facts(ended.result) or {}
        for text in dict.fromkeys(facts.get("outcomes", {}).values()):
            self.log(text)
        self._tellDone(ended, seconds)


def _shownSlice(source) -> int:
    """Return the slice of ``source`` that the Red view shows; raises ValueError when it shows none."""
    node = slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{PREVIEW_VIEW}")
    if node is None or not node.IsMappedInLayout():
        raise ValueError(_("The {view} view is not in this layout: choose a layout that shows it.").format(
            view=PREVIEW_VIEW))
    return sliceplane.shown_slice(source, node)
