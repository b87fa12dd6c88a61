"""Scores of an evaluation, per slice and per patient, and the checks that are made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .evaluationcases import Case, Condition
from .evaluationmethods import Method, Output
from .metrics import bias_per_class, psnr, rmse, ssim, vif
from .metrics.masks import TISSUE_HU
from .noiselevel import global_noise_level

TISSUES = tuple(TISSUE_HU)
BIAS_LIMIT_HU = {"soft": 1.0, "lung": 5.0, "bone": 5.0}
HARM_FACTOR = 2.0
"""Where the added SD is at least this many times the target's own noise, a network must not raise the error. Below
that the reference's noise decides: the identity wins there by construction."""
MIN_PIXELS = 200
"""A class with fewer pixels in all slices of a patient has no bias worth stating: noise alone moves its mean."""
COMPARED_DOSE = 0.25
MEANS = ("rmse", "ssim", "psnr", "vif", "gnl")
"""Scores that are averaged over slices and patients."""


@dataclass(frozen=True)
class SliceScore:
    """Scores of one method on one slice, in the patient's body; bias and pixel count for every tissue class."""

    patient: str
    condition: Condition
    slice: int
    method: str
    label: str
    kind: str
    parameter: float | None
    rmse: float
    ssim: float
    psnr: float
    vif: float
    gnl: float
    target_gnl: float
    added_sd: float
    bias: dict[str, float]
    pixels: dict[str, int]


@dataclass(frozen=True)
class PatientScore:
    """Means over the slices of a patient; the bias over all pixels of a class. Costs are None where meaningless."""

    patient: str
    condition: Condition
    method: str
    label: str
    kind: str
    parameter: float | None
    slices: int
    rmse: float
    ssim: float
    psnr: float
    vif: float
    gnl: float
    bias: dict[str, float]
    parameters: int | None
    multiply_adds: int | None
    seconds_per_slice: float


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


def score_slices(case: Case, method: Method, output: Output) -> list[SliceScore]:
    """Judge every slice of a method's output against the patient's reference."""
    patient = case.patient
    scores = []
    for position, number in enumerate(patient.slices):
        image, reference, body = output.array[position], patient.reference[position], patient.body[position]
        classes = {name: mask[position] for name, mask in patient.classes.items()}
        scores.append(SliceScore(
            patient=patient.name, condition=case.condition, slice=number, method=method.key, label=method.label,
            kind=method.kind, parameter=output.parameter, rmse=rmse(image, reference, body),
            ssim=ssim(image, reference, body), psnr=psnr(image, reference, body), vif=vif(image, reference, body),
            gnl=global_noise_level(image, patient.spacing), target_gnl=patient.noise_level[position],
            added_sd=case.added_sd[position], bias=bias_per_class(image, reference, classes),
            pixels={name: int(mask.sum()) for name, mask in classes.items()},
        ))
    return scores


def patient_score(scores: Sequence[SliceScore], method: Method, output: Output) -> PatientScore:
    """Average the slices of one case."""
    first = scores[0]
    means = {name: float(np.mean([getattr(s, name) for s in scores])) for name in MEANS}
    bias = {}
    for tissue in TISSUES:
        pixels = sum(s.pixels[tissue] for s in scores)
        total = sum(s.bias[tissue] * s.pixels[tissue] for s in scores if s.pixels[tissue])
        bias[tissue] = total / pixels if pixels >= MIN_PIXELS else float("nan")
    return PatientScore(
        patient=first.patient, condition=first.condition, method=first.method, label=first.label, kind=first.kind,
        parameter=first.parameter, slices=len(scores), bias=bias, parameters=method.parameters,
        multiply_adds=method.multiply_adds, seconds_per_slice=output.seconds_per_slice, **means,
    )


def checks(slices: Sequence[SliceScore], patients: Sequence[PatientScore]) -> list[Check]:
    """All checks for every network, in the order of their appearance."""
    found = []
    for method in dict.fromkeys(p.method for p in patients if p.kind == "network"):
        found.append(_does_no_harm(method, slices))
        found.extend(_has_no_bias(method, tissue, patients) for tissue in BIAS_LIMIT_HU)
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
