"""The shipped sample as an entry of Slicer's module Sample Data: complete, local, and true to its checksum."""

import hashlib
import sys
import urllib.request
from types import SimpleNamespace

import numpy as np
import pytest

from slicerscene import mrml  # noqa: F401
from LDCTDenoiseLib.sampledata import CATEGORY, SAMPLES, register_sample_data


class SampleDataLogic:
    """Takes what Slicer's class of this name takes, and keeps it."""

    def __init__(self):
        self.titles, self.sources = {}, []

    def registerCustomSampleDataCategory(self, category, title):
        self.titles[category] = title

    def registerCustomSampleDataSource(self, category="Custom", sampleName=None, uris=None, fileNames=None,
                                       nodeNames=None, customDownloader=None, thumbnailFileName=None,
                                       loadFileTypes=None, loadFiles=None, loadFileProperties=None, checksums=None):
        self.sources.append({"category": category, "name": sampleName, "uri": uris, "file": fileNames,
                             "node": nodeNames, "thumbnail": thumbnailFileName, "checksum": checksums})


class OlderSampleDataLogic(SampleDataLogic):
    """That of Slicer 5.10, where categories have no title."""

    registerCustomSampleDataCategory = property()


@pytest.fixture
def sources():
    logic = SampleDataLogic()
    register_sample_data(logic, "Low dose")
    assert logic.titles == {CATEGORY: "Low dose"}
    return logic.sources


def test_low_and_full_dose_are_offered_under_names_of_their_own(sources):
    assert [source["name"] for source in sources] == ["LDCTQuarterDose", "LDCTFullDose"]
    assert len({source["file"] for source in sources}) == len({source["node"] for source in sources}) == 2


def test_the_module_offers_its_samples_when_the_application_has_started(mrml, monkeypatch):  # noqa: F811
    import slicer
    from LDCTDenoise import LDCTDenoise

    listeners, logic = [], SampleDataLogic()
    application = SimpleNamespace(connect=lambda signal, function: listeners.append((signal, function)))
    monkeypatch.setattr(slicer, "app", application, raising=False)
    monkeypatch.setitem(sys.modules, "SampleData", SimpleNamespace(SampleDataLogic=logic))
    LDCTDenoise(SimpleNamespace())
    (signal, register), = listeners
    assert (signal, logic.sources) == ("startupCompleted()", [])
    register()
    assert [source["name"] for source in logic.sources] == ["LDCTQuarterDose", "LDCTFullDose"]


def test_the_samples_are_fetched_without_a_network_and_match_their_checksums(sources, tmp_path):
    for source in sources:
        assert source["uri"].startswith("file:///")
        fetched, _ = urllib.request.urlretrieve(source["uri"], tmp_path / source["file"], lambda *progress: None)
        algorithm, digest = source["checksum"].split(":")
        assert hashlib.new(algorithm, fetched.read_bytes()).hexdigest() == digest


def test_every_sample_has_a_thumbnail_that_is_a_png(sources):
    for source in sources:
        with open(source["thumbnail"], "rb") as file:
            assert file.read(8) == b"\x89PNG\r\n\x1a\n"


def test_the_fetched_samples_are_volumes_of_one_geometry_in_hu(sources, tmp_path, mrml):
    import slicer

    volumes = []
    for source in sources:
        path = tmp_path / source["file"]
        urllib.request.urlretrieve(source["uri"], path)
        volumes.append(mrml.load_volume(path, source["node"]))
    arrays = [slicer.util.arrayFromVolume(volume) for volume in volumes]
    assert slicer.vtkSlicerVolumesLogic().CompareVolumeGeometry(*volumes) == ""
    assert arrays[0].dtype == arrays[1].dtype == np.int16
    assert arrays[0].min() >= -1024 and arrays[0].std() > arrays[1].std()


def test_an_older_slicer_without_titles_gets_the_same_samples(sources):
    logic = OlderSampleDataLogic()
    register_sample_data(logic, "Low dose")
    assert logic.sources == sources
    assert logic.titles == {}


def test_the_address_survives_a_folder_with_spaces_and_letters_beyond_ascii(tmp_path, monkeypatch):
    from LDCTDenoiseLib import sampledata

    resources = tmp_path / "Dr. Müller's Slicer #1" / "Resources"
    (resources / "SampleData").mkdir(parents=True)
    (resources / "SampleData" / SAMPLES[0].file).write_bytes(b"voxels")
    monkeypatch.setattr(sampledata, "RESOURCES", resources)
    fetched, _ = urllib.request.urlretrieve(SAMPLES[0].path.as_uri(), tmp_path / "fetched")
    assert fetched.read_bytes() == b"voxels"
