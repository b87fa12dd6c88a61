"""Fetching and converting the public training data, from a stand-in for the archive."""

import io
import json
import urllib.error
import zipfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pydicom
import pytest
from ctfactory import body, write_series

from LDCTDenoiseLib.training.archive import Archive, ArchiveError, extract_images
from LDCTDenoiseLib.training.config import read_config
from LDCTDenoiseLib.training.fetch import FetchError, converted, digest, fetch, table_of
from LDCTDenoiseLib.training.sources import COLLECTIONS, SOURCES, SliceSource, VolumeSource
from LDCTDenoiseLib.volumeio import read_volume

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
SHAPE = (12, 32, 32)
SPACING = (1.5, 0.8, 0.8)  # slice, row, column
ORIGIN = (-10.0, 20.0, -300.0)


class FakeArchive:
    """Answers as the NBIA interface does; ``series`` maps (collection, patient) to {UID: DICOM files}."""

    def __init__(self):
        self.series, self.requests, self.failing, self.folders = {}, [], {}, 0

    def add(self, folder, patient, hu, collection="TCGA-OV", **options):
        options = {"spacing": SPACING, "origin": ORIGIN, **options}
        self.folders += 1
        files = write_series(folder / f"series{self.folders}", hu, **options)
        uid = str(pydicom.dcmread(files[0], stop_before_pixels=True).SeriesInstanceUID)
        self.series.setdefault((collection, patient), {})[uid] = files
        return uid

    def __call__(self, url, timeout):
        endpoint = urlsplit(url).path.rsplit("/", 1)[1]
        query = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
        self.requests.append(endpoint)
        if endpoint in self.failing:
            raise self.failing[endpoint]
        if endpoint == "getSeries":
            found = self.series.get((query["Collection"], query["PatientID"]), {})
            return answer([{"SeriesInstanceUID": uid, "ImageCount": len(files)} for uid, files in found.items()])
        files = next(s[query["SeriesInstanceUID"]] for s in self.series.values() if query["SeriesInstanceUID"] in s)
        if endpoint == "getSOPInstanceUIDs":
            return answer([{"SOPInstanceUID": str(pydicom.dcmread(f).SOPInstanceUID)} for f in files])
        if endpoint == "getSingleImage":
            return io.BytesIO(files[0].read_bytes())
        return zipped({**{f"1-{n}.dcm": f.read_bytes() for n, f in enumerate(files)}, "LICENSE": b"CC BY"})


def answer(rows):
    return io.BytesIO(json.dumps(rows).encode() if rows else b"")


def zipped(members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    stream.seek(0)
    return stream


def source_of(array, patient="P1", z=ORIGIN[2], dz=SPACING[0], mean_of=1, path="train/volume.nii.gz"):
    return VolumeSource(path, "TCGA-OV", patient, len(array), (0.8, 0.8, dz), (*ORIGIN[:2], z), mean_of, digest(array))


@pytest.fixture
def server():
    return FakeArchive()


def test_a_volume_is_fetched_with_its_geometry_and_attribution(server, tmp_path):
    hu = body(SHAPE)
    server.add(tmp_path, "P1", hu)
    lines = []
    folder = fetch(tmp_path / "data", archive=Archive(server), sources=[source_of(hu)], report=lines.append)
    volume = read_volume(folder / "train" / "volume.nii.gz")
    assert (volume.array == hu).all() and volume.array.dtype == np.int16
    assert volume.affine[:3, 3] == pytest.approx(ORIGIN) and volume.spacing == pytest.approx(SPACING)
    text = (folder / "train" / "volume.nii.gz.attribution.txt").read_text()
    assert "https://doi.org/10.7937/K9/TCIA.2016.NDO1MDFQ" in text and "CC BY 3.0" in text and "Clark K" in text
    assert lines == ["train/volume.nii.gz: fetched, SHA-256 as expected"]


def test_the_right_series_of_a_patient_is_found(server, tmp_path):
    hu = body(SHAPE, seed=1)
    server.add(tmp_path, "P1", body((3, 32, 32)))  # too few images
    server.add(tmp_path, "P1", body(SHAPE), origin=(0, 0, -300))  # elsewhere
    server.add(tmp_path, "P1", body(SHAPE), spacing=(1.5, 0.7, 0.7))  # other pixels
    server.add(tmp_path, "P1", body(SHAPE, seed=2))  # another kernel, say: same place, other values
    server.add(tmp_path, "P1", hu)
    fetch(tmp_path / "data", archive=Archive(server), sources=[source_of(hu)])
    assert (read_volume(tmp_path / "data" / "train" / "volume.nii.gz").array == hu).all()
    assert server.requests.count("getImage") <= 2 and server.requests.count("getSingleImage") <= 4


@pytest.mark.parametrize("mean_of, first", [(2, 2), (3, 1)])
def test_neighbours_are_averaged_around_the_position_of_the_result(server, tmp_path, mean_of, first):
    hu = body(SHAPE)
    groups = hu[first:first + 3 * mean_of].reshape(3, mean_of, 32, 32)
    expected = np.rint(groups.mean(1)).astype(np.int16)
    z = ORIGIN[2] + SPACING[0] * (first + (mean_of - 1) / 2)
    server.add(tmp_path, "P1", hu)
    source = source_of(expected, z=z, dz=1.5 * mean_of, mean_of=mean_of)
    fetch(tmp_path / "data", archive=Archive(server), sources=[source])
    assert (read_volume(tmp_path / "data" / "train" / "volume.nii.gz").array == expected).all()


def test_every_second_slice_of_a_part_is_taken_and_padding_clipped(server, tmp_path):
    hu = body(SHAPE)
    hu[:, 0] = -3024
    expected = np.maximum(hu[3:11:2], -1024)
    server.add(tmp_path, "P1", hu, signed=True)
    fetch(tmp_path / "data", archive=Archive(server), sources=[source_of(expected, z=-300 + 4.5, dz=3.0)])
    assert (read_volume(tmp_path / "data" / "train" / "volume.nii.gz").array == expected).all()


def test_slices_between_those_of_a_series_are_not_made_up(tmp_path):
    write_series(tmp_path / "series", body(SHAPE), spacing=SPACING, origin=ORIGIN)
    volume = read_volume(tmp_path / "series")
    hu = body(SHAPE)[:4]
    assert converted(volume, source_of(hu, z=ORIGIN[2] + 0.6)) is None
    assert converted(volume, source_of(hu, z=ORIGIN[2] - 1.5)) is None
    assert converted(volume, source_of(hu, z=ORIGIN[2] + 15.0)) is None


def test_what_is_there_and_valid_is_kept_and_what_is_damaged_fetched_again(server, tmp_path):
    hu = body(SHAPE)
    server.add(tmp_path, "P1", hu)
    sources, path = [source_of(hu)], tmp_path / "data" / "train" / "volume.nii.gz"
    fetch(tmp_path / "data", archive=Archive(server), sources=sources)
    count = len(server.requests)
    fetch(tmp_path / "data", archive=Archive(server), sources=sources)
    assert len(server.requests) == count
    path.write_bytes(path.read_bytes()[:2000])
    fetch(tmp_path / "data", archive=Archive(server), sources=sources)
    assert (read_volume(path).array == hu).all()


def test_voxels_with_another_digest_are_not_kept_and_the_other_files_still_come(server, tmp_path):
    good, other = body(SHAPE), body(SHAPE, seed=9)
    server.add(tmp_path, "P1", other)
    server.add(tmp_path, "P2", good)
    sources = [source_of(good, "P1", path="train/first.nii.gz"), source_of(good, "P2", path="train/second.nii.gz")]
    with pytest.raises(FetchError, match=r"1 of 2 files.*first\.nii\.gz.*expected voxels \(1 downloaded\)"):
        fetch(tmp_path / "data", archive=Archive(server), sources=sources)
    names = sorted(path.name for path in (tmp_path / "data" / "train").iterdir())
    assert names == ["second.nii.gz", "second.nii.gz.attribution.txt"]


def test_single_slices_are_found_by_their_digest(server, tmp_path):
    first, second = body(SHAPE), body(SHAPE, seed=1)
    server.add(tmp_path, "P1", body((2, 32, 32)), spacing=(5, 0.5, 0.5))
    server.add(tmp_path, "P1", first)
    server.add(tmp_path, "P2", second, collection="TCGA-LUAD", spacing=(5, 0.7, 0.7))
    array = np.stack((first[4], second[0], first[4], first[9]))
    owners = (("TCGA-OV", "P1", 0.8), ("TCGA-LUAD", "P2", 0.7), ("TCGA-OV", "P1", 0.8), ("TCGA-OV", "P1", 0.8))
    source = SliceSource("train/slices.nii.gz", digest(array),
                         tuple((*owner, digest(image)[:16]) for owner, image in zip(owners, array)))
    path = fetch(tmp_path / "data", archive=Archive(server), sources=[source]) / "train" / "slices.nii.gz"
    assert (read_volume(path).array == array).all()
    assert [row.split(",")[-1] for row in table_of(path).read_text().split()] == ["spacing", "0.8", "0.7", "0.8", "0.8"]
    assert server.requests.count("getImage") == 2  # the series of other pixel size was not downloaded

    missing = SliceSource("train/others.nii.gz", "0", ((*owners[0], "0" * 16), source.members[0]))
    with pytest.raises(FetchError, match="1 of 2 slices were not found"):
        fetch(tmp_path / "data", archive=Archive(server), sources=[missing])


@pytest.mark.parametrize("endpoint, failure, words", [
    ("getSeries", urllib.error.URLError("no route to host"), "no route to host.*network connection"),
    ("getSeries", urllib.error.HTTPError("", 403, "Forbidden", None, None), "HTTP 403.*controlled access"),
    ("getImage", TimeoutError("timed out"), "cannot be reached"),
])
def test_a_failing_archive_is_reported_and_nothing_half_written(server, tmp_path, endpoint, failure, words):
    server.add(tmp_path, "P1", body(SHAPE))
    server.failing[endpoint] = failure
    with pytest.raises(FetchError, match=words):
        fetch(tmp_path / "data", archive=Archive(server), sources=[source_of(body(SHAPE))])
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file()]


def test_a_patient_that_is_not_there_is_reported(server, tmp_path):
    with pytest.raises(FetchError, match=r"no series of the patient.*\(0 downloaded\)"):
        fetch(tmp_path / "data", archive=Archive(server), sources=[source_of(body(SHAPE))])


def test_harmful_names_in_a_zip_file_stay_inside_the_folder(tmp_path):
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    extract_images(zipped({"../../evil.dcm": b"1", "/evil.dcm": b"2", "c/1.DCM": b"3", "LICENSE": b"4"}), inside)
    assert sorted(path.name for path in inside.iterdir()) == ["00000.dcm", "00001.dcm", "00002.dcm"]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_unusable_zip_files_are_refused(tmp_path):
    with pytest.raises(ArchiveError, match="damaged ZIP"):
        extract_images(io.BytesIO(b"<html>"), tmp_path)
    with pytest.raises(ArchiveError, match="without images"):
        extract_images(zipped({"x.txt": b""}), tmp_path)


def test_the_sources_cover_what_the_configurations_train_on_with_licences():
    data = read_config(CONFIGS / "hrnet.toml").data
    assert {entry["path"] for entry in (*data.train, *data.validation)} == {source.path for source in SOURCES}
    for source in SOURCES:
        assert len(source.sha256) == 64 and set(source.collections) <= COLLECTIONS.keys()
    train, validation = ({(m[0], m[1]) for s in SOURCES if s.path.startswith(part) for m in
                          (s.members if isinstance(s, SliceSource) else [(s.collection, s.patient)])}
                         for part in ("train/", "validation/"))
    assert not train & validation
