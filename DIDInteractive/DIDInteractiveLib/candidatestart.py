"""Starts the making of candidates: from nodes to a job, and from the engine's reply to a set."""

from __future__ import annotations

import logging
from collections.abc import Callable

from slicer.i18n import tr as _

from LDCTDenoiseLib.job import FAILED, STATE, Job
from LDCTDenoiseLib.scene import check_still_there, input_warnings

from .candidatelatest import LatestCandidate
from .candidaterun import Work
from .memoryestimate import fit_into_memory
from .settings import CandidateSettings


def check_free(job: Job | None, engine, wait: bool) -> None:
    """Raise RuntimeError while ``job`` is under way, and ValueError when ``engine`` can only be waited for."""
    if job is not None and job.busy:
        raise RuntimeError(_("Candidates are being made already: wait until that is done, or stop it."))
    if not (wait or hasattr(engine, "start_generate")):
        raise ValueError(_("This engine computes in the calling process, where it can only be waited for."))


def start(engine, work: Work, settings: CandidateSettings, free_memory: int | None,
          progress: Callable[..., None] | None, cancelled: Callable[[], bool] | None, on_candidate: Callable | None,
          **options) -> Job:
    """Begin ``work`` and return its job, whose result is the set's vtkMRMLSequenceNode.

    Args:
        engine: a ``didengine.DIDEngine``. One in a process of its own returns at once; with any other, the job has
            ended when this returns.
        free_memory: bytes, or None: what there is.
        progress: called with (fraction, text, remaining seconds).
        cancelled: asked by an engine in this process whether to stop.
        on_candidate: see :class:`.candidatelatest.LatestCandidate`; None: nothing is shown before the end.
        options: of the request (model, device, precision, default_filter).

    Raises ValueError for what are no settings, and when the set does not fit into the memory. What happens later is
    the job's error.
    """
    if not isinstance(settings, CandidateSettings):
        raise ValueError(_("The settings are a value of type {type}: pass a CandidateSettings of "
                           "DIDInteractiveLib.settings.").format(type=type(settings).__name__))
    settings, fewer = fit_into_memory(work.array.shape, work.array.dtype, settings, free_memory)
    known = tuple(filter(None, (*input_warnings(work.source), fewer)))
    for warning in known:
        logging.warning(warning)
    request = work.request(settings=settings, **options)

    def on_progress(*values) -> None:
        check_still_there(work.source)  # without it there is no point in going on
        if progress is not None:
            progress(*values)

    def import_reply(reply):
        sequence = work.write(request, reply, fewer)
        job.messages = tuple(dict.fromkeys((*known, *reply.messages)))
        return sequence

    latest = None if on_candidate is None else LatestCandidate(work, settings.count, on_candidate)
    job = Job(import_reply, on_progress, None if latest is None else latest.add)
    if latest is not None:
        job.add_observer(latest.on_job)
    if hasattr(engine, "start_generate"):
        job.start(lambda listener: engine.start_generate(request, listener))
    else:
        job.compute(lambda stopped: engine.generate(
            request, job.progressed, lambda: stopped() or (cancelled is not None and cancelled()), job.partial))
    return job


def outcome(job: Job, cancelled: Callable[[], bool] | None, wait: bool):
    """Return the result of ``job`` when it is there, or raise its error; without waiting, return a job under way."""
    if wait or not job.busy:
        return job.wait(cancelled)
    job.add_observer(_log_failure)
    return job


def _log_failure(job: Job, event: str, value) -> None:
    if (event, value) == (STATE, FAILED):
        logging.error("%s\n%s", job.error, job.details)
