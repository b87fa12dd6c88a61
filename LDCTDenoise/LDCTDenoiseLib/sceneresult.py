"""The result of a run in the scene: which volume may hold it, and how it is written with what was removed."""

from __future__ import annotations

import re

import numpy as np
import slicer
from slicer.i18n import tr as _

from . import scene


def check_output(volume, source) -> None:
    """Raise ValueError when the result of ``source`` cannot be written to ``volume``."""
    if volume is source:
        raise ValueError(_("The output volume is the input '{name}', which must stay as it is: choose another output "
                           "or none.").format(name=source.GetName()))
    scene.check_kind(volume, "output")
    if volume.GetScene() is not source.GetScene():
        raise ValueError(_("The output volume '{name}' is not in the scene of the input: choose another output or "
                           "none.").format(name=volume.GetName()))
    if volume in sources_of(source):
        raise ValueError(_("The output volume '{name}' is what the input '{input}' was made from, which must stay as "
                           "it is: choose another output or none.").format(
            name=volume.GetName(), input=source.GetName()))


def sources_of(volume) -> list:
    """Return what ``volume`` was made from, the nearest first: volumes, and the sequences that they show a part of."""
    found: list = []
    source = _source_of(volume)
    while source is not None and source not in found:
        found.append(source)
        source = _source_of(source)
    return found


def _source_of(node):
    source, browser = node.GetNodeReference(scene.SOURCE_ROLE), scene.browser_of(node)
    if source is None and browser is not None:
        # Of a set of candidates, only the sequence says it.
        source = browser.GetSequenceNode(node).GetNodeReference(scene.SOURCE_ROLE)
    return source


def write_result(source, voxels: np.ndarray, result: np.ndarray, output, provenance: dict[str, str], *,
                 want_noise: bool):
    """Write ``result``, made from the ``voxels`` of ``source``, to the scene; return its volume.

    ``output`` None: the result of an earlier run, or else a new volume. The volume of the removed noise belongs to the
    result's: made by the first run that wants it, and kept true by every later one. An output that was the removed
    noise of other results is that no more. New volumes are taken away again should anything fail.
    """
    if (result.shape, result.dtype) != (voxels.shape, voxels.dtype):
        raise RuntimeError(_("The engine returned {found} voxels of {type} for '{name}', which has {expected} of "
                             "{inputType}.").format(found=result.shape, type=result.dtype, name=source.GetName(),
                                                    expected=voxels.shape, inputType=voxels.dtype))
    added = []

    def add(name: str):
        added.append(scene.add_volume(source, name))
        return added[-1]

    try:
        name = f"{source.GetName()} denoised"
        output = output or find_result(source, name) or add(name)
        noise_volume = output.GetNodeReference(scene.REMOVED_NOISE_ROLE)
        if noise_volume in (None, source, *sources_of(source)):
            noise_volume = add(f"{source.GetName()} removed noise") if want_noise else None
        if noise_volume is not None:
            scene.write_volume(noise_volume, scene.removed_noise(voxels, result), source, provenance)
            noise_volume.SetAttribute(scene.REMOVED_NOISE_ATTRIBUTE, "1")
            scene.show_noise(noise_volume)
        scene.write_volume(output, result, source, provenance)
        output.RemoveAttribute(scene.REMOVED_NOISE_ATTRIBUTE)
        scene.show_like(output, source)
    except BaseException:
        for volume in added:
            source.GetScene().RemoveNode(volume)
        raise
    for volume in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode", source.GetScene()):
        if volume.GetNodeReference(scene.REMOVED_NOISE_ROLE) is output:
            volume.SetNodeReferenceID(scene.REMOVED_NOISE_ROLE, None)
    output.SetNodeReferenceID(scene.REMOVED_NOISE_ROLE, None if noise_volume is None else noise_volume.GetID())
    return output


def find_result(source, name: str, node_class: str = "vtkMRMLScalarVolumeNode"):
    """Return the node called ``name`` (or its unique form, "name_1") that was made from ``source``, or None."""
    pattern = re.compile(re.escape(name) + r"(_\d+)?")
    for node in slicer.util.getNodesByClass(node_class, source.GetScene()):
        if node.GetNodeReference(scene.SOURCE_ROLE) is source and pattern.fullmatch(node.GetName() or ""):
            return node
    return None
