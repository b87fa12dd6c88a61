"""Results of LDCT Denoise as DICOM: which volumes are such results, and what their series say about them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from slicer.i18n import tr as _

from . import dicomexport, provenance, scene


def problem(volume) -> str:
    """Return why ``volume`` cannot be exported, in one sentence, or ""; see :func:`dicomexport.problem`."""
    if volume is None:
        return _("There is no result to export: denoise a volume first.")
    try:
        scene.check_node(volume)
    except ValueError as error:
        return str(error)
    if volume.GetAttribute(scene.CANDIDATE_ATTRIBUTE) is not None:
        text = _("'{name}' is a candidate: export it with DID Interactive.")
    elif "strength" not in provenance.of_node(volume):
        text = _("'{name}' is no result of LDCT Denoise: choose a denoised volume.")
    elif volume.GetAttribute(scene.REMOVED_NOISE_ATTRIBUTE) is not None:
        text = _("'{name}' is what was removed, not an image: choose the denoised volume.")
    else:
        return dicomexport.problem(volume, volume.GetNodeReference(scene.SOURCE_ROLE))
    return text.format(name=volume.GetName())


def export(volume, folder: str | os.PathLike, progress: Callable[[int, int], None] | None = None,
           cancelled: Callable[[], bool] | None = None) -> Path:
    """Write the result ``volume`` as a derived series to ``folder``; see :func:`dicomexport.export`."""
    found = problem(volume)
    if found:
        raise ValueError(found)
    source = volume.GetNodeReference(scene.SOURCE_ROLE)
    return dicomexport.export(volume, source, folder, provenance.of_node(volume), progress, cancelled)
