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
from networksreport.trainingdata import patient_of, patients_in, trained_on_words, training_files  # noqa: E402


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
    assert planned(read_config(CONFIGS / "literal" / "unet.toml")).endswith("steps of 1 whole slices")


def test_files_of_one_patient_are_known_by_their_names():
    one = patient_of("lidc_0314_chest_philips_avg3")
    assert one == patient_of("lidc_0314_chest_philips_raw1mm_subset")
    assert one != patient_of("crlm_1004_cap_ge") != patient_of("crlm_1006_cap_ge")
    assert patient_of("cptac_pda_C3L-00189_a") != patient_of("cptac_pda_C3N-00249_b")
    assert patient_of("siim_tcga_single_slices") is None


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
    assert patients_in(data / "train" / "singles.nii.gz") == {"tcga 17-Z034", "tcga 17-Z011"}
    assert patients_in(data / "train" / "tcga_ov_09-2043_abdomen.nii.gz") == {"tcga 09-2043"}
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
    words = trained_on_words([network("net", "crowd.nii.gz"), network("silent")], ["validation/phantom.nii.gz"], data)
    assert words.endswith(" Not told by the cards of silent. Whose images these hold is not known here: phantom, "
                          "train/crowd.")
    assert trained_on_words([network("silent")], ["validation/crlm_1006_a.nii.gz"], data) == (
        "Whom the networks were trained on is not known.")
