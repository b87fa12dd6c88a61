"""CT volumes in image files: exact round trips, known headers, clear refusals and no half-written output."""

import gzip
import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from ctfactory import body
from LDCTDenoiseLib import imagefile
from LDCTDenoiseLib.ctvolume import CTVolume, VolumeError
from LDCTDenoiseLib.volumeio import read_volume, sidecar_of, write_volume

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha")


def geometry(left_handed=False):
    """An oblique affine with three different spacings."""
    a, b = np.deg2rad([25, -15])
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]) @ np.array(
        [[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([0.7, 0.9, -2.5 if left_handed else 2.5])
    affine[:3, 3] = -120.3, 80.7, -512.9
    return affine


def ct(dtype=np.int16, left_handed=False):
    return CTVolume(body().astype(dtype), geometry(left_handed))


@pytest.mark.parametrize("left_handed", [False, True])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_oblique_volume_with_unequal_spacings_comes_back_as_it_was(tmp_path, suffix, left_handed):
    volume = ct(left_handed=left_handed)
    write_volume(volume, tmp_path / f"ct{suffix}")
    again = read_volume(tmp_path / f"ct{suffix}")
    np.testing.assert_array_equal(again.array, volume.array)
    # NIfTI keeps its matrices in float32.
    np.testing.assert_allclose(again.affine, volume.affine, atol=1e-4 if ".nii" in suffix else 1e-9)
    assert np.sign(np.linalg.det(again.affine)) == (-1 if left_handed else 1)
    assert again.files == (str(tmp_path / f"ct{suffix}"),)


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_type_of_the_voxels_is_kept(tmp_path, suffix, dtype):
    values = body().astype(np.float64) + (1024 if dtype == np.uint16 else 0)
    values += 0.25 if np.dtype(dtype).kind == "f" else 0
    volume = CTVolume(values.astype(dtype), geometry())
    write_volume(volume, tmp_path / f"ct{suffix}")
    again = read_volume(tmp_path / f"ct{suffix}").array
    assert again.dtype == dtype
    np.testing.assert_array_equal(again, volume.array)


def test_affine_is_in_lps_as_simpleitk_has_it(tmp_path):
    write_volume(ct(), tmp_path / "ct.nrrd")
    image = sitk.ReadImage(str(tmp_path / "ct.nrrd"))
    np.testing.assert_allclose(
        (geometry() @ [3, 5, 2, 1])[:3], image.TransformIndexToPhysicalPoint((3, 5, 2)), atol=1e-9)
    assert image.GetPixel(3, 5, 2) == body()[2, 5, 3]


@pytest.mark.parametrize(
    "slope, intercept, dtype",
    [(1, -1024, np.int16), (2, 0, np.int16), (0, 0, np.int16), (100, 0, np.int32), (0.5, 0, np.float32)],
)
def test_a_scaled_nifti_header_gives_hu_in_whole_numbers_where_they_are_whole(tmp_path, slope, intercept, dtype):
    write_volume(ct(), tmp_path / "ct.nii")
    content = bytearray((tmp_path / "ct.nii").read_bytes())
    content[112:120] = struct.pack("<ff", slope, intercept)
    (tmp_path / "ct.nii").write_bytes(content)
    array = read_volume(tmp_path / "ct.nii").array
    assert array.dtype == dtype
    # A slope of zero means "not scaled" in NIfTI.
    np.testing.assert_array_equal(array, body().astype(float) * (slope or 1) + intercept)


@pytest.mark.parametrize("kept", [0.5, 0.99])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_truncated_files_are_refused_in_one_line(tmp_path, suffix, kept, capfd):
    path = tmp_path / f"ct{suffix}"
    write_volume(ct(), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(VolumeError, match=f"^ct{suffix} .*(truncated|damaged)") as refused:
        read_volume(path)
    assert "\n" not in str(refused.value)
    assert capfd.readouterr().err == ""


def test_a_truncated_metaimage_without_compression_is_refused_by_its_size(tmp_path, capfd):
    path = tmp_path / "ct.mha"
    sitk.WriteImage(sitk.GetImageFromArray(body()), str(path), useCompression=False)
    np.testing.assert_array_equal(read_volume(path).array, body())
    path.write_bytes(path.read_bytes()[:-1000])
    size = 2 * body().size
    with pytest.raises(VolumeError, match=f"it holds {size - 1000} of {size} bytes"):
        read_volume(path)
    assert capfd.readouterr().err == ""


def test_a_folder_given_as_a_dot_is_called_by_its_name(tmp_path, monkeypatch):
    (tmp_path / "scan").mkdir()
    monkeypatch.chdir(tmp_path / "scan")
    with pytest.raises(VolumeError, match="^scan holds no DICOM files"):
        read_volume(".")


def test_a_complete_gzip_stream_with_too_few_voxels_is_refused(tmp_path):
    write_volume(ct(), tmp_path / "ct.nii")
    content = (tmp_path / "ct.nii").read_bytes()
    (tmp_path / "short.nii.gz").write_bytes(gzip.compress(content[:-1000]))
    with pytest.raises(VolumeError, match="short.nii.gz is truncated"):
        read_volume(tmp_path / "short.nii.gz")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_empty_and_false_files_are_refused_in_one_line(tmp_path, suffix):
    path = tmp_path / f"ct{suffix}"
    path.write_bytes(b"")
    with pytest.raises(VolumeError, match="is empty"):
        read_volume(path)
    path.write_bytes(b"this is no image" * 40)
    with pytest.raises(VolumeError, match="cannot be read") as refused:
        read_volume(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "image, words",
    [
        (sitk.GetImageFromArray(np.zeros((3, 8, 8, 3), np.uint8), isVector=True), "3 values per voxel"),
        (sitk.GetImageFromArray(np.zeros((8, 8), np.int16)), "2 dimensions"),
        (sitk.JoinSeries([sitk.GetImageFromArray(body())] * 2), "4 dimensions"),
        (sitk.GetImageFromArray(np.where(body() > 0, 3, 0).astype(np.uint8)), "labelmap"),
        (sitk.GetImageFromArray(np.where(body() > 0, np.nan, body()).astype(np.float32)), "NaN or infinite"),
    ],
)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_images_that_are_no_ct_volume_are_refused(tmp_path, suffix, image, words):
    sitk.WriteImage(image, str(tmp_path / f"x{suffix}"))
    with pytest.raises(VolumeError, match=words):
        read_volume(tmp_path / f"x{suffix}")


def test_infinity_in_a_big_endian_nifti_file_is_found(tmp_path):
    write_volume(ct(np.float32), tmp_path / "x.nii")
    little = (tmp_path / "x.nii").read_bytes()
    header, voxels = bytearray(little[:352]), np.frombuffer(little[352:], "<f4").copy()
    for start, stop, size in [(0, 4, 4), (32, 36, 4), (36, 40, 2), (40, 56, 2), (56, 68, 4), (68, 76, 2), (76, 120, 4),
                              (120, 121, 1), (124, 148, 4), (252, 256, 2), (256, 328, 4)]:
        header[start:stop] = np.frombuffer(header[start:stop], f"u{size}").byteswap().tobytes()
    (tmp_path / "x.nii").write_bytes(bytes(header) + voxels.astype(">f4").tobytes())
    np.testing.assert_array_equal(read_volume(tmp_path / "x.nii").array, body().astype(np.float32))
    voxels[:3] = np.inf
    (tmp_path / "x.nii").write_bytes(bytes(header) + voxels.astype(">f4").tobytes())
    with pytest.raises(VolumeError, match="3 voxels that are NaN or infinite"):
        read_volume(tmp_path / "x.nii")


def test_a_volume_stored_as_sagittal_slices_is_refused(tmp_path):
    image = sitk.PermuteAxes(sitk.GetImageFromArray(body()), (1, 2, 0))
    sitk.WriteImage(image, str(tmp_path / "x.nrrd"))
    with pytest.raises(VolumeError, match="sagittal slices"):
        read_volume(tmp_path / "x.nrrd")


def test_values_that_can_hardly_be_hu_are_read_with_a_warning(tmp_path):
    write_volume(CTVolume((body() + 1024).astype(np.uint16), geometry()), tmp_path / "x.mha")
    (warning,) = read_volume(tmp_path / "x.mha").warnings
    assert "below zero" in warning


def test_unknown_suffixes_and_missing_paths_are_refused_with_the_known_formats(tmp_path):
    with pytest.raises(VolumeError, match="does not exist"):
        read_volume(tmp_path / "none.nii")
    (tmp_path / "x.png").write_bytes(b"x")
    with pytest.raises(VolumeError, match="DICOM folder, .nii, .nii.gz, .nrrd, .mha"):
        read_volume(tmp_path / "x.png")
    (tmp_path / "x.dcm").write_bytes(b"x")
    with pytest.raises(VolumeError, match="Give the folder"):
        read_volume(tmp_path / "x.dcm")
    with pytest.raises(VolumeError, match="known format"):
        write_volume(ct(), tmp_path / "y.png")
    with pytest.raises(VolumeError, match="does not exist. Create it"):
        write_volume(ct(), tmp_path / "nowhere" / "y.nrrd")


def test_a_sheared_geometry_is_not_written_to_an_image_file(tmp_path):
    sheared = geometry()
    sheared[:3, 2] += 0.3 * sheared[:3, 1]
    with pytest.raises(VolumeError, match="sheared"):
        write_volume(CTVolume(body(), sheared), tmp_path / "x.nrrd")
    assert list(tmp_path.iterdir()) == []


def test_a_nifti_with_a_sheared_geometry_is_refused_for_that(tmp_path):
    write_volume(ct(), tmp_path / "x.nii")
    content = bytearray((tmp_path / "x.nii").read_bytes())
    content[252:256] = struct.pack("<hh", 0, 1)  # no quaternion: the affine alone says where the slices lie
    content[280:328] = struct.pack("<12f", 0.7, 0, 0, 0, 0, 0.9, 0.8, 0, 0, 0, 2.5, 0)
    (tmp_path / "x.nii").write_bytes(content)
    with pytest.raises(VolumeError, match=r"^x\.nii cannot be read: its slices .*sheared geometry") as refused:
        read_volume(tmp_path / "x.nii")
    assert "damaged" not in str(refused.value)


def test_provenance_lies_beside_the_image_as_json(tmp_path):
    write_volume(ct(), tmp_path / "x.nii.gz", provenance={"model": "hrnet", "strength": np.float32(0.5)})
    assert sidecar_of(tmp_path / "x.nii.gz") == tmp_path / "x.nii.gz.json"
    assert json.loads((tmp_path / "x.nii.gz.json").read_text()) == {"model": "hrnet", "strength": 0.5}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_input_is_never_overwritten_and_an_earlier_output_is_replaced(tmp_path, suffix):
    path = tmp_path / f"ct{suffix}"
    write_volume(ct(), path)
    content = path.read_bytes()
    volume = read_volume(path)
    with pytest.raises(VolumeError, match="is the input"):
        write_volume(volume.replace_array(volume.array + 1), path)
    assert path.read_bytes() == content
    other = tmp_path / f"other{suffix}"
    for shift in (1, 2):
        write_volume(volume.replace_array(volume.array + shift), other)
    np.testing.assert_array_equal(read_volume(other).array, volume.array + 2)


def test_a_writer_that_fails_half_way_leaves_the_earlier_output_and_no_rubbish(tmp_path, monkeypatch):
    path = tmp_path / "x.nrrd"
    write_volume(ct(), path)
    before = path.read_bytes()

    def fail(volume, temporary):
        Path(temporary).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(imagefile, "write_image", fail)
    with pytest.raises(OSError, match="disk full"):
        write_volume(ct(), path, provenance={"model": "x"})
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["x.nrrd"]


def test_importing_the_readers_loads_neither_simpleitk_nor_pydicom():
    code = (
        "import sys, LDCTDenoiseLib.volumeio, LDCTDenoiseLib.dicomreader, LDCTDenoiseLib.dicomwriter; "
        "assert not {'SimpleITK', 'pydicom', 'torch'} & set(sys.modules)"
    )
    package_root = Path(imagefile.__file__).resolve().parents[1]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=package_root)
