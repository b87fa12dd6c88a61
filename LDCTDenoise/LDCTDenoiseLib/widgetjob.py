"""What a panel shows of a run: its button, progress, the remaining time, the log, and how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable

import qt
import slicer
from slicer.i18n import tr as _

from . import job, widgetinstall
from .widgetmodelcard import durationText
from .workerengine import WorkerEngine

MAX_LOG_LINES = 500
SHOWN_LOG_LINES = 7


class JobControl:
    """Shows one job at a time. The panels' own classes start it, and say what stands in its way and what it made.

    :param panel: a :class:`~.widgetpanel.ModulePanel`.
    :param button: starts a run, and stops it.
    :param start: text and tool tip of the button while nothing is under way.
    :param importing: its tool tip while the result is imported.
    """

    SECTIONS: tuple[str, ...] = ()
    """What cannot be changed during a run."""

    def __init__(self, panel, button, start: tuple[str, str], importing: str) -> None:
        self.panel = panel
        self.ui = panel.ui
        self._button, self._startTexts, self._importingTip = button, start, importing
        self._job: job.Job | None = None
        self._startedAt = 0.0
        self.ui.logTextEdit.maximumBlockCount = MAX_LOG_LINES
        self.ui.logTextEdit.setFixedHeight(SHOWN_LOG_LINES * self.ui.logTextEdit.fontMetrics().lineSpacing())
        self.ui.progressBar.visible = False
        self.ui.remainingLabel.visible = False
        self.tell("")

    @property
    def busy(self) -> bool:
        return self._job is not None and self._job.busy

    def missing(self) -> str | None:
        """Return what stands in the way of a run, or None."""
        raise NotImplementedError

    def stop(self) -> None:
        """Stop what is under way: the scene or the panel goes."""
        if self.busy:
            self._job.cancel()

    def close(self) -> None:
        """The panel goes: nothing is to be shown any more."""
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
        text, tip = self._startTexts
        texts = {
            job.IDLE: (text, missing or tip),
            job.CANCELLING: (_("&Cancelling..."), _("Click once more to stop at once.")),
            job.IMPORTING: (_("Importing..."), self._importingTip),
            job.FAILED: (text, ""),
        }
        self._button.text, self._button.toolTip = texts.get(state, (_("&Cancel"), _("Stop; the scene stays as it is.")))
        self._button.enabled = missing is None if state == job.IDLE else state not in (job.IMPORTING, job.FAILED)
        self._updatePreview(missing)
        for section in self.SECTIONS:
            getattr(self.ui, section).enabled = not self.busy
        self.ui.progressBar.visible = self.ui.remainingLabel.visible = self.busy
        self.panel.updateEstimate()

    def _missingOf(self, volume) -> str | None:
        """Return what ``volume`` or the network lacks for a run, or None."""
        if volume.GetImageData() is None:
            return _("'{volume}' holds no image: load it again.").format(volume=volume.GetName())
        if self.panel.card() is None:
            return _("The network '{model}' is not installed: choose one, or import it.").format(
                model=self.panel.parameters.model)
        return None

    def _updatePreview(self, missing: str | None) -> None:
        """Bring the button of the preview into line; ``missing``: what stands in the way of a run."""
        raise NotImplementedError

    def _ready(self) -> bool:
        """Return whether PyTorch is there; asks the user where it has to be installed first."""
        try:
            return not isinstance(self.panel.logic.engine, WorkerEngine) or widgetinstall.ensureTorch()
        except RuntimeError as error:
            self._fail(error)
            return False

    def _begin(self, start: Callable[[], job.Job], dialog: bool = True) -> None:
        """Follow the job that ``start()`` returns; ``dialog``: whether its refusal is told in one."""
        self._startedAt = time.monotonic()
        self.tell("")
        self.ui.progressBar.setRange(0, 0)
        self.ui.remainingLabel.text = _("Starting...")
        try:
            begun = start()
        except (ValueError, RuntimeError) as error:
            self._fail(error, dialog=dialog)
            return
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

    def _progress(self, *values) -> None:
        """Show progress, as the operation knows it."""
        raise NotImplementedError

    def _end(self, ended) -> None:
        seconds = time.monotonic() - self._startedAt
        for message in ended.messages:
            self.log(message)
        if ended.cancelled:
            self.tell(_("Cancelled; the scene is as it was."))
            self.log(_("Cancelled."))
        elif ended.error is not None:
            self._fail(ended.error, ended.details)
        else:
            self._succeed(ended, seconds)
        self.update()

    def _succeed(self, ended, seconds: float) -> None:
        """Show the result of ``ended``, which took ``seconds`` with everything around it."""
        raise NotImplementedError

    def _tellDone(self, ended, seconds: float) -> None:
        """Say that ``ended`` is done, how long it took, and what the user should know of it."""
        text = _("Done in {duration}.").format(duration=durationText(seconds))
        self.log(text)
        self.tell("\n".join([text, *ended.messages]))

    def _fail(self, error: BaseException, details: str = "", dialog: bool = True) -> None:
        self.tell(str(error), failed=True)
        self.log(str(error))
        if dialog:
            # Not from within what the job tells: a dialog would hold up everybody else who listens.
            more = {"detailedText": details} if details else {}
            qt.QTimer.singleShot(0, lambda: slicer.util.errorDisplay(str(error), **more))
        self.update()
