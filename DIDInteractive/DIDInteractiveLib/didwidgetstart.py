"""Starts the making of candidates for the panel, which does not wait for them."""

from __future__ import annotations

from LDCTDenoiseLib.job import Job

from .settings import CandidateSettings


def start(logic, volume, settings: CandidateSettings, slice_index: int | None = None, *, model: str, device: str,
          precision: str, region_roi=None, statistics_roi=None, background_roi=None, on_candidate=None) -> Job:
    """Begin to make candidates of ``volume`` and return the job, whose result is their vtkMRMLSequenceNode.

    The parameters, and the errors, are those of ``DIDInteractiveLogic.generateCandidates``.
    """
    logic.generateCandidates(
        volume, model, settings=settings, sliceIndex=slice_index, device=device, precision=precision,
        regionROI=region_roi, statisticsROI=statistics_roi, backgroundROI=background_roi, onCandidate=on_candidate,
        waitForCompletion=False)
    return logic.job
