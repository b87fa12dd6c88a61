"""Short trainings with one slice and with three, by the base recipe of configs/experiments."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import torch
from LDCTDenoiseLib.training.config import TrainingConfig
from LDCTDenoiseLib.training.losses import noise_weighted_error
from LDCTDenoiseLib.training.trainer import learning_rate, noise_floor, precision_context, save_atomically

from .network import StackHRNet
from .stacks import StackSampler

SHARED = 1.5
"""Where slices share noise they are this many times as thick as their distance: neighbours correlate by 1/3."""
SEEDS = (1, 2)


@dataclass(frozen=True)
class Arm:
    """One kind of training: with so many ``slices`` as input, whose noise overlaps so much."""

    name: str
    slices: int
    overlap: float
    words: str


ARMS = (Arm("single", 1, SHARED, "one slice"),
        Arm("shared", 3, SHARED, "three slices, trained with shared noise"),
        Arm("independent", 3, 1.0, "three slices, trained with independent noise"))


@dataclass(frozen=True)
class Run:
    """A finished training."""

    arm: Arm
    seed: int
    network: StackHRNet
    steps: int
    seconds: float


def train(arm: Arm, seed: int, config: TrainingConfig, sampler: StackSampler, path: Path, progress=None) -> None:
    """Train to the end of ``config`` and write the averaged weights to ``path`` with what it took.

    ``progress`` is called with the number of steps done. Seeds differ in the random start and in the samples.
    """
    torch.manual_seed(seed)
    network = StackHRNet(config.network.widths, arm.slices).to(memory_format=torch.channels_last)
    average = {name: value.detach().clone() for name, value in network.state_dict().items()}
    settings = config.optimiser
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.rate)
    start = time.monotonic()
    for step in range(settings.iterations):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(settings, step)
        noisy, target = sampler.batch(step, settings.batch_size)
        with precision_context(settings.precision, torch.device("cpu")):
            output = network(noisy.to(memory_format=torch.channels_last))
        loss = noise_weighted_error(output.float(), noisy[:, :1], target, noise_floor(settings, step))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        keep = min(settings.averaging, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            average[name].lerp_(value, 1 - keep)
        if progress:
            progress(step + 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_atomically({"weights": average, "steps": settings.iterations, "seconds": time.monotonic() - start}, path)


def finished(folder: Path, widths: tuple[int, ...]) -> list[Run]:
    """The trainings that left a file in ``folder``."""
    runs = []
    for arm in ARMS:
        for seed in SEEDS:
            path = path_of(folder, arm, seed)
            if path.is_file():
                state = torch.load(path, map_location="cpu", weights_only=True)
                network = StackHRNet(widths, arm.slices)
                network.load_state_dict(state["weights"])
                runs.append(Run(arm, seed, network.eval(), state["steps"], state["seconds"]))
    return runs


def path_of(folder: Path, arm: Arm, seed: int) -> Path:
    return folder / f"{arm.name}-{seed}.pt"
