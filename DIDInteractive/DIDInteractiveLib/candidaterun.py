"""One run of the candidates' engine on a volume of the scene: which voxels it gets, and what comes back.

Names of nodes, attributes and table columns are the same in every language, since scenes are exchanged.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from slicer.i18n import tr as _

from LDCTDenoiseLib import scene as denoisescene
from LDCTDenoiseLib.region import Box, ijk_to_ras, mask_of, whole

from . import candidatekeeping, candidateregion, candidatescene
from .candidatearguments import check_nodes, whole_number
from .candidatefacts import content_of
from .candidatenodes import find_set
from .didengine import CandidateReply, CandidateRequest
from .settings import CandidateSettings

SAME_PLACE_MM = 1e-3
"""Grids that are closer than this everywhere are one and the same."""


@dataclass(frozen=True)
class Work:
    """What an engine is to work on. Arrays are (slice, row, column), in HU or bool, all but the first of one shape."""

    source: object
    """The volume node that candidates are made of."""
    voxels: np.ndarray
    """A copy of all its voxels: whatever happens in the scene during the run, the engine works on one state of them."""
    preview: bool
    """Whether it is about a single slice."""
    array: np.ndarray
    spacing: tuple[float, float, float]
    """Slice, row, column in mm."""
    padding: np.ndarray | None
    """Voxels that were not measured, where the engine cannot find them because it sees a part of the slices only."""
    roi: np.ndarray | None
    background_roi: np.ndarray | None
    reference: np.ndarray | None
    default_image: np.ndarray | None
    shown: Box
    """The part of the array that the candidates of the scene cover; the rest is a margin."""
    region: dict[str, list[int]] | None
    """The part of the source that they cover, first and last voxel along each axis; None: all of it."""
    region_name: str | None
    """Of the user's region, where that is a part of the volume only; never empty."""
    pattern: object
    """A volume node without voxels where the candidates are."""
    default_name: str | None
    """What made the default image that the network is fitted to, if anything."""

    def request(self, **options) -> CandidateRequest:
        """Return the request for an engine; ``options`` are those of its fields that are not arrays."""
        return CandidateRequest(
            self.array, self.spacing, padding=self.padding, roi=self.roi, background_roi=self.background_roi,
            reference=self.reference, default_image=self.default_image, **options)

    def write(self, request: CandidateRequest, reply: CandidateReply, note: str | None = None):
        """Write what the engine returned for the ``request`` to the scene as a set; return its sequence.

        Every set but another preview takes the place of the preview. ``note``: what was said to the user before the
        run. Raises RuntimeError when the source was changed or deleted meanwhile, or when the reply is not about this
        work. The scene is then as it was.
        """
        for message in reply.messages:
            logging.info(message)
        denoisescene.check_unchanged(self.source, self.voxels)
        self._check(reply)
        name = self.source.GetName()
        content = content_of(reply, name, [self.voxels_of(one) for one in reply.candidates], self.region, note,
                             self.default_name)
        sequence = candidatescene.write_set(self.source, self.pattern, content, self.set_name(request))
        earlier = None if self.preview else find_set(self.source, f"{name} preview")
        if earlier is not None:
            candidatekeeping.delete(earlier)
        denoisescene.free_unused_arrays()
        return sequence

    def voxels_of(self, candidate) -> np.ndarray:
        """Return what the scene is to show of an engine's candidate, without the margin."""
        return np.ascontiguousarray(candidate.array[self.shown])

    def set_name(self, request: CandidateRequest) -> str:
        """Return the name of the set: sets of different kinds have different ones, and do not replace each other.

        It tells the region, and the network, method or default image where they are not the usual ones.
        """
        name = self.source.GetName()
        if self.preview:
            return f"{name} preview"
        network = self.default_name or (request.model if request.model != CandidateRequest.model else None)
        method = request.settings.method if request.settings.method != CandidateSettings.method else None
        made_by = ", ".join(filter(None, (network, method)))
        region = f" in {self.region_name}" if self.region_name else ""
        return f"{name} candidates{region}" + (f" ({made_by})" if made_by else "")

    def _check(self, reply: CandidateReply) -> None:
        arrays = [candidate.array for candidate in reply.candidates]
        for number, array in enumerate(arrays):
            if (array.shape, array.dtype) != (self.array.shape, self.array.dtype):
                raise RuntimeError(_("The engine returned {found} voxels of {type} as candidate {number}, but the "
                                     "input has {expected} of {inputType}.").format(
                    found=array.shape, type=array.dtype, number=number, expected=self.array.shape,
                    inputType=self.array.dtype))
        if len(arrays) < 2 or not np.array_equal(arrays[-1], self.array):
            raise RuntimeError(
                _("The engine returned no candidates, or not the untouched input as the last of them."))


def prepare(source, slice_index: int | None = None, region_roi=None, statistics_roi=None, background_roi=None,
            reference_volume=None, default_volume=None, default_filter: str | None = None) -> Work:
    """Return the work for ``source``, a volume node.

    ``slice_index``: the only slice to work on, or None. The regions are vtkMRMLMarkupsROINodes. ``reference_volume``
    and ``default_volume`` are volumes of the same grid, to measure errors against and to take as the default candidate;
    ``default_filter`` names what makes that. Raises ValueError for what is no CT volume, regions that hold no voxel, a
    slice that is not there, and volumes of another grid.
    """
    check_nodes(region_roi, statistics_roi, background_roi, reference_volume, default_volume)
    voxels = denoisescene.check_input(source).copy()
    box = _box(source, slice_index, region_roi)
    wide, inner = candidateregion.with_margin(box, whole(source))
    roi, background = (None if node is None else mask_of(node, source, wide)
                       for node in (statistics_roi, background_roi))
    reference, default = (None if volume is None else _on_grid_of(source, volume, otherwise)[wide]
                          for volume, otherwise in (
        (reference_volume, _("The reference '{volume}' has another grid than '{source}': resample it to that grid "
                             "first, or leave it out.")),
        (default_volume, _("The default image '{volume}' has another grid than '{source}': resample it to that grid "
                           "first, or leave it out."))))
    region = candidateregion.as_dict(box, whole(source))
    region_name = None if region_roi is None or region is None else region_roi.GetName() or "region"
    return Work(
        source, voxels, slice_index is not None, voxels[wide], source.GetSpacing()[::-1],
        candidateregion.padding_in(wide, voxels), roi, background, reference, default, inner, region, region_name,
        candidatescene.pattern_of(source, box), default_filter if default_volume is None else default_volume.GetName())


def _box(source, slice_index: int | None, region_roi) -> Box:
    box = whole(source) if region_roi is None else candidateregion.box_of(region_roi, source)
    if slice_index is None:
        return box
    chosen = candidateregion.only_slice(box, whole_number(slice_index))
    if chosen is None:
        part = (_("Slice {number} is not in the region '{region}': choose one from {first} to {last}, a whole number.")
                if region_roi is not None else
                _("Slice {number} is not in '{volume}': choose one from {first} to {last}, a whole number."))
        raise ValueError(part.format(
            number=repr(slice_index), volume=source.GetName(), region=region_roi and region_roi.GetName(),
            first=box[0].start, last=box[0].stop - 1))
    return chosen


def _on_grid_of(source, volume, otherwise: str) -> np.ndarray:
    """Return a copy of the voxels of ``volume``.

    Raises ValueError with the text ``otherwise`` unless they lie where those of ``source`` do.
    """
    array = denoisescene.check_input(volume).copy()
    apart = np.abs(ijk_to_ras(volume) - ijk_to_ras(source))[:3]
    same = (volume.GetImageData().GetDimensions() == source.GetImageData().GetDimensions()
            and volume.GetTransformNodeID() == source.GetTransformNodeID()
            and (apart @ [*source.GetImageData().GetDimensions(), 1.0] <= SAME_PLACE_MM).all())
    if not same:
        raise ValueError(otherwise.format(volume=volume.GetName(), source=source.GetName()))
    return array
