"""The candidate that a run finished last, to be looked at while the others are made.

The set itself is written when it is whole. Until then one temporary volume, in no list and no saved scene, shows the
last finished candidate in all its slices. It shares the candidate's voxels, so that it takes no memory.
"""

from __future__ import annotations

from collections.abc import Callable

import slicer
from slicer.i18n import tr as _

from LDCTDenoiseLib import scene as denoisescene
from LDCTDenoiseLib.job import IDLE, STATE

from . import candidatenodes as nodes
from .candidatebrowser import SOFT_TISSUE_WINDOW
from .candidatefacts import PREFIX


class LatestCandidate:
    """Shows the candidates of a run one after the other in a temporary volume.

    Args:
        work: the run's ``candidaterun.Work``.
        count: candidates that are wanted.
        tell: called with the volume whenever it shows another candidate, and with None before it goes.
    """

    def __init__(self, work, count: int, tell: Callable) -> None:
        self._work, self._count, self._tell = work, count, tell
        self._volume = None
        self._finished = 0

    def add(self, candidate) -> None:
        """Show ``candidate``, a :class:`.candidate.Candidate`. Raises RuntimeError when the source is gone."""
        source = self._work.source
        denoisescene.check_still_there(source)
        self._finished += 1
        if candidate.kind == "input":
            return  # which can be seen anyway
        with nodes.no_leftovers(source.GetScene()):
            new = self._volume is None or self._volume.GetScene() is None
            if new:
                self._volume = denoisescene.add_temporary_volume(source.GetScene(), source.GetName())
            self._write(candidate)
            if new:
                denoisescene.set_window(denoisescene.display_of(self._volume), *SOFT_TISSUE_WINDOW)
                denoisescene.show_like(self._volume, source)
        self._tell(self._volume)

    def on_job(self, job, event: str, value) -> None:
        """To observe the job of the run: with its end, however that came, the volume goes."""
        if (event, value) != (STATE, IDLE):
            return
        # A job is kept for long after its end, and what it was about with it.
        volume, source = self._volume, self._work.source
        self._volume = self._work = None
        if volume is not None:
            try:
                self._tell(None)
            finally:
                if volume.GetScene() is not None:
                    _leave_views(volume, source)
                    nodes.remove_nodes(volume.GetScene(), [volume])

    def _write(self, candidate) -> None:
        volume, work = self._volume, self._work
        kinds = {"smoother": _("smoother"), "default": _("the network's own result"), "sharper": _("sharper")}
        with slicer.util.NodeModify(volume):
            volume.CopyOrientation(work.pattern)
            volume.SetAndObserveTransformNodeID(work.source.GetTransformNodeID())
            volume.SetAndObserveImageData(denoisescene.image_of(work.voxels_of(candidate)))
            denoisescene.set_units(volume, work.source)
            volume.SetName(_("{volume}, {kind}: noise about {noise} HU ({finished} of {count} finished)").format(
                volume=work.source.GetName(), kind=kinds[candidate.kind], noise=f"{candidate.tuning_noise_sd:.1f}",
                finished=self._finished, count=self._count))
            for name, value in (("Kind", candidate.kind), ("Method", candidate.method),
                                ("Position", candidate.position), ("NoiseSD", candidate.tuning_noise_sd)):
                volume.SetAttribute(PREFIX + name, str(value))
        denoisescene.free_unused_arrays()


def _leave_views(volume, source) -> None:
    """Let views that still show ``volume`` show ``source``, if that is still there."""
    other = source.GetID() if source.GetScene() is not None else None
    for view in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode", volume.GetScene()):
        if view.GetBackgroundVolumeID() == volume.GetID():
            view.SetBackgroundVolumeID(other)
        if view.GetForegroundVolumeID() == volume.GetID():
            view.SetForegroundVolumeID(None)
