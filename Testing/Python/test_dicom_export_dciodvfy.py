"""An independent validator finds no error in a derived series that it does not find in its source.

The validator is dciodvfy, with dcentvfy for what the images of a series share (Debian package dicom3tools). With the
path of a folder of real DICOM files in LDCTDENOISE_DICOM_FOLDER, these are denoised and compared as well.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest

from ctfactory import body, write_series
from dicomscene import database, load, logic  # noqa: F401  (two are fixtures)
from LDCTDenoiseLib.cli import main
from slicerscene import mrml  # noqa: F401  (a fixture)

REAL_SERIES = os.environ.get("LDCTDENOISE_DICOM_FOLDER")

pytestmark = pytest.mark.skipif(shutil.which("dciodvfy") is None or shutil.which("dcentvfy") is None,
                                reason="dciodvfy is not installed (Debian package dicom3tools)")

COMPLETE = {
    "PatientBirthDate": "", "PatientSex": "F", "StudyDate": "20200102", "StudyTime": "101112", "StudyID": "7",
    "ReferringPhysicianName": "", "AccessionNumber": "", "PatientPosition": "HFS", "PositionReferenceIndicator": "",
    "AcquisitionNumber": 1, "PatientOrientation": "", "BodyPartExamined": "ABDOMEN", "SeriesDate": "20200102",
}
"""What ctfactory's headers lack for a CT image without errors."""


def said(program, files):
    """Return the errors and warnings about ``files``, without values that differ from image to image."""
    run = subprocess.run([program, *(["-new"] if program == "dciodvfy" else []), *map(str, files)],
                         capture_output=True, text=True, errors="replace")
    lines = (run.stdout + run.stderr).splitlines()
    return {re.sub(r"\d+(\.\d+){3,}|<[^<>/]*>", "<>", line) for line in lines if line.startswith(("Error", "Warning"))}


def findings(folder):
    """Return what both programs say about the series in ``folder``."""
    files = sorted(path for path in Path(folder).iterdir() if path.suffix == ".dcm")
    return set.union(*(said("dciodvfy", [file]) for file in files)) | said("dcentvfy", files)


def denoise(source, output):
    assert main(["denoise", str(source), str(output), "--model", "plain", "--device", "cpu", "--strength", "0.5"]) == 0


def errors(found):
    return sorted(line for line in found if line.startswith("Error"))


def padded():
    hu = body()
    hu[:, :4, :4] = -3024
    return hu


SERIES = {
    "unsigned, 12 bit": {"BitsStored": 12, "HighBit": 11},
    "signed with padding": {"hu": padded(), "signed": True, "PixelPaddingValue": -2000},
    "fractional rescale": {"stored": (body().astype(int) + 1024) * 2, "slope": 0.5},
    "derived before": {"ImageType": ["DERIVED", "SECONDARY", "AXIAL", "AVERAGE"], "DerivationDescription": "x" * 1024,
                       "LossyImageCompression": "01", "LossyImageCompressionRatio": 8,
                       "LossyImageCompressionMethod": "ISO_10918_1"},
    "long texts beyond ASCII": {"SpecificCharacterSet": "ISO_IR 192", "PatientName": "Müller^Jörg",
                                "SeriesDescription": "Schädel µ " * 5,
                                "SoftwareVersions": ["a" * 60, "b"], "DerivationDescription": "µ" * 500},
}


@pytest.mark.parametrize("kind", SERIES)
def test_a_valid_series_stays_valid_when_it_is_denoised(tmp_path, kind):
    write_series(tmp_path / "in", **{**COMPLETE, **SERIES[kind]})
    before = findings(tmp_path / "in")
    # What a writer of test data forgets is not what is looked for.
    assert [line for line in errors(before) if "FileMetaInformation" not in line and "Implementation" not in line] == []
    denoise(tmp_path / "in", tmp_path / "out")
    after = findings(tmp_path / "out")
    assert errors(after) == []
    assert sorted(after - before) == []


@pytest.mark.parametrize("kind", SERIES)
def test_a_valid_series_stays_valid_when_its_result_is_exported_from_the_scene(mrml, database, logic, tmp_path, kind):
    files = write_series(tmp_path / "in", **{**COMPLETE, **SERIES[kind]})
    before = findings(tmp_path / "in")
    logic.exportAsDICOM(logic.process(load(mrml, files, database=database)), tmp_path / "out")
    after = findings(tmp_path / "out")
    assert errors(after) == []
    assert sorted(after - before) == []


def test_source_and_result_fit_into_one_study(tmp_path):
    sources = write_series(tmp_path / "in", **COMPLETE)
    denoise(tmp_path / "in", tmp_path / "out")
    assert errors(said("dcentvfy", [*sources, *sorted((tmp_path / "out").iterdir())])) == []


def test_the_validator_is_one_that_finds_errors(tmp_path):
    write_series(tmp_path / "in", **COMPLETE)
    denoise(tmp_path / "in", tmp_path / "out")
    for file in (tmp_path / "out").iterdir():
        image = pydicom.dcmread(file)
        del image.SourceImageSequence[0].ReferencedSOPInstanceUID
        image.save_as(file)
    assert any("ReferencedSOPInstanceUID" in line for line in errors(findings(tmp_path / "out")))


@pytest.mark.skipif(not REAL_SERIES, reason="LDCTDENOISE_DICOM_FOLDER names no folder of DICOM files")
def test_a_real_series_gets_no_new_error(tmp_path):
    (tmp_path / "in").mkdir()
    for file in sorted(Path(REAL_SERIES).glob("*.dcm"))[:3]:
        shutil.copy(file, tmp_path / "in")
    denoise(tmp_path / "in", tmp_path / "out")
    before, after = findings(tmp_path / "in"), findings(tmp_path / "out")
    print("\n".join(sorted(after)))
    assert errors(after - before) == []
    assert sorted(after - before) == []
    assert np.any(pydicom.dcmread(tmp_path / "out" / "0001.dcm").pixel_array)
