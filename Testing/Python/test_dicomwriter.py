"""Writing derived DICOM series: voxels come back, identity is new, the source is referenced, padding is untouched."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from ctfactory import body, write_series
from LDCTDenoiseLib import __version__
from LDCTDenoiseLib.ctvolume import CTVolume, VolumeError
from LDCTDenoiseLib.volumeio import read_volume, write_volume

PROVENANCE = {
    "model": "hrnet", "version": "1", "weights_sha256": "ab" * 32, "strength": 0.75, "device": "cpu",
    "precision": "fp32", "source": "/data/Doe_Jane", "software_version": __version__,
}


def round_trip(tmp_path, change, **series):
    """Read a synthetic series, change its voxels and write it back; return both volumes and the folder."""
    write_series(tmp_path / "in", **series)
    source = read_volume(tmp_path / "in")
    result = source.replace_array(change(source.array))
    write_volume(result, tmp_path / "out", source=source, provenance=PROVENANCE)
    return source, result, read_volume(tmp_path / "out")


def slices_of(volume):
    return [pydicom.dcmread(file) for file in volume.files]


@pytest.mark.parametrize("signed", [True, False])
def test_voxels_and_geometry_come_back_exactly_also_for_another_reader(tmp_path, signed):
    _, result, again = round_trip(tmp_path, lambda hu: hu + 5, signed=signed,
                                  orientation=(0.8, 0.6, 0, -0.6, 0.8, 0), BitsStored=12 if not signed else 16)
    np.testing.assert_array_equal(again.array, result.array)
    np.testing.assert_array_equal(again.affine, result.affine)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(again.files)
    image = reader.Execute()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), result.array)
    np.testing.assert_allclose(image.GetOrigin(), result.affine[:3, 3], atol=1e-6)


def test_float_hu_of_a_fractional_rescale_are_stored_to_half_a_step(tmp_path):
    stored = (body().astype(int) + 1024) * 2
    source, result, again = round_trip(tmp_path, lambda hu: hu + np.float32(3.2), stored=stored, slope=0.5)
    assert source.array.dtype == again.array.dtype == np.float32
    assert np.abs(again.array - result.array).max() <= 0.25 + 1e-4


def test_values_beyond_the_stored_type_are_limited_not_wrapped(tmp_path):
    _, result, again = round_trip(tmp_path, lambda hu: hu - 300, BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(again.array, np.maximum(result.array, -1024))
    _, result, again = round_trip(tmp_path / "b", lambda hu: hu + 5000, BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(again.array, result.array)
    assert slices_of(again)[0].BitsStored == 16


def test_padding_and_unchanged_voxels_keep_their_stored_value_bit_for_bit(tmp_path):
    hu = body()
    hu[:, :4, :4] = -3024
    source, _, again = round_trip(tmp_path, lambda array: np.where(array > 0, 7, array - (array == -3024)), hu=hu,
                                  signed=True, PixelPaddingValue=-2000)
    for before, after in zip(slices_of(source), slices_of(again)):
        kept = before.pixel_array <= 1024
        np.testing.assert_array_equal(after.pixel_array[kept], before.pixel_array[kept])
        assert after.PixelPaddingValue == -2000
    np.testing.assert_array_equal(again.padding, source.padding)


def test_the_series_is_new_and_derived_and_each_image_references_its_source(tmp_path):
    source, _, again = round_trip(tmp_path, lambda hu: hu + 1, SmallestImagePixelValue=0, LargestImagePixelValue=1)
    olds, news = slices_of(source), slices_of(again)
    assert len({new.SeriesInstanceUID for new in news}) == 1
    assert len({new.SOPInstanceUID for new in news} | {old.SOPInstanceUID for old in olds}) == 10
    for old, new in zip(olds, news):
        assert new.SeriesInstanceUID != old.SeriesInstanceUID and new.SeriesNumber != old.SeriesNumber
        assert new.file_meta.MediaStorageSOPInstanceUID == new.SOPInstanceUID
        assert list(new.ImageType) == ["DERIVED", "SECONDARY", "AXIAL"]
        (reference,) = new.SourceImageSequence
        assert reference.ReferencedSOPInstanceUID == old.SOPInstanceUID
        assert reference.ReferencedSOPClassUID == old.SOPClassUID == new.SOPClassUID
        assert reference.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
        assert new.SeriesDescription == "Abdomen denoised hrnet 75 %"
        for keyword in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID", "PatientName", "WindowCenter",
                        "WindowWidth", "ImagePositionPatient", "ConvolutionKernel", "RescaleIntercept", "RescaleSlope"):
            assert new[keyword].value == old[keyword].value, keyword
        assert "SmallestImagePixelValue" not in new and "LargestImagePixelValue" not in new


def test_the_header_says_what_was_done_but_no_path(tmp_path):
    _, _, again = round_trip(tmp_path, lambda hu: hu + 1)
    image = slices_of(again)[0]
    for part in ("model=hrnet", "version=1", "ab" * 32, "strength=0.75", "device=cpu", "precision=fp32", __version__):
        assert part in image.DerivationDescription
    assert image.DerivationDescription.startswith(f"Not for clinical use. LDCTDenoise {__version__}: ")
    assert "Doe_Jane" not in image.DerivationDescription
    assert list(image.SoftwareVersions) == ["1.0", f"LDCTDenoise {__version__}"]
    (equipment,) = image.ContributingEquipmentSequence
    assert equipment.PurposeOfReferenceCodeSequence[0].CodeValue == "109102"
    assert equipment.SoftwareVersions == f"LDCTDenoise {__version__}"


def test_the_file_names_the_software_that_wrote_it_not_the_one_that_wrote_the_source(tmp_path):
    for file in write_series(tmp_path / "in"):
        dataset = pydicom.dcmread(file)
        dataset.file_meta.ImplementationClassUID = "1.2.3.4"
        dataset.file_meta.ImplementationVersionName = "SCANNER"
        dataset.file_meta.SourceApplicationEntityTitle = "ROOM7"
        dataset.save_as(file)
    write_volume(read_volume(tmp_path / "in"), tmp_path / "out", provenance=PROVENANCE)
    for image in slices_of(read_volume(tmp_path / "out")):
        assert image.file_meta.ImplementationClassUID == pydicom.uid.PYDICOM_IMPLEMENTATION_UID
        assert "SourceApplicationEntityTitle" not in image.file_meta
        assert image.file_meta.MediaStorageSOPClassUID == image.SOPClassUID


def test_a_long_series_description_is_shortened_before_what_was_done(tmp_path):
    _, _, again = round_trip(tmp_path, lambda hu: hu + 1, SeriesDescription="x" * 64)
    description = slices_of(again)[0].SeriesDescription
    assert len(description) == 64 and description.endswith("x denoised hrnet 75 %")
    _, _, again = round_trip(tmp_path / "b", lambda hu: hu + 1, SeriesDescription="ä" * 64,
                             SpecificCharacterSet="ISO_IR 192")
    description = slices_of(again)[0].SeriesDescription
    assert description == "ä" * 22 + " denoised hrnet 75 %"


def test_lossy_history_stays_and_private_elements_go(tmp_path):
    write_series(tmp_path / "in", LossyImageCompression="01", LossyImageCompressionRatio=8)
    for file in (tmp_path / "in").iterdir():
        dataset = pydicom.dcmread(file)
        dataset.private_block(0x0009, "VENDOR", create=True).add_new(1, "LO", "raw")
        dataset.save_as(file)
    source = read_volume(tmp_path / "in")
    write_volume(source, tmp_path / "out")
    image = slices_of(read_volume(tmp_path / "out"))[0]
    assert image.LossyImageCompression == "01" and image.LossyImageCompressionRatio == 8
    assert not any(element.tag.is_private for element in image)


def test_irregular_slices_keep_their_own_positions(tmp_path):
    positions = [(0, 0, z) for z in (0, 2, 4.6, 6, 8)]
    _, _, again = round_trip(tmp_path, lambda hu: hu + 1, positions=positions)
    assert [float(image.ImagePositionPatient[2]) for image in slices_of(again)] == [0, 2, 4.6, 6, 8]


def test_without_a_dicom_source_or_with_another_geometry_nothing_is_written(tmp_path):
    write_series(tmp_path / "in")
    source = read_volume(tmp_path / "in")
    moved = CTVolume(source.array, source.affine + np.eye(4) * [1, 0, 0, 0])
    with pytest.raises(VolumeError, match="read from DICOM.*suffix"):
        write_volume(moved, tmp_path / "out")
    with pytest.raises(VolumeError, match="size or geometry"):
        write_volume(moved, tmp_path / "out", source=source)
    with pytest.raises(VolumeError, match="NaN"):
        write_volume(source.replace_array(np.full(source.array.shape, np.nan)), tmp_path / "out", source=source)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_folder_with_anything_in_it_is_never_written_to(tmp_path):
    write_series(tmp_path / "in")
    source = read_volume(tmp_path / "in")
    before = {path.name: path.read_bytes() for path in (tmp_path / "in").iterdir()}
    with pytest.raises(VolumeError, match="not an empty folder"):
        write_volume(source, tmp_path / "in")
    assert {path.name: path.read_bytes() for path in (tmp_path / "in").iterdir()} == before
    (tmp_path / "empty").mkdir()
    write_volume(source, tmp_path / "empty")
    np.testing.assert_array_equal(read_volume(tmp_path / "empty").array, source.array)


@pytest.mark.parametrize("place", ["in/out", "in/scan/out", "link/out"])
def test_a_series_is_not_written_inside_the_folder_that_was_read(tmp_path, place):
    write_series(tmp_path / "in" / "scan")
    source = read_volume(tmp_path / "in")
    if place.startswith("link"):
        (tmp_path / "link").symlink_to(tmp_path / "in", target_is_directory=True)
    with pytest.raises(VolumeError, match="out lies inside the input folder in"):
        write_volume(source.replace_array(source.array + 1), tmp_path / place, source=source)
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["scan"]
    write_volume(source, tmp_path / "in-out")  # a neighbour whose name begins alike
    write_volume(source, tmp_path / "in" / "scan.nrrd")  # no DICOM, so no second series


def test_a_source_that_changed_since_it_was_read_leaves_no_half_written_series(tmp_path):
    files = write_series(tmp_path / "in")
    source = read_volume(tmp_path / "in")
    files[3].write_bytes(b"")
    with pytest.raises(VolumeError, match=f"{files[3].name} can no longer be read"):
        write_volume(source, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_the_original_is_preferred_when_input_and_result_lie_in_one_folder(tmp_path):
    write_series(tmp_path / "both" / "scan")
    source = read_volume(tmp_path / "both" / "scan")
    write_volume(source, tmp_path / "both" / "out", provenance=PROVENANCE)
    again = read_volume(tmp_path / "both")
    assert again.files == source.files
    assert "Abdomen denoised hrnet 75 %" in again.warnings[0]
