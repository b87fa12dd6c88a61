"""Denoising of whole volumes with a trained network: devices, precision, batches, progress, stop."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field

import numpy as np
import torch

from .engine import Cancelled
from .hu import round_to_dtype, to_hu, to_network
from .modelregistry import ModelCard
from .networks import Denoiser2d
from .noiselevel import global_noise_level
from .scanfield import outside_scan_field

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
NOISE_FLOOR_HU = (1.0, 3.0)
"""An image with less noise than the first value is left alone, one with more than the second is denoised in full; in
between the networks' effect grows linearly. No patient scan is so clean, but phantoms and processed images are, and a
network that was trained on noise can only harm them."""


@dataclass(frozen=True)
class DenoiseResult:
    """Denoised volume in the input's dtype and how it was made; noise levels are GNL in HU."""

    array: np.ndarray
    device: str
    precision: str
    batch_size: int
    seconds: float
    noise_before: float
    noise_after: float
    effective_strength: float
    messages: list[str] = field(default_factory=list)


def choose_device(device: str = "auto") -> torch.device:
    """Return the device that ``device`` (auto, cuda, cuda:N, mps, cpu) stands for; auto is CUDA or else CPU.

    Raises:
        ValueError: an unknown device or one that this computer does not have.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, colon, number = device.partition(":")
    # Before torch 2.5 even a disabled autocast context raises on MPS.
    autocasts = getattr(torch.amp, "is_autocast_available", lambda kind: False)
    usable = {"cpu": 0 if number else 1, "mps": int(torch.backends.mps.is_available() and autocasts("mps")),
              "cuda": torch.cuda.device_count()}
    if kind not in usable or (colon and not number.isdecimal()):
        raise ValueError(f"Unknown device {device!r}; choose auto, cuda, cuda:N, mps or cpu.")
    if int(number or 0) >= usable[kind]:
        raise ValueError(f"This computer has no device {device!r}; choose auto or cpu.")
    return torch.device(device)


def choose_precision(precision: str, device: torch.device) -> str:
    """Return fp32, bf16 or fp16; auto is fp16 on CUDA (error about 0.6 HU, bf16 has 5 HU), fp32 elsewhere.

    Raises:
        ValueError: an unknown precision, or fp16 on the CPU, where it is slow and older versions of torch ignore it.
    """
    if precision == "auto":
        return "fp16" if device.type == "cuda" else "fp32"
    if precision not in PRECISIONS:
        raise ValueError(f"Unknown precision {precision!r}; choose auto, {', '.join(PRECISIONS)}.")
    if precision == "fp16" and device.type == "cpu":
        raise ValueError("The precision fp16 needs a GPU; choose fp32 or bf16 for the CPU.")
    return precision


def noise_floor_factor(noise_level: float) -> float:
    """Return the share (0 to 1) of a network's effect that an image with this GNL in HU gets."""
    low, high = NOISE_FLOOR_HU
    return float(np.clip((noise_level - low) / (high - low), 0, 1))


class Denoiser:
    """A network ready to run on one device.

    Args:
        network, card: from :func:`~.modelregistry.load_model`.
        device, precision: see :func:`choose_device` and :func:`choose_precision`.
        batch_size: slices at a time; None chooses 16 on a GPU and 1 on a CPU, where more gain nothing.
    """

    def __init__(self, network: Denoiser2d, card: ModelCard, device="auto", precision="auto", batch_size=None):
        self.card = card
        self.device = choose_device(device)
        self.precision = choose_precision(precision, self.device)
        self.network = network.to(self.device).to(memory_format=torch.channels_last).eval()
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"The batch size is at least 1, not {batch_size}.")
        self.batch_size = batch_size or (1 if self.device.type == "cpu" else 16)

    def denoise(self, array, *, strength=1.0, padding=None, spacing=None, progress=None,
                cancelled=None) -> DenoiseResult:
        """Denoise a volume slice by slice.

        Args:
            array: (K, J, I) in HU, any real dtype; it is not modified.
            strength: 0 returns the input bit for bit, 1 the network's output; linear between.
            padding: bool (K, J, I), voxels known to be no measurement. Those and everything else outside the scan
                field are returned bit for bit.
            spacing: (slice, row, column) in mm, for the noise level; None assumes a usual pixel size.
            progress: called with (done slices, all slices, remaining seconds) after every batch.
            cancelled: called before every batch and, as a single slice may take seconds, before every layer, and while
                the noise level is measured; true stops the run.

        Raises:
            ValueError: not a volume of finite real numbers, or a strength out of range.
            Cancelled: ``cancelled`` said so.
            RuntimeError: the device failed, or the network's output is not finite.
        """
        array = check_volume(array)
        if not 0 <= strength <= 1:
            raise ValueError(f"The strength lies between 0 and 1, not at {strength}.")
        start = time.monotonic()
        messages: list[str] = []
        with stops(self.network, cancelled) as stop_if_cancelled:
            before = global_noise_level(array, spacing, stop_if_cancelled)
            effect = strength * noise_floor_factor(before)
            if effect < strength:
                messages.append(f"The noise level of {before:.1f} HU is so low that the image was "
                                + ("left as it is." if effect == 0 else "denoised in part only."))
            result, after = array.copy(), before
            if effect > 0:
                self._denoise_into(result, array, effect, padding, messages, start, progress, stop_if_cancelled)
                after = global_noise_level(result, spacing, stop_if_cancelled)
        return DenoiseResult(result, str(self.device), self.precision, self.batch_size, time.monotonic() - start,
                             before, after, effect, messages)

    def _denoise_into(self, result, array, effect, padding, messages, start, progress, stop_if_cancelled):
        """Write the denoised slices of ``array`` to ``result``; ``effect`` is the share of the network's output."""
        done = 0
        while done < len(array):
            stop_if_cancelled()
            part = slice(done, done + self.batch_size)
            removed = self._removed_noise_or_smaller_batch(array[part], messages)
            if removed is None:
                continue
            # Where float32 does not hold the input exactly, float64 does.
            exact = array[part].astype(np.result_type(array.dtype, np.float32))
            new = round_to_dtype(exact - np.float32(effect) * removed, array.dtype)
            outside = outside_scan_field(array[part], None if padding is None else padding[part])
            result[part] = np.where(outside, array[part], new)
            done += len(removed)
            if progress:
                progress(done, len(array), (time.monotonic() - start) / done * (len(array) - done))

    def removed_noise(self, slices: np.ndarray) -> np.ndarray:
        """Return what the network removes from slices (n, rows, columns) in HU, float32.

        Raises RuntimeError if the network's output is not finite.
        """
        removed = self._run(slices, self.precision)
        if not np.isfinite(removed).all() and self.precision != "fp32":
            # Features beyond 65504 overflow in fp16; values far above bone can lead there.
            removed = self._run(slices, "fp32")
        if not np.isfinite(removed).all():
            raise RuntimeError(f"The output of model {self.card.name!r} is not finite; its weights may be damaged.")
        return removed

    def _run(self, slices: np.ndarray, precision: str) -> np.ndarray:
        units = to_network(torch.from_numpy(np.ascontiguousarray(slices, dtype=np.float32))[:, None])
        units = units.to(self.device, memory_format=torch.channels_last)
        # Before torch 2.4 even a disabled autocast to float32 warns on the CPU.
        half = contextlib.nullcontext() if precision == "fp32" else torch.autocast(
            self.device.type, PRECISIONS[precision])
        with torch.inference_mode(), exact_fp32(), half:
            output = self.network(units)
            # In network units the difference keeps more digits than two HU images would.
            difference = (units - output.float())[:, 0].cpu().numpy()
        return difference * np.float32(to_hu(1.0) - to_hu(0.0))

    def _removed_noise_or_smaller_batch(self, slices, messages):
        """:meth:`removed_noise`, or None after giving way to a lack of memory: half the batch, then the CPU."""
        try:
            return self.removed_noise(slices)
        except RuntimeError as error:
            if self.device.type == "cpu" or not _is_out_of_memory(error):
                raise
        # Not in the handler, where the traceback keeps the tensors of the failed run alive.
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if self.batch_size > 1:
            self.batch_size //= 2
            messages.append(f"GPU memory ran out; going on with {self.batch_size} slices at a time.")
        else:
            self.device, self.precision = torch.device("cpu"), "fp32"
            self.network = self.network.to(self.device)
            messages.append("GPU memory ran out even for one slice; going on with the CPU.")
        return None


def _is_out_of_memory(error: RuntimeError) -> bool:
    # MPS and the CUDA driver have no class of their own for it.
    return isinstance(error, torch.cuda.OutOfMemoryError) or "out of memory" in str(error).lower()


@contextlib.contextmanager
def stops(network: torch.nn.Module, cancelled):
    """Let every layer of ``network`` raise Cancelled once ``cancelled()`` is true (None: never).

    Yields the check itself, for use between runs.
    """
    def check(*_):
        if cancelled and cancelled():
            raise Cancelled("Denoising was stopped.")

    layers = [module for module in network.modules() if cancelled and not any(module.children())]
    hooks = [layer.register_forward_pre_hook(check) for layer in layers]
    try:
        yield check
    finally:
        for hook in hooks:
            hook.remove()


def check_volume(array) -> np.ndarray:
    """Return ``array`` if it is a volume of finite real numbers.

    Raises:
        ValueError: it is not; the message says why.
    """
    array = np.asarray(array)
    if array.ndim != 3 or 0 in array.shape:
        raise ValueError(f"Expected a volume (slices, rows, columns), got an array of shape {array.shape}.")
    if array.dtype.kind not in "iuf":
        raise ValueError(f"Expected real numbers in HU, got values of type {array.dtype}.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError("The volume holds values that are not finite (NaN or infinity); replace them first.")
    return array


@contextlib.contextmanager
def exact_fp32():
    """Keep TF32 off while the block runs: cuDNN would otherwise round fp32 inputs to ten bits."""
    backends = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [backend.allow_tf32 for backend in backends]
    for backend in backends:
        backend.allow_tf32 = False
    try:
        yield
    finally:
        for backend, value in zip(backends, before):
            backend.allow_tf32 = value
