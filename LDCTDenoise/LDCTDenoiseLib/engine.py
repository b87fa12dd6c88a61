"""The one small interface through which the scene reaches the engine.

A request and its reply hold plain values and arrays only, so that an engine may run in this process
(:class:`InProcessEngine`) or in another one (:class:`~.workerengine.WorkerEngine`). Importing this file needs numpy
alone; torch is imported by the first run.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

NO_TORCH = ("PyTorch is not installed: in Slicer, install the PyTorch extension and let it install PyTorch; "
            "elsewhere run 'pip install torch'.")

Progress = Callable[[int, int, float], None]
"""``progress(done_slices, total_slices, remaining_seconds)``, called after every batch of slices."""


class Cancelled(RuntimeError):
    """The run was stopped because its ``cancelled()`` said so; there is no result."""


@dataclass(frozen=True)
class DenoiseRequest:
    """What to denoise, and how."""

    array: np.ndarray
    """(slice, row, column) in HU, any real dtype, finite; the engine does not modify it."""
    model: str = "hrnet"
    strength: float = 1.0
    """0 returns the input bit for bit, 1 is the network's own output; linear between them."""
    device: str = "auto"
    precision: str = "auto"
    spacing: tuple[float, float, float] | None = None
    """Slice, row, column in mm, for the noise level; None: a usual pixel size."""
    padding: np.ndarray | None = None
    """Voxels known to be padding (bool, the array's shape); None: the engine finds what lies outside the scan field."""


@dataclass(frozen=True)
class DenoiseReply:
    """The result and what made it."""

    array: np.ndarray
    """(slice, row, column) in HU, shape and dtype of the request's array."""
    model: str
    version: str
    weights_sha256: str
    device: str
    precision: str
    seconds: float
    noise_before: float
    """Global noise level of the input, HU."""
    noise_after: float
    effective_strength: float
    """The strength that was applied: less than asked for where the input holds hardly any noise."""
    messages: tuple[str, ...] = ()
    """What the user should know, such as a fallback to another device."""


@dataclass(frozen=True)
class Device:
    """A device that networks can run on."""

    name: str
    """What a request calls it: "auto", "cpu", "cuda:0", "cuda:1", ... or "mps"."""
    title: str
    """What to show: the name of the graphics card or processor; for "auto" that of the device that it stands for."""
    memory_bytes: int | None
    """All of its memory; None where that is unknown."""


class Engine(Protocol):
    """What the scene needs of an engine."""

    def models(self) -> list[str]:
        """Return the names of the models that can be asked for."""

    def devices(self) -> list[Device]:
        """Return the devices that can be asked for, "auto" first. Raises RuntimeError where torch is missing."""

    def denoise(self, request: DenoiseRequest, progress: Progress | None = None,
                cancelled: Callable[[], bool] | None = None) -> DenoiseReply:
        """Return the denoised volume.

        Raises ValueError for a model, device or volume that cannot be used, RuntimeError when the engine itself cannot
        run, and :class:`Cancelled`.
        """


class InProcessEngine:
    """An :class:`Engine` that runs in the calling thread and keeps the network that it used last."""

    def __init__(self) -> None:
        self._key: tuple | None = None
        self._denoiser = None

    def models(self) -> list[str]:
        from . import modelregistry

        return [card.name for card in modelregistry.list_models()]

    def devices(self) -> list[Device]:
        return _needs_torch("devices").list_devices()

    def denoise(self, request: DenoiseRequest, progress: Progress | None = None,
                cancelled: Callable[[], bool] | None = None) -> DenoiseReply:
        denoiser = self._loaded(request.model, request.device, request.precision)
        device = denoiser.device
        result = denoiser.denoise(request.array, strength=request.strength, padding=request.padding,
                                  spacing=request.spacing, progress=progress, cancelled=cancelled)
        if denoiser.device != device:
            # It gave way to a full GPU, which may be free by the next run.
            self._key = None
        card = denoiser.card
        return DenoiseReply(
            array=result.array, model=card.name, version=card.version, weights_sha256=card.sha256,
            device=result.device, precision=result.precision, seconds=result.seconds,
            noise_before=result.noise_before, noise_after=result.noise_after,
            effective_strength=result.effective_strength, messages=tuple(result.messages))

    def _loaded(self, model: str, device: str, precision: str):
        inference = _needs_torch("inference")
        from . import modelregistry

        # With the whole card: another model may have been given the name of the one that is loaded.
        key = (modelregistry.find_model(model), device, precision)
        if key != self._key:
            network, card = modelregistry.load_model(key[0])
            self._denoiser = inference.Denoiser(network, card, device=device, precision=precision)
            self._key = key
        return self._denoiser


def _needs_torch(module: str):
    """Return a module of this package that needs torch; raise RuntimeError with what to do where torch is missing."""
    try:
        return importlib.import_module(f".{module}", __package__)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise RuntimeError(NO_TORCH) from None
