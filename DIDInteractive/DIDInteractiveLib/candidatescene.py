"""A candidate set in the MRML scene: a sequence of volumes, its browser, and the volume that shows the current one.

Everything that browsing needs is Slicer's own: the set works in a Slicer without this extension. A set is written
whole or not at all: should anything fail, new nodes go away again and old ones get their content back.
Arrays are (slice, row, column) in HU.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, contextmanager

import numpy as np
import slicer

from LDCTDenoiseLib import scene as denoisescene
from LDCTDenoiseLib.region import Box, ijk_to_ras

from . import candidatechart, candidatekeeping
from . import candidatenodes as nodes
from .candidatebrowser import configure, show_proxy
from .candidatefacts import INDEX_NAME, INDEX_UNIT, SetContent
from .candidatesnapshot import Snapshot


def pattern_of(source, box: Box):
    """Return a volume without voxels, in no scene, that has the geometry of a box (K,J,I) of ``source``."""
    shift = np.eye(4)
    shift[:3, 3] = [part.start for part in reversed(box)]
    pattern = slicer.vtkMRMLScalarVolumeNode()
    pattern.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(ijk_to_ras(source) @ shift))
    return pattern


def write_set(source, pattern, content: SetContent, name: str):
    """Write a set made from ``source`` to its scene, return its sequence.

    The set of an earlier run that was given this ``name`` and still has it is updated, so that views, plots and
    toolbars that show it show the new one; its window and level stay as the user left them. The arrays of ``content``
    become the memory of the candidates. ``pattern``: see :func:`pattern_of`.
    """
    scene = source.GetScene()
    sequence = nodes.find_set(source, name)
    with _whole_or_not_at_all(scene, sequence):
        if sequence is None:
            sequence = denoisescene.add_node(scene, "vtkMRMLSequenceNode", name)
            sequence.SetNodeReferenceID(denoisescene.SOURCE_ROLE, source.GetID())
            sequence.SetAttribute(nodes.NAME_ATTRIBUTE, name)
        name = sequence.GetName()
        marks = sequence.GetNodeReference(nodes.MARK_ROLE)
        if marks is None:
            marks = nodes.add_hidden_node(scene, "vtkMRMLSequenceNode", f"{name} mark")
            sequence.SetNodeReferenceID(nodes.MARK_ROLE, marks.GetID())
        browser = nodes.part(sequence, nodes.BROWSER_ROLE, "vtkMRMLSequenceBrowserNode", f"{name} browser")
        comparison = sequence.GetNodeReference(nodes.COMPARISON_ROLE)
        with ExitStack() as quiet:
            # Browsers hear of the new candidates when all of them are complete.
            for node in (*nodes.browsers_of(sequence), browser, sequence, marks):
                quiet.enter_context(slicer.util.NodeModify(node))
            fill(sequence, content.index_values, volume_items(pattern, content))
            fill(marks, content.index_values, [(table, None) for table in candidatechart.mark_tables(content)])
            for attribute, value in content.set_attributes.items():
                sequence.SetAttribute(attribute, value)
            configure(browser, sequence)
            candidatechart.show_mark(browser, sequence, marks)
            browser.SetSelectedItemNumber(content.default)
            if comparison is not None:
                comparison.SetSelectedItemNumber(len(content.arrays) - 1)
        for one in filter(None, (browser, comparison)):
            show_proxy(one, sequence, source)
        candidatechart.write_chart(sequence, content, source.GetName())
        facts = nodes.part(sequence, nodes.FACTS_ROLE, "vtkMRMLTextNode", f"{name} facts")
        facts.SetText(content.document)
        for role in nodes.LISTED_ROLES:
            denoisescene.place_beside(sequence.GetNodeReference(role), source)
        candidatekeeping.refresh(sequence)
        nodes.tie_members(sequence)
    return sequence


def volume_items(pattern, content: SetContent) -> list[tuple]:
    """Return (node without voxels, image) for every candidate."""
    items = []
    for array, attributes in zip(content.arrays, content.item_attributes, strict=True):
        item = slicer.vtkMRMLScalarVolumeNode()
        item.CopyContent(pattern)
        for name, value in attributes.items():
            item.SetAttribute(name, value)
        items.append((item, denoisescene.image_of(array)))
    return items


def fill(sequence, index_values: Sequence[str], items) -> None:
    """Give ``sequence`` the ``items``, (node, image or None), in place of those it has.

    A sequence copies what it is given. Images are handed to the copies afterwards, so that the voxels are not copied.
    """
    sequence.RemoveAllDataNodes()
    sequence.SetIndexName(INDEX_NAME)
    sequence.SetIndexUnit(INDEX_UNIT)
    sequence.SetIndexType(sequence.NumericIndex)
    for value, (node, image) in zip(index_values, items, strict=True):
        copy = sequence.SetDataNodeAtValue(node, value)
        if image is not None:
            copy.SetAndObserveImageData(image)


@contextmanager
def _whole_or_not_at_all(scene, sequence):
    """On failure, remove the nodes that were added and give those of ``sequence`` (or None) their content back."""
    snapshot = None if sequence is None else Snapshot(sequence)
    try:
        with nodes.no_leftovers(scene):
            yield
    except BaseException:
        if snapshot is not None:
            snapshot.restore()
        raise
