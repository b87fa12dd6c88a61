"""What the Logic of DID Interactive says to arguments that are no node or no number, before anything is changed."""

import numpy as np
import pytest
from didscene import array_of, candidates, ct, didlogic  # noqa: F401  (three are fixtures)
from slicerscene import mrml  # noqa: F401  (a fixture)

OF_A_NODE = ["candidateSet", "sourceVolume", "browser", "proxyVolume", "currentCandidate", "positions", "table",
             "chart", "facts", "compareCandidates", "differenceToInput", "keepCandidate", "deleteSet",
             "generateCandidates"]
OF_A_NODE_AND_MORE = {"selectCandidate": 0, "stepCandidate": 1, "candidateAt": 0.0, "preview": 0,
                      "exportAsDICOM": "folder"}
NO_NODE = "A node of the scene was expected, not a value of type {}: pass the node itself"
NO_WHOLE_NUMBERS = [1.0, "1", True, None, [1], np.float32(1), float("nan")]
NO_POSITIONS = ["0", True, [0.0], float("nan"), 1.5]


@pytest.fixture
def unchanged(mrml, candidates, didlogic):
    """The set, of which no candidate, node or voxel may have changed in the end."""
    def state():
        return (mrml.node_ids(), didlogic.currentCandidate(candidates),
                array_of(didlogic.proxyVolume(candidates)).tolist(), len(didlogic.engine.requests))

    before = state()
    yield candidates
    assert state() == before


@pytest.mark.parametrize("name", [*OF_A_NODE, *OF_A_NODE_AND_MORE])
@pytest.mark.parametrize("wrong", ["CT candidates", 3, np.zeros(2)], ids=["name", "number", "array"])
def test_what_is_no_node_is_refused_with_what_to_pass_instead(didlogic, unchanged, name, wrong):
    more = [OF_A_NODE_AND_MORE[name]] if name in OF_A_NODE_AND_MORE else []
    with pytest.raises(ValueError, match=NO_NODE.format(type(wrong).__name__)):
        getattr(didlogic, name)(wrong, *more)


def test_whether_a_name_can_be_exported_is_answered_in_a_sentence(didlogic, mrml):
    assert didlogic.exportProblem("CT").startswith(NO_NODE.format("str"))


@pytest.mark.parametrize("name", ["regionROI", "statisticsROI", "backgroundROI", "referenceVolume", "defaultVolume"])
def test_the_name_of_a_region_or_volume_is_no_node(didlogic, ct, unchanged, name):
    with pytest.raises(ValueError, match=NO_NODE.format("str")):
        didlogic.generateCandidates(ct, **{name: "R"})


@pytest.mark.parametrize("wrong", NO_WHOLE_NUMBERS, ids=repr)
def test_the_number_of_a_candidate_or_slice_is_a_whole_one(didlogic, ct, unchanged, wrong):
    for name in ("selectCandidate", "compareCandidates"):
        if (name, wrong) != ("compareCandidates", None):  # the input, or what it showed before
            with pytest.raises(ValueError, match="There is no candidate .* one from 0 .* to 4 .*, a whole number"):
                getattr(didlogic, name)(unchanged, wrong)
    with pytest.raises(ValueError, match="There is no step of .*: choose a whole number"):
        didlogic.stepCandidate(unchanged, wrong)
    if wrong is not None:  # all slices
        for name in ("candidateAt", "differenceToInput"):
            with pytest.raises(ValueError, match="There is no slice .*: choose one from 0 to 3, a whole number"):
                getattr(didlogic, name)(unchanged, 0.0, wrong)
        with pytest.raises(ValueError, match="Slice .* is not in 'CT': choose one from 0 to 3, a whole number"):
            didlogic.preview(ct, wrong)


@pytest.mark.parametrize("wrong", NO_POSITIONS, ids=repr)
def test_a_position_is_a_number_from_that_of_the_smoothest_to_that_of_the_input(didlogic, unchanged, wrong):
    for name in ("candidateAt", "differenceToInput", "keepCandidate"):
        with pytest.raises(ValueError, match="The position .* lies outside .* choose a number from -1 .* to 1"):
            getattr(didlogic, name)(unchanged, wrong)


def test_settings_that_are_none_are_refused(didlogic, ct, unchanged):
    with pytest.raises(ValueError, match="The settings are a value of type dict: pass a CandidateSettings"):
        didlogic.generateCandidates(ct, settings={"count": 5})


def test_numbers_of_numpy_are_as_good_as_those_of_python(didlogic, ct, candidates):
    didlogic.selectCandidate(candidates, np.int64(1))
    assert didlogic.stepCandidate(candidates, np.int32(2)) == didlogic.currentCandidate(candidates) == 3
    volume = didlogic.candidateAt(candidates, np.float32(0.25), np.uint8(2))
    assert volume.GetAttribute("DIDInteractive.Position") == "0.25"
    assert volume.GetAttribute("DIDInteractive.Slice") == "2"
    preview = didlogic.preview(ct, np.int64(2), count=3)
    assert didlogic.facts(preview)["region"]["slice"] == [2, 2]
