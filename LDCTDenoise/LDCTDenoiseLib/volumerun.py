"""One volume of the scene: what to ask the engine, and how its reply becomes the result."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

from slicer.i18n import tr as _

from . import provenance, scene, sceneresult
from .engine import DenoiseReply, DenoiseRequest, Progress


def prepare(source, output, want_noise: bool, tell: Callable[[tuple[str, ...], float | None], None],
            progress: Progress | None = None,
            **options) -> tuple[DenoiseRequest, Callable[[DenoiseReply], Any], Progress]:
    """Return the request, what imports its reply (it returns the volume), and what is to be called with progress.

    Args:
        source: the volume to denoise; output: the one to write to, or None for a new one.
        want_noise: also make a volume of what was removed.
        tell: receives what :func:`said` returns.
        progress: called with progress as long as the volumes are there.
        options: of the request (model, strength, device, precision).

    Raises ValueError for volumes or a strength that cannot be used.
    """
    # A copy: whatever happens in the scene during the run, the engine works on one state of the voxels.
    voxels = scene.check_input(source).copy()
    if output is not None:
        sceneresult.check_output(output, source)
    options["strength"] = checked_strength(options["strength"])
    for warning in scene.input_warnings(source):
        logging.warning(warning)
    request = DenoiseRequest(voxels, spacing=source.GetSpacing()[::-1], **options)

    def check_nodes() -> None:
        scene.check_still_there(source)
        if output is not None:
            scene.check_still_there(output)

    def on_progress(done: int, total: int, remaining: float) -> None:
        check_nodes()  # without them there is no point in going on
        if progress is not None:
            progress(done, total, remaining)

    def import_reply(reply: DenoiseReply):
        tell(*said([reply]))
        check_nodes()
        scene.check_unchanged(source, voxels)
        made = provenance.attributes(reply, options["strength"], source.GetName())
        return sceneresult.write_result(source, voxels, reply.array, output, made, want_noise=want_noise)

    return request, import_reply, on_progress


def said(replies: Sequence[DenoiseReply]) -> tuple[tuple[str, ...], float | None]:
    """Return the engine's messages, and the seconds that its network worked; None where that had nothing to do."""
    messages = tuple(dict.fromkeys(message for reply in replies for message in reply.messages))
    worked = all(reply.effective_strength > 0 for reply in replies)
    return messages, sum(reply.seconds for reply in replies) if worked else None


def checked_strength(strength: float) -> float:
    """Return ``strength`` as Python's own float, which a worker can be told; ValueError unless it is from 0 to 1."""
    if not isinstance(strength, Real) or not 0.0 <= strength <= 1.0:
        raise ValueError(_("The strength is {strength}: choose a number from 0 (no change) to 1 (all of it).").format(
            strength=repr(strength)))
    return float(strength)
