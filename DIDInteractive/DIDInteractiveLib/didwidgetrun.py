"""The part of the panel that makes candidates: Preview slice, Generate and Cancel, progress, remaining time, log."""

from __future__ import annotations

import time

import qt
import slicer
from slicer.i18n import tr as _

from LDCTDenoiseLib import job, scene, sliceplane, widgetinstall
from LDCTDenoiseLib.widgetmodelcard import durationText
from LDCTDenoiseLib.widgetrun import MAX_LOG_LINES, SHOWN_LOG_LINES
from LDCTDenoiseLib.workerengine import WorkerEngine

from . import didwidgetstart
from .settings import CandidateSettings

PREVIEW_VIEW = "Red"


class CandidateRun:
    """Starts runs, of one slice or of all, and shows how they get on. One is under way at a time."""

    SECTIONS = ("inputsCollapsibleButton", "regionsCollapsibleButton", "advancedCollapsibleButton")
    """What cannot be changed during a run."""

    def __init__(self, panel) -> None:
        self.panel = panel
        self.ui = panel.ui
        self._job = None
        self._startedAt = 0.0
        self.ui.logTextEdit.maximumBlockCount = MAX_LOG_LINES
        self.ui.logTextEdit.setFixedHeight(SHOWN_LOG_LINES * self.ui.logTextEdit.fontMetrics().lineSpacing())
        self.ui.progressBar.setRange(0, 100)
        self.ui.generateButton.connect("clicked(bool)", self.onGenerateButton)
        self.ui.previewButton.connect("clicked(bool)", self.onPreviewButton)
        self.tell("")

    @property
    def busy(self) -> bool:
        return self._job is not None and self._job.busy

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
        if source.GetImageData() is None:
            return _("'{volume}' holds no image: load it again.").format(volume=source.GetName())
        if self.panel.card() is None:
            return _("The network '{model}' is not installed: choose one, or import it.").format(
                model=parameters.model)
        return None

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
            self._begin(lambda source: None)

    def onPreviewButton(self, checked=False) -> None:
        """Make the candidates of the slice that the Red view shows."""
        if not self.busy:
            self._begin(_shownSlice)

    def stop(self) -> None:
        """Stop what is under way: the scene or the panel goes."""
        if self.busy:
            self._job.cancel()

    def close(self) -> None:
        """The panel goes: nothing is to be shown any more."""
        self.stop()
        self._job = None

    def log(self, text: str) -> None:
        self.ui.logTextEdit.appendPlainText(f"{time.strftime('%H:%M:%S')}  {text}")

    def tell(self, text: str, failed: bool = False) -> None:
        """Show one sentence below the buttons, as good news or bad; "" takes it away."""
        self.ui.messageLabel.text = text
        self.ui.messageLabel.visible = bool(text)
        self.ui.messageIcon.visible = failed

    def update(self) -> None:
        """Bring buttons and progress into line with what is under way."""
        state = self._job.state if self.busy else job.IDLE
        missing = self.missing()
        ready = missing is None
        texts = {
            job.IDLE: (_("Generate"), missing or _(
                "Make the candidates of the whole volume, or of your region. Nothing is shown or changed before they "
                "are complete.")),
            job.CANCELLING: (_("Cancelling..."), _("Click once more to stop at once.")),
            job.IMPORTING: (_("Importing..."), _("The candidates are written to the scene.")),
            job.FAILED: (_("Generate"), ""),
        }
        self.ui.generateButton.text, self.ui.generateButton.toolTip = texts.get(
            state, (_("Cancel"), _("Stop; the scene stays as it is.")))
        self.ui.generateButton.enabled = ready if state == job.IDLE else state not in (job.IMPORTING, job.FAILED)
        self.ui.previewButton.enabled = ready and not self.busy
        self.ui.previewButton.toolTip = missing or _(
            "Make the candidates of the slice that the Red view shows, to see what the range offers before the whole "
            "volume is computed.")
        for section in self.SECTIONS:
            getattr(self.ui, section).enabled = not self.busy
        self.ui.progressBar.visible = self.ui.remainingLabel.visible = self.busy
        self.panel.updateEstimate()

    def _begin(self, sliceOf) -> None:
        parameters, machine = self.panel.parameters, self.panel.settings
        if self.missing() is not None:
            return
        self.tell("")
        self._startedAt = time.monotonic()
        self.ui.progressBar.setRange(0, 0)
        self.ui.remainingLabel.text = _("Starting...")
        try:
            if isinstance(self.panel.logic.engine, WorkerEngine) and not widgetinstall.ensureTorch():
                return
            source = self.panel.logic.sourceVolume(parameters.inputVolume)
            settings, sliceIndex = self.settings(), sliceOf(source)
            begun = didwidgetstart.start(
                self.panel.logic, source, settings, sliceIndex, model=parameters.model, device=machine.device,
                precision=machine.precision, region_roi=parameters.regionROI,
                statistics_roi=parameters.statisticsROI, background_roi=parameters.backgroundROI)
        except (ValueError, RuntimeError) as error:
            self._fail(error)
            return
        self.log((_("Candidates of '{volume}' with {model}, {method}, {count} in all.") if sliceIndex is None else
                  _("Candidates of slice {slice} of '{volume}' with {model}, {method}, {count} in all.")).format(
            volume=source.GetName(), model=parameters.model, method=settings.method, count=settings.count,
            slice=sliceIndex))
        self._job = begun
        begun.add_observer(self._onJob)
        self.update()
        if not begun.busy:
            self._end(begun)

    def _onJob(self, source, event: str, value) -> None:
        if source is not self._job:
            return  # of a panel that has been closed
        if event == job.PROGRESS:
            self._progress(*value)
        elif event == job.STATE:
            self.update()
            if value == job.IDLE:
                self._end(source)

    def _progress(self, fraction: float, text: str, remaining: float) -> None:
        self.ui.progressBar.setRange(0, 100)
        self.ui.progressBar.value = int(100 * fraction)
        # The remaining time is infinite as long as nothing is done.
        self.ui.remainingLabel.text = text if remaining == float("inf") else _("{text}, about {duration} left").format(
            text=text, duration=durationText(remaining))

    def _end(self, ended) -> None:
        if ended.cancelled:
            self.tell(_("Cancelled; the scene is as it was."))
            self.log(_("Cancelled."))
        elif ended.error is not None:
            self._fail(ended.error, ended.details)
        else:
            self.panel.onCandidates(ended.result)
            facts = self.panel.logic.facts(ended.result) or {}
            done = _("Done in {duration}.").format(duration=durationText(time.monotonic() - self._startedAt))
            for text in (*ended.messages, *facts.get("outcomes", {}).values(), done):
                self.log(text)
            self.tell("\n".join([done, *ended.messages]))
        self.update()

    def _fail(self, error: BaseException, details: str = "") -> None:
        self.tell(str(error), failed=True)
        self.log(str(error))
        # Not from within what the job tells: a dialog would hold up everybody else who listens.
        more = {"detailedText": details} if details else {}
        qt.QTimer.singleShot(0, lambda: slicer.util.errorDisplay(str(error), **more))
        self.update()


def _shownSlice(source) -> int:
    """Return the slice of ``source`` that the Red view shows; raises ValueError when it shows none."""
    node = slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{PREVIEW_VIEW}")
    if node is None or not node.IsMappedInLayout():
        raise ValueError(_("The {view} view is not in this layout: choose a layout that shows it.").format(
            view=PREVIEW_VIEW))
    return sliceplane.shown_slice(source, node)
