"""Small volumes in the scene, and what they hold, for tests of both modules."""

from __future__ import annotations

import numpy as np
import pytest

CT = np.array([[-0.8, 0, 0, 150.0], [0, -0.8, 0, 140.0], [0, 0, 5.0, -700.0], [0, 0, 0, 1.0]])
OBLIQUE = np.array([[0.6, -0.48, 0.8832, -110.0], [0.64, 0.45, -0.828, 35.5], [0, 0.46, 1.7316, 812.25], [0, 0, 0, 1]])
"""Rotated about two axes, pixels that are not square, slices 2.1 mm apart."""
LEFT_HANDED = np.diag([-0.7, -0.7, -2.5, 1.0])


def voxels(dtype="int16", seed=0, shape=(4, 9, 7)) -> np.ndarray:
    """Noise around 60 HU, and 1024 more where the type has no sign."""
    values = np.random.default_rng(seed).normal(60, 40, shape) + (1024 if np.dtype(dtype).kind == "u" else 0)
    return values.astype(dtype)


def array_of(volume) -> np.ndarray:
    """The voxels themselves, not a copy."""
    import slicer

    return slicer.util.arrayFromVolume(volume)


def affine_of(volume) -> np.ndarray:
    """The matrix from voxel indices (i, j, k, 1) to mm, without the parent transform."""
    import slicer
    import vtk

    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


@pytest.fixture
def ct(mrml):
    """A small CT in the scene."""
    return mrml.add_volume(voxels(), CT)
