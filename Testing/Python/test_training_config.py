"""Training configurations: reading, bases, wrong entries, learning rates."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from LDCTDenoiseLib.modelregistry import PACKAGED_FOLDER
from LDCTDenoiseLib.networks import build
from LDCTDenoiseLib.training.config import OptimiserConfig, read_config
from LDCTDenoiseLib.training.trainer import learning_rate

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
MINIMAL = """
[network]
architecture = "plain"
widths = [4]
[data]
train = [{ path = "a.nii.gz" }]
validation = [{ path = "b.nii.gz" }]
[optimiser]
iterations = 10
batch_size = 1
rate = 1e-3
"""


def written(folder, text, name="config.toml"):
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize("name", sorted(path.name for path in CONFIGS.glob("*.toml")))
def test_every_configuration_reads_and_builds_its_network(name):
    network = read_config(CONFIGS / name).network
    build(network.architecture, network.widths, network.form, **network.options)


@pytest.mark.parametrize("stage", ["", "_second"])
def test_the_shipped_networks_share_one_recipe_but_for_the_iterations(stage):
    hrnet, unet, plain = (read_config(CONFIGS / f"{name}{stage}.toml") for name in ("hrnet", "unet", "plain"))
    for other in (unet, plain):
        optimiser = replace(other.optimiser, iterations=hrnet.optimiser.iterations)
        assert replace(other, network=hrnet.network, optimiser=optimiser,
                       initial_weights=hrnet.initial_weights) == hrnet


def test_the_seed_recipe_is_that_of_the_paper():
    config = read_config(CONFIGS / "seed.toml")
    optimiser = config.optimiser
    assert config.network.form == "literal"
    assert (optimiser.iterations, optimiser.batch_size, optimiser.sd_floor) == (100_000, 1, None)
    assert (config.slices.translation, config.slices.rotation) == (128, 10.0)
    rates = [learning_rate(optimiser, i) for i in (0, 49_999, 50_000, 74_999, 75_000, 99_999)]
    assert rates == pytest.approx([1e-4, 1e-4, 1e-5, 1e-5, 1e-6, 1e-6])


def test_warm_up_and_cosine_reach_rate_and_final_rate():
    optimiser = OptimiserConfig(iterations=1000, batch_size=1, rate=1e-3, final_rate=1e-5, warm_up=100)
    assert learning_rate(optimiser, 0) == pytest.approx(1e-5)
    assert learning_rate(optimiser, 99) == pytest.approx(1e-3)
    assert learning_rate(optimiser, 550) == pytest.approx((1e-3 + 1e-5) / 2)
    assert learning_rate(optimiser, 1000) == pytest.approx(1e-5)
    rates = [learning_rate(optimiser, i) for i in range(100, 1001)]
    assert rates == sorted(rates, reverse=True)


def test_a_base_fills_in_what_a_configuration_leaves_out(tmp_path):
    written(tmp_path, MINIMAL, "base.toml")
    config = read_config(written(tmp_path, 'base = "base.toml"\nseed = 7\n[optimiser]\nrate = 5e-4\n'))
    assert (config.seed, config.optimiser.rate, config.optimiser.iterations) == (7, 5e-4, 10)
    assert config.network.architecture == "plain"


@pytest.mark.parametrize("text, words", [
    (MINIMAL.replace("rate =", "speed ="), r"'speed' in \[optimiser\].*rate"),
    (MINIMAL.replace("batch_size = 1", ""), r"missing in \[optimiser\].*batch_size"),
    ("colour = 1\n" + MINIMAL, r"'colour' in .*config\.toml"),
    (MINIMAL.replace("validation", "# validation"), r"\[data\].*names no data"),
    (MINIMAL.replace("train =", 'mayo = "m"\ntrain ='), r"\[slices\]"),
    (MINIMAL + "[slices]\nkernel = 'soft'\n", r"'soft' in \[slices\]"),
    (MINIMAL + "[slices]\ndose = 2.0\n", r"dose in \[slices\].*2\.0"),
    (MINIMAL.replace("{ path", "{ file"), r"'train' in \[data\].*'path'"),
    (MINIMAL.replace('"b.nii.gz"', '"b.nii.gz", wieght = 2'), r"'validation' in \[data\].*wieght"),
    (MINIMAL + "[sampling]\npatches_per_region = 2\n", "patches_per_region.*1 or 4, not 2"),
    ("network = 3\n" + MINIMAL.replace('[network]\narchitecture = "plain"\nwidths = [4]', ""), r"section \[network\]"),
    ("[network", "not valid TOML"),
    ('base = "config.toml"', "its own base"),
    ('base = "absent.toml"', r"absent\.toml cannot be read"),
    ("base = 3", r"'base' in .*config\.toml must be text, not 3"),
])
def test_a_wrong_configuration_is_refused_by_name(tmp_path, text, words):
    with pytest.raises(ValueError, match=words):
        read_config(written(tmp_path, text))


@pytest.mark.parametrize("old, new, words", [
    ("iterations = 10", 'iterations = "x"', r"'iterations' in \[optimiser\] of .*config\.toml must be a whole number, "
                                            "not 'x'"),
    ("iterations = 10", "iterations = 10.5", r"'iterations' in \[optimiser\].*whole number, not 10\.5"),
    ("iterations = 10", "iterations = true", r"'iterations' in \[optimiser\].*whole number, not True"),
    ("iterations = 10", "iterations = 0", r"'iterations' in \[optimiser\].*above 0, not 0"),
    ("batch_size = 1", "batch_size = 0", r"'batch_size' in \[optimiser\].*above 0, not 0"),
    ("rate = 1e-3", "rate = nan", r"'rate' in \[optimiser\].*a number, not nan"),
    ("rate = 1e-3", "rate = 1e-3\nmilestones = [2]", r"'milestones' in \[optimiser\].*between 0 and 1"),
    ("rate = 1e-3", "rate = 1e-3\nwarm_up = -1", r"'warm_up' in \[optimiser\].*not be negative"),
    ("rate = 1e-3", "rate = 1e-3\n[sampling]\nnoise_sd = 5", r"'noise_sd' in \[sampling\].*list of 2 numbers.*not 5"),
    ("rate = 1e-3", "rate = 1e-3\n[sampling]\nnoise_sd = [9, 5]", r"'noise_sd' in \[sampling\].*lower one first"),
    ("rate = 1e-3", "rate = 1e-3\n[sampling]\npatch = 0", r"'patch' in \[sampling\].*above 0, not 0"),
    ("[network]", "validate_every = 0\n[network]", r"'validate_every' in .*config\.toml must be above 0"),
    ("[network]", "initial_weights = 4\n[network]", r"'initial_weights' in .*must be text, not 4"),
    ("widths = [4]", "widths = 4", r"'widths' in \[network\].*list of whole numbers, not 4"),
    ('[{ path = "a.nii.gz" }]', '"a.nii.gz"', r"'train' in \[data\].*list of tables, not 'a\.nii\.gz'"),
    ('"a.nii.gz" }', '"a.nii.gz", weight = "2" }', r"'weight' in a source of 'train' in \[data\].*a number, not '2'"),
    ('"a.nii.gz" }', '"a.nii.gz", weight = 0 }', r"'weight' in a source of 'train' in \[data\].*above 0"),
])
def test_a_value_of_another_type_or_out_of_range_is_refused_by_section_entry_and_file(tmp_path, old, new, words):
    with pytest.raises(ValueError, match=words):
        read_config(written(tmp_path, MINIMAL.replace(old, new)))


def test_a_whole_number_stands_for_a_number(tmp_path):
    assert read_config(written(tmp_path, MINIMAL.replace("1e-3", "1"))).optimiser.rate == 1


@pytest.mark.parametrize(("name", "stages"), [
    ("hrnet", ["hrnet", "hrnet_second", "hrnet_third"]), ("unet", ["unet", "unet_second"]),
    ("plain", ["plain", "plain_second"])])
def test_the_recipes_of_a_shipped_network_are_what_its_card_says(name, stages):
    card = next(one for one in json.loads((PACKAGED_FOLDER / "models.json").read_text(encoding="utf-8"))["models"]
                if one["name"] == name)
    told = card["training"]
    for stage in reversed(stages):
        config = read_config(CONFIGS / f"{stage}.toml")
        assert (config.network.architecture, list(config.network.widths)) == (card["architecture"], card["widths"])
        assert (config.optimiser.iterations, config.optimiser.batch_size, config.optimiser.rate, config.seed) == (
            told["scheduled_iterations"], told["batch_size"], told["rate"], told["seed"])
        assert config.sampling.phantom_share == told["sampling"]["phantom_share"]
        if stage not in ("hrnet", "plain"):  # these were changed by hand, as the recipes say
            assert config.sampling.noise_ratio == told["sampling"]["noise_ratio"]
        told = told.get("stage_before")
    assert told is None


def test_an_absent_configuration_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere\.toml cannot be read"):
        read_config(tmp_path / "nowhere.toml")
