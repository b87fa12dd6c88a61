"""DICOM series in the scene as Slicer's DICOM module loads them, with a stand-in for its database."""

from __future__ import annotations

import pydicom
import pytest
from ctfactory import write_series
from fakeengine import FakeEngine


class DicomDatabase:
    """What is used of a ctkDICOMDatabase; ``files``: SOP instance UID to path."""

    isOpen = True

    def __init__(self, files=()):
        self.files = {}
        self.add(files)

    def add(self, files):
        self.files |= {str(pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID): str(file) for file in files}

    def fileForInstance(self, uid: str) -> str:
        return self.files.get(uid, "")

    def instanceValue(self, uid: str, tag: str) -> str:
        image = pydicom.dcmread(self.files[uid], stop_before_pixels=True)
        return str(image[tag.replace(",", "")].value) if tag.replace(",", "") in image else ""


@pytest.fixture
def database(mrml, monkeypatch):
    """``slicer.dicomDatabase``, empty."""
    import slicer

    monkeypatch.setattr(slicer, "dicomDatabase", DicomDatabase(), raising=False)
    return slicer.dicomDatabase


def load(mrml, files, name="4: Abdomen", database=None):
    """Load ``files``, given in the order of the slices, into the scene.

    With a ``database`` the volume is known by UIDs only, as after its scene was saved; else by its files only.
    """
    import slicer
    import vtk

    listed = vtk.vtkStringArray()
    for file in files:
        listed.InsertNextValue(str(file))
    volume = mrml.logic("Volumes").AddArchetypeVolume(str(files[0]), name, 0, listed)
    if database is not None:
        database.add(files)
        uids = [str(pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID) for file in files]
        volume.SetAttribute("DICOM.instanceUIDs", " ".join(uids))
        slicer.mrmlScene.RemoveNode(volume.GetStorageNode())
    return volume


@pytest.fixture
def logic(mrml):
    import LDCTDenoise

    return LDCTDenoise.LDCTDenoiseLogic(FakeEngine())


@pytest.fixture
def files(tmp_path):
    return write_series(tmp_path / "Doe_Jane")


@pytest.fixture
def ct(mrml, database, files):
    """A series of five slices, loaded from the database."""
    return load(mrml, files, database=database)


@pytest.fixture
def out(tmp_path):
    (tmp_path / "chosen").mkdir()
    return tmp_path / "chosen" / "series"


def images(folder):
    """Return the datasets of a folder, by position."""
    found = [pydicom.dcmread(file) for file in folder.iterdir()]
    return sorted(found, key=lambda image: [float(value) for value in image.ImagePositionPatient][::-1])


def refused(logic, node, out, error=ValueError):
    """Return the message with which the export of ``node`` is refused, and make sure that nothing was written."""
    with pytest.raises(error) as caught:
        logic.exportAsDICOM(node, out)
    assert list(out.parent.iterdir()) == []
    return str(caught.value)
