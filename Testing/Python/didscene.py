"""What the tests of candidate sets in the scene have in common."""

from __future__ import annotations

import pytest
from fakedidengine import FakeDIDEngine
from scenevolumes import CT, array_of, ct, voxels  # noqa: F401  (for the tests; one is a fixture)

PARTS = ("sequence", "mark", "markTable", "browser", "proxy", "secondBrowser", "secondProxy", "table", "points",
         "markSeries", "chart", "facts", "between", "difference")
"""What a set can have, by the names of :func:`everything`."""


def nodes_of_class(*classes):
    """Return the nodes of the scene that are exactly of one of these classes."""
    import slicer

    return [node for name in classes for node in slicer.util.getNodesByClass(name) if node.GetClassName() == name]


@pytest.fixture
def didlogic(mrml):
    """A DIDInteractiveLogic on an engine without a network."""
    import DIDInteractive

    return DIDInteractive.DIDInteractiveLogic(FakeDIDEngine())


@pytest.fixture
def candidates(didlogic, ct):  # noqa: F811
    """Five candidates at -1, -0.5, 0, 0.5 and 1, the default (2) selected."""
    return didlogic.generateCandidates(ct, count=5)


def column(table, name):
    """The values of a column of a table node."""
    import slicer

    return slicer.util.arrayFromTableColumn(table, name)


def everything(logic, sequence):
    """Make all that a set can have; return its nodes by name."""
    from DIDInteractiveLib import candidatenodes as nodes

    second = logic.compareCandidates(sequence)
    marks = sequence.GetNodeReference(nodes.MARK_ROLE)
    return {
        "sequence": sequence, "mark": marks, "markTable": logic.browser(sequence).GetProxyNode(marks),
        "browser": logic.browser(sequence), "proxy": logic.proxyVolume(sequence), "secondBrowser": second,
        "secondProxy": second.GetProxyNode(sequence), "table": logic.table(sequence),
        "points": sequence.GetNodeReference(nodes.POINTS_ROLE),
        "markSeries": sequence.GetNodeReference(nodes.MARK_SERIES_ROLE), "chart": logic.chart(sequence),
        "facts": sequence.GetNodeReference(nodes.FACTS_ROLE), "between": logic.candidateAt(sequence, 0.3),
        "difference": logic.differenceToInput(sequence)}
