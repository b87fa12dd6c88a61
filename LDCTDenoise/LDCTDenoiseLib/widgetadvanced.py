"""The part of the panel for this computer: device, precision, the folder of weights, models of one's own."""

from __future__ import annotations

from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from . import job, modelimport, widgetinstall
from .widgetmodelcard import titleOf

GIGABYTE = 2**30


class AdvancedSettings:
    """Shows and changes what :class:`~.widgetsettings.MachineSettings` keeps.

    The list of devices needs PyTorch, in the worker: it is asked for when the section is opened for the first time.
    """

    def __init__(self, panel) -> None:
        self.panel = panel
        self.ui = panel.ui
        self._asked = False
        self._devices: list = []
        for name, text in (("auto", _("Automatic")), ("fp32", _("32 bit (fp32)")), ("bf16", _("16 bit (bf16)")),
                           ("fp16", _("16 bit (fp16), graphics card only"))):
            self.ui.precisionComboBox.addItem(text, name)
        self.show()
        self.ui.deviceComboBox.connect("activated(int)", self.onDevice)
        self.ui.precisionComboBox.connect("activated(int)", self.onPrecision)
        self.ui.weightsFolderButton.connect("directoryChanged(QString)", self.onWeightsFolder)
        self.ui.importModelButton.connect("clicked(bool)", self.onImportModel)
        self.ui.restoreDefaultsButton.connect("clicked(bool)", self.onRestoreDefaults)
        self.ui.advancedCollapsibleButton.connect("contentsCollapsed(bool)", self.onCollapsed)

    def show(self) -> None:
        """Show the settings as they are."""
        settings = self.panel.settings
        _fill(self.ui.deviceComboBox, self._choices(), settings.device)
        self.ui.precisionComboBox.currentIndex = max(0, self.ui.precisionComboBox.findData(settings.precision))
        blocked = self.ui.weightsFolderButton.blockSignals(True)
        self.ui.weightsFolderButton.directory = str(settings.weightsFolder)
        self.ui.weightsFolderButton.blockSignals(blocked)

    def onCollapsed(self, collapsed: bool) -> None:
        """The section was opened or closed: ask for the devices, once."""
        if collapsed or self._asked or not hasattr(self.panel.logic.engine, "start_devices"):
            return
        if not widgetinstall.torchIsInstalled():
            return  # the first run installs it, if the user agrees
        self._asked = True
        asking = job.Job(lambda devices: devices)
        asking.add_observer(self._onDevices)
        asking.start(self.panel.logic.engine.start_devices)

    def _onDevices(self, asked, event: str, value) -> None:
        if (event, value) != (job.STATE, job.IDLE):
            return
        if asked.error is not None:
            self._asked = False
            self.panel.run.log(_("The devices are not known yet: {reason}").format(reason=asked.error))
        else:
            self._devices = asked.result
            self.show()

    def onDevice(self, index: int) -> None:
        self.panel.settings.device = self.ui.deviceComboBox.itemData(index)
        self.panel.updateEstimate()

    def onPrecision(self, index: int) -> None:
        self.panel.settings.precision = self.ui.precisionComboBox.itemData(index)
        self.panel.updateEstimate()

    def onWeightsFolder(self, folder: str) -> None:
        self.panel.settings.weightsFolder = Path(folder)
        self._foldersChanged()

    def onImportModel(self, checked=False) -> None:
        """Let the user choose a trained model, and make it one of the networks."""
        chosen = qt.QFileDialog.getOpenFileName(
            self.ui.importModelButton, _("Import a model"), "", _("Model descriptions (*.json)"))
        if not chosen:
            return
        try:
            cards = modelimport.import_models(Path(chosen), self.panel.settings.weightsFolder)
        except (ValueError, OSError) as error:
            self.panel.run.tell(str(error), failed=True)
            self.panel.run.log(str(error))
            return
        self.panel.updateModels()
        if cards:
            self.panel.parameters.model = cards[-1].name
            text = _("Imported: {names}.").format(names=", ".join(titleOf(card) for card in cards))
            self.panel.run.tell(text)
            self.panel.run.log(text)

    def onRestoreDefaults(self, checked=False) -> None:
        """Forget all choices but nodes of the scene."""
        self.panel.settings.restoreDefaults()
        parameters = self.panel.parameters
        if parameters is not None:
            with slicer.util.NodeModify(parameters):
                for name, value in self.panel.DEFAULTS.items():
                    setattr(parameters, name, value)
        self._foldersChanged()

    def _foldersChanged(self) -> None:
        client = getattr(self.panel.logic.engine, "client", None)
        if client is not None and not client.serves():
            # Frees the networks of the other folder. One that is at work, perhaps for the other module, is left alone:
            # every request names its folder.
            client.close()
        self.show()
        self.panel.updateModels()
        self.panel.updateEstimate()

    def _choices(self) -> list[tuple[str, str]]:
        """Return name and text of each device."""
        choices = [("auto", _("Automatic")), ("cpu", _("Processor (CPU)"))]
        if self._devices:
            choices = [(device.name, _deviceText(device)) for device in self._devices]
        chosen = self.panel.settings.device
        if chosen not in [name for name, _text in choices]:
            choices.append((chosen, _("{device} (not found)").format(device=chosen) if self._devices else chosen))
        return choices


def _deviceText(device) -> str:
    text = {"auto": _("Automatic: {title}"), "cpu": _("Processor (CPU): {title}")}.get(device.name, "{title}").format(
        title=device.title)
    if device.memory_bytes:
        text += _(", {memory:.0f} GB").format(memory=device.memory_bytes / GIGABYTE)
    return text


def _fill(combo, choices: list[tuple[str, str]], chosen: str) -> None:
    combo.clear()
    for name, text in choices:
        combo.addItem(text, name)
    combo.currentIndex = max(0, combo.findData(chosen))
