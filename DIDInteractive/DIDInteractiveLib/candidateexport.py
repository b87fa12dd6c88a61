"""Candidates as DICOM: which volumes are candidates, and what their series say about them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from slicer.i18n import tr as _

from LDCTDenoiseLib import dicomexport, provenance
from LDCTDenoiseLib.scene import SOURCE_ROLE

from . import candidatenodes as nodes
from .candidatearguments import check_nodes
from .candidatebetween import SLICE_ATTRIBUTE
from .candidatefacts import PREFIX

_SAID = {
    "method": "Method",
    "kind": "Kind",
    "position": "Position",
    "iteration": "Iteration",
    "interpolation": "Interpolation",
    "noise_sd_hu": "NoiseSD",
    "noise_share": "NoiseShare",
    "edges_kept": "Sharpness",
    "hu_bias": "HUBias",
}


def problem(node) -> str:
    """Return why ``node`` cannot be exported, in one sentence, or "".

    ``node`` is a volume with a candidate, or a set, which stands for the candidate that its browser shows.
    """
    try:
        check_nodes(node)
    except ValueError as error:
        return str(error)
    volume = _volume_of(node)
    if volume is None:
        return _("There is no candidate to export: generate candidates and choose one.")
    kind, sequence = volume.GetAttribute(PREFIX + "Kind"), nodes.set_of(volume)
    if kind is None:
        text = _("'{name}' is no candidate: choose one of a set, or one that was kept.")
    elif sequence is not None and volume not in (*nodes.proxies_of(sequence), _between_of(sequence)):
        text = _("'{name}' is what was removed, not an image: choose a candidate.")
    elif kind == "input":
        text = _("'{name}' shows the untouched input, which is there as DICOM already: choose another candidate.")
    elif volume.GetAttribute(SLICE_ATTRIBUTE) is not None:
        text = _("'{name}' shows this image in one slice only: let the slider rest until the whole volume follows.")
    else:
        return dicomexport.problem(volume, _source_of(volume))
    return text.format(name=volume.GetName())


def export(node, folder: str | os.PathLike, progress: Callable[[int, int], None] | None = None,
           cancelled: Callable[[], bool] | None = None) -> Path:
    """Write a candidate as a derived series to ``folder``; see :func:`problem` and :func:`dicomexport.export`."""
    found = problem(node)
    if found:
        raise ValueError(found)
    volume = _volume_of(node)
    said = {name: volume.GetAttribute(PREFIX + attribute) for name, attribute in _SAID.items()}
    known = {name: text for name, text in said.items() if text is not None}
    made = {"operation": "DID", **provenance.of_node(volume), **known}
    return dicomexport.export(volume, _source_of(volume), folder, made, progress, cancelled)


def _volume_of(node):
    """Return ``node``, or the volume that shows the current candidate where it is a set."""
    return nodes.proxy_of(node) if nodes.is_set(node) else node


def _between_of(sequence):
    return sequence.GetNodeReference(nodes.BETWEEN_ROLE)


def _source_of(volume):
    sequence = nodes.set_of(volume)
    return (volume if sequence is None else sequence).GetNodeReference(SOURCE_ROLE)
