"""All numbers of a candidate set as one JSON document: the same beside the files of a folder and in Slicer's scene."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict

from LDCTDenoiseLib import __version__

from .didengine import CandidateReply

FORMAT = 1


def document_of(reply: CandidateReply, source: str, places: Sequence[dict], *, region: dict | None = None,
                default_image: str | None = None, geometry: dict | None = None, acquisition: dict | None = None,
                notes: Sequence[str] = ()) -> dict:
    """Return what is known of a set, ready for JSON: numbers that could not be measured are None.

    Args:
        reply: the candidates, smoothest first.
        source: name of the volume they were made of; no patient's name.
        places: for each candidate where it is kept, {"file": name} or {"index": index value in the sequence}.
        region: the part of the source that they cover, {"slice": [first, last], "row": ..., "column": ...}; None: all.
        default_image: the image or filter of another denoiser that the network was fitted to, if any.
        geometry: of the files; None where the nodes of a scene have it.
        acquisition: how the source was scanned, as far as it says.
        notes: messages besides the reply's.

    Returns:
        A dict with "format", "software_version", "source", "region", "geometry", "acquisition", "model", "version",
        "weights_sha256", "device", "precision", "seconds", "settings", "default_image", "fit" (see
        :class:`.conventional.Fit`), "default" (index of the network's own result), "outcomes", "messages" and
        "candidates": for each its place, its measurements in "words", "tuning_noise_sd_hu" and all fields of
        :class:`.measurement.Measurements`.
    """
    return _without_nan({
        "format": FORMAT, "software_version": __version__, "source": source, "region": region, "geometry": geometry,
        "acquisition": acquisition or {}, "model": reply.model, "version": reply.version,
        "weights_sha256": reply.weights_sha256, "device": reply.device, "precision": reply.precision,
        "seconds": reply.seconds, "settings": asdict(reply.settings), "default_image": default_image, "fit": reply.fit,
        "default": reply.default, "outcomes": dict(reply.outcomes), "messages": [*notes, *reply.messages],
        "candidates": [
            {**place, "words": measured.sentence(), "tuning_noise_sd_hu": candidate.tuning_noise_sd,
             **measured.as_dict()}
            for place, candidate, measured in zip(places, reply.candidates, reply.measurements, strict=True)],
    })


def _without_nan(value):
    if isinstance(value, dict):
        return {key: _without_nan(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
