"""The panel of the module LDCT Denoise: its parts, and the parameters that they share."""

from __future__ import annotations

from slicer.i18n import tr as _

from . import framesequence, scene, timeestimate
from .widgetadvanced import AdvancedSettings
from .widgetmodelcard import cardDetails, cardText, estimateText
from .widgetpanel import ModulePanel
from .widgetresult import ResultView
from .widgetrun import RunControl


class Panel(ModulePanel):
    """Connects the widgets of LDCTDenoise.ui with the Logic.

    :param ui: the widgets, by name.
    :param logic: an ``LDCTDenoise.LDCTDenoiseLogic``.
    """

    DEFAULTS = {"model": "hrnet", "strength": 100.0, "removedNoise": False, "allFrames": False}

    def __init__(self, ui, logic) -> None:
        super().__init__(ui, logic)
        self._seen = (None, None)
        self.run = RunControl(self)
        self.result = ResultView(self)
        self.advanced = AdvancedSettings(self)
        self.ui.allFramesCheckBox.visible = False
        self._inspect()
        self.updateModels()
        self._onChange()

    def close(self) -> None:
        """Let go of everything: the module is unloaded."""
        self.result.close()
        super().close()

    def enter(self) -> None:
        """The user opens the module."""
        self.result.enter()
        super().enter()

    def exit(self) -> None:
        """The user opens another module: a run goes on, what only this module can undo is undone."""
        self.run.leave()
        self.result.exit()

    def setParameters(self, parameters) -> None:
        """Show ``parameters`` (widgetparameters.PanelParameters), and follow them; see the base class."""
        self._seen = (None, None)
        if parameters is None:
            self.result.comparison.close()
        super().setParameters(parameters)

    def _belongs(self, result) -> bool:
        source = None if result.GetScene() is None else result.GetNodeReference(scene.SOURCE_ROLE)
        return source is not None and source is self.parameters.inputVolume  # a scene may have brought another input

    def _showResult(self, result) -> None:
        if not self.framesChosen():
            self.parameters.outputVolume = result
        self.result.setResult(result)
        self.result.measure()
        self.result.show()
        self.ui.resultCollapsibleButton.collapsed = False

    def work(self) -> tuple[int, float | None]:
        """Return the slices of a run on what is chosen, and its multiply-adds if they are known."""
        volume = self.parameters.inputVolume
        i, j, k = volume.GetImageData().GetDimensions()
        slices = k * (framesequence.sequence_of(volume).GetNumberOfDataNodes() if self.framesChosen() else 1)
        return slices, timeestimate.multiply_adds(self.card(), (slices, j, i))

    def _estimate(self) -> str:
        slices, work = self.work()
        device, precision = self.settings.device, self.settings.precision
        rate = self.settings.rate(device, precision)
        seconds = None if work is None else timeestimate.seconds(work, rate or timeestimate.rough_rate(device))
        return estimateText(slices, seconds, rate is not None)

    def _onChange(self, caller=None, event=None) -> None:
        """The parameters changed, or are others."""
        parameters = self.parameters
        now = (None, None) if parameters is None else (parameters.inputVolume, parameters.model)
        before, self._seen = self._seen, now
        if now[0] is not before[0]:
            self._onInput(before[0])
        if now[1] != before[1]:
            self._showModels()
        if now[0] is not before[0] or now[1] != before[1]:
            self.run.removePreview()
            self.inspectLater()
        if parameters is not None:
            self.run.preview.setStrength(parameters.strength / 100)
            self.result.setResult(framesequence.result_of(parameters.inputVolume) if self.framesChosen()
                                  else parameters.outputVolume)
            self.result.setRegion(parameters.region)
        else:
            self.result.setResult(None)
            self.result.setRegion(None)
        self.run.update()

    def _onInput(self, before) -> None:
        parameters = self.parameters
        sequence = framesequence.sequence_of(parameters.inputVolume) if parameters is not None else None
        self.ui.allFramesCheckBox.visible = sequence is not None
        if sequence is not None:
            # In the text of a button, an ampersand marks the letter of the keyboard.
            self.ui.allFramesCheckBox.text = _("All {count} frames of se&quence '{sequence}'").format(
                count=sequence.GetNumberOfDataNodes(), sequence=sequence.GetName().replace("&", "&&"))
        output = parameters.outputVolume if parameters is not None else None
        if before is not None and output is not None and parameters.inputVolume is not None:
            # The result of another volume is not to be overwritten by accident.
            if output.GetNodeReference(scene.SOURCE_ROLE) not in (None, parameters.inputVolume):
                parameters.outputVolume = None

    def framesChosen(self) -> bool:
        """Return whether all frames of a sequence are to be denoised."""
        parameters = self.parameters
        return (parameters is not None and parameters.allFrames
                and framesequence.sequence_of(parameters.inputVolume) is not None)

    def _showModels(self) -> None:
        card = self.card()
        self.ui.modelComboBox.currentIndex = self._cards.index(card) if card is not None else -1
        self.ui.modelCardLabel.visible = card is not None
        if card is not None:
            self.ui.modelCardLabel.text = cardText(card)
            self.ui.modelCardLabel.toolTip = cardDetails(card)
