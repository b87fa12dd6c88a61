"""The report on the networks: what it says of recipes, and whom networks were trained on."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from LDCTDenoiseLib.training.config import read_config

BENCHMARKS = Path(__file__).resolve().parents[1] / "Benchmarks"
sys.path.append(str(BENCHMARKS))

from networksreport.nets import planned  # noqa: E402
from networksreport.plan import CONFIGS, EQUAL, EXPECTED  # noqa: E402
from networksreport.trainingdata import (  # noqa: E402
    patient_of, patients_in, trained_on, trained_on_words, training_files)


def test_the_recipes_of_equal_terms_differ_in_the_network_and_at_most_in_the_rate():
    def rest(recipe):
        config = read_config(CONFIGS / recipe)
        return {**vars(config), "network": None, "optimiser": {**vars(config.optimiser), "rate": None}}

    equal = [recipe for recipe in EXPECTED.values() if recipe.startswith("equal/")]
    assert len(equal) == 5 and all(rest(recipe) == rest(EXPECTED[EQUAL]) for recipe in equal)


def test_steps_and_patches_of_a_recipe_are_told_as_those_of_a_network_are():
    config = read_config(CONFIGS / "equal" / "hrnet.toml")
    steps, patch = config.optimiser.iterations, config.sampling.patch
    assert planned(config) == f"{steps:,} steps of {config.optimiser.batch_size} x {patch} x {patch}"
    assert planned(read_config(CONFIGS / "literal" / "unet.toml")).endswith("steps of 1 whole slice")


def test_files_of_one_patient_are_known_by_their_names():
    one = patient_of("lidc_0314_chest_philips_avg3")
    assert one == patient_of("lidc_0314_chest_philips_raw1mm_subset")
    assert one != patient_of("crlm_1004_cap_ge") != patient_of("crlm_1006_cap_ge")
    assert patient_of("cptac_pda_C3L-00189_a") != patient_of("cptac_pda_C3N-00249_b")
    assert patient_of("siim_tcga_single_slices") is None
    assert patient_of("phantom_head_philips_bone1mm") is patient_of("sim_lcdct_cct189_fbp_dose010") is None


@pytest.mark.parametrize(("identity", "file"), [
    ("LIDC-IDRI-0314", "lidc_0314_chest_philips_avg3"), ("C3N-00249", "cptac_pda_C3N-00249_chestabd_siemens"),
    ("C3N-04457", "cptac_lscc_C3N-04457_brain_toshiba"), ("TCGA-E3-A3E5", "tcga_thca_E3-A3E5_neckthorax_philips_avg2"),
    ("TCGA-09-2043", "tcga_ov_09-2043_abdomen_toshiba"), ("CRLM-CT-1004", "crlm_1004_cap_ge")])
def test_an_identity_in_a_table_and_the_name_of_a_file_tell_the_same_patient(tmp_path, identity, file):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "table.csv").write_text(f"slice,patient\n0,{identity}\n")
    training = {"data": [{"file": "table.nii.gz"}]}
    assert trained_on(f"real_noise/{file}.nii.gz", [training], tmp_path) is True
    assert trained_on("validation/crlm_1006_cap_ge.nii.gz", [training], tmp_path) is False


@pytest.mark.parametrize("training", [
    {}, {"data": ["a challenge's data"]}, {"data": [{"file": "lidc_1_a.nii.gz"}, "a challenge's data"]},
    {"data": [{"file": "crowd.nii.gz"}]}, {"data": [{"file": "partly.nii.gz"}]},
    {"data": [{"file": "lidc_1_a.nii.gz"}], "iterations": 9, "initial_weights": "earlier.pt"}])
def test_a_training_that_is_not_told_in_full_leaves_open_whom_it_saw(tmp_path, training):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "partly.csv").write_text("slice,patient\n0,LIDC-IDRI-0001\n1,\n")
    assert trained_on("validation/crlm_1006_cap_ge.nii.gz", [training], tmp_path) is None
    assert trained_on("phantom/phantom_head_bone1mm.nii.gz", [training], tmp_path) is False


def test_a_card_tells_the_files_of_all_its_stages_and_none_of_a_challenge():
    first = {"data": [{"file": "train/a_1.nii.gz"}]}
    assert training_files({"data": [{"file": "b_2.nii.gz"}], "stage_before": first}) == {"a_1", "b_2"}
    assert training_files({"data": ["AAPM/Mayo low-dose CT challenge data"]}) == set()


def network(key: str, *files: str) -> SimpleNamespace:
    """What is looked at of a network."""
    return SimpleNamespace(key=key, training={"data": [{"file": file} for file in files]})


@pytest.fixture
def data(tmp_path):
    """Tables of files that hold several patients."""
    for name, patients in (("train/singles", ("TCGA-17-Z034", "TCGA-17-Z011")),
                           ("validation/singles", ("TCGA-17-Z053",)), ("validation/mixed", ("TCGA-17-Z011",))):
        table = tmp_path / f"{name}.csv"
        table.parent.mkdir(exist_ok=True)
        table.write_text("slice,patient,spacing\n" + "".join(f"0,{patient},0.8\n" for patient in patients))
    return tmp_path


def test_the_table_beside_a_file_tells_its_patients_and_its_name_does_where_there_is_none(data):
    assert patients_in(data / "train" / "singles.nii.gz") == {"17-Z034", "17-Z011"}
    assert patients_in(data / "train" / "tcga_ov_09-2043_abdomen.nii.gz") == {"09-2043"}
    assert patients_in(data / "train" / "phantom.nii.gz") == set()


def test_networks_of_other_patients_are_told_as_such_even_where_a_file_of_the_same_name_trained_them(data):
    words = trained_on_words([network("net", "singles.nii.gz", "crlm_1004_a.nii.gz")],
                             ["validation/singles.nii.gz", "validation/crlm_1006_a.nii.gz"], data)
    assert words == "No network was trained on a patient of this report, by the files that the networks' cards name."


def test_a_network_that_was_trained_on_a_patient_of_the_report_is_named(data):
    files = ["validation/mixed.nii.gz", "validation/crlm_1006_a.nii.gz"]
    words = trained_on_words([network("net", "singles.nii.gz"), network("other", "crlm_1006_b.nii.gz")], files, data)
    assert words == "**Trained on patients of this report: net on one of mixed; other on one of crlm_1006_a.**"


def test_what_is_not_known_of_trainings_is_told(data):
    words = trained_on_words([network("net", "crowd.nii.gz"), network("silent")], ["validation/somebody.nii.gz"], data)
    assert words.startswith("As far as is known, no network")
    assert words.endswith(" Not told in full by the cards of silent. Whose images these hold is not known here: "
                          "somebody, train/crowd.")
    assert trained_on_words([network("silent")], ["validation/crlm_1006_a.nii.gz"], data) == (
        "Whom the networks were trained on is not known.")
