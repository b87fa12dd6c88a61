"""Between two candidates lies every image of their linear interpolation: one slice at once, or all of them."""

import numpy as np
import pytest
from didscene import CT, array_of, ct, didlogic, voxels  # noqa: F401  (two are fixtures)
from slicerscene import mrml  # noqa: F401  (a fixture)


@pytest.fixture
def candidates(didlogic, ct):
    """Five candidates at -1, -0.5, 0, 0.5 and 1, the default (2) selected."""
    return didlogic.generateCandidates(ct, count=5)


def items_of(sequence):
    return [array_of(sequence.GetNthDataNode(n)) for n in range(sequence.GetNumberOfDataNodes())]


def test_every_candidate_has_a_position_from_the_smoothest_to_the_input(didlogic, candidates):
    assert didlogic.positions(candidates) == [-1, -0.5, 0, 0.5, 1]


@pytest.mark.parametrize("number", range(5))
def test_at_the_position_of_a_candidate_the_image_is_the_candidate_bit_for_bit(mrml, didlogic, number):
    volume = mrml.add_volume(voxels("float32"), CT)
    candidates = didlogic.generateCandidates(volume, count=5)
    between = didlogic.candidateAt(candidates, didlogic.positions(candidates)[number])
    np.testing.assert_array_equal(array_of(between), items_of(candidates)[number])
    assert not np.shares_memory(array_of(between), items_of(candidates)[number])
    item = candidates.GetNthDataNode(number)
    for name in ("Kind", "NoiseSD", "Description"):
        assert between.GetAttribute(f"DIDInteractive.{name}") == item.GetAttribute(f"DIDInteractive.{name}")


@pytest.mark.parametrize("dtype", ["int16", "uint16", "int32", "float32", "float64"])
def test_between_two_candidates_the_image_is_their_mixture_rounded_to_the_voxel_type(mrml, didlogic, dtype):
    candidates = didlogic.generateCandidates(mrml.add_volume(voxels(dtype), CT), count=5)
    before = [array.copy() for array in items_of(candidates)]
    between = didlogic.candidateAt(candidates, 0.125)
    low, high = (array.astype(np.float64) for array in before[2:4])
    exact = low + 0.25 * (high - low)
    assert array_of(between).dtype == np.dtype(dtype)
    if np.dtype(dtype).kind == "f":
        np.testing.assert_allclose(array_of(between), exact, rtol=1e-6)
    else:
        np.testing.assert_array_equal(array_of(between), np.rint(exact))
    for array, unchanged in zip(items_of(candidates), before):
        np.testing.assert_array_equal(array, unchanged)


def test_where_two_candidates_agree_the_image_agrees_with_them_bit_for_bit():
    from DIDInteractiveLib.candidatebetween import interpolate

    same = np.random.default_rng(2).normal(0, 1e4, (50, 50))
    for array in (same, same.astype(np.float32), same.astype(np.int32)):
        np.testing.assert_array_equal(interpolate(array, array.copy(), 0.37), array)


def test_the_whole_volume_is_an_ordinary_one_in_the_place_and_window_of_the_set(mrml, didlogic, candidates):
    from LDCTDenoiseLib.region import ijk_to_ras

    didlogic.proxyVolume(candidates).GetDisplayNode().SetWindowLevel(1500, -600)
    between = didlogic.candidateAt(candidates, -0.2)
    assert between.GetName() == "CT candidates between"
    np.testing.assert_allclose(ijk_to_ras(between), CT)
    display = between.GetDisplayNode()
    assert display is not didlogic.proxyVolume(candidates).GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel(), display.GetAutoWindowLevel()) == (1500, -600, 0)
    assert didlogic.candidateAt(candidates, 0.3) is between


def test_the_browser_selects_the_candidate_next_to_a_whole_volume(didlogic, candidates):
    for position, nearest in ((-0.99, 0), (-0.7, 1), (0.2, 2), (0.3, 3), (1, 4)):
        didlogic.candidateAt(candidates, position)
        assert didlogic.currentCandidate(candidates) == nearest


def test_one_slice_follows_at_once_and_the_others_stay_where_they_were(didlogic, candidates):
    import vtk

    before = items_of(candidates)[2]
    between = didlogic.candidateAt(candidates, 0.75, sliceIndex=1)
    expected = before.copy()
    expected[1] = np.rint((items_of(candidates)[3][1].astype(float) + items_of(candidates)[4][1]) / 2)
    np.testing.assert_array_equal(array_of(between), expected)
    assert between.GetAttribute("DIDInteractive.Slice") == "1"
    assert didlogic.currentCandidate(candidates) == 2
    redrawn = []
    between.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *arguments: redrawn.append(1))
    didlogic.candidateAt(candidates, -1, sliceIndex=1)
    assert redrawn
    np.testing.assert_array_equal(array_of(between)[1], items_of(candidates)[0][1])
    np.testing.assert_array_equal(array_of(between)[2], before[2])
    didlogic.candidateAt(candidates, -1)
    np.testing.assert_array_equal(array_of(between), items_of(candidates)[0])
    assert between.GetAttribute("DIDInteractive.Slice") is None


def test_a_slice_of_the_between_volume_does_not_change_the_candidates(didlogic, candidates):
    before = [array.copy() for array in items_of(candidates)]
    for position in (0.1, 0.5, -0.6):
        didlogic.candidateAt(candidates, position, sliceIndex=0)
    for array, unchanged in zip(items_of(candidates), before):
        np.testing.assert_array_equal(array, unchanged)


def test_what_is_said_of_an_image_between_candidates_is_said_to_be_no_measurement(didlogic, candidates):
    between = didlogic.candidateAt(candidates, 0.25)
    attributes = {name.partition(".")[2]: between.GetAttribute(name) for name in between.GetAttributeNames()
                  if name.startswith("DIDInteractive.")}
    assert (attributes["Kind"], attributes["Method"]) == ("between", "did-ordered, interpolated")
    assert attributes["Description"] == "noise at most 7.0 HU; edges about 70 %"
    assert [float(attributes[name]) for name in ("Position", "NoiseSD", "Sharpness", "HUBias")] == pytest.approx(
        [0.25, 7, 0.7, 0.15])
    assert between.GetAttribute("LDCTDenoise.Model") == "hrnet"


def test_the_interpolated_noise_bounds_that_of_the_image_and_the_interpolated_bias_is_exact():
    from DIDInteractiveLib.candidatebetween import interpolate

    random = np.random.default_rng(7)
    low, high = random.normal(40, 5, (40, 40)), random.normal(43, 12, (40, 40))
    high = 0.5 * high + 0.5 * low
    for share in (0.1, 0.5, 0.8):
        image = interpolate(low, high, share)
        assert image.std() <= (1 - share) * low.std() + share * high.std() + 1e-9
        assert image.mean() == pytest.approx((1 - share) * low.mean() + share * high.mean())


@pytest.mark.parametrize("arguments, message", [
    ((1.01,), "from -1 .* to 1"), ((-1.5,), "lies outside"), ((float("nan"),), "lies outside"),
    ((0.2, 4), "from 0 to 3"), ((0.2, -1), "no slice -1")])
def test_places_that_are_not_there_are_refused_and_nothing_is_made(mrml, didlogic, candidates, arguments, message):
    before = mrml.node_ids()
    with pytest.raises(ValueError, match=message):
        didlogic.candidateAt(candidates, *arguments)
    assert mrml.node_ids() == before


def test_sharpness_that_was_not_measured_is_not_made_up_between(didlogic, ct):
    didlogic.engine.edges = [None, None, None]
    between = didlogic.candidateAt(didlogic.generateCandidates(ct, count=3), 0.5)
    assert between.GetAttribute("DIDInteractive.Sharpness") is None
    assert "no edges to judge by" in between.GetAttribute("DIDInteractive.Description")


def test_an_image_that_cannot_be_written_leaves_no_volume(mrml, didlogic, candidates, monkeypatch):
    from LDCTDenoiseLib import scene

    def full(*arguments):
        raise MemoryError

    before = mrml.node_ids()
    monkeypatch.setattr(scene, "write_volume", full)
    for slice_index in (None, 1):
        with pytest.raises(MemoryError):
            didlogic.candidateAt(candidates, 0.3, slice_index)
    assert mrml.node_ids() == before
