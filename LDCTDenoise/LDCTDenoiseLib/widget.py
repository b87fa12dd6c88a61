"""The panel of the module LDCT Denoise: its parts, and the parameters that they share."""

from __future__ import annotations

import qt
import slicer
import vtk
from slicer.i18n import tr as _

from . import framesequence, modelregistry, scene, timeestimate
from .acquisition import acquisition_of
from .widgetadvanced import AdvancedSettings
from .widgetmodelcard import cardDetails, cardText, estimateText, titleOf
from .widgetresult import ResultView
from .widgetrun import RunControl
from .widgetsettings import MachineSettings
from .widgetwarnings import inspectValues, warningsFor


class Panel:
    """Connects the widgets of LDCTDenoise.ui with the Logic.

    :param ui: the widgets, by name.
    :param logic: an ``LDCTDenoise.LDCTDenoiseLogic``.
    """

    def __init__(self, ui, logic) -> None:
        self.ui = ui
        self.logic = logic
        self.settings = MachineSettings()
        self.parameters = None
        self._guiTag = self._observer = None
        self._cards: list[modelregistry.ModelCard] = []
        self._seen = (None, None)
        # What takes a moment is done when the application has nothing else to do.
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._inspect)
        self.run = RunControl(self)
        self.result = ResultView(self)
        self.advanced = AdvancedSettings(self)
        style = slicer.app.style()
        size = style.pixelMetric(qt.QStyle.PM_SmallIconSize)
        for icon in (self.ui.warningIcon, self.ui.messageIcon):
            icon.setPixmap(style.standardIcon(qt.QStyle.SP_MessageBoxWarning).pixmap(size, size))
        self.ui.allFramesCheckBox.visible = False
        self._inspect()
        self.updateModels()
        self.ui.modelComboBox.connect("activated(int)", self._onModel)
        self._onChange()

    def sceneCloses(self) -> None:
        """The scene is about to be emptied."""
        self.run.stop()
        self.setParameters(None)

    def close(self) -> None:
        """Let go of everything: the module is unloaded."""
        self._timer.stop()
        self.result.close()
        self.run.close()
        self.setParameters(None)
        self._timer.stop()

    def enter(self) -> None:
        """The user opens the module."""
        self.result.enter()
        if self.parameters is not None and self.parameters.inputVolume is None and not self.run.busy:
            self.parameters.inputVolume = self._likelyInput()

    def exit(self) -> None:
        """The user opens another module; a run goes on."""
        self.run.leave()
        self.result.exit()

    def setParameters(self, parameters) -> None:
        """Show ``parameters`` (widgetparameters.PanelParameters), and follow them; None while there is no scene."""
        if self.parameters is not None:
            self.parameters.disconnectGui(self._guiTag)
            self.parameters.RemoveObserver(self._observer)
        self.parameters = parameters
        self._guiTag = self._observer = None
        if parameters is not None:
            self._guiTag = parameters.connectGui(self.ui)
            self._observer = parameters.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onChange)
        self._seen = (None, None)
        self._onChange()

    def card(self) -> modelregistry.ModelCard | None:
        """Return the card of the chosen network."""
        name = self.parameters.model if self.parameters is not None else None
        return next((card for card in self._cards if card.name == name), None)

    def onResult(self, result) -> None:
        """A run has made ``result``."""
        if not self.framesChosen():
            self.parameters.outputVolume = result
        self.result.setResult(result)
        self.result.measure()
        self.result.show()
        self.ui.resultCollapsibleButton.collapsed = False

    def updateModels(self) -> None:
        """Read the lists of networks again."""
        problems: list[str] = []
        self._cards = modelregistry.list_models(self.settings.weightsFolder, problems)
        for problem in problems:
            self.run.log(problem)
        self.ui.modelComboBox.clear()
        for card in self._cards:
            self.ui.modelComboBox.addItem(titleOf(card), card.name)
        self._showModel()

    def updateEstimate(self) -> None:
        """Show how long the chosen input will take, or what is missing; nothing during a run."""
        self.ui.estimateLabel.visible = not self.run.busy
        missing = self.run.missing()
        if missing is not None:
            self.ui.estimateLabel.text = missing
            return
        volume = self.parameters.inputVolume
        i, j, k = volume.GetImageData().GetDimensions()
        slices = k * (framesequence.sequence_of(volume).GetNumberOfDataNodes() if self.framesChosen() else 1)
        work = timeestimate.multiply_adds(self.card(), (slices, j, i))
        device, precision = self.settings.device, self.settings.precision
        rate = self.settings.rate(device, precision)
        seconds = None if work is None else timeestimate.seconds(work, rate or timeestimate.rough_rate(device))
        self.ui.estimateLabel.text = estimateText(slices, seconds, rate is not None)

    def _onChange(self, caller=None, event=None) -> None:
        """The parameters changed, or are others."""
        parameters = self.parameters
        now = (None, None) if parameters is None else (parameters.inputVolume, parameters.model)
        before, self._seen = self._seen, now
        if now[0] is not before[0]:
            self._onInput(before[0])
        if now[1] != before[1]:
            self._showModel()
        if now[0] is not before[0] or now[1] != before[1]:
            self.run.removePreview()
            self._timer.start(0)
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
            self.ui.allFramesCheckBox.text = _("All {count} frames of '{sequence}'").format(
                count=sequence.GetNumberOfDataNodes(), sequence=sequence.GetName())
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

    def _onModel(self, index: int) -> None:
        self.parameters.model = self.ui.modelComboBox.itemData(index)

    def _showModel(self) -> None:
        card = self.card()
        self.ui.modelComboBox.currentIndex = self._cards.index(card) if card is not None else -1
        self.ui.modelCardLabel.visible = card is not None
        if card is not None:
            self.ui.modelCardLabel.text = cardText(card)
            self.ui.modelCardLabel.toolTip = cardDetails(card)

    def _inspect(self) -> None:
        """Say where the input is outside what the network was trained for."""
        volume, card = self.parameters and self.parameters.inputVolume, self.card()
        found: list[str] = []
        if card is not None and self.run.missing() is None:
            noise, doubts = None, []
            if volume.GetImageData().GetNumberOfScalarComponents() == 1:
                noise, doubts = inspectValues(slicer.util.arrayFromVolume(volume), volume.GetSpacing()[::-1])
            stacking = scene.stacking_warning(volume)
            found = warningsFor(acquisition_of(volume), card, noise, doubts + ([stacking] if stacking else []))
        self.ui.warningLabel.text = "\n".join(found)
        self.ui.warningLabel.visible = self.ui.warningIcon.visible = bool(found)

    @staticmethod
    def _likelyInput():
        """Return the volume that the Red view shows, or else the first one of the scene."""
        red = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceCompositeNodeRed")
        shown = slicer.mrmlScene.GetNodeByID(red.GetBackgroundVolumeID() or "") if red is not None else None
        if shown is not None and shown.GetClassName() == "vtkMRMLScalarVolumeNode":
            return shown
        return next((volume for volume in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
                     if volume.GetClassName() == "vtkMRMLScalarVolumeNode"), None)
