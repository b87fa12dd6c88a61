"""What cannot become a derived DICOM series is refused in one sentence that names no patient; nothing is written."""

import re
import types

import numpy as np
import pydicom
import pytest
from ctfactory import body, write_series
from dicomscene import ct, database, files, load, logic, out, refused  # noqa: F401  (most are fixtures)
from didscene import array_of
from slicerscene import mrml  # noqa: F401  (a fixture)

from LDCTDenoiseLib.engine import Cancelled


def test_volumes_that_are_no_results_are_refused(mrml, logic, ct, out):
    assert "denoise a volume first" in logic.exportProblem(None)
    assert "no result of LDCT Denoise" in refused(logic, ct, out)
    assert "no result of LDCT Denoise" in logic.exportProblem(ct)


def test_removed_noise_is_no_image_even_when_the_result_is_gone(mrml, logic, ct, out):
    result = logic.process(ct, removedNoise=True)
    noise = logic.removedNoiseVolume(result)
    mrml.scene.RemoveNode(result)
    assert "what was removed, not an image" in refused(logic, noise, out)
    # As a given output it is an image from then on.
    logic.process(ct, noise)
    assert logic.exportProblem(noise) == ""


def moved(mrml, ct, result):
    transform = mrml.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "table")
    result.SetAndObserveTransformNodeID(transform.GetID())


def without_source(mrml, ct, result):
    mrml.scene.RemoveNode(ct)


def without_headers(mrml, ct, result):
    ct.RemoveAttribute("DICOM.instanceUIDs")


def of_a_region(mrml, ct, result):
    import slicer

    slicer.util.updateVolumeFromArray(result, array_of(result)[1:3].copy())


def shifted(mrml, ct, result):
    origin = result.GetOrigin()
    result.SetOrigin(origin[0], origin[1], origin[2] + 1)


def multi_frame(mrml, ct, result):
    ct.SetAttribute("DICOM.instanceUIDs", ct.GetAttribute("DICOM.instanceUIDs").split()[0])


def unknown_to_the_database(mrml, ct, result):
    import slicer

    slicer.dicomDatabase.files.clear()


def without_an_open_database(mrml, ct, result):
    import slicer

    slicer.dicomDatabase.isOpen = False


def emptied(mrml, ct, result):
    result.SetAndObserveImageData(None)


@pytest.mark.parametrize("spoil, message", [
    (moved, "'4: Abdomen denoised' stands under a transform"), (without_source, "no longer in the scene"),
    (without_headers, "'4: Abdomen' was not loaded from DICOM"), (of_a_region, "does not cover the slices of"),
    (shifted, "does not cover the slices of"), (multi_frame, r"5 slices but 1 DICOM file\(s\)"),
    (unknown_to_the_database, "are not found"), (without_an_open_database, "are not found"), (emptied, "no image")])
def test_what_cannot_be_exported_is_known_before_and_says_so_in_one_sentence(mrml, logic, ct, out, spoil, message):
    result = logic.process(ct)
    spoil(mrml, ct, result)
    found = refused(logic, result, out)
    assert re.search(message, found)
    assert logic.exportProblem(result) == found


def test_a_frame_of_a_sequence_is_refused(mrml, logic, ct, out, monkeypatch):
    import slicer

    result = logic.process(ct)
    sequence = mrml.scene.AddNewNodeByClass("vtkMRMLSequenceNode", "perfusion")
    for time in ("0", "1"):
        sequence.SetDataNodeAtValue(ct, time)
    browser = mrml.scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    browser.AddProxyNode(ct, sequence, False)
    sequences = types.SimpleNamespace(logic=lambda: mrml.logic("Sequences"))
    monkeypatch.setattr(slicer, "modules", types.SimpleNamespace(sequences=sequences), raising=False)
    assert "'4: Abdomen' shows a frame of a sequence" in refused(logic, result, out)


def test_results_made_in_a_circle_have_no_source_in_dicom(mrml, logic, out):
    first = logic.process(mrml.add_volume(body()))
    second = logic.process(first)
    first.SetNodeReferenceID("LDCTDenoise.Source", second.GetID())
    assert "was not loaded from DICOM" in refused(logic, second, out)


def test_a_hardened_transform_is_found_by_the_headers(mrml, logic, ct, out):
    import slicer

    transform = mrml.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "table")
    matrix = np.eye(4)
    matrix[:3, 3] = (0, 0, 2.5)
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    ct.SetAndObserveTransformNodeID(transform.GetID())
    ct.HardenTransform()
    assert "does not lie where the DICOM headers say" in refused(logic, logic.process(ct), out)


def test_a_missing_slice_is_found_by_its_file(logic, ct, files, out):
    result = logic.process(ct)
    files[2].unlink()
    assert "are not found" in refused(logic, result, out)


def test_real_multi_frame_images_are_refused_with_the_reason(mrml, logic, database, tmp_path, out):
    files = write_series(tmp_path / "in", hu=body()[:1], NumberOfFrames=1,
                         SOPClassUID="1.2.840.10008.5.1.4.1.1.2.1")
    result = logic.process(load(mrml, files, database=database))
    assert "multi-frame" in refused(logic, result, out)


def test_a_slice_of_another_series_is_refused(logic, ct, files, tmp_path, out, database):
    result = logic.process(ct)
    uid = ct.GetAttribute("DICOM.instanceUIDs").split()[1]
    database.files[uid] = str(write_series(tmp_path / "other")[1])
    assert "not the slices of one DICOM series" in refused(logic, result, out)


def test_no_message_and_no_log_names_the_patient(mrml, logic, database, tmp_path, out, caplog, capfd, recwarn,
                                               monkeypatch):
    names = [f"DOE^JANE.CT.{k}.dcm" for k in range(5)]
    # pydicom quotes what it does not know, in a warning and in the log.
    monkeypatch.setattr(pydicom.config.settings, "_writing_validation_mode", pydicom.config.IGNORE)
    files = write_series(tmp_path / "Doe_Jane", names=names, SpecificCharacterSet="DOE JANE")
    result = logic.process(load(mrml, files, database=database))
    caplog.clear(), capfd.readouterr(), recwarn.clear()
    logic.exportAsDICOM(result, out)
    for file in out.iterdir():
        file.unlink()
    out.rmdir()
    whole = files[1].read_bytes()
    said = []
    for damaged in (b"", whole[:400], whole[:-100]):
        files[1].write_bytes(damaged)
        said.append(refused(logic, result, out))
    files[1].write_bytes(whole)
    assert "file 2 of the series is empty" in said[0]
    from LDCTDenoiseLib import dicomwriter

    def quotes(*arguments):
        raise AttributeError("With tag (0010,0010) got exception: Doe^Jane")

    monkeypatch.setattr(dicomwriter, "_save", quotes)
    said.append(refused(logic, result, out, RuntimeError))
    assert "(AttributeError), and nothing was written" in said[-1]
    printed = capfd.readouterr()
    for text in (*said, caplog.text, printed.out, printed.err, *(str(warning.message) for warning in recwarn)):
        assert "doe" not in text.lower() and "12345" not in text


def test_a_full_disk_leaves_nothing_and_says_so(logic, ct, out, monkeypatch):
    from LDCTDenoiseLib import dicomwriter

    save, written = dicomwriter._save, []

    def full(dataset, path):
        if len(written) == 3:
            raise OSError(28, "No space left on device", "/data/Doe_Jane/1.dcm")
        written.append(path)
        save(dataset, path)

    monkeypatch.setattr(dicomwriter, "_save", full)
    message = refused(logic, logic.process(ct), out, RuntimeError)
    assert "(No space left on device)" in message and "Doe" not in message


def test_progress_goes_from_start_to_end_and_a_stop_leaves_nothing(logic, ct, out):
    result, seen = logic.process(ct), []
    logic.exportAsDICOM(result, out, lambda done, total: seen.append((done, total)))
    assert seen == [(n + 1, 15) for n in range(15)]
    for stop in (1, 8, 15):
        seen.clear()
        target = out.with_name("other")
        with pytest.raises(Cancelled):
            logic.exportAsDICOM(result, target, lambda *step: seen.append(step), lambda: len(seen) == stop)
        assert len(seen) == stop
        assert [path.name for path in out.parent.iterdir()] == ["series"]


def test_an_empty_folder_is_written_to_and_one_with_anything_in_it_is_not(logic, ct, out):
    result = logic.process(ct)
    out.mkdir()
    logic.exportAsDICOM(result, out)
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    with pytest.raises(ValueError, match="'series' is not an empty folder"):
        logic.exportAsDICOM(result, out)
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before
    assert [path.name for path in out.parent.iterdir()] == ["series"]
    with pytest.raises(ValueError, match="above 'x' does not exist"):
        logic.exportAsDICOM(result, out / "no" / "x")
