"""Images between two neighbouring candidates, so that the trade-off can be followed without steps.

A position runs from that of the smoothest candidate (about -1) over the default (0) to the input (1), linear in log
noise SD on each side. Between two candidates the image is their linear interpolation. It lives in an ordinary volume
beside the set, "<set> between", one for each set, which no sequence holds. Nothing is measured on it anew: its noise SD
is at most the interpolated one, because a standard deviation is a norm; the bias is exactly the interpolated one,
because a mean is linear; the sharpness is an estimate.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
import slicer
from slicer.i18n import tr as _

from LDCTDenoiseLib import scene as denoisescene
from LDCTDenoiseLib.hu import round_to_dtype
from LDCTDenoiseLib.provenance import PREFIX as PROVENANCE

from . import candidatechart
from . import candidatenodes as nodes
from .candidatearguments import real_number, whole_number
from .candidatebrowser import shown_by
from .candidatefacts import PREFIX, number

SLICE_ATTRIBUTE = PREFIX + "Slice"
"""Set while only this slice of the volume is at the position; the others are where they were."""


@dataclass(frozen=True)
class Place:
    """A position between the neighbouring candidates ``lower`` and ``lower + 1``, ``share`` (0 to 1) of the way up."""

    position: float
    lower: int
    share: float

    @property
    def nearest(self) -> int:
        return self.lower + (self.share >= 0.5)

    def between(self, low: float, high: float) -> float:
        """Return the value at this place between those of the two neighbours."""
        return low + self.share * (high - low) if self.share else low


def positions_of(sequence) -> list[float]:
    """Return the positions of the candidates, rising."""
    return [number(item, "Position") for item in nodes.items_of(sequence)]


def place_of(positions: list[float], position: float) -> Place:
    """Return where ``position`` lies among the candidates' ``positions``; raise ValueError outside them."""
    place = real_number(position)
    if place is None or not positions[0] <= place <= positions[-1]:
        raise ValueError(_("The position {position} lies outside the candidates: choose a number from {first} (the "
                           "smoothest) to {last} (the input).").format(
            position=repr(position), first=f"{positions[0]:g}", last=f"{positions[-1]:g}"))
    lower = min(bisect_right(positions, place), len(positions) - 1) - 1
    return Place(place, lower, (place - positions[lower]) / (positions[lower + 1] - positions[lower]))


def interpolate(low: np.ndarray, high: np.ndarray, share: float) -> np.ndarray:
    """Return the image ``share`` (0 to 1) of the way from ``low`` to ``high``, in their dtype, rounded.

    Where the two are equal, as outside the scan field, so is the result, bit for bit.
    """
    if share in (0.0, 1.0):
        return (high if share else low).copy()
    exact = np.float32 if low.dtype.itemsize <= 2 or low.dtype == np.float32 else np.float64
    start = low.astype(exact)
    return round_to_dtype(start + exact(share) * (high.astype(exact) - start), low.dtype)


def array_at(sequence, place: Place) -> np.ndarray:
    """Return the voxels at ``place``, a new array (slice, row, column) in HU."""
    low, high = neighbours(sequence, place)
    result = np.empty_like(low)
    # Slice by slice, or the intermediate numbers would take several times the memory of the volume.
    for k in range(len(result)):
        result[k] = interpolate(low[k], high[k], place.share)
    return result


def slice_at(sequence, place: Place, slice_index: int) -> np.ndarray:
    """Return the voxels (row, column) of one slice at ``place``, a new array in HU."""
    low, high = neighbours(sequence, place)
    return interpolate(low[slice_index], high[slice_index], place.share)


def neighbours(sequence, place: Place) -> tuple[np.ndarray, np.ndarray]:
    """Return views of the candidates on both sides of ``place``."""
    return tuple(slicer.util.arrayFromVolume(sequence.GetNthDataNode(n)) for n in (place.lower, place.lower + 1))


def attributes_at(sequence, place: Place) -> dict[str, str]:
    """Return the attributes of a volume that is at ``place``: those of the candidate, or what holds between two."""
    if place.share in (0.0, 1.0):
        return own_attributes(sequence.GetNthDataNode(place.nearest))
    pair = [sequence.GetNthDataNode(n) for n in (place.lower, place.lower + 1)]
    noise, sharpness, bias = (place.between(*(number(item, name) for item in pair))
                              for name in ("NoiseSD", "Sharpness", "HUBias"))
    attributes = {name: value for name, value in own_attributes(sequence).items() if name.startswith(PROVENANCE)}
    numbers = {"Position": place.position, "NoiseSD": noise, "Sharpness": sharpness, "HUBias": bias}
    texts = {"Kind": "between", "Method": f"{sequence.GetAttribute(PREFIX + 'Method')}, interpolated",
             "Description": _in_words(noise, sharpness), "Interpolation": _mixture(pair, place),
             "Measured": "nothing on this image; noise at most, bias exactly and sharpness about what lies between the "
                         "measured values of the two candidates"}
    # NaN, a number that could not be measured, is not equal to itself
    known = {name: str(value) for name, value in numbers.items() if value == value}
    return attributes | {PREFIX + name: text for name, text in (known | texts).items()}


def own_attributes(node) -> dict[str, str]:
    """Return the attributes that this extension gave to ``node``."""
    return {name: node.GetAttribute(name) for name in node.GetAttributeNames()
            if name.startswith((PREFIX, PROVENANCE))}


def _mixture(pair, place: Place) -> str:
    """Return what an image between the two candidates is made of; like all provenance, in English everywhere."""
    parts = [f"{100 * share:.1f} % of candidate {place.lower + n + 1} (noise {number(item, 'NoiseSD'):.2f} HU)"
             for n, (item, share) in enumerate(zip(pair, (1 - place.share, place.share)))]
    return " and ".join(parts)


def _in_words(noise: float, sharpness: float) -> str:
    shown = f"{noise:.{0 if noise >= 9.95 else 1}f}"
    if sharpness != sharpness:
        return _("noise at most {noise} HU; no edges to judge by").format(noise=shown)
    return _("noise at most {noise} HU; edges about {edges} %").format(noise=shown, edges=f"{100 * sharpness:.0f}")


def candidate_at(sequence, position: float, slice_index: int | None = None):
    """Make the between volume of a set show ``position``; return that volume.

    ``slice_index`` None: the whole volume, and the browser selects the candidate next to it. A number: only this
    slice of the set's volumes, at once; the other slices stay where they were, which the attribute
    ``DIDInteractive.Slice`` says. The mark in the plot moves in both cases. Raises ValueError.
    """
    place = place_of(positions_of(sequence), position)
    proxy = shown_by(sequence)
    check_slice(sequence, slice_index)
    if slice_index is None:
        nodes.browser_of(sequence).SetSelectedItemNumber(place.nearest)
        volume = write_between(sequence, array_at(sequence, place), attributes_at(sequence, place))
    else:
        volume = sequence.GetNodeReference(nodes.BETWEEN_ROLE)
        if volume is None:
            current = sequence.GetNthDataNode(nodes.current_item(sequence))
            volume = write_between(sequence, slicer.util.arrayFromVolume(current).copy(), own_attributes(current))
        denoisescene.show_like(volume, proxy)
        write_slice(sequence, volume, slice_index, slice_at(sequence, place, slice_index), place)
    mark = {name: number(volume, name) for name in ("NoiseSD", "Sharpness")}
    candidatechart.move_mark(sequence, candidatechart.mark_row(
        mark["NoiseSD"], mark["Sharpness"], volume.GetAttribute(PREFIX + "Description")))
    return volume


def check_slice(sequence, slice_index: int | None) -> None:
    """Raise ValueError when the candidates have no slice ``slice_index``; None is any."""
    count = len(slicer.util.arrayFromVolume(sequence.GetNthDataNode(0)))
    if slice_index is not None and whole_number(slice_index) not in range(count):
        raise ValueError(_("There is no slice {number} in '{name}': choose one from 0 to {last}, a whole "
                           "number.").format(number=repr(slice_index), name=sequence.GetName(), last=count - 1))


def write_slice(sequence, volume, slice_index: int, plane: np.ndarray, place: Place) -> None:
    """Write ``plane`` (row, column), an image at ``place``, to one slice of ``volume``; its attributes say so."""
    with slicer.util.NodeModify(volume):
        slicer.util.arrayFromVolume(volume)[slice_index] = plane
        set_own_attributes(volume, attributes_at(sequence, place) | {SLICE_ATTRIBUTE: str(slice_index)})
        slicer.util.arrayFromVolumeModified(volume)


def write_between(sequence, array: np.ndarray, attributes: dict[str, str]):
    """Write ``array`` to the between volume of a set, made if it is missing; return it."""
    with nodes.no_leftovers(sequence.GetScene()):
        volume = nodes.part(sequence, nodes.BETWEEN_ROLE, "vtkMRMLScalarVolumeNode", f"{sequence.GetName()} between")
        write_beside(sequence, volume, array, attributes)
        volume.SetNodeReferenceID(nodes.SET_ROLE, sequence.GetID())
        denoisescene.show_like(volume, shown_by(sequence))
        nodes.tie_members(sequence)
    return volume


def write_beside(sequence, volume, array: np.ndarray, attributes: dict[str, str]) -> None:
    """Make ``volume`` hold ``array`` where the candidates of the set are, with a reference to their source."""
    denoisescene.write_volume(volume, array, shown_by(sequence), {})
    set_own_attributes(volume, attributes)
    source = sequence.GetNodeReference(denoisescene.SOURCE_ROLE)
    volume.SetNodeReferenceID(denoisescene.SOURCE_ROLE, None if source is None else source.GetID())


def set_own_attributes(node, attributes: dict[str, str]) -> None:
    """Give ``node`` these attributes in place of all that this extension gave it before."""
    for name in set(own_attributes(node)) - set(attributes):
        node.RemoveAttribute(name)
    for name, value in attributes.items():
        node.SetAttribute(name, value)
