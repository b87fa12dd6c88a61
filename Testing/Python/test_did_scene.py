"""A candidate set is Slicer's own sequence, browser and volume, stands where its source does, and survives saving."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from didscene import CT, array_of, ct, didlogic, nodes_of_class, voxels  # noqa: F401  (two are fixtures)
from fakedidengine import FakeDIDEngine
from slicerscene import mrml  # noqa: F401  (a fixture)

OBLIQUE = np.array([[0.6, -0.48, 0.8832, -110.0], [0.64, 0.45, -0.828, 35.5], [0, 0.46, 1.7316, 812.25], [0, 0, 0, 1]])
LEFT_HANDED = np.diag([-0.7, -0.7, -2.5, 1.0])


def affine_of(volume):
    from LDCTDenoiseLib.region import ijk_to_ras

    return ijk_to_ras(volume)


def items_of(sequence):
    return [sequence.GetNthDataNode(n) for n in range(sequence.GetNumberOfDataNodes())]


def index_values(sequence):
    return [sequence.GetNthIndexValue(n) for n in range(sequence.GetNumberOfDataNodes())]


@pytest.mark.parametrize("affine", [CT, OBLIQUE, LEFT_HANDED], ids=["ct", "oblique", "left-handed"])
@pytest.mark.parametrize("dtype", ["int16", "uint16", "float32"])
def test_every_candidate_has_the_geometry_and_voxel_type_of_the_input_which_stays_as_it_is(
        mrml, didlogic, affine, dtype):
    before = voxels(dtype)
    volume = mrml.add_volume(before, affine)
    sequence = didlogic.generateCandidates(volume, count=5)
    assert len(items_of(sequence)) == 5
    browser, proxy = didlogic.browser(sequence), didlogic.proxyVolume(sequence)
    for number, item in enumerate(items_of(sequence)):
        browser.SetSelectedItemNumber(number)
        for node in (item, proxy):
            np.testing.assert_allclose(affine_of(node), affine, rtol=0, atol=1e-12)
            assert array_of(node).dtype == np.dtype(dtype)
            np.testing.assert_array_equal(array_of(node), FakeDIDEngine.result_of(before, number, 5))
        assert proxy.GetVoxelValueUnits().GetCodeMeaning() == "Hounsfield unit"
    np.testing.assert_array_equal(array_of(volume), before)
    np.testing.assert_array_equal(array_of(proxy), before)


def test_the_index_is_the_noise_in_hu_as_a_number(didlogic, ct):
    sequence = didlogic.generateCandidates(ct, count=5)
    assert (sequence.GetIndexName(), sequence.GetIndexUnit()) == ("noise", "HU")
    assert sequence.GetIndexType() == sequence.NumericIndex
    assert index_values(sequence) == ["2.00", "4.00", "6.00", "8.00", "10.00"]


@pytest.mark.parametrize("noise, values", [
    ([7.0, 7.0, 7.0004], ["7.00", "7.01", "7.02"]), ([0.0, 0.0, 0.0], ["0.00", "0.01", "0.02"]),
    ([9.996, 9.9961, 10.2], ["10.00", "10.01", "10.20"]), ([5.0, 4.0, 6.0], ["5.00", "5.01", "6.00"]),
    ([3.14159, 99.994, 1234.5], ["3.14", "99.99", "1234.50"])])
def test_noise_values_that_fall_together_are_kept_apart_in_the_order_of_the_candidates(didlogic, ct, noise, values):
    didlogic.engine.noise = noise
    sequence = didlogic.generateCandidates(ct, count=3)
    assert index_values(sequence) == values
    assert np.diff([float(value) for value in values]).min() > 5 * sequence.GetNumericIndexValueTolerance()
    for number, item in enumerate(items_of(sequence)):
        np.testing.assert_array_equal(array_of(item), FakeDIDEngine.result_of(array_of(ct), number, 3))
    assert [one["noise_sd_hu"] for one in didlogic.facts(sequence)["candidates"]] == noise
    assert [one["index"] for one in didlogic.facts(sequence)["candidates"]] == values


def test_a_noise_that_is_no_number_is_an_error_of_the_engine(mrml, didlogic, ct):
    didlogic.engine.noise = [1.0, float("nan"), 3.0]
    before = mrml.node_ids()
    with pytest.raises(RuntimeError, match="noise SD of nan"):
        didlogic.generateCandidates(ct, count=3)
    assert mrml.node_ids() == before


def test_the_default_candidate_is_selected_and_nothing_plays_loops_or_records(didlogic, ct):
    sequence = didlogic.generateCandidates(ct, count=6)
    browser = didlogic.browser(sequence)
    assert browser.GetMasterSequenceNode() is sequence
    assert browser.GetSelectedItemNumber() == FakeDIDEngine.default_of(6) == didlogic.currentCandidate(sequence)
    assert didlogic.proxyVolume(sequence).GetAttribute("DIDInteractive.Kind") == "default"
    assert not (browser.GetPlaybackActive() or browser.GetPlaybackLooped() or browser.GetRecordingActive())
    assert browser.GetPlaybackRateFps() == 2
    assert not browser.GetSaveChanges(sequence)
    assert not browser.GetRecording(sequence)


def test_window_and_level_are_the_source_s_and_stay_while_browsing(mrml, didlogic):
    volume = mrml.add_volume(voxels(), CT, window=(350.0, 55.0))
    volume.GetDisplayNode().SetAndObserveColorNodeID("vtkMRMLColorTableNodeRainbow")
    sequence = didlogic.generateCandidates(volume, count=5)
    proxy = didlogic.proxyVolume(sequence)
    display = proxy.GetDisplayNode()
    assert display is not volume.GetDisplayNode()
    assert display.GetColorNodeID() == "vtkMRMLColorTableNodeRainbow"
    for number in range(5):
        didlogic.selectCandidate(sequence, number)
        assert proxy.GetDisplayNode() is display
        assert (display.GetWindow(), display.GetLevel(), display.GetAutoWindowLevel()) == (350.0, 55.0, 0)
    display.SetWindowLevel(1500, -600)
    didlogic.selectCandidate(sequence, 0)
    didlogic.generateCandidates(volume, count=4)
    assert (display.GetWindow(), display.GetLevel()) == (1500, -600)


def test_an_automatic_window_of_the_source_becomes_a_fixed_one(mrml, didlogic):
    volume = mrml.add_volume(voxels(), CT)
    volume.GetDisplayNode().AutoWindowLevelOn()
    display = didlogic.proxyVolume(didlogic.generateCandidates(volume, count=3)).GetDisplayNode()
    assert display.GetWindow() == volume.GetDisplayNode().GetWindow()
    assert not display.GetAutoWindowLevel()


def test_a_source_that_was_never_shown_is_shown_as_soft_tissue(mrml, didlogic):
    shown = mrml.add_volume(voxels(), CT)
    bare = mrml.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "bare")
    bare.SetAndObserveImageData(shown.GetImageData())
    display = didlogic.proxyVolume(didlogic.generateCandidates(bare, count=3)).GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel(), display.GetAutoWindowLevel()) == (400.0, 40.0, 0)
    assert bare.GetDisplayNode() is None


def test_the_current_candidate_follows_the_parent_transform_and_stands_in_the_study_of_the_source(mrml, didlogic, ct):
    tree = mrml.hierarchy
    study = tree.CreateStudyItem(tree.GetSceneItemID(), "Study")
    tree.SetItemParent(tree.GetItemByDataNode(ct), study)
    transform = mrml.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "table")
    ct.SetAndObserveTransformNodeID(transform.GetID())
    sequence = didlogic.generateCandidates(ct, count=4)
    other = didlogic.compareCandidates(sequence).GetProxyNode(sequence)
    for listed in (didlogic.table(sequence), didlogic.chart(sequence)):
        assert tree.GetItemParent(tree.GetItemByDataNode(listed)) == study
    for proxy in (didlogic.proxyVolume(sequence), other):
        assert tree.GetItemParent(tree.GetItemByDataNode(proxy)) == study
        for number in (0, 3):
            didlogic.selectCandidate(sequence, number)
            assert proxy.GetParentTransformNode() is transform


def test_every_candidate_says_what_it_is_and_where_it_came_from(didlogic, ct):
    import LDCTDenoiseLib

    sequence = didlogic.generateCandidates(ct, model="unet", method="blend", count=5)
    didlogic.selectCandidate(sequence, 3)
    proxy = didlogic.proxyVolume(sequence)
    attributes = {name: proxy.GetAttribute(name) for name in proxy.GetAttributeNames()
                  if name.startswith(("DIDInteractive.", "LDCTDenoise."))}
    assert attributes == {
        "DIDInteractive.Kind": "sharper", "DIDInteractive.Method": "blend", "DIDInteractive.Position": "0.5",
        "DIDInteractive.NoiseSD": "8.0", "DIDInteractive.NoiseShare": "0.8", "DIDInteractive.Sharpness": "0.8",
        "DIDInteractive.HUBias": "0.1",
        "DIDInteractive.Iteration": "9", "DIDInteractive.Seconds": "0.25",
        "DIDInteractive.Description": "noise 8.0 HU, 80 % of the original; edges 80 %",
        "LDCTDenoise.Model": "unet", "LDCTDenoise.Version": "1.2", "LDCTDenoise.WeightsSHA256": "ab" * 32,
        "LDCTDenoise.Device": "cpu", "LDCTDenoise.Precision": "fp32", "LDCTDenoise.SourceVolume": "CT",
        "LDCTDenoise.SoftwareVersion": LDCTDenoiseLib.__version__}
    assert sequence.GetAttribute("LDCTDenoise.Model") == "unet"
    assert sequence.GetAttribute("DIDInteractive.Method") == "blend"


def test_the_untouched_input_among_the_candidates_names_no_network(didlogic, ct):
    sequence = didlogic.generateCandidates(ct, count=3)
    last = items_of(sequence)[-1]
    assert last.GetAttribute("DIDInteractive.Kind") == "input"
    assert last.GetAttribute("LDCTDenoise.Model") is None
    np.testing.assert_array_equal(array_of(last), array_of(ct))
    assert not np.shares_memory(array_of(last), array_of(ct))


def test_numbers_that_could_not_be_measured_are_left_out_of_the_attributes(didlogic, ct):
    didlogic.engine.edges = [None, 0.5, 1.0]
    sequence = didlogic.generateCandidates(ct, count=3)
    assert items_of(sequence)[0].GetAttribute("DIDInteractive.Sharpness") is None
    assert didlogic.facts(sequence)["candidates"][0]["edges_kept"] is None
    assert np.isnan(array_of_column(didlogic.table(sequence), "Edges kept")[0])


def array_of_column(table, name):
    import slicer

    return slicer.util.arrayFromTableColumn(table, name)


def test_the_exact_numbers_are_kept_as_json_with_the_settings_and_what_happened(didlogic, ct):
    from DIDInteractiveLib.settings import CandidateSettings

    didlogic.engine.noise = [1 / 3, 2 / 3, 4 / 3]
    facts = didlogic.facts(didlogic.generateCandidates(ct, settings=CandidateSettings(count=3, tuned="gains")))
    assert [one["noise_sd_hu"] for one in facts["candidates"]] == [1 / 3, 2 / 3, 4 / 3]
    assert [one["kind"] for one in facts["candidates"]] == ["smoother", "default", "input"]
    assert facts["candidates"][0]["bias_hu"] == {"soft": 0.2, "lung": None}
    assert (facts["default"], facts["source"], facts["region"]) == (1, "CT", None)
    assert facts["settings"]["tuned"] == "gains"
    assert facts["outcomes"] == {"smoother": "All were made.", "sharper": "All were made."}
    assert facts["messages"] == ["a message"]


def test_what_is_drawn_on_the_current_candidate_does_not_reach_the_set(didlogic, ct):
    import slicer

    sequence = didlogic.generateCandidates(ct, count=3)
    proxy = didlogic.proxyVolume(sequence)
    before = array_of(proxy).copy()
    array_of(proxy)[:] = 0
    slicer.util.arrayFromVolumeModified(proxy)
    didlogic.selectCandidate(sequence, 0)
    didlogic.selectCandidate(sequence, 1)
    np.testing.assert_array_equal(array_of(proxy), before)


def test_the_name_of_the_current_candidate_says_its_noise(didlogic, ct):
    sequence = didlogic.generateCandidates(ct, count=5)
    proxy = didlogic.proxyVolume(sequence)
    assert (sequence.GetName(), proxy.GetName()) == ("CT candidates", "CT candidates [noise=6.00HU]")
    didlogic.selectCandidate(sequence, 0)
    assert proxy.GetName() == "CT candidates [noise=2.00HU]"


def test_the_set_takes_the_engine_s_arrays_over_without_copying_them(didlogic, ct):
    sequence = didlogic.generateCandidates(ct, count=3)
    [request] = didlogic.engine.requests
    assert np.shares_memory(array_of(items_of(sequence)[0]), didlogic.engine.returned[0].array)
    assert not np.shares_memory(array_of(items_of(sequence)[-1]), request.array)


BROWSE_ALONE = """if True:
    import sys
    from slicerscene import SlicerScene

    scene = SlicerScene(sys.argv[2])
    assert scene.scene.ReadFromMRB(sys.argv[1])
    import numpy, slicer
    [browser] = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
    sequence = browser.GetMasterSequenceNode()
    assert browser.GetSelectedItemNumber() == 1
    [chart] = slicer.util.getNodesByClass("vtkMRMLPlotChartNode")
    assert chart.GetNumberOfPlotSeriesNodes() == 2
    marked = chart.GetNthPlotSeriesNode(1).GetTableNode()
    source, proxy = slicer.util.getNode("CT"), browser.GetProxyNode(sequence)
    for number in (2, 0, 4):
        browser.SetSelectedItemNumber(number)
        item = sequence.GetNthDataNode(number)
        assert (slicer.util.arrayFromVolume(proxy) == slicer.util.arrayFromVolume(item)).all()
        assert proxy.GetAttribute("DIDInteractive.NoiseSD") == str(2.0 * (number + 1))
        assert marked.GetTable().GetValueByName(0, "Noise SD (HU)").ToDouble() == 2.0 * (number + 1)
        assert proxy.GetDisplayNode().GetWindow() == 350
    assert (slicer.util.arrayFromVolume(proxy) == slicer.util.arrayFromVolume(source)).all()
    assert not {"torch", "DIDInteractiveLib", "LDCTDenoiseLib"} & set(sys.modules)
    assert not scene.messages, scene.messages
"""


def test_a_saved_set_is_browsed_in_a_slicer_without_this_extension(mrml, didlogic, tmp_path):
    didlogic.generateCandidates(mrml.add_volume(voxels(), CT, window=(350.0, 55.0)), count=5)
    didlogic.selectCandidate(didlogic.candidateSet(nodes_of_class("vtkMRMLSequenceNode")[0]), 1)
    mrml.save(tmp_path / "scene.mrb")
    run_alone(BROWSE_ALONE, tmp_path / "scene.mrb", tmp_path / "other")


def run_alone(program, *arguments):
    """Run in a Python that finds the scene of the tests, but none of the extension's packages."""
    import os

    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = subprocess.run([sys.executable, "-c", program, *map(str, arguments)], cwd=Path(__file__).parent, env=alone,
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


BROWSE_FILE_ALONE = """if True:
    import sys
    from slicerscene import SlicerScene

    scene = SlicerScene(sys.argv[3])
    sequence = scene.load_sequence(sys.argv[1])
    import numpy, slicer
    assert (sequence.GetIndexName(), sequence.GetIndexUnit(), sequence.GetIndexType()) == ("noise", "HU", 0)
    browser = scene.scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    proxy = browser.GetProxyNode(sequence)
    expected = numpy.load(sys.argv[2])
    assert sequence.GetNumberOfDataNodes() == len(expected) == 5
    for number in (2, 0, 4, 1, 3):
        browser.SetSelectedItemNumber(number)
        assert sequence.GetNthIndexValue(number) == f"{2 * (number + 1)}.00"
        voxels = slicer.util.arrayFromVolume(proxy)
        assert voxels.dtype == expected.dtype
        assert (voxels == expected[number]).all(), number
        assert proxy.GetAttribute("DIDInteractive.NoiseSD") == str(2.0 * (number + 1))
    assert not {"torch", "DIDInteractiveLib", "LDCTDenoiseLib"} & set(sys.modules)
    assert not scene.messages, scene.messages
"""


def test_a_saved_sequence_file_is_browsed_in_a_slicer_without_this_extension(mrml, didlogic, tmp_path):
    sequence = didlogic.generateCandidates(mrml.add_volume(voxels(), OBLIQUE), count=5)
    storage = sequence.CreateDefaultStorageNode()
    storage.SetFileName(str(tmp_path / "candidates.seq.nrrd"))
    assert storage.WriteData(sequence)
    np.save(tmp_path / "voxels.npy", [FakeDIDEngine.result_of(voxels(), number, 5) for number in range(5)])
    run_alone(BROWSE_FILE_ALONE, tmp_path / "candidates.seq.nrrd", tmp_path / "voxels.npy", tmp_path / "other")


def test_everything_of_a_set_survives_saving_clearing_and_reloading(mrml, didlogic, tmp_path):
    import slicer

    volume = mrml.add_volume(voxels(), OBLIQUE, name="Abdomen", window=(350.0, 55.0))
    transform = mrml.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "table")
    volume.SetAndObserveTransformNodeID(transform.GetID())
    sequence = didlogic.generateCandidates(volume, count=5)
    didlogic.compareCandidates(sequence, 4)
    didlogic.candidateAt(sequence, -0.25)
    didlogic.differenceToInput(sequence)
    facts = didlogic.facts(sequence)
    values = index_values(sequence)
    mrml.reload(tmp_path / "scene.mrb")

    source = slicer.util.getNode("Abdomen")
    sequence = didlogic.candidateSet(slicer.util.getNode("Abdomen candidates between"))
    assert sequence.GetName() == "Abdomen candidates"
    assert (sequence.GetIndexName(), sequence.GetIndexUnit(), sequence.GetIndexType()) == ("noise", "HU", 0)
    assert index_values(sequence) == values
    assert didlogic.facts(sequence) == facts
    for number, item in enumerate(items_of(sequence)):
        np.testing.assert_array_equal(array_of(item), FakeDIDEngine.result_of(array_of(source), number, 5))
        assert item.GetAttribute("DIDInteractive.Position") == str(FakeDIDEngine.position_of(number, 5))
    proxy = didlogic.proxyVolume(sequence)
    assert didlogic.sourceVolume(proxy) is source
    assert proxy.GetParentTransformNode().GetName() == "table"
    assert (proxy.GetDisplayNode().GetWindow(), proxy.GetDisplayNode().GetLevel()) == (350.0, 55.0)
    assert not didlogic.browser(sequence).GetPlaybackLooped()
    assert didlogic.compareCandidates(sequence).GetSelectedItemNumber() == 4
    np.testing.assert_allclose(array_of_column(didlogic.table(sequence), "Noise SD (HU)"), [2, 4, 6, 8, 10])

    # and the set goes on living
    nodes = mrml.node_ids()
    assert didlogic.generateCandidates(source, count=5) is sequence
    assert mrml.node_ids() == nodes
    didlogic.deleteSet(sequence)
    assert nodes_of_class("vtkMRMLSequenceNode", "vtkMRMLSequenceBrowserNode", "vtkMRMLPlotSeriesNode",
                          "vtkMRMLPlotChartNode", "vtkMRMLTextNode", "vtkMRMLTableNode") == []
    assert nodes_of_class("vtkMRMLScalarVolumeNode") == [source]


def test_a_set_with_its_slices_in_reverse_stays_on_its_source_through_reloading(mrml, didlogic, tmp_path):
    import slicer

    didlogic.generateCandidates(mrml.add_volume(voxels(), LEFT_HANDED), count=3)
    mrml.reload(tmp_path / "scene.mrb")
    source = slicer.util.getNode("CT")
    [sequence] = [node for node in nodes_of_class("vtkMRMLSequenceNode") if didlogic.candidateSet(node) is node]
    np.testing.assert_array_equal(array_of(items_of(sequence)[-1]), array_of(source))
    for node in (didlogic.proxyVolume(sequence), *items_of(sequence)):
        np.testing.assert_allclose(affine_of(node), affine_of(source), atol=1e-9)


def test_candidates_are_stored_alone_as_one_volume_sequence_file(mrml, didlogic, ct, tmp_path):
    sequence = didlogic.generateCandidates(ct, count=5)
    storage = sequence.CreateDefaultStorageNode()
    assert storage.GetClassName() == "vtkMRMLVolumeSequenceStorageNode"
    storage.SetFileName(str(tmp_path / "candidates.seq.nrrd"))
    assert storage.WriteData(sequence)
    loaded = mrml.load_sequence(tmp_path / "candidates.seq.nrrd")
    assert (loaded.GetIndexName(), loaded.GetIndexUnit(), loaded.GetIndexType()) == ("noise", "HU", 0)
    assert index_values(loaded) == index_values(sequence)
    for before, after in zip(items_of(sequence), items_of(loaded)):
        np.testing.assert_array_equal(array_of(after), array_of(before))
        np.testing.assert_allclose(affine_of(after), affine_of(before), atol=1e-9)
        assert after.GetAttribute("DIDInteractive.Description") == before.GetAttribute("DIDInteractive.Description")
        assert after.GetAttribute("LDCTDenoise.WeightsSHA256") == before.GetAttribute("LDCTDenoise.WeightsSHA256")
    assert didlogic.positions(loaded) == didlogic.positions(sequence)
    with pytest.raises(ValueError, match="shown by no browser"):
        didlogic.keepCandidate(loaded)
    browser = mrml.scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "as Slicer makes it")
    browser.SetAndObserveMasterSequenceNodeID(loaded.GetID())
    np.testing.assert_array_equal(array_of(didlogic.keepCandidate(loaded, 0)), array_of(items_of(sequence)[2]))
    with pytest.raises(ValueError, match="no longer in the scene"):
        didlogic.generateCandidates(browser.GetProxyNode(loaded))
