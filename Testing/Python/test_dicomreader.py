"""Reading CT series from DICOM folders: known voxels and positions, and clear refusals."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.uid import generate_uid

from ctfactory import SHAPE, body, write_series
from LDCTDenoiseLib.ctvolume import VolumeError
from LDCTDenoiseLib.scanfield import outside_scan_field
from LDCTDenoiseLib.volumeio import read_volume


def rotation(*degrees):
    turned = np.eye(3)
    for axis, angle in enumerate(np.deg2rad(degrees)):
        c, s = np.cos(angle), np.sin(angle)
        a, b = [n for n in range(3) if n != axis]
        step = np.eye(3)
        step[[a, a, b, b], [a, b, a, b]] = c, -s, s, c
        turned = step @ turned
    return turned


def change(path, **tags):
    dataset = pydicom.dcmread(path)
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)


def test_slices_are_sorted_by_position_and_rescaled_to_int16_hu(tmp_path):
    files = write_series(tmp_path / "ct")
    volume = read_volume(tmp_path / "ct")
    np.testing.assert_array_equal(volume.array, body())
    assert volume.array.dtype == np.int16
    assert volume.files == tuple(str(file) for file in files)
    assert volume.padding is None and volume.warnings == ()


@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), (-1, 0, 0, 0, 1, 0), (0, 1, 0, 1, 0, 0)])
def test_every_voxel_lies_where_the_header_says_whatever_the_direction_of_rows(tmp_path, orientation):
    write_series(tmp_path / "ct", orientation=orientation, spacing=(2.5, 0.8, 0.7))
    volume = read_volume(tmp_path / "ct")
    assert volume.spacing == pytest.approx((2.5, 0.8, 0.7), abs=1e-12)
    for k, file in enumerate(volume.files):
        header = pydicom.dcmread(file)
        position, row, column = (np.array(v, float) for v in (
            header.ImagePositionPatient, header.ImageOrientationPatient[:3], header.ImageOrientationPatient[3:]))
        expected = position + 7 * 0.7 * row + 5 * 0.8 * column  # column index 7, row index 5
        np.testing.assert_allclose((volume.affine @ [7, 5, k, 1])[:3], expected, atol=1e-9)


def test_geometry_of_an_oblique_series_agrees_with_an_independent_reader(tmp_path):
    turned = rotation(15, -20, 10)
    write_series(tmp_path / "ct", orientation=(*turned[:, 0], *turned[:, 1]))
    volume = read_volume(tmp_path / "ct")
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(volume.files)
    image = reader.Execute()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), volume.array)
    for index in [(0, 0, 0), (31, 23, 4), (3, 17, 2)]:
        np.testing.assert_allclose(
            (volume.affine @ [*index, 1])[:3], image.TransformIndexToPhysicalPoint(index), atol=1e-6)


def test_only_acquisition_facts_are_kept_of_the_header_never_the_patient(tmp_path):
    write_series(tmp_path / "ct")
    metadata = read_volume(tmp_path / "ct").metadata
    assert metadata["kernel"] == "B30f" and metadata["kvp"] == 120 and metadata["slice_thickness_mm"] == 2.5
    assert metadata["modality"] == "CT" and metadata["window"] == (40, 400)
    assert "Doe" not in str(metadata) and "12345" not in str(metadata)


@pytest.mark.parametrize(
    "slope, intercept, stored, dtype, expected",
    [
        (1, 0, -1024, np.int16, -1024),
        (2, -1000, 30, np.int16, -940),
        (1, -1024, 60000, np.int32, 58976),
        (0.5, -1024, 101, np.float32, -973.5),
        (1, -1024.5, 24, np.float32, -1000.5),
    ],
)
def test_the_type_is_the_smallest_that_holds_the_rescaled_values(tmp_path, slope, intercept, stored, dtype, expected):
    signed = stored < 0
    values = np.rint((body() + 1024) * (0.2 if slope == 2 else 1)).astype(int) - (1024 if signed else 0)
    values[2, 3, 4] = stored
    write_series(tmp_path / "ct", stored=values, slope=slope, intercept=intercept, signed=signed)
    volume = read_volume(tmp_path / "ct")
    assert volume.array.dtype == dtype
    assert volume.array[2, 3, 4] == expected


def test_padding_is_known_from_the_stored_value_before_the_rescale(tmp_path):
    hu = body(SHAPE)
    hu[:, :4, :4] = -3024
    write_series(tmp_path / "ct", hu, signed=True, PixelPaddingValue=-2000)
    volume = read_volume(tmp_path / "ct")
    np.testing.assert_array_equal(volume.padding, hu == -3024)
    np.testing.assert_array_equal(volume.array, hu)


def test_a_padding_range_and_a_padding_value_of_the_wrong_sign_are_understood(tmp_path):
    hu = body(SHAPE)
    hu[:, :4, :4] = -3024
    hu[:, :4, 4:8] = -3020
    write_series(tmp_path / "ct", hu, signed=True, PixelPaddingValue=-2000, PixelPaddingRangeLimit=-1990)
    np.testing.assert_array_equal(read_volume(tmp_path / "ct").padding, hu <= -3020)
    as_unsigned = pydicom.dataelem.DataElement(0x00280120, "US", 65536 - 2000)
    for file in write_series(tmp_path / "wrapped", hu, signed=True):
        dataset = pydicom.dcmread(file)
        dataset.add(as_unsigned)
        dataset.save_as(file)
    np.testing.assert_array_equal(read_volume(tmp_path / "wrapped").padding, hu == -3024)


def test_padding_with_the_value_of_clipped_air_counts_only_outside_the_scan_field(tmp_path):
    row, column = np.mgrid[:64, :64]
    field = (row - 31.5) ** 2 + (column - 31.5) ** 2 <= 31.5**2
    hu = np.where(field, np.clip(np.random.default_rng(0).normal(-1000, 60, (2, 64, 64)), -1024, None), -1024)
    hu = np.rint(hu).astype(np.int16)
    write_series(tmp_path / "ct", hu, PixelPaddingValue=0)
    volume = read_volume(tmp_path / "ct")
    assert np.count_nonzero((hu == -1024) & field) > 1000
    np.testing.assert_array_equal(volume.padding, outside_scan_field(hu))
    assert volume.padding[:, ~field].all() and np.mean(volume.padding[:, field]) < 0.03


def test_twelve_bit_pixels_are_read_without_the_overlay_bits_above_them(tmp_path):
    stored = body().astype(int) + 1024
    with_overlay = stored.copy()
    with_overlay[:, 2, 3] |= 0x4000
    write_series(tmp_path / "ct", stored=with_overlay, BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(read_volume(tmp_path / "ct").array, body())


def test_the_largest_series_is_taken_and_the_others_are_named(tmp_path):
    write_series(tmp_path / "ct", SeriesDescription="Thin", SeriesNumber=3)
    write_series(tmp_path / "ct", body((2, 24, 32), 5), SeriesDescription="Thick", SeriesNumber=7,
                 SeriesInstanceUID="1.2.3", names=["a.dcm", "b.dcm"])
    volume = read_volume(tmp_path / "ct")
    assert len(volume.array) == 5
    (warning,) = volume.warnings
    assert "series 7 'Thick' (2 images, series UID 1.2.3)" in warning and "give its series UID" in warning
    chosen = read_volume(tmp_path / "ct", series_uid="1.2.3")
    np.testing.assert_array_equal(chosen.array, body((2, 24, 32), 5))
    assert chosen.warnings == ()
    with pytest.raises(VolumeError, match="no series 9.9.*Thin.*Thick"):
        read_volume(tmp_path / "ct", series_uid="9.9")


def test_subfolders_are_searched_and_files_that_are_not_dicom_are_passed_over(tmp_path):
    write_series(tmp_path / "ct" / "deep" / "er")
    (tmp_path / "ct" / "LICENSE.txt").write_text("text")
    (tmp_path / "ct" / "README").write_text("text")
    (tmp_path / "ct" / ".DS_Store").write_bytes(b"")
    assert read_volume(tmp_path / "ct").array.shape == SHAPE


def test_localizers_in_the_series_are_left_out_with_a_warning_and_alone_they_are_refused(tmp_path):
    uid = generate_uid()
    write_series(tmp_path / "ct", SeriesInstanceUID=uid)
    scout = dict(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], orientation=(0, 1, 0, 0, 0, -1), names=["scout.dcm"])
    write_series(tmp_path / "ct", body((1, 40, 50)), SeriesInstanceUID=uid, **scout)
    volume = read_volume(tmp_path / "ct")
    assert volume.array.shape == SHAPE
    assert volume.warnings == ("1 localizer image(s) of the series were left out.",)
    write_series(tmp_path / "scout", body((1, 40, 50)), **scout)
    with pytest.raises(VolumeError, match="only localizers"):
        read_volume(tmp_path / "scout")


def test_a_missing_slice_and_irregular_spacing_give_a_warning_and_the_mean_spacing(tmp_path):
    files = write_series(tmp_path / "missing")
    files[2].unlink()
    volume = read_volume(tmp_path / "missing")
    np.testing.assert_array_equal(volume.array, body()[[0, 1, 3, 4]])
    assert volume.spacing[0] == pytest.approx(10 / 3)
    (warning,) = volume.warnings
    assert "1 slice(s) seem to be missing" in warning and "mean spacing of 3.333 mm" in warning
    write_series(tmp_path / "uneven", positions=[(0, 0, z) for z in (0, 2, 4.6, 6, 8)])
    (warning,) = read_volume(tmp_path / "uneven").warnings
    assert "irregular" in warning


def test_a_single_slice_has_its_slice_thickness_as_spacing(tmp_path):
    write_series(tmp_path / "ct", body((1, 24, 32)))
    assert read_volume(tmp_path / "ct").spacing == pytest.approx((2.5, 0.8, 0.7))


def test_slices_shifted_sideways_as_by_a_tilted_gantry_are_refused_and_rounded_positions_are_not(tmp_path):
    write_series(tmp_path / "tilt", positions=[(0, 0.5 * k, 2.5 * k) for k in range(5)])
    with pytest.raises(VolumeError, match="not stacked along the acquisition axis.*11.3 degrees.*tilt"):
        read_volume(tmp_path / "tilt")
    write_series(tmp_path / "rounded", positions=[(0, 0.01 * (k % 2), round(0.625 * k, 1)) for k in range(5)])
    assert read_volume(tmp_path / "rounded").warnings == ()


def test_sagittal_reformats_are_refused_and_direct_coronal_scans_are_welcome(tmp_path):
    reformat = dict(ImageType=["DERIVED", "SECONDARY", "REFORMATTED"], orientation=(0, 1, 0, 0, 0, -1))
    write_series(tmp_path / "mpr", **reformat)
    with pytest.raises(VolumeError, match="sagittal slices, not stacked along the acquisition axis"):
        read_volume(tmp_path / "mpr")
    write_series(tmp_path / "sinus", orientation=(1, 0, 0, 0, 0, -1))
    assert read_volume(tmp_path / "sinus").array.shape == SHAPE


@pytest.mark.parametrize(
    "tags, words",
    [
        (dict(Modality="MR"), "is MR, not CT"),
        (dict(Modality="SEG"), "is SEG, not CT"),
        (dict(Modality=None), "unknown modality"),
        (dict(SOPClassUID="1.2.840.10008.5.1.4.1.1.2.1"), "enhanced multi-frame.*convert"),
        (dict(NumberOfFrames=5), "multi-frame"),
        (dict(SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0), "colour"),
        (dict(ImagePositionPatient=None), "no valid ImagePositionPatient"),
        (dict(PixelSpacing=None), "no valid PixelSpacing"),
        (dict(Rows=None), "no Rows"),
        (dict(PixelData=None), "missing or truncated"),
        (dict(RescaleSlope=0), "slope of 0"),
    ],
)
def test_series_that_are_no_stack_of_ct_slices_are_refused_by_name(tmp_path, tags, words):
    write_series(tmp_path / "ct", **tags)
    with pytest.raises(VolumeError, match=words):
        read_volume(tmp_path / "ct")


@pytest.mark.parametrize(
    "tags, words",
    [
        (dict(ImagePositionPatient=[-10.25, 20.5, -300.0]), "same position"),
        (dict(PixelSpacing=[0.9, 0.9]), "different pixel spacings"),
        (dict(ImageOrientationPatient=[0, 1, 0, 1, 0, 0]), "different orientations"),
        (dict(Rows=12), r"different sizes \(24x32 and 12x32\)"),
    ],
)
def test_a_slice_that_does_not_fit_the_others_is_refused_by_file_name(tmp_path, tags, words):
    files = write_series(tmp_path / "ct")
    change(files[3], **tags)
    with pytest.raises(VolumeError, match=words) as refused:
        read_volume(tmp_path / "ct")
    assert files[3].name in str(refused.value)


def test_empty_folders_and_empty_truncated_or_false_files_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(VolumeError, match="no DICOM files"):
        read_volume(tmp_path / "empty")
    for name, content, words in [
        ("zero", lambda data: b"", "is empty"),
        ("cut", lambda data: data[: len(data) - 300], "truncated"),
        ("head", lambda data: data[:400], "no Rows|damaged|truncated"),
        ("text", lambda data: b"no DICOM at all" * 50, "no complete DICOM file"),
    ]:
        files = write_series(tmp_path / name)
        files[2].write_bytes(content(files[2].read_bytes()))
        with pytest.raises(VolumeError, match=words) as refused:
            read_volume(tmp_path / name)
        assert "\n" not in str(refused.value)


def test_lossy_compression_and_values_that_are_no_hu_give_a_warning(tmp_path):
    write_series(tmp_path / "lossy", LossyImageCompression="01")
    (warning,) = read_volume(tmp_path / "lossy").warnings
    assert "5 of 5 slices were compressed with losses" in warning
    write_series(tmp_path / "raw", body() + 1024, intercept=0, RescaleIntercept=None, RescaleSlope=None)
    first, second = read_volume(tmp_path / "raw").warnings
    assert "no rescale intercept" in first and "below zero" in second


@pytest.mark.parametrize("compressor", ["JPEG", "JPEG2000"])
@pytest.mark.parametrize("signed", [True, False])
def test_losslessly_compressed_slices_have_the_same_values_as_uncompressed_ones(tmp_path, compressor, signed):
    (file,) = write_series(tmp_path / "ct", body((1, 32, 32)), signed=signed)
    stored = sitk.GetImageFromArray(pydicom.dcmread(file).pixel_array[None])
    writer = sitk.ImageFileWriter()
    writer.SetFileName(str(tmp_path / "compressed.dcm"))
    writer.UseCompressionOn()
    writer.SetCompressor(compressor)
    writer.Execute(stored)
    dataset, compressed = pydicom.dcmread(file), pydicom.dcmread(tmp_path / "compressed.dcm")
    del dataset.PixelData
    dataset.add(compressed["PixelData"])
    dataset.file_meta.TransferSyntaxUID = compressed.file_meta.TransferSyntaxUID
    assert compressed.file_meta.TransferSyntaxUID.is_compressed
    dataset.save_as(file)
    np.testing.assert_array_equal(read_volume(tmp_path / "ct").array, body((1, 32, 32)))
    complete = file.read_bytes()
    file.write_bytes(complete[: len(complete) - 30])
    with pytest.raises(VolumeError, match="truncated"):
        read_volume(tmp_path / "ct")
