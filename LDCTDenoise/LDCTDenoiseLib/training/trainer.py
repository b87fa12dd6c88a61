"""The training loop: checkpoints, exact resume, validation, metrics log."""

from __future__ import annotations

import json
import math
import os
import pickle
import queue
import threading
import time
from contextlib import closing, nullcontext
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from ..hu import SCALE_HU
from ..networks import build
from .config import OptimiserConfig, TrainingConfig, parse_config
from .losses import noise_weighted_error, spectrum_mismatch
from .metricslog import MetricsLog

_VALIDATION_SAMPLES = 32
_UNREADABLE = (OSError, EOFError, pickle.UnpicklingError, LookupError, TypeError, AttributeError, ValueError,
               RuntimeError)
"""What torch.load and load_state_dict raise for a file that is damaged or holds something else."""


class Trainer:
    """Trains one network.

    Args:
        config: the whole run.
        sampler, validation: objects with ``batch(iteration, size)`` returning (noisy, target) in network units, the
            same for the same iteration, as :class:`~.sampler.PatchSampler` does. Where ``noisy`` has further channels,
            the first is the image that belongs to the target. ``validation`` may be None.
        folder: receives ``checkpoint.pt``, ``best.pt`` (averaged weights with the best validation so far), ``log.csv``
            and ``config.json``.
        device: where the network is trained.
        make_network: makes the untrained network in place of that of the configuration.

    Everything random is a function of (seed, iteration); the checkpoint holds weights, their average, the optimiser,
    the iteration and the losses not yet logged. A run that was killed therefore continues with the same numbers, bit
    for bit on a CPU with the same number of threads, as if it had never stopped.
    """

    def __init__(self, config: TrainingConfig, sampler, validation, folder: Path, device="cpu", make_network=None):
        self.config, self.sampler, self.folder = config, sampler, Path(folder)
        self.device = torch.device(device)
        torch.manual_seed(config.seed)
        network = config.network
        fresh = make_network() if make_network else build(
            network.architecture, network.widths, network.form, **network.options)
        self.network = fresh.to(self.device, memory_format=torch.channels_last)
        self.average = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=config.optimiser.rate, betas=(0.9, 0.999))
        self.iteration = 0
        self.best_ratio = math.inf
        self.seconds = 0.0
        self.losses: list[float] = []
        self.validation = None if validation is None else validation.batch(0, _VALIDATION_SAMPLES)

    def run(self, *, resume: bool = False, progress=None, stop_after: int | None = None) -> Path:
        """Train to the end of the configuration and return the path of the best weights.

        Args:
            resume: continue from ``checkpoint.pt`` instead of starting afresh.
            progress: called after every iteration with (iteration, iterations, loss, remaining seconds).
            stop_after: write a checkpoint and return at this iteration; the run can be resumed as after a kill, and
                there are best weights only if it came to a validation.

        Raises:
            ValueError: ``folder`` holds another run, a damaged one, or none to resume.
            FloatingPointError: the loss is no longer finite.
        """
        self._open_folder(resume)
        optimiser = self.config.optimiser
        end = optimiser.iterations if stop_after is None else min(stop_after, optimiser.iterations)
        start, first, seconds_before = time.monotonic(), self.iteration, self.seconds
        with closing(MetricsLog(self.folder, self.iteration)) as log, \
                Prefetcher(self.sampler, optimiser.batch_size, first, end) as batches:
            while self.iteration < end:
                self.losses.append(self._step(*batches.get()))
                self.iteration += 1
                if not math.isfinite(self.losses[-1]):
                    raise FloatingPointError(f"The loss is not finite at iteration {self.iteration}; lower the rate.")
                elapsed = time.monotonic() - start
                self.seconds = seconds_before + elapsed
                if progress:
                    progress(self.iteration, optimiser.iterations, self.losses[-1],
                             elapsed / (self.iteration - first) * (optimiser.iterations - self.iteration))
                if self.iteration % self.config.validate_every == 0 or self.iteration == optimiser.iterations:
                    self._validate(log)
                if self.iteration % self.config.checkpoint_every == 0 or self.iteration == end:
                    self._save_checkpoint()
        return self.folder / "best.pt"

    def _step(self, noisy: torch.Tensor, target: torch.Tensor) -> float:
        optimiser = self.config.optimiser
        rate = learning_rate(optimiser, self.iteration)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        noisy, target = (t.to(self.device, memory_format=torch.channels_last) for t in (noisy, target))
        with precision_context(optimiser.precision, self.device):
            output = self.network(noisy)
        output, noisy = output.float(), noisy[:, :1]
        floor = noise_floor(optimiser, self.iteration)
        loss = noise_weighted_error(output, noisy, target, floor)
        if optimiser.spectrum_weight:
            loss = loss + optimiser.spectrum_weight * spectrum_mismatch(output, noisy, target, floor or 0.0)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        # A constant average would remember the random start; this one grows into its length.
        keep = min(optimiser.averaging, (1 + self.iteration) / (10 + self.iteration))
        for name, value in self.network.state_dict().items():
            self.average[name].lerp_(value, 1 - keep)
        return loss.item()

    def _validate(self, log: MetricsLog):
        """Log, and keep the averaged weights if they are the best so far."""
        ratio = math.nan if self.validation is None else self._validation_ratio()
        if self.validation is None or ratio < self.best_ratio:
            self.best_ratio = ratio
            save_atomically(self.average, self.folder / "best.pt")
        log.append(self.iteration, float(np.mean(self.losses)), learning_rate(self.config.optimiser, self.iteration),
                   ratio, self.seconds)
        self.losses.clear()

    def _validation_ratio(self) -> float:
        """Geometric mean over the validation patches of RMSE after / RMSE before, with the averaged weights."""
        current = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.network.load_state_dict(self.average)
        noisy, target = self.validation
        logs = []
        with torch.no_grad(), precision_context(self.config.optimiser.precision, self.device):
            for x, y in zip(noisy.split(4), target.split(4)):
                output = self.network(x.to(self.device)).float().cpu()
                after, before = (((image - y) ** 2).mean((1, 2, 3)).sqrt() for image in (output, x[:, :1]))
                logs.append(torch.log(after / before))
        self.network.load_state_dict(current)
        return torch.cat(logs).mean().exp().item()

    def _open_folder(self, resume: bool):
        checkpoint, record = self.folder / "checkpoint.pt", self.folder / "config.json"
        if not resume:
            if checkpoint.exists():
                raise ValueError(f"{self.folder} already holds a training run; resume it or choose another folder.")
            if self.config.initial_weights is not None:
                load_initial_weights(self.network, Path(self.config.initial_weights))
                self.average = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
            self.folder.mkdir(parents=True, exist_ok=True)
            for leftover in ("log.csv", "best.pt"):  # of a run that was killed before its first checkpoint
                (self.folder / leftover).unlink(missing_ok=True)
            record.write_text(json.dumps(asdict(self.config), indent=1), encoding="utf-8")
            return
        if not checkpoint.exists():
            raise ValueError(f"{self.folder} holds no checkpoint to resume from; start the run without resuming.")
        try:
            content = json.loads(record.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ValueError(f"{record} is damaged or missing; start in another folder.") from error
        recorded = parse_config(content, str(record))
        changed = [name for name in asdict(recorded) if _plain(recorded)[name] != _plain(self.config)[name]]
        if changed:
            raise ValueError(f"{self.folder} was trained with another configuration ({', '.join(changed)} differ); "
                             "resume it with its own, or choose another folder.")
        try:
            state = torch.load(checkpoint, map_location=self.device, weights_only=True)
            self.network.load_state_dict(state["network"])
            self.average = state["average"]
            self.optimiser.load_state_dict(state["optimiser"])
            self.iteration, self.best_ratio = state["iteration"], state["best_ratio"]
            self.losses, self.seconds = state.get("losses", []), state.get("seconds", 0.0)
        except (torch.cuda.OutOfMemoryError, OSError):  # the machine's fault, not the file's
            raise
        except _UNREADABLE as error:
            raise ValueError(f"{checkpoint} is damaged; start in another folder.") from error

    def _save_checkpoint(self):
        save_atomically({"network": self.network.state_dict(), "average": self.average,
                         "optimiser": self.optimiser.state_dict(), "iteration": self.iteration,
                         "best_ratio": self.best_ratio, "losses": self.losses, "seconds": self.seconds},
                        self.folder / "checkpoint.pt")


def load_initial_weights(network: torch.nn.Module, path: Path):
    """Load a state dict of the same architecture and widths, in whatever precision it was saved.

    Raises:
        ValueError: no such file, not a file of weights, or those of another network.
    """
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except _UNREADABLE as error:
        reason = error.strerror if isinstance(error, OSError) else "it does not hold the weights of this network"
        raise ValueError(f"The run cannot start from initial_weights {path}: {reason}.") from error


def learning_rate(optimiser: OptimiserConfig, iteration: int) -> float:
    """Return the rate of iteration ``iteration`` (from 0): steps if there are milestones, else warm-up and cosine."""
    if optimiser.milestones:
        passed = sum(iteration >= m * optimiser.iterations for m in optimiser.milestones)
        return optimiser.rate * optimiser.milestone_factor ** passed
    if iteration < optimiser.warm_up:
        return optimiser.rate * (iteration + 1) / optimiser.warm_up
    share = (iteration - optimiser.warm_up) / max(1, optimiser.iterations - optimiser.warm_up)
    cosine = (1 + math.cos(math.pi * min(1.0, share))) / 2
    return optimiser.final_rate + (optimiser.rate - optimiser.final_rate) * cosine


def noise_floor(optimiser: OptimiserConfig, iteration: int) -> float | None:
    """Return the ``sd_floor`` in force at iteration ``iteration`` (from 0), in network units."""
    if optimiser.sd_floor is None:
        return None
    start = optimiser.sd_floor_start or optimiser.sd_floor
    return start * (optimiser.sd_floor / start) ** min(1.0, 2 * iteration / optimiser.iterations) / SCALE_HU


def precision_context(precision: str, device: torch.device):
    """Return the autocast context of ``precision``: fp32 or bf16."""
    if precision not in ("fp32", "bf16"):
        raise ValueError(f"Unknown training precision {precision!r}; choose fp32 or bf16.")
    # Not every device knows autocast, not even a disabled one.
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()


def _plain(config: TrainingConfig) -> dict:
    """The configuration as JSON would give it back: lists for tuples."""
    return json.loads(json.dumps(asdict(config)))


def save_atomically(state, path: Path):
    """Write ``state`` with torch.save so that ``path`` is always either the old or the new file, never half of one."""
    temporary = path.with_name(path.name + ".part")
    torch.save(state, temporary)
    os.replace(temporary, path)


class Prefetcher:
    """Draws the next batches in a thread while the network works; batches come in order."""

    def __init__(self, sampler, size: int, first: int, end: int):
        self._queue: queue.Queue = queue.Queue(maxsize=2)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(sampler, size, first, end), daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def get(self):
        """Return the next batch; an error of the sampler is raised here."""
        item = self._queue.get()
        if isinstance(item, BaseException):
            raise item
        return item

    def _work(self, sampler, size, first, end):
        try:
            for iteration in range(first, end):
                self._put(sampler.batch(iteration, size))
                if self._stop.is_set():
                    return
        except BaseException as error:  # handed to the training thread, which raises it
            self._put(error)

    def _put(self, item):
        while not self._stop.is_set():
            try:
                return self._queue.put(item, timeout=0.1)
            except queue.Full:
                continue
