"""All frames of a volume sequence: which sequence a volume belongs to, one run over all frames, and the new sequence.

The result becomes a sequence beside the input's, in the same browser, so that both are browsed together. As with single
volumes, nodes are made only when everything is done.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import slicer
from slicer.i18n import tr as _

from . import provenance, scene, sceneresult
from .engine import DenoiseReply, DenoiseRequest
from .job import Job, Stoppable
from .volumerun import checked_strength, said

CANDIDATES_ATTRIBUTE = "DIDInteractive.Default"
"""Sequences with it are sets of candidates: one image several times, no frames."""


def sequence_of(volume):
    """Return the sequence of volumes that ``volume`` shows a frame of, or None; one frame is no sequence."""
    browser = scene.browser_of(volume)
    sequence = None if browser is None else browser.GetSequenceNode(volume)
    if sequence is None or sequence.GetAttribute(CANDIDATES_ATTRIBUTE) is not None:
        return None
    return sequence if sequence.GetNumberOfDataNodes() > 1 else None


def result_of(volume):
    """Return the volume that shows the frames denoised by an earlier run on the sequence of ``volume``, or None."""
    source = sequence_of(volume)
    made = None if source is None else sceneresult.find_result(source, _result_name(volume), "vtkMRMLSequenceNode")
    return None if made is None else scene.browser_of(volume).GetProxyNode(made)


def prepare(volume, start, tell: Callable[[tuple[str, ...], float | None], None], **options):
    """Return the two ends of a run over all frames: what begins it, and what imports its replies.

    Args:
        volume: shows a frame of the sequence.
        start: begins a request and tells a listener of it, as ``WorkerEngine.start_denoise`` does.
        tell: receives what :func:`~.volumerun.said` returns.
        options: of the requests (model, strength, device, precision).

    Raises ValueError when the volume belongs to no sequence, or when a frame cannot be denoised.
    """
    scene.check_node(volume)
    sequence = sequence_of(volume)
    if sequence is None:
        raise ValueError(_("The input belongs to no sequence of volumes: denoise it as a single volume."))
    options["strength"] = checked_strength(options["strength"])
    frames = _frames(sequence)
    for frame in frames:
        scene.check_input(frame)
    for warning in scene.input_warnings(frames[0]):
        logging.warning(warning)
    times = _times(sequence)

    def request(frame):
        # Its voxels are copied when its turn comes: all frames at once may not fit into memory.
        return DenoiseRequest(slicer.util.arrayFromVolume(frame).copy(), spacing=frame.GetSpacing()[::-1], **options)

    def begin(job):
        return FrameRun(start, [functools.partial(request, frame) for frame in frames], job)

    def import_replies(replies):
        tell(*said(replies))
        scene.check_still_there(volume)
        if _times(sequence) != times:
            raise RuntimeError(_("The sequence '{name}' was changed while it was denoised, and the result discarded: "
                                 "run again.").format(name=sequence.GetName()))
        made = [provenance.attributes(reply, options["strength"], volume.GetName()) for reply in replies]
        return write_sequence(volume, [reply.array for reply in replies], made)

    return begin, import_replies


class FrameRun:
    """Denoises one frame after the other; for :class:`~.job.Job`, one run.

    Args:
        start: begins a request and tells a listener of it, as ``WorkerEngine.start_denoise`` does.
        requests: what to ask for each frame, made when its turn comes.
        job: is told of progress over all frames and, in the end, the list of replies.
    """

    def __init__(self, start: Callable[[DenoiseRequest, Any], Stoppable],
                 requests: Sequence[Callable[[], DenoiseRequest]], job: Job) -> None:
        self._start, self._requests, self._job = start, requests, job
        self._replies: list[DenoiseReply] = []
        self._began = time.monotonic()
        self._call: Stoppable | None = None
        self._call = self._next()

    def cancel(self) -> None:
        if self._call is not None:
            self._call.cancel()

    def wait(self, cancelled: Callable[[], bool] | None = None) -> None:
        # Each frame is a call of its own; the next one is made before the last word on this one has been said.
        call = None
        while call is not self._call:
            call = self._call
            call.wait(cancelled)

    def started(self) -> None:
        self._job.started()

    def progressed(self, done: int, total: int, remaining: float) -> None:
        frames = len(self._requests)
        part = (len(self._replies) + done / total) / frames
        left = (time.monotonic() - self._began) * (1 - part) / part if part else remaining * frames
        self._job.progressed(len(self._replies) * total + done, frames * total, left)

    def partial(self, value: Any) -> None:
        """Frames have no parts."""

    def finished(self, reply: DenoiseReply | None, error: BaseException | None) -> None:
        if error is None:
            self._replies.append(reply)
            if len(self._replies) < len(self._requests) and not self._job.stopping:
                try:
                    self._call = self._next()
                except Exception as failure:
                    error = failure
                else:
                    return
        self._job.finished(self._replies, error)

    def _next(self) -> Stoppable:
        return self._start(self._requests[len(self._replies)](), self)


def write_sequence(volume, results: Sequence, attributes: Sequence[dict[str, str]]):
    """Add the denoised frames of the sequence of ``volume`` to the scene; return the volume that shows them.

    Args:
        volume: a frame of the source, as the browser shows it.
        results: arrays (slice, row, column) in HU, one a frame; attributes: of each.

    A sequence that an earlier run made from the same source is filled anew.
    """
    source, browser = sequence_of(volume), scene.browser_of(volume)
    filled = _filled(source, results, attributes)
    name = _result_name(volume)
    sequence = sceneresult.find_result(source, name, "vtkMRMLSequenceNode")
    if sequence is None:
        sequence = scene.add_node(source.GetScene(), "vtkMRMLSequenceNode", name)
        sequence.SetNodeReferenceID(scene.SOURCE_ROLE, source.GetID())
    sequence.RemoveAllDataNodes()
    _copy_index(sequence, source)
    for number in range(filled.GetNumberOfDataNodes()):
        sequence.SetDataNodeAtValue(filled.GetNthDataNode(number), filled.GetNthIndexValue(number))
    if browser.GetProxyNode(sequence) is None:
        browser.AddSynchronizedSequenceNode(sequence)
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    shown = browser.GetProxyNode(sequence)
    shown.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    shown.SetNodeReferenceID(scene.SOURCE_ROLE, volume.GetID())
    scene.show_like(shown, volume)
    scene.place_beside(shown, volume)
    return shown


def _result_name(volume) -> str:
    return f"{volume.GetName()} denoised"


def _frames(sequence) -> list:
    return [sequence.GetNthDataNode(number) for number in range(sequence.GetNumberOfDataNodes())]


def _times(sequence) -> list[int]:
    """Return when the voxels of each frame were last changed, as VTK counts."""
    return [frame.GetImageData().GetMTime() if frame.GetImageData() is not None else 0 for frame in _frames(sequence)]


def _filled(source, results, attributes):
    """Return a sequence outside the scene that holds the results."""
    sequence = slicer.vtkMRMLSequenceNode()
    _copy_index(sequence, source)
    for number, (array, values) in enumerate(zip(results, attributes, strict=True)):
        frame = source.GetNthDataNode(number)
        volume = slicer.vtkMRMLScalarVolumeNode()
        volume.CopyOrientation(frame)
        volume.SetAndObserveImageData(scene.image_of(array))
        scene.set_units(volume, frame)
        for attribute, value in values.items():
            volume.SetAttribute(attribute, value)
        sequence.SetDataNodeAtValue(volume, source.GetNthIndexValue(number))
    return sequence


def _copy_index(sequence, source) -> None:
    sequence.SetIndexName(source.GetIndexName())
    sequence.SetIndexUnit(source.GetIndexUnit())
    sequence.SetIndexType(source.GetIndexType())
    sequence.SetNumericIndexValueTolerance(source.GetNumericIndexValueTolerance())
