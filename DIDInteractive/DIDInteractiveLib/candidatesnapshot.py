"""What an existing candidate set holds, so that a run that fails while it writes can give it back."""

from __future__ import annotations

from contextlib import ExitStack

import slicer

from . import candidatenodes as nodes


class Snapshot:
    """The content of all nodes of a set but its browsers' proxies, which follow. Voxels are shared, not copied."""

    def __init__(self, sequence):
        self._sequence = sequence
        parts = [sequence.GetNodeReference(role) for role in nodes.PART_ROLES]
        self._nodes = [node for node in (sequence, *parts) if node is not None]
        self._contents = [_copy(node) for node in self._nodes]
        # A sequence copied as a whole would copy its voxels.
        self._items = [(node, [(node.GetNthIndexValue(n), node.GetNthDataNode(n))
                               for n in range(node.GetNumberOfDataNodes())])
                       for node in self._nodes if node.IsA("vtkMRMLSequenceNode")]
        self._selected = [(browser, browser.GetSelectedItemNumber()) for browser in nodes.browsers_of(sequence)]

    def restore(self) -> None:
        """Give every node its content back."""
        with ExitStack() as quiet:
            for node in (*(browser for browser, _ in self._selected), *self._nodes):
                quiet.enter_context(slicer.util.NodeModify(node))
            for node, content in zip(self._nodes, self._contents):
                node.CopyContent(content, not node.IsA("vtkMRMLVolumeNode"))
            for node, items in self._items:
                node.RemoveAllDataNodes()
                for value, item in items:
                    _put_back(node, value, item)
            for browser, number in self._selected:
                browser.SetSelectedItemNumber(number)


def _copy(node):
    content = node.CreateNodeInstance()
    content.CopyContent(node, not node.IsA("vtkMRMLVolumeNode"))
    return content


def _put_back(sequence, value: str, item) -> None:
    if not item.IsA("vtkMRMLVolumeNode"):
        sequence.SetDataNodeAtValue(item, value)
        return
    shell = item.CreateNodeInstance()
    shell.CopyContent(item, False)
    shell.SetAndObserveImageData(None)
    sequence.SetDataNodeAtValue(shell, value).SetAndObserveImageData(item.GetImageData())
