"""A network of the registry as a method of an evaluation."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from .evaluationcases import Case
from .evaluationmethods import Output
from .inference import Denoiser
from .modelregistry import list_models, load_model
from .networks.multiplyadds import multiply_adds


class Network:
    """A network of the model registry at full strength, run as ``ldct denoise`` runs it."""

    kind = "network"

    def __init__(self, name: str, device: str = "auto", user_folder=None):
        module, card = load_model(name, user_folder)
        self.key, self.label = card.name, f"{card.name} {card.version}"
        self.parameters = sum(p.numel() for p in module.parameters())
        self.multiply_adds = multiply_adds(module)
        self._denoiser = Denoiser(module, card, device=device)

    @property
    def identity(self) -> dict:
        """What its results depend on besides the case."""
        card = self._denoiser.card
        return {"key": self.key, "version": card.version, "sha256": card.sha256, "architecture": card.architecture,
                "widths": list(card.widths), "form": card.form, "options": card.options,
                "device": self._denoiser.device.type, "precision": self._denoiser.precision}

    def __call__(self, case: Case) -> Output:
        start = time.perf_counter()
        array = self.denoise(case.low_dose, case.patient.spacing, case.patient.padding)
        return Output(array, None, (time.perf_counter() - start) / len(array))

    def denoise(self, array: np.ndarray, spacing, padding: np.ndarray | None = None) -> np.ndarray:
        """Denoise slices (K,J,I) in HU; ``spacing`` is (slice, row, column) in mm."""
        return self._denoiser.denoise(array, padding=padding, spacing=spacing).array


def load_networks(names: Sequence[str] | None, device: str, user_folder=None) -> list[Network]:
    """Load the models called ``names`` (None: all); see :mod:`.modelregistry` for the errors."""
    names = [card.name for card in list_models(user_folder)] if names is None else names
    return [Network(name, device, user_folder) for name in names]
