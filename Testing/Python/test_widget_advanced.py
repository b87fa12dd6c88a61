"""Settings of this computer: devices, precision, the folder of weights, models of one's own, and the way back."""

import json

import pytest
from networkfactory import add_user_model
from panelfixtures import (  # noqa: F401  (fixtures)
    calls, complaints, ct, mrml, open_panel, panel, parameters, session, settle, ui,
)

from LDCTDenoiseLib.engine import Device

DEVICES = [Device("auto", "NVIDIA A100", 40 * 2**30), Device("cpu", "x86_64, 8 threads", 32 * 2**30),
           Device("cuda:0", "NVIDIA A100", 40 * 2**30)]


def items(combo):
    return [(combo.itemData(n), combo.itemText(n)) for n in range(combo.count)]


def choose(combo, name):
    combo.currentIndex = combo.findData(name)
    combo.activated.emit(combo.currentIndex)


@pytest.fixture
def asks(panel, monkeypatch):
    """Lets the engine be asked for its devices; holds who asked."""
    from LDCTDenoiseLib import widgetinstall

    asked = []
    monkeypatch.setattr(widgetinstall, "torchIsInstalled", lambda: True)
    panel.widget.logic.engine.start_devices = asked.append
    return asked


def test_the_section_is_closed_and_the_devices_are_not_asked_for_at_first(ui, asks):
    assert ui.advancedCollapsibleButton.collapsed
    assert asks == []
    assert [name for name, _ in items(ui.deviceComboBox)] == ["auto", "cpu"]


def test_opening_the_section_lists_the_devices_with_name_and_memory(ui, asks):
    ui.advancedCollapsibleButton.click()
    assert len(asks) == 1
    asks[0].finished(DEVICES, None)
    assert items(ui.deviceComboBox) == [
        ("auto", "Automatic: NVIDIA A100, 40 GB"), ("cpu", "Processor (CPU): x86_64, 8 threads, 32 GB"),
        ("cuda:0", "NVIDIA A100, 40 GB")]
    ui.advancedCollapsibleButton.click()
    ui.advancedCollapsibleButton.click()
    assert len(asks) == 1


def test_devices_that_cannot_be_listed_are_asked_for_again_later(ui, asks):
    ui.advancedCollapsibleButton.click()
    asks[0].finished(None, RuntimeError("PyTorch is not installed."))
    assert "PyTorch is not installed." in ui.logTextEdit.toPlainText()
    ui.advancedCollapsibleButton.click()
    ui.advancedCollapsibleButton.click()
    assert len(asks) == 2


def test_without_pytorch_no_worker_is_started_for_the_list(ui, asks, monkeypatch):
    from LDCTDenoiseLib import widgetinstall

    monkeypatch.setattr(widgetinstall, "torchIsInstalled", lambda: False)
    ui.advancedCollapsibleButton.click()
    assert asks == []


def test_device_and_precision_stay_chosen_for_the_next_panel_but_not_in_the_scene(ui, asks, open_panel, parameters):
    ui.advancedCollapsibleButton.click()
    asks[0].finished(DEVICES, None)
    choose(ui.deviceComboBox, "cuda:0")
    choose(ui.precisionComboBox, "bf16")
    again = open_panel().widget.panel.ui
    assert again.deviceComboBox.itemData(again.deviceComboBox.currentIndex) == "cuda:0"
    assert again.precisionComboBox.itemData(again.precisionComboBox.currentIndex) == "bf16"
    node = parameters.parameterNode
    assert not {"device", "precision"} & set(node.GetParameterNames())


def test_a_chosen_device_that_is_gone_is_named_so(ui, asks, panel):
    panel.widget.panel.settings.device = "cuda:1"
    ui.advancedCollapsibleButton.click()
    asks[0].finished(DEVICES, None)
    assert items(ui.deviceComboBox)[-1] == ("cuda:1", "cuda:1 (not found)")
    assert ui.deviceComboBox.currentIndex == 3


def names(ui):
    return [name for name, _ in items(ui.modelComboBox)]


@pytest.mark.parametrize("at_work", [False, True])
def test_another_weights_folder_brings_its_networks_and_ends_a_worker_that_rests(ui, panel, tmp_path, at_work):
    import os

    class Client:
        closed = 0

        def serves(self):
            return at_work

        def close(self):
            self.closed += 1

    panel.widget.logic.engine.client = client = Client()
    folder = tmp_path / "my networks"
    folder.mkdir()
    add_user_model(folder, architecture="plain")
    assert "tiny" not in names(ui)
    ui.weightsFolderButton.setDirectory(str(folder))
    assert "tiny" in names(ui)
    assert os.environ["LDCT_MODELS"] == str(folder)
    assert client.closed == (0 if at_work else 1)


def test_the_folder_of_the_last_session_is_used_in_the_next_one(ui, open_panel, tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    ui.weightsFolderButton.setDirectory(str(tmp_path / "mine"))
    monkeypatch.delenv("LDCT_MODELS")
    assert open_panel().widget.panel.ui.weightsFolderButton.directory == str(tmp_path / "mine")


def test_a_damaged_list_of_networks_keeps_the_packaged_ones_and_is_told(ui, tmp_path):
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "models.json").write_text("{")
    ui.weightsFolderButton.setDirectory(str(folder))
    assert names(ui) == ["hrnet", "unet", "plain"]
    assert "models.json cannot be read" in ui.logTextEdit.toPlainText()


@pytest.fixture
def trained(tmp_path):
    """The folder of a training: a network, its description, and weights under the name that training gives them."""
    folder = tmp_path / "training"
    folder.mkdir()
    entry = add_user_model(folder, architecture="plain")
    (folder / entry["file"]).rename(folder / "weights.pt")
    (folder / "models.json").unlink()
    (folder / "entry.json").write_text(json.dumps(entry))
    return folder / "entry.json"


def test_a_trained_network_is_imported_and_chosen(ui, parameters, trained, monkeypatch):
    import qt

    monkeypatch.setattr(qt.QFileDialog, "getOpenFileName", staticmethod(lambda *arguments: str(trained)))
    ui.importModelButton.click()
    assert parameters.model == "tiny"
    assert names(ui)[-1] == "tiny"
    assert ui.messageLabel.text == "Imported: Random weights."
    assert ui.modelComboBox.currentText == "Random weights"


def test_what_is_no_network_is_not_imported_and_the_message_says_why(ui, parameters, tmp_path, monkeypatch):
    import qt

    other = tmp_path / "other.json"
    other.write_text("[1]")
    monkeypatch.setattr(qt.QFileDialog, "getOpenFileName", staticmethod(lambda *arguments: str(other)))
    ui.importModelButton.click()
    assert "describes no model" in ui.messageLabel.text
    assert names(ui) == ["hrnet", "unet", "plain"]


def test_closing_the_file_dialog_imports_nothing(ui, monkeypatch):
    import qt

    monkeypatch.setattr(qt.QFileDialog, "getOpenFileName", staticmethod(lambda *arguments: ""))
    ui.importModelButton.click()
    assert ui.messageLabel.isHidden()


def test_restore_defaults_sets_all_back_but_the_volumes(ui, ct, parameters, panel, tmp_path):
    settings = panel.widget.panel.settings
    folder = settings.weightsFolder
    (tmp_path / "mine").mkdir()
    parameters.inputVolume = ct
    parameters.strength, parameters.model, parameters.removedNoise = 20.0, "unet", True
    settings.device, settings.precision = "cpu", "bf16"
    ui.weightsFolderButton.setDirectory(str(tmp_path / "mine"))
    ui.restoreDefaultsButton.click()
    assert (parameters.strength, parameters.model, parameters.removedNoise) == (100.0, "hrnet", False)
    assert (settings.device, settings.precision, settings.weightsFolder) == ("auto", "auto", folder)
    assert ui.weightsFolderButton.directory == str(folder)
    assert (ui.deviceComboBox.currentIndex, ui.precisionComboBox.currentIndex) == (0, 0)
    assert parameters.inputVolume is ct
