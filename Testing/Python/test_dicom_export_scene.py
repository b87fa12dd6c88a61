"""Results of the scene become DICOM series derived from what was loaded: voxels, geometry, identity, words."""

import os
import subprocess
import sys

import numpy as np
import pydicom
import pytest
from ctfactory import body, write_series
from dicomscene import ct, database, files, images, load, logic, out  # noqa: F401  (most are fixtures)
from didscene import array_of
from slicerscene import mrml  # noqa: F401  (a fixture)

from LDCTDenoiseLib.dicomreader import read_dicom

OBLIQUE = (0.8, 0.6, 0, -0.6, 0.8, 0)
SERIES = {
    "unsigned, 12 bit, oblique": {"BitsStored": 12, "HighBit": 11, "orientation": OBLIQUE},
    "signed": {"signed": True, "intercept": 0},
    "unsigned, 16 bit": {},
    "tilted patient": {"orientation": (1, 0, 0, 0, 0.96, -0.28)},
}
KEPT_TAGS = ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID", "PatientName", "KVP", "ConvolutionKernel",
             "SliceThickness", "Manufacturer", "WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept",
             "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "InstanceNumber", "BitsStored")


@pytest.mark.parametrize("kind", SERIES)
def test_voxels_and_geometry_of_the_exported_series_are_those_of_the_result(mrml, database, logic, tmp_path, out, kind):
    files = write_series(tmp_path / "in", **SERIES[kind])
    result = logic.process(load(mrml, files, database=database))
    assert logic.exportProblem(result) == ""
    assert logic.exportAsDICOM(result, out) == out
    again, source = read_dicom(out), read_dicom(tmp_path / "in")
    assert not np.array_equal(again.array, source.array)
    np.testing.assert_array_equal(again.array, array_of(result))
    np.testing.assert_array_equal(again.affine, source.affine)
    in_slicer = load(mrml, again.files, name="again")
    np.testing.assert_array_equal(array_of(in_slicer), array_of(result))
    assert mrml.logic("Volumes").CompareVolumeGeometry(in_slicer, result) == ""


def test_values_between_the_steps_of_a_fractional_rescale_are_rounded(mrml, database, logic, tmp_path, out):
    files = write_series(tmp_path / "in", stored=(body().astype(int) + 1024) * 2, slope=0.5)
    result = logic.process(load(mrml, files, database=database))
    logic.exportAsDICOM(result, out)
    assert np.abs(read_dicom(out).array - array_of(result)).max() <= 0.25 + 1e-4
    assert "input=" not in images(out)[0].DerivationDescription


def test_a_volume_whose_slices_run_the_other_way_is_exported_in_the_order_of_the_headers(mrml, logic, database, files,
                                                                                         out):
    import slicer
    from LDCTDenoiseLib.region import ijk_to_ras

    straight = load(mrml, files, database=database)
    backwards = np.diag([1.0, 1.0, -1.0, 1.0])
    backwards[2, 3] = 4
    volume = mrml.add_volume(array_of(straight)[::-1].copy(), ijk_to_ras(straight) @ backwards)
    volume.SetAttribute("DICOM.instanceUIDs", " ".join(reversed(straight.GetAttribute("DICOM.instanceUIDs").split())))
    result = logic.process(volume)
    logic.exportAsDICOM(result, out)
    np.testing.assert_array_equal(read_dicom(out).array, slicer.util.arrayFromVolume(result)[::-1])


def test_each_image_is_new_refers_to_the_source_in_its_place_and_keeps_the_acquisition(logic, ct, files, out):
    before = [file.read_bytes() for file in files]
    logic.exportAsDICOM(logic.process(ct, strength=0.75), out)
    assert [file.read_bytes() for file in files] == before
    olds, news = [pydicom.dcmread(file) for file in files], images(out)
    assert len({new.SeriesInstanceUID for new in news} | {olds[0].SeriesInstanceUID}) == 2
    assert len({one.SOPInstanceUID for one in [*olds, *news]}) == 10
    for old, new in zip(olds, news, strict=True):
        assert list(new.ImageType[:2]) == ["DERIVED", "SECONDARY"]
        assert new.SourceImageSequence[0].ReferencedSOPInstanceUID == old.SOPInstanceUID
        assert new.SeriesDescription == "Abdomen denoised hrnet 75 %"
        for keyword in KEPT_TAGS:
            assert new[keyword].value == old[keyword].value, keyword
    for part in ("model=hrnet", "version=1.2", "ab" * 32, "strength=0.75", "precision=fp32"):
        assert part in news[0].DerivationDescription
    assert "before=" not in news[0].DerivationDescription


def test_without_the_database_the_files_that_the_volume_was_read_from_are_used(mrml, logic, files, out):
    result = logic.process(load(mrml, files))
    assert logic.exportProblem(result) == ""
    logic.exportAsDICOM(result, out)
    np.testing.assert_array_equal(read_dicom(out).array, array_of(result))


def test_a_scene_that_was_saved_and_loaded_again_can_be_exported_from(mrml, logic, ct, tmp_path, out):
    import slicer

    name = logic.process(ct).GetName()
    mrml.reload(tmp_path / "saved.mrb")
    result = slicer.util.getNode(name)
    logic.exportAsDICOM(result, out)
    np.testing.assert_array_equal(read_dicom(out).array, array_of(result))


def test_the_result_of_a_result_names_both_steps(logic, ct, out):
    twice = logic.process(logic.process(ct, strength=0.5), model="unet")
    logic.exportAsDICOM(twice, out)
    image = images(out)[0]
    assert image.SeriesDescription == "Abdomen denoised unet 100 %"
    assert "model=unet" in image.DerivationDescription
    assert "before=hrnet 1.2 at strength 0.5" in image.DerivationDescription


def test_voxels_that_were_edited_after_loading_are_not_called_the_scanners_own(logic, ct, out):
    array_of(ct)[2, 5, 5] += 200
    logic.exportAsDICOM(logic.process(ct), out)
    assert "input=changed in 3D Slicer" in images(out)[0].DerivationDescription


def test_importing_what_exports_loads_no_pydicom_torch_or_simpleitk():
    code = ("import sys, slicer, slicerstandins\n"
            "slicer.__path__.append(str(slicerstandins.slicer_package()))\n"
            "import LDCTDenoiseLib.resultexport, DIDInteractiveLib.candidateexport\n"
            "print([name for name in ('pydicom', 'torch', 'SimpleITK', 'scipy') if name in sys.modules])")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                         env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    assert run.stdout.splitlines()[-1] == "[]"
