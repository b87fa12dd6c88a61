"""What the panel remembers of this computer, for the user and not with the scene."""

from __future__ import annotations

import os
from pathlib import Path

import qt

from . import modelregistry

FOLDER_VARIABLE = "LDCT_MODELS"
"""Names the folder of the user's own models, for this process and its worker."""


class MachineSettings:
    """Device, precision, weights folder, and how fast devices are, in Slicer's settings."""

    PREFIX = "LDCTDenoise/"

    def __init__(self) -> None:
        self._settings = qt.QSettings()
        chosen, named = self._value("WeightsFolder"), os.environ.get(FOLDER_VARIABLE)
        # After a reload of the module, what is found there is the user's own choice.
        self._named = None if named == chosen else named
        if chosen:
            os.environ[FOLDER_VARIABLE] = chosen

    @property
    def device(self) -> str:
        return self._value("Device") or "auto"

    @device.setter
    def device(self, name: str) -> None:
        self._settings.setValue(self.PREFIX + "Device", name)

    @property
    def precision(self) -> str:
        return self._value("Precision") or "auto"

    @precision.setter
    def precision(self, name: str) -> None:
        self._settings.setValue(self.PREFIX + "Precision", name)

    @property
    def weightsFolder(self) -> Path:
        return modelregistry.user_folder()

    @weightsFolder.setter
    def weightsFolder(self, folder: Path) -> None:
        self._settings.setValue(self.PREFIX + "WeightsFolder", str(folder))
        os.environ[FOLDER_VARIABLE] = str(folder)

    def rate(self, device: str, precision: str) -> float | None:
        """Return the multiply-adds a second of the last run with this choice; None before the first."""
        try:
            return float(self._value(f"Rate/{device}-{precision}".replace(":", "")))
        except ValueError:
            return None

    def setRate(self, device: str, precision: str, rate: float) -> None:
        self._settings.setValue(self.PREFIX + f"Rate/{device}-{precision}".replace(":", ""), repr(rate))

    def restoreDefaults(self) -> None:
        """Forget device, precision and weights folder; how fast devices are stays known."""
        for name in ("Device", "Precision", "WeightsFolder"):
            self._settings.remove(self.PREFIX + name)
        os.environ.pop(FOLDER_VARIABLE, None)
        if self._named is not None:
            os.environ[FOLDER_VARIABLE] = self._named

    def _value(self, name: str) -> str:
        return str(self._settings.value(self.PREFIX + name) or "")
