"""Short trainings with one slice and with three, by the base recipe of configs/experiments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from LDCTDenoiseLib.training.config import TrainingConfig
from LDCTDenoiseLib.training.trainer import Trainer
from recipesreport.recipe import seconds_of

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
    """A finished training; ``network`` has the averaged weights of its last step."""

    arm: Arm
    seed: int
    network: StackHRNet
    steps: int
    seconds: float


def train(arm: Arm, config: TrainingConfig, sampler: StackSampler, folder: Path) -> None:
    """Train to the end of ``config`` in ``folder``, or what is missing of it."""
    trainer = Trainer(config, sampler, None, folder,
                      make_network=partial(StackHRNet, config.network.widths, arm.slices))
    trainer.run(resume=(folder / "checkpoint.pt").exists())


def finished(runs: Path, config: TrainingConfig) -> list[Run]:
    """The trainings of ``config`` in ``runs`` that came to their last step.

    Raises:
        ValueError: there is a training of another configuration.
    """
    found = []
    for arm in ARMS:
        for seed in SEEDS:
            folder = folder_of(runs, arm, seed)
            seconds = seconds_of(folder, replace(config, seed=seed))
            if seconds is not None:
                network = StackHRNet(config.network.widths, arm.slices)
                network.load_state_dict(torch.load(folder / "best.pt", map_location="cpu", weights_only=True))
                found.append(Run(arm, seed, network.eval(), config.optimiser.iterations, seconds))
    return found


def folder_of(runs: Path, arm: Arm, seed: int) -> Path:
    """The folder of a training; its name holds what the configuration in it does not."""
    return runs / f"{arm.name}-{arm.slices}-slices-overlap-{arm.overlap:g}-{seed}"
