"""What the panels of both modules have in common: parameters of the scene, the list of networks, the estimate."""

from __future__ import annotations

import qt
import slicer
import vtk

from . import modelregistry, scene
from .acquisition import acquisition_of
from .widgetmodelcard import titleOf
from .widgetsettings import MachineSettings
from .widgetwarnings import inspectValues, noteFor, warningsFor


class ModulePanel:
    """Connects widgets with a Logic. The modules' own classes set ``run``, a :class:`~.widgetjob.JobControl`.

    :param ui: the widgets, by name.
    :param logic: the module's Logic.
    """

    DEFAULTS: dict[str, object] = {}
    """Names and values of the parameters that "Restore defaults" sets."""

    def __init__(self, ui, logic) -> None:
        self.ui = ui
        _letKeysReachBuddies(ui)
        self.logic = logic
        self.settings = MachineSettings()
        self.parameters = None
        self._guiTag = self._observer = None
        self._unshown = None
        self._cards: list[modelregistry.ModelCard] = []
        # What takes a moment is done when the application has nothing else to do.
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._inspect)
        self.ui.modelComboBox.connect("activated(int)", self._onModel)
        style = slicer.app.style()
        size = style.pixelMetric(qt.QStyle.PM_SmallIconSize)
        for icon in (self.ui.warningIcon, self.ui.messageIcon):
            icon.setPixmap(style.standardIcon(qt.QStyle.SP_MessageBoxWarning).pixmap(size, size))

    def enter(self) -> None:
        """The user opens the module."""
        if self.parameters is not None and self.parameters.inputVolume is None and not self.run.busy:
            self.parameters.inputVolume = self._likelyInput()

    def sceneCloses(self) -> None:
        """The scene is about to be emptied."""
        self.run.stop()
        self.setParameters(None)

    def close(self) -> None:
        """Let go of everything: the module is unloaded."""
        self.run.close()
        self.setParameters(None)
        self._timer.stop()

    def setParameters(self, parameters) -> None:
        """Show ``parameters`` (the module's own, by parameterNodeWrapper), and follow them.

        None: there is no scene, or one is being read, or was read while another module was open.
        """
        if self.parameters is not None:
            self.parameters.disconnectGui(self._guiTag)
            self.parameters.RemoveObserver(self._observer)
        self.parameters = parameters
        self._guiTag = self._observer = None
        if parameters is not None:
            self._guiTag = parameters.connectGui(self.ui)
            self._observer = parameters.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onChange)
        self._onChange()
        if parameters is not None:
            result, self._unshown = self._unshown, None
            if result is not None and self._belongs(result):
                self._showResult(result)

    def onResult(self, result) -> None:
        """A run has made ``result``: choose and show it, at once or with the next parameters."""
        if self.parameters is None:
            self._unshown = result
        else:
            self._showResult(result)

    def card(self) -> modelregistry.ModelCard | None:
        """Return the card of the chosen network."""
        name = self.parameters.model if self.parameters is not None else None
        return next((card for card in self._cards if card.name == name), None)

    def updateModels(self) -> None:
        """Read the lists of networks again."""
        problems: list[str] = []
        self._cards = modelregistry.list_models(self.settings.weightsFolder, problems)
        for problem in problems:
            self.run.log(problem)
        self.ui.modelComboBox.clear()
        for card in self._cards:
            self.ui.modelComboBox.addItem(titleOf(card), card.name)
        self._showModels()

    def updateEstimate(self) -> None:
        """Show what a run on what is chosen will take, or what is missing; nothing during a run."""
        self.ui.estimateLabel.visible = not self.run.busy
        self.ui.estimateLabel.text = self.run.missing() or self._estimate()

    def inspectLater(self) -> None:
        """Input or network is another one: say soon where they do not suit each other."""
        self._timer.start(0)

    def _onChange(self, caller=None, event=None) -> None:
        """The parameters changed, or are others."""
        raise NotImplementedError

    def _belongs(self, result) -> bool:
        """Return whether ``result``, which had to wait for parameters, is still to be shown with these."""
        raise NotImplementedError

    def _showResult(self, result) -> None:
        """Choose ``result``, which a run has made, and show it."""
        raise NotImplementedError

    def _showModels(self) -> None:
        """The list of networks is another one: show which is chosen."""
        raise NotImplementedError

    def _estimate(self) -> str:
        """Return what a run on what is chosen will take, in words."""
        raise NotImplementedError

    def _onModel(self, index: int) -> None:
        self.parameters.model = self.ui.modelComboBox.itemData(index)

    def _source(self):
        """Return the volume whose voxels a run works on, for an input that nothing is missing of."""
        return self.parameters.inputVolume

    def _inspect(self) -> None:
        """Say where the input is outside what the network was trained for, with a warning sign, and what is unknown."""
        card = self.card()
        found, note = [], ""
        if card is not None and self.run.missing() is None:
            volume = self._source()
            noise, doubts = None, []
            if volume.GetImageData().GetNumberOfScalarComponents() == 1:
                noise, doubts = inspectValues(slicer.util.arrayFromVolume(volume), volume.GetSpacing()[::-1])
            facts = acquisition_of(volume)
            found, note = warningsFor(facts, card, noise, doubts + scene.input_warnings(volume)), noteFor(facts)
        self.ui.warningLabel.text = "\n".join([*found, note] if note else found)
        self.ui.warningLabel.visible = bool(found or note)
        self.ui.warningIcon.visible = bool(found)

    def _likelyInput(self):
        """Return the volume that the Red view shows, or else the first one of the scene, or None."""
        red = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceCompositeNodeRed")
        shown = slicer.mrmlScene.GetNodeByID(red.GetBackgroundVolumeID() or "") if red is not None else None
        return next((volume for volume in (shown, *slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"))
                     if volume is not None and volume.GetClassName() == "vtkMRMLScalarVolumeNode"), None)


def _letKeysReachBuddies(ui) -> None:
    """Let Tab, and Alt with the letter of a label, reach widgets that are made of others, as selectors of nodes are.

    By themselves they take no focus, so that their labels' letters do nothing. What is in a selector of nodes hands
    the focus back to that, where Tab passes it over.
    """
    for label in [widget for widget in vars(ui).values() if isinstance(widget, qt.QLabel)]:
        whole = label.buddy()
        parts = [] if whole is None else [whole.findChild(kind) for kind in (qt.QComboBox, qt.QSlider, qt.QPushButton)]
        inner = next((part for part in parts if part is not None), None)
        if inner is not None:
            inner.setFocusProxy(None)
            whole.setFocusProxy(inner)
            whole.setFocusPolicy(qt.Qt.StrongFocus)
