"""What a user does with a candidate set: keep a candidate, see what was removed, delete the set."""

from __future__ import annotations

import numpy as np
import slicer

from LDCTDenoiseLib import scene as denoisescene
from LDCTDenoiseLib.provenance import PREFIX as PROVENANCE

from . import candidatebetween
from . import candidatenodes as nodes
from .candidatearguments import check_nodes
from .candidatebrowser import shown_by
from .candidatefacts import PREFIX


def keep(sequence, position: float | None = None):
    """Return a new ordinary volume with the current candidate, or the image at ``position``; it outlives the set.

    It has the candidate's attributes, the display of the set, and a reference to the source. That of an image between
    two candidates is named by the same rule, and its attributes say what it is a mixture of, and that the numbers were
    not measured on it. Raises ValueError.
    """
    place = _place(sequence, position)
    attributes = candidatebetween.attributes_at(sequence, place)
    source_name = attributes.get(PROVENANCE + "SourceVolume", sequence.GetName())
    shown = shown_by(sequence)
    array = candidatebetween.array_at(sequence, place)
    noise = float(attributes[PREFIX + "NoiseSD"])
    with nodes.no_leftovers(sequence.GetScene()):
        volume = denoisescene.add_volume(sequence, f"{source_name} candidate {noise:.1f} HU")
        candidatebetween.write_beside(sequence, volume, array, attributes)
        denoisescene.show_like(volume, shown)
    return volume


def difference(sequence, position: float | None = None, slice_index: int | None = None):
    """Return the volume of input minus candidate, for the current candidate or the image at ``position``.

    Each set has one, which every call writes anew; its attributes say which candidate it belongs to. It does not
    follow the browser by itself. With ``slice_index`` only this slice follows, at once, where the volume is there
    already. Raises ValueError.
    """
    place = _place(sequence, position)
    shown_by(sequence)  # refuses a set that no browser shows
    candidatebetween.check_slice(sequence, slice_index)
    volume = sequence.GetNodeReference(nodes.DIFFERENCE_ROLE)
    if volume is not None and slice_index is not None:
        plane = denoisescene.removed_noise(_untouched(sequence)[slice_index],
                                           candidatebetween.slice_at(sequence, place, slice_index))
        # Very large differences need wider numbers, which the volume may not have.
        if np.can_cast(plane.dtype, slicer.util.arrayFromVolume(volume).dtype):
            candidatebetween.write_slice(sequence, volume, slice_index, plane, place)
            return volume
    array = denoisescene.removed_noise(_untouched(sequence), candidatebetween.array_at(sequence, place))
    with nodes.no_leftovers(sequence.GetScene()):
        new = volume is None
        volume = nodes.part(sequence, nodes.DIFFERENCE_ROLE, "vtkMRMLScalarVolumeNode",
                            f"{sequence.GetName()} difference")
        volume.SetNodeReferenceID(nodes.SET_ROLE, sequence.GetID())
        candidatebetween.write_beside(sequence, volume, array, candidatebetween.attributes_at(sequence, place))
        if new:
            denoisescene.show_noise(volume)
            nodes.tie_members(sequence)
    return volume


def refresh(sequence) -> None:
    """Bring the volumes that are computed from the candidates up to date with new ones."""
    place = _place(sequence, None)
    if sequence.GetNodeReference(nodes.BETWEEN_ROLE) is not None:
        candidatebetween.write_between(sequence, candidatebetween.array_at(sequence, place),
                                       candidatebetween.attributes_at(sequence, place))
    if sequence.GetNodeReference(nodes.DIFFERENCE_ROLE) is not None:
        difference(sequence)


def delete(node) -> None:
    """Remove the set that ``node`` belongs to, or what is left of it; kept volumes and the source stay.

    Raises ValueError when it belongs to none.
    """
    check_nodes(node)
    doomed = [] if node is None or node.GetScene() is None else nodes.members_of(nodes.set_of(node) or node)
    if not doomed:
        raise nodes.no_set_error(node)
    scene = node.GetScene()
    own = [member for member in doomed if member.IsA("vtkMRMLSequenceNode")]
    for browser in slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode", scene):
        shown = nodes.sequences_in(browser)
        mine = [sequence for sequence in shown if sequence in own]
        if browser in doomed or mine:
            doomed += [browser.GetProxyNode(sequence) for sequence in mine]
            if len(mine) == len(shown):
                doomed.append(browser)
                continue
            # The user shows other sequences with it too.
            doomed = [member for member in doomed if member is not browser]
            for sequence in mine:
                browser.RemoveSynchronizedSequenceNode(sequence.GetID())
    nodes.remove_nodes(scene, dict.fromkeys(member for member in doomed if member is not None))


def _untouched(sequence) -> np.ndarray:
    return slicer.util.arrayFromVolume(sequence.GetNthDataNode(sequence.GetNumberOfDataNodes() - 1))


def _place(sequence, position: float | None) -> candidatebetween.Place:
    positions = candidatebetween.positions_of(sequence)
    return candidatebetween.place_of(
        positions, positions[nodes.current_item(sequence)] if position is None else position)
