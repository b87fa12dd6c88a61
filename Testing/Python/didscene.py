"""What the tests of candidate sets in the scene have in common."""

from __future__ import annotations

import pytest
from fakedidengine import FakeDIDEngine
from scenevolumes import CT, array_of, ct, voxels  # noqa: F401  (for the tests; one is a fixture)


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
