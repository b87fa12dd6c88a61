"""A candidate set becomes a folder of volumes, numbers and pictures, or nothing."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from didmodelfactory import smoothing_models  # noqa: F401  (a fixture)
from networkfactory import volume

from DIDInteractiveLib import candidatefigures, candidatestore
from DIDInteractiveLib.candidatedocument import document_of
from DIDInteractiveLib.candidatefacts import content_of
from DIDInteractiveLib.candidatefigures import draw_contact_sheet, draw_trade_off
from DIDInteractiveLib.candidatestore import check_store, store_candidates
from DIDInteractiveLib.didengine import CandidateRequest, InProcessDIDEngine
from DIDInteractiveLib.settings import CandidateSettings
from LDCTDenoiseLib.ctvolume import CTVolume, VolumeError
from LDCTDenoiseLib.volumeio import read_volume, write_volume

AFFINE = np.diag([0.8, 0.7, 3.0, 1.0])
AFFINE[:3, 3] = 10, -20, 30
BLEND = CandidateSettings(method="blend", count=4, tuning_slices=1)


@pytest.fixture(scope="module", autouse=True)
def models(smoothing_models):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidatefigures, "DPI", 60)  # a picture of full size takes seconds
        yield smoothing_models


@pytest.fixture(scope="module")
def source():
    array = np.rint(volume(3, 80)).astype(np.int16)
    return CTVolume(array, AFFINE, metadata={"format": "nrrd", "kernel": "B30f"}, files=("ct.nrrd",))


@pytest.fixture(scope="module")
def reply(source):
    return InProcessDIDEngine().generate(CandidateRequest(source.array, source.spacing, model="tiny", settings=BLEND,
                                                          device="cpu"))


@pytest.fixture(scope="module")
def stored(source, reply, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored") / "set"
    document = store_candidates(reply, source, folder, "ct.nrrd")
    return folder, document


def test_every_candidate_is_a_volume_in_the_place_of_the_source(source, reply, stored):
    folder, document = stored
    assert len(document["candidates"]) == len(reply.candidates) == 4
    for entry, candidate in zip(document["candidates"], reply.candidates):
        read = read_volume(folder / entry["file"])
        np.testing.assert_array_equal(read.array, candidate.array)
        assert read.array.dtype == source.array.dtype
        np.testing.assert_allclose(read.affine, source.affine)


def test_file_names_rise_and_tell_kind_and_noise(stored):
    names = [entry["file"] for entry in stored[1]["candidates"]]
    assert names == sorted(names)
    assert names[-1].startswith("04-input-") and names[-1].endswith("HU.nrrd")


def test_the_numbers_say_where_the_voxels_come_from(stored, models):
    folder, document = stored
    read = json.loads((folder / "candidates.json").read_text(encoding="utf-8"))
    assert read == json.loads(json.dumps(document))
    entry = json.loads((models / "models.json").read_text())["models"][0]
    assert (read["model"], read["version"], read["weights_sha256"]) == ("tiny", "1.0", entry["sha256"])
    assert read["source"] == "ct.nrrd" and read["software_version"]
    assert read["settings"]["method"] == "blend" and read["settings"]["count"] == 4
    assert read["geometry"]["shape"] == [3, 80, 80] and read["geometry"]["spacing_mm"] == [3.0, 0.7, 0.8]
    assert read["geometry"]["ijk_to_lps"] == AFFINE.tolist() and read["geometry"]["dtype"] == "int16"
    assert read["acquisition"] == {"kernel": "B30f"}
    assert set(read["outcomes"]) == {"smoother", "sharper"}


def test_the_numbers_hold_what_was_measured(reply, stored):
    for entry, measured in zip(stored[1]["candidates"], reply.measurements):
        assert entry["noise_sd_hu"] == measured.noise_sd_hu and entry["edges_kept"] == measured.edges_kept
        assert entry["words"] == measured.sentence() and entry["kind"] == measured.kind
    assert stored[1]["candidates"][stored[1]["default"]]["kind"] == "default"


def test_the_pictures_are_there(stored):
    for name in ("contact_sheet.png", "trade_off.png"):
        assert (stored[0] / name).read_bytes().startswith(b"\x89PNG")


def test_the_folder_holds_nothing_else(stored):
    assert len(list(stored[0].iterdir())) == 4 + 3
    assert [path.name for path in stored[0].parent.iterdir()] == ["set"]


@pytest.mark.parametrize("format,suffix", [("nii.gz", ".nii.gz"), ("mha", ".mha"), ("dicom", ".nrrd"), (None, ".nrrd")])
def test_files_have_the_format_of_the_source(source, reply, tmp_path, format, suffix):
    metadata = {} if format is None else {"format": format}
    document = store_candidates(reply, replace(source, metadata=metadata), tmp_path / "set", "x")
    assert all(entry["file"].endswith(suffix) for entry in document["candidates"])
    read = read_volume(tmp_path / "set" / document["candidates"][0]["file"])
    np.testing.assert_allclose(read.affine, AFFINE, atol=1e-4)


def test_one_slice_keeps_its_place(source, tmp_path):
    found = InProcessDIDEngine().generate(CandidateRequest(
        source.array[2:], source.spacing, model="tiny", settings=BLEND, device="cpu"))
    document = store_candidates(found, source, tmp_path / "set", "x", first_slice=2)
    read = read_volume(tmp_path / "set" / document["candidates"][-1]["file"])
    np.testing.assert_array_equal(read.array, source.array[2:])
    assert read.affine[2, 3] == pytest.approx(30 + 2 * 3.0)
    assert document["region"] == {"slice": [2, 2], "row": [0, 79], "column": [0, 79]}


def test_an_empty_folder_is_filled(source, reply, tmp_path):
    (tmp_path / "set").mkdir()
    store_candidates(reply, source, tmp_path / "set", "x")
    assert (tmp_path / "set" / "candidates.json").exists()


def test_what_is_already_there_is_not_touched(source, reply, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("set", "file"):
        with pytest.raises(VolumeError, match="already there"):
            store_candidates(reply, source, tmp_path / name, "x")
    with pytest.raises(VolumeError, match="Create it first"):
        check_store(tmp_path / "no" / "set", source)
    sheared = AFFINE.copy()
    sheared[0, 2] = 1
    with pytest.raises(VolumeError, match="sheared"):
        check_store(tmp_path / "new", replace(source, affine=sheared))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "set"]
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("failing", ["write_volume", "draw_contact_sheet", "draw_trade_off"])
def test_a_set_that_cannot_be_written_leaves_nothing(source, reply, tmp_path, monkeypatch, failing):
    original, calls = getattr(candidatestore, failing), []

    def fail(*arguments, **options):
        calls.append(1)
        if failing != "write_volume" or len(calls) == 2:
            raise OSError(28, "No space left on device")
        original(*arguments, **options)

    monkeypatch.setattr(candidatestore, failing, fail)
    with pytest.raises(OSError, match="No space left"):
        store_candidates(reply, source, tmp_path / "set", "x")
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_it_is_said_before_the_work(source, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(RuntimeError, match="pip install matplotlib"):
        check_store(tmp_path / "set", source)


def test_the_stored_input_can_be_used_again(source, stored, tmp_path):
    folder, document = stored
    read = read_volume(folder / document["candidates"][-1]["file"])
    write_volume(read, tmp_path / "again.nii.gz")
    np.testing.assert_array_equal(read_volume(tmp_path / "again.nii.gz").array, source.array)


def pixels(path):
    """Return the picture as (row, column, colour) in 0..1."""
    from matplotlib import image

    return image.imread(path)[..., :3]


def grey(values):
    """True for pixels without colour that are neither text nor paper."""
    return (np.ptp(values, axis=-1) < 0.02) & (values.mean(-1) > 0.1) & (values.mean(-1) < 0.9)


def fake(kind, noise, edges):
    return SimpleNamespace(kind=kind, noise_sd_hu=noise, edges_kept=edges, sentence=lambda: f"noise {noise} HU")


SET = [fake("smoother", 4.0, 0.9), fake("default", 8.0, 0.93), fake("sharper", 15.0, 0.96), fake("input", 30.0, 1.0)]


def test_the_sheet_shows_all_candidates_with_one_window(tmp_path):
    """-160 HU is black, 40 HU the middle grey and 240 HU white, in every panel."""
    for hu, expected in ((40.0, 0.5), (140.0, 0.75)):
        slices = [np.full((40, 60), hu)] * 4
        draw_contact_sheet(tmp_path / "sheet.png", slices, SET, (0.8, 0.8), "title")
        picture = pixels(tmp_path / "sheet.png")
        shown = picture[grey(picture)].mean(-1)
        middle = np.median(shown)
        assert middle == pytest.approx(expected, abs=0.01)
        assert np.mean(np.abs(shown - middle) < 0.02) > 0.9


def test_the_sheet_shows_the_patient_the_right_way_up(tmp_path):
    """Turned round by the geometry of some files, the picture is the same."""
    image = volume(1, 64, noise=0.0)[0]
    for name, flip, array in (("a", (False, False), image), ("b", (True, True), image[::-1, ::-1])):
        draw_contact_sheet(tmp_path / f"{name}.png", [array] * 4, SET, (0.8, 0.8), "t", flip=flip)
    a, b = pixels(tmp_path / "a.png"), pixels(tmp_path / "b.png")
    assert a.shape == b.shape
    assert np.mean(np.abs(a - b) > 0.1) < 0.02


@pytest.mark.parametrize("image", [np.full((5, 7), -1000.0), np.zeros((300, 20)), volume(1, 64)[0]])
def test_slices_of_any_kind_are_drawn(tmp_path, image):
    for count in (1, 4):
        draw_contact_sheet(tmp_path / "sheet.png", [image] * count, SET[:count], (0.5, 0.9), "title")
        assert pixels(tmp_path / "sheet.png").shape[0] > 100


def test_the_detail_shows_organs(tmp_path):
    image = np.full((256, 256), -1000.0)
    image[20:236, 20:236] = 40.0
    image[150:200, 50:100:6] = 90.0
    rows, columns = candidatefigures._detail_box(image, (1.0, 1.0))
    assert rows.start < 175 < rows.stop and columns.start < 75 < columns.stop
    assert rows.stop - rows.start == columns.stop - columns.start == 80


def test_the_plot_marks_default_and_input(tmp_path):
    draw_trade_off(tmp_path / "plot.png", SET, "title")
    picture = pixels(tmp_path / "plot.png")
    for kind in ("smoother", "default", "sharper"):
        colour = np.array([int(candidatefigures.COLOURS[kind][i:i + 2], 16) for i in (1, 3, 5)]) / 255
        assert (np.abs(picture - colour).max(-1) < 0.02).sum() > 8


def test_the_plot_does_without_edges(tmp_path):
    draw_trade_off(tmp_path / "plot.png", [fake("default", 8.0, None), fake("input", 30.0, None)], "title")
    assert (tmp_path / "plot.png").exists()


def test_the_document_of_a_folder_and_that_of_the_scene_are_one_format(reply, stored):
    scene = json.loads(content_of(reply, "ct.nrrd", [one.array for one in reply.candidates], None).document)
    folder = json.loads((stored[0] / "candidates.json").read_text(encoding="utf-8"))
    assert set(scene) == set(folder)
    for one, other in zip(scene["candidates"], folder["candidates"]):
        assert one.pop("index") and other.pop("file")
        assert one == other
    assert {key: folder[key] for key in scene if key not in ("geometry", "acquisition", "candidates")} == {
        key: scene[key] for key in scene if key not in ("geometry", "acquisition", "candidates")}


def test_a_number_that_is_not_finite_is_none_in_the_document(reply):
    first = replace(reply.measurements[0], gnl_hu=float("nan"), bias_hu={"soft": float("inf")})
    document = document_of(replace(reply, measurements=(first, *reply.measurements[1:])), "ct", [{}] * 4)
    assert document["candidates"][0]["gnl_hu"] is None and document["candidates"][0]["bias_hu"] == {"soft": None}
