"""CT volumes and the checks on their values."""

import numpy as np
import pytest

from LDCTDenoiseLib.ctvolume import CTVolume, VolumeError, check_axial, check_values


def ct_like(shape=(4, 32, 32), seed=0):
    return np.random.default_rng(seed).integers(-1024, 1500, shape).astype(np.int16)


def test_spacing_is_read_from_the_columns_of_an_oblique_left_handed_affine():
    angle = np.deg2rad(20)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, -1]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([0.7, 0.9, 2.5])
    np.testing.assert_allclose(CTVolume(ct_like(), affine).spacing, (2.5, 0.9, 0.7))


def test_another_array_keeps_the_rest_and_must_have_the_same_shape():
    volume = CTVolume(ct_like(), np.eye(4), {"kernel": "B30f"}, warnings=("a",), files=("f",))
    other = volume.replace_array(ct_like(seed=1))
    assert (other.metadata, other.warnings, other.files) == (volume.metadata, volume.warnings, volume.files)
    np.testing.assert_array_equal(volume.array, ct_like())
    with pytest.raises(VolumeError, match="new array"):
        volume.replace_array(ct_like((4, 32, 31)))


def test_bad_shapes_and_geometry_are_refused():
    with pytest.raises(VolumeError, match="three axes"):
        CTVolume(np.zeros((3, 3)), np.eye(4))
    with pytest.raises(VolumeError, match="geometry"):
        CTVolume(ct_like(), np.zeros((4, 4)))
    with pytest.raises(VolumeError, match="padding mask"):
        CTVolume(ct_like(), np.eye(4), padding=np.zeros((1, 2, 3), dtype=bool))


def test_ordinary_ct_passes_without_a_warning():
    assert check_values(ct_like(), "scan") == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_with_their_number(bad):
    array = ct_like().astype(np.float32)
    array[1, 2, 3] = array[2, 3, 4] = bad
    with pytest.raises(VolumeError, match="scan holds 2 voxels that are NaN or infinite"):
        check_values(array, "scan")


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_labelmaps_are_refused_whatever_their_type(dtype):
    labels = np.random.default_rng(0).integers(0, 118, (4, 4, 4)).astype(dtype).repeat(8, axis=1).repeat(8, axis=2)
    with pytest.raises(VolumeError, match="labelmap"):
        check_values(labels, "segmentation.nii.gz")


@pytest.mark.parametrize("value, dtype", [(0, np.int16), (0, np.float32), (7, np.uint8)])
def test_one_value_everywhere_is_refused_for_what_it_is(value, dtype):
    with pytest.raises(VolumeError, match=f"scan shows nothing: every voxel is {value}"):
        check_values(np.full((2, 16, 16), value, dtype), "scan")


def test_slices_of_nothing_but_air_are_no_reason_to_refuse():
    assert check_values(np.full((2, 16, 16), -1000, np.int16), "part") == []


def test_a_small_noisy_image_without_rescale_is_not_taken_for_a_labelmap():
    raw = np.random.default_rng(0).integers(40, 100, (2, 16, 16))
    (warning,) = check_values(raw, "scan")
    assert "below zero" in warning


def test_an_empty_volume_is_refused():
    with pytest.raises(VolumeError, match="no voxels"):
        check_values(np.zeros((0, 4, 4)), "scan")


@pytest.mark.parametrize(
    "array, words",
    [
        (ct_like() + 1024, "below zero"),
        (ct_like() / 2000, "scaled"),
        (ct_like().astype(np.int32) * 40 - 60000, "between -1050 and 200"),
    ],
)
def test_values_that_can_hardly_be_hu_get_one_warning(array, words):
    (warning,) = check_values(array, "scan")
    assert words in warning and "slope" in warning


def test_slices_across_the_body_axis_pass_and_reformats_are_refused():
    oblique = np.eye(4)
    angle = np.deg2rad(40)
    oblique[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    check_axial(oblique, "scan")
    check_axial(np.diag([-1.0, 1, -1, 1]), "scan")
    with pytest.raises(VolumeError, match="sagittal"):
        check_axial(np.eye(4)[[2, 0, 1, 3]], "scan")
    with pytest.raises(VolumeError, match="coronal"):
        check_axial(np.eye(4)[[0, 2, 1, 3]], "scan")
