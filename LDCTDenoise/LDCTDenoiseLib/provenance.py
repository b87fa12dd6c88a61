"""What every result says about where it came from."""

from __future__ import annotations

from collections.abc import Mapping

from . import __version__
from .engine import DenoiseReply

PREFIX = "LDCTDenoise."
_ATTRIBUTES = {
    "model": "Model",
    "version": "Version",
    "weights_sha256": "WeightsSHA256",
    "strength": "Strength",
    "effective_strength": "EffectiveStrength",
    "device": "Device",
    "precision": "Precision",
    "source": "SourceVolume",
    "software_version": "SoftwareVersion",
}


def record(reply: DenoiseReply, strength: float, source: str) -> dict[str, str | float]:
    """Return the provenance of ``reply``, made from the volume called ``source``, for files.

    ``strength`` is what was asked for; the reply's effective strength is less where the input held hardly any noise.
    """
    return {
        "model": reply.model,
        "version": reply.version,
        "weights_sha256": reply.weights_sha256,
        "strength": float(strength),
        "effective_strength": float(reply.effective_strength),
        "device": reply.device,
        "precision": reply.precision,
        "source": source,
        "software_version": __version__,
    }


def attributes(reply: DenoiseReply, strength: float, source: str) -> dict[str, str]:
    """Return the same as names and texts, for the attributes of a node."""
    # str of a float is the shortest text that gives the same number back
    return {PREFIX + _ATTRIBUTES[name]: str(value) for name, value in record(reply, strength, source).items()}


def denoised_before(said: Mapping[str, object]) -> str | None:
    """Return a warning when a volume of which this is said is a network's result, or None.

    ``said``: names and values as of :func:`record`; a part of them may be missing.
    """
    unchanged = said.get("kind") == "input" or str(said.get("effective_strength")) in ("0", "0.0")
    if unchanged or not said.get("model"):
        return None
    name = " ".join(str(said[key]) for key in ("model", "version") if said.get(key))
    return f"The input was denoised already, by {name}. Use the original scan, unless it is meant to be denoised twice."


def of_node(node) -> dict[str, str]:
    """Return what the attributes of ``node`` say, under the names of :func:`record`; a part of them may be missing."""
    said = {name: node.GetAttribute(PREFIX + attribute) for name, attribute in _ATTRIBUTES.items()}
    return {name: text for name, text in said.items() if text is not None}
