"""A whole training run from a configuration file."""

import json

import numpy as np
import pytest
import torch
from trainingfactory import discs, write_bank

from LDCTDenoiseLib.modelregistry import list_models, load_model
from LDCTDenoiseLib.training.run import run_training

CONFIG = """
validate_every = 60
checkpoint_every = 30
[network]
architecture = "plain"
widths = [12, 12, 12]
[data]
train = [{{ path = "train/crlm_1004_cap_ge.nii.gz" }}]
validation = [{{ path = "b.nii.gz" }}]
bank = "{bank}"
[sampling]
patch = 48
phantom_share = 0.0
clean_share = 0.0
noise_sd = [10.0, 80.0]
[optimiser]
iterations = 120
batch_size = 8
rate = 2e-3
warm_up = 10
averaging = 0.9
sd_floor = 8.0
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    for name, seed in (("bank", 0), ("bank-validation", 1)):
        write_bank(folder / name, discs(3, 304, np.random.default_rng(seed)), seed=seed)
    config = folder / "small.toml"
    config.write_text(CONFIG.format(bank=(folder / "bank").as_posix()))
    steps = []
    weights = run_training(config, folder / "out", device="cpu", progress=lambda *step: steps.append(step))
    return config, folder / "out", weights, steps


def test_training_beats_the_noisy_input_on_validation(finished):
    entry = json.loads((finished[1] / "entry.json").read_text())
    assert entry["training"]["validation_ratio"] < 0.9
    rows = (finished[1] / "log.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["iteration", "60", "120"]


def test_progress_counts_to_the_end_with_remaining_time(finished):
    steps = finished[3]
    assert [step[0] for step in steps] == list(range(1, 121)) and steps[-1][1] == 120
    assert steps[-1][3] == 0 and all(step[3] > 0 for step in steps[:-1])


def test_the_weights_and_the_entry_make_a_model(finished, tmp_path):
    entry = json.loads((finished[1] / "entry.json").read_text())
    (tmp_path / entry["file"]).write_bytes(finished[2].read_bytes())
    (tmp_path / "models.json").write_text(json.dumps({"models": [{**entry, "name": "mine"}]}))
    card = next(card for card in list_models(tmp_path) if card.name == "mine")
    network, _ = load_model(card)
    stored = torch.load(finished[2], weights_only=True)
    assert all(value.dtype == torch.float16 for value in stored.values())
    assert entry["parameters"] == sum(p.numel() for p in network.parameters())
    assert entry["training"]["data"][0]["from"][0]["licence"] == "CC BY 4.0"


def test_a_finished_run_resumed_does_nothing_but_write_its_weights_again(finished):
    config, folder, weights, _ = finished
    before = weights.read_bytes()
    steps = []
    run_training(config, folder, resume=True, device="cpu", progress=lambda *step: steps.append(step))
    assert not steps and torch.load(weights, weights_only=True).keys() and weights.read_bytes() == before


def test_missing_data_is_named(tmp_path):
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.format(bank=(tmp_path / "bank").as_posix()))
    with pytest.raises(ValueError, match=r"crlm_1004_cap_ge\.nii\.gz does not exist"):
        run_training(config, tmp_path / "out", root=tmp_path, device="cpu")
    assert not (tmp_path / "out").exists() and not (tmp_path / "bank").exists()


def test_a_second_run_goes_on_from_the_first_ones_weights_and_says_so(finished, tmp_path):
    config, folder, *_ = finished
    first = (folder / "best.pt").as_posix()
    again = config.with_name("second.toml")
    again.write_text(f'base = "{config.name}"\ninitial_weights = "{first}"\n'
                     "[optimiser]\niterations = 60\nrate = 1e-4\n")
    run_training(again, tmp_path / "second", device="cpu")
    before, after = (json.loads((f / "entry.json").read_text())["training"] for f in (folder, tmp_path / "second"))
    assert "initial_weights" not in before and after["initial_weights"] == first
    assert after["validation_ratio"] < before["validation_ratio"] * 1.02
