"""Checks of an evaluation: statements about a network that its scores pass or fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .evaluationscores import PatientScore, SliceScore

BIAS_LIMIT_HU = {"soft": 1.0, "lung": 5.0, "bone": 5.0}
HARM_FACTOR = 2.0
"""Where the added SD is at least this many times the target's own noise, a network must not raise the error. Below
that the reference's noise decides: the identity wins there by construction."""
COMPARED_DOSE = 0.25


@dataclass(frozen=True)
class Check:
    """A pass/fail statement about one method; ``worst`` is the worst value seen, ``failures`` where it failed."""

    name: str
    method: str
    compared: int
    worst: float
    failures: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return self.compared > 0 and not self.failures

    @property
    def table_name(self) -> str:
        """The name for a Markdown table, in which a bar of its own would end the cell."""
        return self.name.replace("|", "\\|")


def checks(slices: Sequence[SliceScore], patients: Sequence[PatientScore]) -> list[Check]:
    """All checks for every network, in the order of their appearance."""
    found = []
    for method in dict.fromkeys(p.method for p in patients if p.kind == "network"):
        found.append(_does_no_harm(method, slices))
        found.extend(_has_no_bias(method, tissue, patients) for tissue in BIAS_LIMIT_HU)
        if any(p.condition.dose == COMPARED_DOSE for p in patients):
            found.append(_beats_classical(method, patients))
    return found


def _does_no_harm(method: str, slices: Sequence[SliceScore]) -> Check:
    before = {(s.patient, s.condition, s.slice): s.rmse for s in slices if s.kind == "input"}
    judged = [s for s in slices if s.method == method and s.added_sd >= HARM_FACTOR * s.target_gnl]
    ratios = [s.rmse / before[s.patient, s.condition, s.slice] for s in judged]
    return Check(
        f"no slice made worse where the added SD is at least {HARM_FACTOR:g} x the target's GNL (RMSE ratio)", method,
        len(judged), max(ratios, default=float("nan")),
        [f"{s.patient} slice {s.slice}, {s.condition}: ratio {r:.3f}" for s, r in zip(judged, ratios) if r > 1],
    )


def _has_no_bias(method: str, tissue: str, patients: Sequence[PatientScore]) -> Check:
    limit = BIAS_LIMIT_HU[tissue]
    judged = [p for p in patients if p.method == method and np.isfinite(p.bias[tissue])]
    return Check(
        f"|HU bias| at most {limit:g} in {tissue}", method, len(judged),
        max((abs(p.bias[tissue]) for p in judged), default=float("nan")),
        [f"{p.patient}, {p.condition}: {p.bias[tissue]:+.2f} HU" for p in judged if abs(p.bias[tissue]) > limit],
    )


def _beats_classical(method: str, patients: Sequence[PatientScore]) -> Check:
    judged = [p for p in patients if p.method == method and p.condition.dose == COMPARED_DOSE]
    failures, ratios, compared = [], [], 0
    for own in judged:
        for other in patients:
            if other.kind != "classical" or (other.patient, other.condition) != (own.patient, own.condition):
                continue
            compared += 1
            ratios.append(own.rmse / other.rmse)
            if own.rmse >= other.rmse or own.ssim <= other.ssim:
                failures.append(f"{own.patient}, {own.condition}: {other.label} has RMSE {other.rmse:.2f} and SSIM "
                                f"{other.ssim:.4f}, against {own.rmse:.2f} and {own.ssim:.4f}")
    return Check(f"lower RMSE and higher SSIM than every classical filter at dose {COMPARED_DOSE:g} (RMSE ratio)",
                 method, compared, max(ratios, default=float("nan")), failures)
