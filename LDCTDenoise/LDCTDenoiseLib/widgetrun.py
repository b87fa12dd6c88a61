"""The part of the panel that runs: Apply and Cancel, Preview, how fast a device is."""

from __future__ import annotations

from slicer.i18n import tr as _

from . import scene, sceneresult, timeestimate
from .widgetjob import JobControl
from .widgetmodelcard import durationText, titleOf
from .widgetpreview import SlicePreview


class RunControl(JobControl):
    """Starts runs and previews, and shows how they get on. One thing is under way at a time."""

    SECTIONS = ("inputsCollapsibleButton", "networkCollapsibleButton", "outputsCollapsibleButton",
                "advancedCollapsibleButton")

    def __init__(self, panel) -> None:
        super().__init__(
            panel, panel.ui.applyButton,
            (_("&Apply"), _("Denoise the volume. Nothing is shown or changed before the result is complete.")),
            _("The result is written to the scene."))
        self.preview = SlicePreview()
        self._isPreview = False
        self._timed: tuple = ()
        self.ui.applyButton.connect("clicked(bool)", self.onApplyButton)
        self.ui.previewButton.connect("clicked(bool)", self.onPreviewButton)

    def missing(self) -> str | None:
        """Return what stands in the way of a run, or None."""
        parameters = self.panel.parameters
        if parameters is None or parameters.inputVolume is None:
            return _("Choose the CT volume to denoise.")
        try:
            scene.check_kind(parameters.inputVolume, "input")
            if parameters.outputVolume is not None:
                sceneresult.check_output(parameters.outputVolume, parameters.inputVolume)
        except ValueError as error:
            return str(error)
        return self._missingOf(parameters.inputVolume)

    def update(self) -> None:
        """Bring everything into line with what is under way."""
        super().update()
        self.panel.result.updateExport()

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
        process = self.panel.logic.processFrames if frames else self.panel.logic.process
        options = {} if frames else {"outputVolume": parameters.outputVolume, "removedNoise": parameters.removedNoise}
        self.log(_("Denoising '{volume}' with '{model}', strength {strength:.0f} %.").format(
            volume=parameters.inputVolume.GetName(), model=titleOf(self.panel.card()), strength=parameters.strength))

        def start():
            process(parameters.inputVolume, model=parameters.model, strength=parameters.strength / 100,
                    device=settings.device, precision=settings.precision, waitForCompletion=False, **options)
            return self.panel.logic.job

        self._isPreview = False
        self._timed = (self.panel.work()[1], settings.device, settings.precision)
        self._begin(start)

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
            self.panel.logic.startRequest(request, lambda reply: self.preview.show(reply, parameters.strength / 100))
            return self.panel.logic.job

        self._isPreview = True
        self._begin(start, dialog=False)

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
        super().stop()
        self.removePreview()

    def close(self) -> None:
        """The panel goes: nothing is to be shown any more. What is under way is the Logic's to stop."""
        super().close()
        self.removePreview()

    def _updatePreview(self, missing: str | None) -> None:
        shown = self.preview.shown is not None
        self.ui.previewButton.enabled = not self.busy and (shown or missing is None)
        self.ui.previewButton.text = _("Remove &preview") if shown else _("&Preview slice")

    def _progress(self, done: int, total: int, remaining: float) -> None:
        self.ui.progressBar.setRange(0, total)
        self.ui.progressBar.value = done
        self.ui.remainingLabel.text = _("Slice {done} of {total}, about {duration} left").format(
            done=done, total=total, duration=durationText(remaining))

    def _succeed(self, ended, seconds: float) -> None:
        if self._isPreview:
            self.ui.previewButton.checked = True
            text = _("Preview of this slice only; Apply does the volume. Press {key} to compare.")
            self.tell(text.format(key=self.panel.result.KEY))
        else:
            self._time(ended)
            self.panel.onResult(ended.result)
            self._tellDone(ended, seconds)

    def _time(self, ended) -> None:
        """Remember how fast the device is that the run was for."""
        work, device, precision = self._timed
        rate = timeestimate.measured_rate(work, ended.seconds)
        if rate:
            self.panel.settings.setRate(device, precision, rate)
