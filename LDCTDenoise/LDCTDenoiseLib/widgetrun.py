"""The part of the panel that runs: Apply and Cancel, Preview, progress, the remaining time, the log."""

from __future__ import annotations

import time

import qt
import slicer
from slicer.i18n import tr as _

from . import job, scene, timeestimate, widgetinstall
from .widgetmodelcard import durationText
from .widgetpreview import SlicePreview
from .workerengine import WorkerEngine

MAX_LOG_LINES = 500
SHOWN_LOG_LINES = 7


class RunControl:
    """Starts runs and previews, and shows how they get on. One thing is under way at a time."""

    def __init__(self, panel) -> None:
        self.panel = panel
        self.ui = panel.ui
        self.preview = SlicePreview()
        self._job = None
        self._isPreview = False
        self._startedAt = 0.0
        self.ui.logTextEdit.maximumBlockCount = MAX_LOG_LINES
        self.ui.logTextEdit.setFixedHeight(SHOWN_LOG_LINES * self.ui.logTextEdit.fontMetrics().lineSpacing())
        self.ui.progressBar.visible = False
        self.ui.remainingLabel.visible = False
        self.tell("")
        self.ui.applyButton.connect("clicked(bool)", self.onApplyButton)
        self.ui.previewButton.connect("clicked(bool)", self.onPreviewButton)

    @property
    def busy(self) -> bool:
        return self._job is not None and self._job.busy

    def missing(self) -> str | None:
        """Return what stands in the way of a run, or None."""
        parameters = self.panel.parameters
        if parameters is None or parameters.inputVolume is None:
            return _("Choose the CT volume to denoise.")
        try:
            scene.check_kind(parameters.inputVolume, "input")
            if parameters.outputVolume is not None:
                scene.check_output(parameters.outputVolume, parameters.inputVolume)
        except ValueError as error:
            return str(error)
        if parameters.inputVolume.GetImageData() is None:
            return _("'{volume}' holds no image: load it again.").format(volume=parameters.inputVolume.GetName())
        if self.panel.card() is None:
            return _("The network '{model}' is not installed: choose one, or import it.").format(
                model=parameters.model)
        return None

    def onApplyButton(self, checked=False) -> None:
        """Start a run, or stop what is under way."""
        if self.busy:
            self._job.cancel()
            return
        parameters, settings = self.panel.parameters, self.panel.settings
        if self.missing() is not None or not self._ready():
            return
        self.removePreview()
        frames = self.panel.framesChosen()
        start = self.panel.logic.processFrames if frames else self.panel.logic.process
        options = {} if frames else {"outputVolume": parameters.outputVolume, "removedNoise": parameters.removedNoise}
        self.log(_("Denoising '{volume}' with {model}, strength {strength:.0f} %.").format(
            volume=parameters.inputVolume.GetName(), model=parameters.model, strength=parameters.strength))
        self._begin(False, lambda: start(
            parameters.inputVolume, model=parameters.model, strength=parameters.strength / 100,
            device=settings.device, precision=settings.precision, waitForCompletion=False, **options))

    def onPreviewButton(self, checked=False) -> None:
        """Show the slice in the Red view denoised, or take that away again."""
        if self.preview.shown is not None:
            self.removePreview()
            return
        self.ui.previewButton.checked = False
        if self.busy or self.missing() is not None or not self._ready():
            return
        parameters, settings = self.panel.parameters, self.panel.settings

        def start():
            request = self.preview.request(parameters.inputVolume, parameters.model, settings.device,
                                           settings.precision)
            return self.panel.logic.startRequest(request, lambda reply: self.preview.show(
                reply, parameters.strength / 100))

        self._begin(True, start)

    def removePreview(self) -> None:
        """Take the preview away if there is one."""
        self.preview.remove()
        self.ui.previewButton.checked = False
        self.update()

    def leave(self) -> None:
        """The user opens another module: a run goes on, a preview does not."""
        if self.busy and self._isPreview:
            self._job.cancel()
        self.removePreview()

    def stop(self) -> None:
        """Stop what is under way and take the preview away: the scene or the panel goes."""
        if self.busy:
            self._job.cancel()
        self.removePreview()

    def close(self) -> None:
        """The panel goes: nothing is to be shown any more. What is under way is the Logic's to stop."""
        self._job = None
        self.removePreview()

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
        texts = {
            job.IDLE: (_("Apply"), missing or _("Denoise the volume. Nothing is shown or changed before the result is "
                                                "complete.")),
            job.CANCELLING: (_("Cancelling..."), _("Click once more to stop at once.")),
            job.IMPORTING: (_("Importing..."), _("The result is written to the scene.")),
            job.FAILED: (_("Apply"), ""),
        }
        self.ui.applyButton.text, self.ui.applyButton.toolTip = texts.get(
            state, (_("Cancel"), _("Stop; the scene stays as it is.")))
        self.ui.applyButton.enabled = missing is None if state == job.IDLE else state not in (job.IMPORTING, job.FAILED)
        shown = self.preview.shown is not None
        self.ui.previewButton.enabled = not self.busy and (shown or missing is None)
        self.ui.previewButton.text = _("Remove preview") if shown else _("Preview slice")
        for section in ("inputsCollapsibleButton", "networkCollapsibleButton", "outputsCollapsibleButton",
                        "advancedCollapsibleButton"):
            getattr(self.ui, section).enabled = not self.busy
        self.ui.progressBar.visible = self.ui.remainingLabel.visible = self.busy
        self.panel.updateEstimate()

    def _ready(self) -> bool:
        """Return whether PyTorch is there; asks the user where it has to be installed first."""
        try:
            return not isinstance(self.panel.logic.engine, WorkerEngine) or widgetinstall.ensureTorch()
        except RuntimeError as error:
            self._fail(error)
            return False

    def _begin(self, isPreview: bool, start) -> None:
        self._isPreview, self._startedAt = isPreview, time.monotonic()
        self.tell("")
        self.ui.progressBar.setRange(0, 0)
        self.ui.remainingLabel.text = _("Starting...")
        try:
            start()
        except (ValueError, RuntimeError) as error:
            self._fail(error, dialog=not isPreview)
            return
        self._job = self.panel.logic.job
        self._job.add_observer(self._onJob)
        self.update()
        if not self._job.busy:
            self._end(self._job)

    def _onJob(self, source, event: str, value) -> None:
        if source is not self._job:
            return  # of a panel that has been closed
        if event == job.PROGRESS:
            self._progress(*value)
        elif event == job.STATE:
            self.update()
            if value == job.IDLE:
                self._end(source)

    def _progress(self, done: int, total: int, remaining: float) -> None:
        self.ui.progressBar.setRange(0, total)
        self.ui.progressBar.value = done
        self.ui.remainingLabel.text = _("Slice {done} of {total}, about {duration} left").format(
            done=done, total=total, duration=durationText(remaining))

    def _end(self, ended) -> None:
        seconds = time.monotonic() - self._startedAt
        for message in ended.messages:
            self.log(message)
        if ended.cancelled:
            self.tell(_("Cancelled; the scene is as it was."))
            self.log(_("Cancelled."))
        elif ended.error is not None:
            self._fail(ended.error, ended.details)
        elif self._isPreview:
            self.ui.previewButton.checked = True
            self.tell(_("Preview of one slice: press {key} to compare, the button to remove it.").format(
                key=self.panel.result.KEY))
        else:
            self._time(ended, seconds)
            self.panel.onResult(ended.result)
            text = _("Done in {duration}.").format(duration=durationText(seconds))
            self.log(text)
            self.tell("\n".join([text, *ended.messages]))
        self.update()

    def _time(self, ended, seconds: float) -> None:
        """Remember how fast this device is."""
        dimensions = ended.result.GetImageData().GetDimensions()
        work = timeestimate.multiply_adds(self.panel.card(), dimensions[::-1])
        rate = timeestimate.measured_rate(work, seconds - timeestimate.START_SECONDS) if work else None
        if rate and not self.panel.framesChosen():
            self.panel.settings.setRate(self.panel.settings.device, self.panel.settings.precision, rate)

    def _fail(self, error: BaseException, details: str = "", dialog: bool = True) -> None:
        self.tell(str(error), failed=True)
        self.log(str(error))
        if dialog:
            # Not from within what the job tells: a dialog would hold up everybody else who listens.
            more = {"detailedText": details} if details else {}
            qt.QTimer.singleShot(0, lambda: slicer.util.errorDisplay(str(error), **more))
        self.update()
