"""The ways to make candidates that are compared with blending."""

from __future__ import annotations

from DIDInteractiveLib.settings import CandidateSettings

BLEND = CandidateSettings("blend", 31)


def methods(count: int) -> dict[str, CandidateSettings]:
    """What is compared with blending; the default method first."""
    return {"did-ordered": CandidateSettings("did-ordered", count), "did": CandidateSettings("did", count),
            "did, gains": CandidateSettings("did", count, tuned="gains"),
            "weights interpolated": CandidateSettings("interpolate", count)}
