"""What a user does with a candidate set: keep a candidate, see what was removed, delete the set."""

from __future__ import annotations

import slicer

from LDCTDenoiseLib import scene as denoisescene
from LDCTDenoiseLib.provenance import PREFIX as PROVENANCE

from . import candidatebetween
from . import candidatenodes as nodes
from .candidatebrowser import shown_by
from .candidatefacts import PREFIX


def keep(sequence, position: float | None = None):
    """Return a new ordinary volume with the current candidate, or the image at ``position``; it outlives the set.

    It has the candidate's attributes, the display of the set, and a reference to the source. Raises ValueError.
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


def difference(sequence, position: float | None = None):
    """Return the volume of input minus candidate, for the current candidate or the image at ``position``.

    Each set has one, which every call writes anew; its attributes say which candidate it belongs to. It does not
    follow the browser by itself. Raises ValueError.
    """
    place = _place(sequence, position)
    untouched = slicer.util.arrayFromVolume(sequence.GetNthDataNode(sequence.GetNumberOfDataNodes() - 1))
    array = denoisescene.removed_noise(untouched, candidatebetween.array_at(sequence, place))
    new = sequence.GetNodeReference(nodes.DIFFERENCE_ROLE) is None
    shown_by(sequence)
    with nodes.no_leftovers(sequence.GetScene()):
        volume = nodes.part(sequence, nodes.DIFFERENCE_ROLE, "vtkMRMLScalarVolumeNode",
                            f"{sequence.GetName()} difference")
        volume.SetNodeReferenceID(nodes.SET_ROLE, sequence.GetID())
        candidatebetween.write_beside(sequence, volume, array, candidatebetween.attributes_at(sequence, place))
        if new:
            denoisescene.show_noise(volume)
    return volume


def refresh(sequence) -> None:
    """Bring the volumes that are computed from the candidates up to date with new ones."""
    place = _place(sequence, None)
    if sequence.GetNodeReference(nodes.BETWEEN_ROLE) is not None:
        candidatebetween.write_between(sequence, candidatebetween.array_at(sequence, place),
                                       candidatebetween.attributes_at(sequence, place))
    if sequence.GetNodeReference(nodes.DIFFERENCE_ROLE) is not None:
        difference(sequence)


def delete(sequence) -> None:
    """Remove the set and everything that belongs to it; kept volumes and the source stay."""
    marks, mark_series = (sequence.GetNodeReference(role) for role in (nodes.MARK_ROLE, nodes.MARK_SERIES_ROLE))
    own = [node for node in (sequence, marks) if node is not None]
    doomed = [*own, *nodes.proxies_of(sequence), *(sequence.GetNodeReference(role) for role in nodes.PART_ROLES)]
    if mark_series is not None:
        doomed.append(mark_series.GetTableNode())
    for browser in nodes.browsers_of(sequence):
        if all(shown in own for shown in nodes.sequences_in(browser)):
            doomed.append(browser)
        else:
            # The user shows other sequences with it too.
            browser.RemoveSynchronizedSequenceNode(sequence.GetID())
    nodes.remove_nodes(sequence.GetScene(), [node for node in doomed if node is not None])


def _place(sequence, position: float | None) -> candidatebetween.Place:
    positions = candidatebetween.positions_of(sequence)
    return candidatebetween.place_of(
        positions, positions[nodes.current_item(sequence)] if position is None else position)
