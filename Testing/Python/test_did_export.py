"""Candidates become DICOM series that say how they were made; what is no candidate is refused."""

import numpy as np
import pydicom
import pytest
from dicomscene import ct, database, files, images, logic, out, refused  # noqa: F401  (most are fixtures)
from didscene import array_of, didlogic  # noqa: F401  (one is a fixture)
from slicerscene import mrml  # noqa: F401  (a fixture)

from LDCTDenoiseLib.dicomreader import read_dicom


@pytest.fixture
def candidates(didlogic, ct):
    """A set of five candidates of the loaded series, the default (2) selected."""
    return didlogic.generateCandidates(ct, count=5)


def test_the_current_candidate_is_exported_and_says_how_it_was_made(didlogic, candidates, files, out):
    didlogic.selectCandidate(candidates, 1)
    proxy = didlogic.proxyVolume(candidates)
    method = proxy.GetAttribute("DIDInteractive.Method")
    for number, node in enumerate((candidates, proxy)):
        folder = out.with_name(str(number))
        assert didlogic.exportProblem(node) == ""
        didlogic.exportAsDICOM(node, folder)
        np.testing.assert_array_equal(read_dicom(folder).array, array_of(candidates.GetNthDataNode(1)))
        image = images(folder)[0]
        assert image.SeriesDescription == f"Abdomen DID hrnet {method} noise 40 %"
        for part in ("model=hrnet", f"method={method}", "kind=smoother", "noise_sd_hu=4.0", "noise_share=0.4",
                     "position=-0.5", "ab" * 32):
            assert part in image.DerivationDescription
        assert image.SourceImageSequence[0].ReferencedSOPInstanceUID == pydicom.dcmread(files[0]).SOPInstanceUID


def test_a_kept_candidate_is_exported_when_its_set_is_gone(didlogic, candidates, out):
    kept = didlogic.keepCandidate(candidates)
    didlogic.deleteSet(candidates)
    didlogic.exportAsDICOM(kept, out)
    np.testing.assert_array_equal(read_dicom(out).array, array_of(kept))
    assert images(out)[0].SeriesDescription == "Abdomen DID hrnet network noise 60 %"


def test_an_image_between_two_candidates_is_exported_once_all_of_it_is_there(didlogic, candidates, out):
    between = didlogic.candidateAt(candidates, 0.25, 2)
    assert "in one slice only" in refused(didlogic, between, out)
    didlogic.candidateAt(candidates, 0.25)
    didlogic.exportAsDICOM(between, out)
    np.testing.assert_array_equal(read_dicom(out).array, array_of(between))
    assert images(out)[0].SeriesDescription.endswith("interpolated noise 7.0 HU")


def test_what_is_no_candidate_of_the_whole_volume_is_refused(mrml, didlogic, ct, candidates, out):
    assert "no candidate to export" in didlogic.exportProblem(None)
    assert "'4: Abdomen' is no candidate" in refused(didlogic, ct, out)
    difference = didlogic.differenceToInput(candidates)
    assert "what was removed" in refused(didlogic, difference, out)
    didlogic.selectCandidate(candidates, 4)
    assert "untouched input" in refused(didlogic, candidates, out)
    assert "untouched input" in refused(didlogic, didlogic.keepCandidate(candidates), out)
    assert "one slice" in refused(didlogic, didlogic.preview(ct, 2, count=3), out)


def test_a_candidate_whose_source_is_gone_is_refused(mrml, didlogic, ct, candidates, out):
    kept = didlogic.keepCandidate(candidates)
    mrml.scene.RemoveNode(ct)
    for node in (kept, candidates):
        assert "no longer in the scene" in refused(didlogic, node, out)


def test_each_module_names_the_other_for_the_others_results(logic, didlogic, ct, candidates):
    assert "export it with DID Interactive" in logic.exportProblem(didlogic.proxyVolume(candidates))
    assert "is no candidate" in didlogic.exportProblem(logic.process(ct))


def test_candidates_of_a_denoised_volume_name_both_steps(logic, didlogic, ct, out):
    didlogic.exportAsDICOM(didlogic.generateCandidates(logic.process(ct, strength=0.5), count=3), out)
    assert "before=hrnet 1.2 at strength 0.5" in images(out)[0].DerivationDescription
