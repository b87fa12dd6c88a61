"""Starts the making of candidates, which goes on while the user works: from nodes to a job, from its reply to a set."""

from __future__ import annotations

import logging

from LDCTDenoiseLib.job import Job
from LDCTDenoiseLib.scene import check_still_there, stacking_warning

from . import candidaterun
from .memoryestimate import fit_into_memory
from .settings import CandidateSettings


def start(logic, volume, settings: CandidateSettings, slice_index: int | None = None, *, model: str, device: str,
          precision: str, **regions) -> Job:
    """Begin to make candidates of ``volume`` and return the job, whose result is their vtkMRMLSequenceNode.

    :param logic: a ``DIDInteractive.DIDInteractiveLogic``, whose engine does the work. One in a process of its own
      returns at once; any other has finished when this returns.
    :param slice_index: the only slice, along K, to work on; None: all.
    :param regions: ``region_roi``, ``statistics_roi`` and ``background_roi`` of ``candidaterun.prepare``.

    Raises ValueError for what cannot be done. What happens later is the job's error; the scene is then as it was.
    """
    source = logic.sourceVolume(volume)
    work = candidaterun.prepare(source, slice_index, **regions)
    settings, fewer = fit_into_memory(work.array.shape, work.array.dtype, settings, logic.freeMemory)
    request = work.request(model=model, settings=settings, device=device, precision=precision)

    def import_reply(reply):
        sequence = work.write(reply, fewer)
        job.messages = tuple(dict.fromkeys(filter(None, (stacking_warning(source), fewer, *reply.messages))))
        return sequence

    job = Job(import_reply, lambda *progress: check_still_there(source))
    job.add_observer(_log_failure)
    if hasattr(logic.engine, "start_generate"):
        job.start(lambda listener: logic.engine.start_generate(request, listener))
    else:
        job.compute(lambda stopped: logic.engine.generate(request, job.progressed, stopped))
    return job


def _log_failure(job: Job, event: str, value) -> None:
    if (event, value) == ("state", "failed"):
        logging.error("%s\n%s", job.error, job.details)
