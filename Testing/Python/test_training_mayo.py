"""Pairs of full and quarter dose in the layouts of the AAPM/Mayo data, on small synthetic DICOM series."""

from dataclasses import replace

import numpy as np
import pytest
from ctfactory import body, write_series

from LDCTDenoiseLib.hu import to_hu
from LDCTDenoiseLib.training.config import parse_config
from LDCTDenoiseLib.training.mayo import MayoError, MayoPairs, find_patients, read_slice, split_patients
from LDCTDenoiseLib.training.run import samplers

SHAPE = (4, 32, 32)


def write_patient(folder, seed=0, full="full_1mm", low="quarter_1mm", **options):
    hu = body(SHAPE, seed)
    write_series(folder / full, hu, **options)
    write_series(folder / low, hu + 7, names=[f"q{k}.IMA" for k in (2, 0, 3, 1)], **options)


def test_slices_of_the_challenge_layout_are_paired_by_position(tmp_path):
    for seed, name in enumerate(("L067", "L096")):
        write_patient(tmp_path / "1mm B30" / name, seed)
    patients = find_patients(tmp_path)
    assert [p.name for p in patients] == ["L067", "L096"]
    for patient in patients:
        assert len(patient.low) == len(patient.full) == SHAPE[0]
        for low, full in zip(patient.low, patient.full):
            assert (read_slice(low) - read_slice(full) == 7).all()


def test_the_layout_of_the_tcia_collection_is_understood_and_projections_are_left_out(tmp_path):
    study = tmp_path / "LDCT-and-Projection-data" / "C002" / "08-30-2018-NA-NA-12345"
    write_patient(study, full="1.000000-Full dose images-94056", low="1.000000-Low Dose Images-39882")
    write_series(study / "1.000000-Full dose projections-4711", body(SHAPE))
    patient, = find_patients(tmp_path)
    assert patient.name == "C002" and len(patient.low) == SHAPE[0]


def test_one_of_several_series_has_to_be_chosen(tmp_path):
    for series in ("1mm", "1mm_sharp"):
        write_patient(tmp_path / "L067", full=f"full_{series}", low=f"quarter_{series}")
    with pytest.raises(MayoError, match=r"several series \(1mm, 1mm_sharp\).*mayo_series"):
        find_patients(tmp_path)
    patient, = find_patients(tmp_path, "1mm_sharp")
    assert {path.parent.name for path in patient.low + patient.full} == {"quarter_1mm_sharp", "full_1mm_sharp"}


def test_eight_of_ten_patients_train_and_two_validate(tmp_path):
    for number in range(10):
        write_patient(tmp_path / f"L{number:03d}")
    patients = find_patients(tmp_path)
    train, validation = split_patients(patients)
    assert (len(train), len(validation)) == (8, 2)
    assert sorted(p.name for p in train + validation) == [p.name for p in patients]
    assert split_patients(patients) == (train, validation)
    with pytest.raises(MayoError, match="two patients"):
        split_patients(patients[:1])


def test_a_slice_without_partner_is_refused(tmp_path):
    write_patient(tmp_path / "L067")
    (tmp_path / "L067" / "quarter_1mm" / "q3.IMA").unlink()
    with pytest.raises(MayoError, match=r"1 full-dose slice\(s\) of patient folder L067 have no partner"):
        find_patients(tmp_path)


def test_a_dose_without_partner_is_refused(tmp_path):
    write_series(tmp_path / "L067" / "full_1mm", body(SHAPE))
    with pytest.raises(MayoError, match="L067 holds no quarter-dose series"):
        find_patients(tmp_path)


def test_slices_of_other_size_are_refused(tmp_path):
    write_series(tmp_path / "L067" / "full_1mm", body(SHAPE))
    write_series(tmp_path / "L067" / "quarter_1mm", body((4, 24, 24)))
    with pytest.raises(MayoError, match="differ in size or pixel spacing"):
        find_patients(tmp_path)


def test_two_slices_at_one_position_are_refused(tmp_path):
    write_patient(tmp_path / "L067", positions=[(0, 0, z) for z in (0, 1, 1, 2)])
    with pytest.raises(MayoError, match="same position"):
        find_patients(tmp_path)


@pytest.mark.parametrize("content, words", [(None, "does not exist"), ("empty", "holds no Mayo data")])
def test_a_folder_without_mayo_data_is_refused(tmp_path, content, words):
    folder = tmp_path / "data"
    if content:
        folder.mkdir()
    with pytest.raises(MayoError, match=words):
        find_patients(folder)


def test_damaged_slices_are_named(tmp_path):
    write_patient(tmp_path / "L067")
    (tmp_path / "L067" / "full_1mm" / "I003.dcm").write_bytes(b"no DICOM")
    with pytest.raises(MayoError, match=r"I003\.dcm is no complete CT slice"):
        find_patients(tmp_path)


def test_padding_below_the_floor_of_ct_is_raised_to_it(tmp_path):
    hu = body(SHAPE)
    hu[:, 0] = -3024
    write_series(tmp_path / "L067" / "full_1mm", hu, signed=True)
    assert read_slice(next((tmp_path / "L067" / "full_1mm").iterdir()))[0].max() == -1024


def test_training_and_validation_draw_real_pairs_of_their_own_patients(tmp_path):
    for seed, name in enumerate(("L001", "L002", "L003")):
        write_patient(tmp_path / "mayo" / name, seed)
    config = parse_config({"network": {"architecture": "plain", "widths": [4]}, "data": {"mayo": "mayo"}, "slices": {},
                           "optimiser": {"iterations": 1, "batch_size": 1, "rate": 1e-4}}, "test")
    train, validation = samplers(replace(config, slices=replace(config.slices, translation=4)), tmp_path)
    files = [{path for pair in sampler.pairs.files for path in pair} for sampler in (train, validation)]
    assert not files[0] & files[1] and len(files[0]) == 16 and len(files[1]) == 8
    noisy, target = validation.batch(0, 4)
    assert noisy.shape == (4, 1, 32, 32)
    assert np.allclose(to_hu(noisy) - to_hu(target), 7, atol=0.01)
    assert all((a == b).all() for a, b in zip(train.batch(3, 2), train.batch(3, 2)))


def test_every_slice_is_drawn(tmp_path):
    write_patient(tmp_path / "L067")
    pairs = MayoPairs(find_patients(tmp_path))
    random = np.random.default_rng(0)
    assert len({pairs.pair(random)[1].tobytes() for _ in range(40)}) == len(pairs) == SHAPE[0]
