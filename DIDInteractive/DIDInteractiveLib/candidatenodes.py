"""Which nodes of the scene make up a candidate set, and how they are found from one another.

A set is known by its sequence of volumes. Node references from the sequence lead to its other parts, and one from each
of those volumes that no browser fills leads back. All of it is kept in a saved scene; a sequence that was loaded alone
from a .seq.nrrd has its candidates and their attributes, but no other parts.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager

import slicer
import vtk
from slicer.i18n import tr as _

from LDCTDenoiseLib.scene import SOURCE_ROLE, add_node, free_unused_arrays

from .candidatearguments import check_nodes
from .candidatefacts import PREFIX

SET_ROLE = PREFIX + "Set"
"""From a volume or plot series of a set to its sequence."""
PROXY_ROLE = PREFIX + "Proxy"
"""To every volume that a browser of the set fills, or once filled. None refers back: Slicer crashes when the sequence
that its own proxy refers to is removed."""
BROWSER_ROLE = PREFIX + "Browser"
COMPARISON_ROLE = PREFIX + "ComparisonBrowser"
MARK_ROLE = PREFIX + "Mark"
"""To the sequence of one-row tables whose proxy is the mark in the plot."""
MARK_TABLE_ROLE = PREFIX + "MarkTable"
"""To every table that a browser of the set fills, or once filled, from those."""
MEMBER_ROLE = PREFIX + "Member"
"""From the mark's sequence, which is hidden from the user, to all other nodes of the set: what is left of a set whose
sequence was removed is found by it."""
TABLE_ROLE = PREFIX + "Table"
POINTS_ROLE = PREFIX + "PlotPoints"
MARK_SERIES_ROLE = PREFIX + "PlotMark"
CHART_ROLE = PREFIX + "Plot"
FACTS_ROLE = PREFIX + "Facts"
BETWEEN_ROLE = PREFIX + "Between"
DIFFERENCE_ROLE = PREFIX + "Difference"
LISTED_ROLES = (TABLE_ROLE, POINTS_ROLE, MARK_SERIES_ROLE, CHART_ROLE, FACTS_ROLE)
"""To what the subject hierarchy lists besides volumes."""
PART_ROLES = (MARK_ROLE, *LISTED_ROLES, BETWEEN_ROLE, DIFFERENCE_ROLE)
NAME_ATTRIBUTE = PREFIX + "SetName"
"""The name that a set gets for what it is made from and how; a set that still has it is updated by a further run."""


def is_set(node) -> bool:
    """Return whether ``node`` is the sequence of a candidate set."""
    return (node is not None and node.IsA("vtkMRMLSequenceNode")
            and node.GetAttribute(PREFIX + "Default") is not None)


def sets_in(scene) -> list:
    """Return the sequences of all candidate sets."""
    return [node for node in slicer.util.getNodesByClass("vtkMRMLSequenceNode", scene) if is_set(node)]


def is_complete(sequence) -> bool:
    """Return whether the set can be browsed: it has candidates, and a browser shows them in a volume."""
    return sequence.GetNumberOfDataNodes() > 0 and proxy_of(sequence) is not None


def incomplete_in(scene) -> list:
    """Return a node of each set that can no longer be browsed, because some of its nodes were removed."""
    sequences = slicer.util.getNodesByClass("vtkMRMLSequenceNode", scene)
    known = {node.GetNodeReference(MARK_ROLE) for node in sequences if is_set(node)}
    return [node for node in sequences
            if (is_set(node) and not is_complete(node)) or (_is_mark(node) and node not in known)]


def find_set(source, name: str):
    """Return the sequence of the set with this ``name`` (see NAME_ATTRIBUTE) that was made from ``source``, or None.

    A set that the user renamed is not found.
    """
    pattern = re.compile(re.escape(name) + r"(_\d+)?")  # which makes a name unique
    for sequence in sets_in(source.GetScene()):
        if (sequence.GetAttribute(NAME_ATTRIBUTE) == name and pattern.fullmatch(sequence.GetName() or "")
                and sequence.GetNodeReference(SOURCE_ROLE) is source):
            return sequence
    return None


def set_of(node):
    """Return the sequence of the set that ``node`` (a candidate, its plot, the set itself) belongs to, or None."""
    check_nodes(node)
    if node is None or node.GetScene() is None:
        return None
    if _is_inside_sequence(node):
        return next((sequence for sequence in sets_in(slicer.mrmlScene)
                     if sequence.GetSequenceScene() is node.GetScene()), None)
    if is_set(node):
        return node
    sequence = node.GetNodeReference(SET_ROLE)
    if is_set(sequence):
        return sequence
    return next((sequence for sequence in sets_in(node.GetScene()) if node in members_of(sequence)), None)


def members_of(node) -> list:
    """Return all nodes of the set that ``node`` belongs to, or what is left of it; none where it belongs to no set.

    Browsers that the user made are not among them.
    """
    if is_set(node):
        marks = node.GetNodeReference(MARK_ROLE)
        roles = (*PART_ROLES, BROWSER_ROLE, COMPARISON_ROLE)
        tables = [] if marks is None else _proxies(marks)
        found = [node, *(node.GetNodeReference(role) for role in roles), *proxies_of(node),
                 *_references(node, MARK_TABLE_ROLE), *tables]
        return list(dict.fromkeys(member for member in found if member is not None))
    for marks in filter(_is_mark, slicer.util.getNodesByClass("vtkMRMLSequenceNode", node.GetScene())):
        members = [marks, *_references(marks, MEMBER_ROLE)]
        if node in members:
            return members
    return []


def tie_members(sequence) -> None:
    """Let all nodes of the set be found from its mark, as they are now."""
    marks = sequence.GetNodeReference(MARK_ROLE)
    if marks is not None:
        marks.RemoveNodeReferenceIDs(MEMBER_ROLE)
        for member in members_of(sequence):
            if member is not marks:
                marks.AddNodeReferenceID(MEMBER_ROLE, member.GetID())


def checked_set(node):
    """Return the sequence of the set that ``node`` belongs to; raise ValueError when there is none with candidates."""
    sequence = set_of(node)
    if sequence is None or sequence.GetNumberOfDataNodes() == 0:
        raise no_set_error(node)
    return sequence


def no_set_error(node) -> ValueError:
    """Return the error to raise when ``node``, which may be None, belongs to no set."""
    if node is None:
        return ValueError(_("A candidate set was expected, and there is none: choose one, or generate candidates "
                            "first."))
    return ValueError(_("A candidate set was expected, not '{name}': choose one, or generate candidates first.").format(
        name=node.GetName()))


def source_of(volume):
    """Return ``volume``, or the volume that the candidates were made from when it belongs to a set.

    Raises ValueError when that volume is gone, and for a volume inside another sequence, which nothing can refer to.
    """
    sequence = set_of(volume)
    if sequence is None:
        if volume is not None and _is_inside_sequence(volume):
            raise ValueError(_("'{name}' is kept inside a sequence: choose the volume in which its sequence browser "
                               "shows it, or a copy of that.").format(name=volume.GetName()))
        return volume
    source = sequence.GetNodeReference(SOURCE_ROLE)
    if source is None:
        raise ValueError(_(
            "'{name}' belongs to a candidate set whose source volume is no longer in the scene: choose another CT, or "
            "keep the set's last candidate, the untouched input, and choose that.").format(name=volume.GetName()))
    return source


def proxies_of(sequence) -> list:
    """Return the volumes that browsers of the set fill, or filled before they were removed."""
    return list(dict.fromkeys([*_references(sequence, PROXY_ROLE), *_proxies(sequence)]))


def unused(sequence, role: str, shown):
    """Return a node that ``sequence`` refers to as ``role`` and that no browser fills from ``shown``, or None.

    Its browser was removed. Another one can take it over, so that views and plots that show it live again.
    """
    return next((node for node in _references(sequence, role) if node not in _proxies(shown)), None)


def browsers_of(sequence) -> list:
    """Return all browsers that show ``sequence``, also those that the user made."""
    return [browser for browser in slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode", sequence.GetScene())
            if browser.IsSynchronizedSequenceNodeID(sequence.GetID(), True)]


def browser_of(sequence):
    """Return the browser of the set; where that is gone, or the set came from a file, any other one; or None."""
    own = sequence.GetNodeReference(BROWSER_ROLE)
    if own is not None:
        return own
    comparison = sequence.GetNodeReference(COMPARISON_ROLE)
    return next((browser for browser in browsers_of(sequence) if browser is not comparison), None)


def sequences_in(browser) -> list:
    """Return the sequences of ``browser``, the master first."""
    found = vtk.vtkCollection()
    browser.GetSynchronizedSequenceNodes(found, True)
    return [found.GetItemAsObject(n) for n in range(found.GetNumberOfItems())]


def proxy_of(sequence):
    """Return the volume that shows the current candidate of the set, or None where there is no browser."""
    browser = browser_of(sequence)
    return None if browser is None else browser.GetProxyNode(sequence)


def current_item(sequence) -> int:
    """Return the number of the candidate that the set's browser shows; without a browser, the default's."""
    browser = browser_of(sequence)
    if browser is None or not 0 <= browser.GetSelectedItemNumber() < sequence.GetNumberOfDataNodes():
        return int(sequence.GetAttribute(PREFIX + "Default"))
    return browser.GetSelectedItemNumber()


def facts_of(sequence) -> dict | None:
    """Return the exact numbers of the set, or None where the node that holds them was removed."""
    text = sequence.GetNodeReference(FACTS_ROLE)
    return None if text is None else json.loads(text.GetText())


def items_of(sequence) -> list:
    """Return the candidates' own nodes, the smoothest first. They must not be changed."""
    return [sequence.GetNthDataNode(n) for n in range(sequence.GetNumberOfDataNodes())]


def part(sequence, role: str, node_class: str, name: str):
    """Return the node that ``sequence`` refers to as ``role``, made now if it is missing."""
    node = sequence.GetNodeReference(role)
    if node is None:
        node = add_node(sequence.GetScene(), node_class, name)
        sequence.SetNodeReferenceID(role, node.GetID())
    return node


def _is_inside_sequence(node) -> bool:
    """Return whether ``node`` is one of those that a sequence keeps in a scene of its own."""
    return node.GetScene() not in (None, slicer.mrmlScene)


def _is_mark(node) -> bool:
    return node.GetNumberOfNodeReferences(MEMBER_ROLE) > 0


def _references(node, role: str) -> list:
    found = [node.GetNthNodeReference(role, n) for n in range(node.GetNumberOfNodeReferences(role))]
    return [one for one in found if one is not None]


def _proxies(sequence) -> list:
    """Return what browsers fill from ``sequence``."""
    found = [browser.GetProxyNode(sequence) for browser in browsers_of(sequence)]
    return [one for one in found if one is not None]


def add_hidden_node(scene, node_class: str, name: str):
    """Return a new node of ``scene`` that is out of the user's way, from the first moment on."""
    node = scene.CreateNodeByClass(node_class)
    node.UnRegister(None)  # the caller owns what this creates
    node.SetHideFromEditors(True)
    node.SetName(name)
    return scene.AddNode(node)


@contextmanager
def no_leftovers(scene):
    """On failure, remove the nodes that were added meanwhile."""
    def all_nodes() -> list:
        return [scene.GetNthNode(n) for n in range(scene.GetNumberOfNodes())]

    before = {node.GetID() for node in all_nodes()}
    try:
        yield
    except BaseException:
        remove_nodes(scene, [node for node in all_nodes() if node.GetID() not in before])
        raise


def remove_nodes(scene, doomed) -> None:
    """Remove nodes with their display and storage nodes: browsers first, since they would make their proxies again."""
    attached = []
    for node in doomed:
        if node.IsA("vtkMRMLDisplayableNode"):
            attached += [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())]
        if node.IsA("vtkMRMLStorableNode"):
            attached += [node.GetNthStorageNode(n) for n in range(node.GetNumberOfStorageNodes())]

    def is_no_browser(node) -> bool:
        return not node.IsA("vtkMRMLSequenceBrowserNode")

    for node in [*sorted(doomed, key=is_no_browser), *attached]:
        if node is not None and node.GetScene() is scene:
            scene.RemoveNode(node)
            if node.IsA("vtkMRMLSequenceNode"):
                node.RemoveAllDataNodes()  # or they would live as long as somebody's variable
    free_unused_arrays()
