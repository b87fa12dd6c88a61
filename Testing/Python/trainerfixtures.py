"""A training run of seconds on a small noise bank, and its log."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from trainingfactory import discs, write_bank

from LDCTDenoiseLib.training.bank import Bank
from LDCTDenoiseLib.training.config import DataConfig, NetworkConfig, OptimiserConfig, TrainingConfig
from LDCTDenoiseLib.training.sampler import PatchSampler, PatchSampling
from LDCTDenoiseLib.training.trainer import Trainer

SAMPLING = PatchSampling(patch=32, patches_per_region=1)
# Validation, checkpoints and the kill fall on different iterations, so that nothing lines up by chance.
CONFIG = TrainingConfig(
    NetworkConfig("plain", (4, 4)), DataConfig(train=({"path": "a"},), validation=({"path": "b"},)),
    OptimiserConfig(iterations=26, batch_size=2, rate=1e-3, warm_up=3, averaging=0.9, sd_floor=8.0), SAMPLING,
    seed=5, validate_every=8, checkpoint_every=5)


@pytest.fixture(scope="module")
def bank_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("banks") / "bank"
    write_bank(folder, discs(3, 96, np.random.default_rng(0)))
    return folder


def trainer(bank_folder, folder, config=CONFIG):
    bank = Bank(bank_folder)
    return Trainer(config, PatchSampler(bank, SAMPLING, config.seed), PatchSampler(bank, SAMPLING, 9), folder)


def rows_of(folder):
    """The log without the times."""
    return [row[:4] for row in csv.reader((folder / "log.csv").open())]
