"""PyTorch is missing at the first run, in either panel: what the user is asked, and what follows from each answer."""

import subprocess
import sys
import types

import pytest
from bothpanelfixtures import (  # noqa: F401  (fixtures)
    button, calls, complaints, ct, dialogs, mrml, name, open_panel, panel, parameters, ready, session, settle, ui,
)


class Torch:
    """Stands in for the extension PyTorch: whether torch is there, and what was asked of it."""

    def __init__(self, monkeypatch, session, agree=True):
        import slicer

        from LDCTDenoiseLib import widgetinstall, widgetjob

        self.installed, self.asked, self.requirements = False, [], []
        session.testing = False
        monkeypatch.setattr(widgetjob, "WorkerEngine", object)
        monkeypatch.setattr(widgetinstall, "torchIsInstalled", lambda: self.installed)
        monkeypatch.setitem(sys.modules, "PyTorchUtils", types.SimpleNamespace(PyTorchUtilsLogic=lambda: self))
        monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay",
                            lambda text, title=None: self.asked.append(text) or agree)

    def installTorch(self, askConfirmation, torchVersionRequirement):
        self.requirements.append(torchVersionRequirement)
        self.installed = True
        return self


def test_pytorch_is_installed_when_the_user_agrees(button, calls, monkeypatch, session):
    torch = Torch(monkeypatch, session)
    button.click()
    assert len(torch.asked) == 1
    assert "downloaded once" in torch.asked[0]
    assert torch.requirements == [">=2.2"]
    assert len(calls) == 1


def test_an_installation_that_fails_is_told_in_one_message(button, calls, monkeypatch, session, dialogs):
    torch = Torch(monkeypatch, session)

    def fail(**options):
        raise subprocess.CalledProcessError(1, "pip")

    torch.installTorch = fail
    text = button.text
    button.click()
    settle()
    assert len(dialogs) == 1
    assert "PyTorch could not be installed" in dialogs[0]
    assert (calls, button.text, button.enabled) == ([], text, True)


def test_nothing_is_installed_or_run_when_the_user_does_not_agree(button, calls, monkeypatch, session):
    torch = Torch(monkeypatch, session, agree=False)
    text = button.text
    button.click()
    assert len(torch.asked) == 1
    assert (torch.requirements, calls) == ([], [])
    assert (button.text, button.enabled) == (text, True)


def test_a_preview_asks_as_well(ready, ct, calls, monkeypatch, session):
    import slicer

    slicer.util.setSliceViewerLayers(background=ct, fit=True)
    session.sliceLogics["Red"].SnapSliceOffsetToIJK()
    torch = Torch(monkeypatch, session, agree=False)
    ready.previewButton.click()
    assert (len(torch.asked), calls) == (1, [])
    torch = Torch(monkeypatch, session)
    ready.previewButton.click()
    assert (len(torch.asked), len(torch.requirements), len(calls)) == (1, 1, 1)


def test_nobody_is_asked_about_pytorch_that_is_there(button, calls, monkeypatch, session):
    torch = Torch(monkeypatch, session)
    torch.installed = True
    button.click()
    assert torch.asked == []
    assert len(calls) == 1


def test_without_the_extension_pytorch_the_message_says_what_to_install(button, calls, monkeypatch, session, dialogs):
    Torch(monkeypatch, session)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    button.click()
    settle()
    assert calls == []
    assert "install the extension 'PyTorch'" in dialogs[0]


def test_a_self_test_of_slicer_never_installs_anything(button, calls, monkeypatch, session, dialogs):
    torch = Torch(monkeypatch, session)
    session.testing = True
    button.click()
    settle()
    assert (torch.asked, torch.requirements, calls) == ([], [], [])
