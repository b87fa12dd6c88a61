"""Runs of one kind update one set; a region, another network, method or default image makes a set of its own."""

import pytest
from didscene import CT, array_of, ct, didlogic, voxels  # noqa: F401  (two are fixtures)
from slicerscene import mrml  # noqa: F401  (a fixture)

SHAPE = (6, 40, 30)


@pytest.fixture
def wide(mrml):
    """A CT that is larger than the regions below."""
    return mrml.add_volume(voxels(shape=SHAPE), CT)


@pytest.fixture
def region(mrml):
    """Adds a region of 3 x 10 x 10 voxels in the CT, from a slice on."""
    def add(name, first_slice=1):
        roi = mrml.scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", name)
        place(roi, first_slice)
        return roi

    return add


def place(roi, first_slice):
    roi.SetCenter(*(CT @ [14.5, 19.5, first_slice + 1, 1])[:3])
    roi.SetSize(7.9, 7.9, 11.0)


def shape_of(sequence):
    return array_of(sequence.GetNthDataNode(0)).shape


def test_the_set_of_a_region_and_that_of_the_whole_volume_leave_each_other_alone(didlogic, wide, region):
    whole = didlogic.generateCandidates(wide, count=4)
    before = didlogic.facts(whole)
    part = didlogic.generateCandidates(wide, count=3, regionROI=region("lesion"))
    assert (whole.GetName(), part.GetName()) == ("CT candidates", "CT candidates in lesion")
    assert (shape_of(whole), shape_of(part)) == (SHAPE, (3, 10, 10))
    assert didlogic.facts(whole) == before
    assert didlogic.generateCandidates(wide, count=5) is whole
    assert (shape_of(part), part.GetNumberOfDataNodes()) == ((3, 10, 10), 3)


def test_a_region_that_was_moved_updates_its_set_and_other_regions_have_sets_of_their_own(didlogic, wide, region):
    # Slicer itself calls the second region R_1, as it would call a second set of the first.
    first, second = region("R"), region("R_1")
    made = didlogic.generateCandidates(wide, count=3, regionROI=first)
    other = didlogic.generateCandidates(wide, count=3, regionROI=second)
    assert other is not made
    place(first, 3)
    assert didlogic.generateCandidates(wide, count=3, regionROI=first) is made
    assert didlogic.facts(made)["region"]["slice"] == [3, 5]
    assert didlogic.facts(other)["region"]["slice"] == [1, 3]


@pytest.mark.parametrize("change, name", [
    ({"model": "unet"}, "CT candidates (unet)"), ({"method": "blend"}, "CT candidates (blend)"),
    ({"model": "unet", "method": "interpolate"}, "CT candidates (unet, interpolate)"),
    ({"defaultFilter": "nlm"}, "CT candidates (nlm)")])
def test_another_network_method_or_default_image_makes_a_set_beside_the_first(didlogic, ct, change, name):
    first = didlogic.generateCandidates(ct, count=3)
    second = didlogic.generateCandidates(ct, count=4, **change)
    assert (first.GetName(), second.GetName()) == ("CT candidates", name)
    assert (first.GetNumberOfDataNodes(), second.GetNumberOfDataNodes()) == (3, 4)
    assert didlogic.generateCandidates(ct, count=5, **change) is second
    assert first.GetNumberOfDataNodes() == 3
    assert didlogic.candidateSets() == [first, second]


def test_what_is_no_other_kind_updates_the_set(didlogic, ct):
    from DIDInteractiveLib.settings import CandidateSettings

    made = didlogic.generateCandidates(ct, count=3)
    for settings in (CandidateSettings(count=5), CandidateSettings(tuned="gains", count=4)):
        assert didlogic.generateCandidates(ct, settings=settings, device="cpu") is made
        assert didlogic.facts(made)["settings"]["tuned"] == settings.tuned


def test_the_kind_of_a_set_is_known_after_reloading(mrml, didlogic, wide, region, tmp_path):
    import slicer

    didlogic.generateCandidates(wide, count=3)
    didlogic.generateCandidates(wide, count=3, regionROI=region("R"))
    mrml.reload(tmp_path / "scene.mrb")
    source, roi = slicer.util.getNode("CT"), slicer.util.getNode("R")
    place(roi, 1)  # the scene without the application does not load what markups hold
    before = mrml.node_ids()
    assert didlogic.generateCandidates(source, count=4, regionROI=roi).GetName() == "CT candidates in R"
    assert didlogic.generateCandidates(source, count=4).GetName() == "CT candidates"
    assert mrml.node_ids() == before


def test_every_set_takes_the_place_of_the_preview_and_a_preview_of_another_kind_too(didlogic, wide, region):
    first = didlogic.preview(wide, 2, count=3)
    assert didlogic.preview(wide, 2, "unet", count=3, regionROI=region("R")) is first
    assert shape_of(first) == (1, 10, 10)
    didlogic.generateCandidates(wide, method="blend", count=3)
    assert first.GetScene() is None


def test_a_region_named_like_the_whole_never_takes_its_place(didlogic, wide, region):
    whole = didlogic.generateCandidates(wide, count=3)
    roi = region("R")
    for name in ("", "1", "CT candidates"):
        roi.SetName(name)
        assert didlogic.generateCandidates(wide, count=3, regionROI=roi) is not whole
    assert shape_of(whole) == SHAPE
    assert len(didlogic.candidateSets()) == 4
