"""What the tests of candidate sets in the scene have in common."""

from __future__ import annotations

import numpy as np
import pytest
from fakedidengine import FakeDIDEngine

CT = np.array([[-0.8, 0, 0, 150.0], [0, -0.8, 0, 140.0], [0, 0, 5.0, -700.0], [0, 0, 0, 1.0]])


def voxels(dtype="int16", seed=0, shape=(4, 9, 7)):
    values = np.random.default_rng(seed).normal(60, 40, shape) + (1024 if np.dtype(dtype).kind == "u" else 0)
    return values.astype(dtype)


def array_of(volume):
    import slicer

    return slicer.util.arrayFromVolume(volume)


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
def ct(mrml):
    """A small CT in the scene."""
    return mrml.add_volume(voxels(), CT)
