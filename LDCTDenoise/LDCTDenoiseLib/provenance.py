"""What every result says about where it came from, as text under stable names."""

from __future__ import annotations

from . import __version__
from .engine import DenoiseReply

PREFIX = "LDCTDenoise."


def attributes(reply: DenoiseReply, strength: float, source: str) -> dict[str, str]:
    """Return the provenance of ``reply``, made from the volume called ``source``, as names and texts."""
    values = {
        "Model": reply.model,
        "Version": reply.version,
        "WeightsSHA256": reply.weights_sha256,
        # repr: the shortest text that gives the same number back
        "Strength": repr(float(strength)),
        "Device": reply.device,
        "Precision": reply.precision,
        "SourceVolume": source,
        "SoftwareVersion": __version__,
    }
    return {PREFIX + name: value for name, value in values.items()}
