"""PyTorch in Slicer: whether it is there, and how it gets there once the user has agreed."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging

import slicer
from slicer.i18n import tr as _

REQUIREMENT = ">=2.2"
"""The newest that can be installed in Slicer on macOS is 2.2.2."""


def torchIsInstalled() -> bool:
    """Return whether PyTorch is installed, without importing it.

    A broken installation leaves an empty folder behind, which could be imported: only its metadata tells.
    """
    try:
        return importlib.util.find_spec("torch") is not None and bool(importlib.metadata.version("torch"))
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return False


def ensureTorch() -> bool:
    """Install PyTorch if it is missing and the user agrees; return whether it is there.

    Raises RuntimeError where it cannot be installed.
    """
    if torchIsInstalled():
        return True
    try:
        from PyTorchUtils import PyTorchUtilsLogic
    except ImportError:
        raise RuntimeError(_("Denoising needs PyTorch: install the extension 'PyTorch' with the Extensions Manager and "
                             "restart Slicer.")) from None
    if slicer.app.testingEnabled():
        raise RuntimeError(_("PyTorch is not installed."))  # a test has nobody who could agree
    question = _("Denoising needs PyTorch, which is not installed yet. It is downloaded once (0.2 to 3 GB, depending "
                 "on the graphics card), after that no network is needed. Your images stay on this computer.\n\n"
                 "Install PyTorch now?")
    if not slicer.util.confirmOkCancelDisplay(question, _("LDCT Denoise")):
        return False
    try:
        torch = PyTorchUtilsLogic().installTorch(askConfirmation=False, torchVersionRequirement=REQUIREMENT)
    except Exception as error:  # whatever pip, the network, the disk or a library of PyTorch may raise
        logging.exception("PyTorch could not be installed")
        raise RuntimeError(_("PyTorch could not be installed ({reason}): check network and free disk space, or use the "
                             "module PyTorch Utils.").format(reason=error)) from error
    if torch is None:
        raise RuntimeError(_("PyTorch was not installed: see the log, or install it with the module PyTorch Utils."))
    return True
