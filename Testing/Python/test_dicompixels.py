"""Pixels of single DICOM slices that cannot be trusted are refused by file name."""

import pydicom
import pytest
from ctfactory import write_series

from LDCTDenoiseLib.ctvolume import VolumeError
from LDCTDenoiseLib.dicompixels import stored_values


def test_a_slice_that_does_not_name_its_encoding_is_refused(tmp_path):
    path = write_series(tmp_path)[0]
    dataset = pydicom.dcmread(path)
    del dataset.file_meta.TransferSyntaxUID
    with pytest.raises(VolumeError, match=f"{path.name} does not say how its pixels are encoded"):
        stored_values(dataset, path)
