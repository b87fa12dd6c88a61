"""Scores of an evaluation, per slice and per patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from .evaluationcases import Case, Condition
from .evaluationmethods import Method, Output
from .metrics import bias_per_class, psnr, rmse, ssim, vif
from .metrics.masks import TISSUE_HU
from .noiselevel import global_noise_level

TISSUES = tuple(TISSUE_HU)
MIN_PIXELS = 200
"""A class with fewer pixels in all slices of a patient has no bias worth stating: noise alone moves its mean."""
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


def score(case: Case, method: Method) -> tuple[list[SliceScore], PatientScore]:
    """Let a method denoise a case and judge what comes out."""
    output = method(case)
    slices = score_slices(case, method, output)
    return slices, patient_score(slices, method, output)


def score_slices(case: Case, method: Method, output: Output) -> list[SliceScore]:
    """Judge every slice of a method's output against the patient's reference."""
    patient = case.patient
    scores = []
    for position, number in enumerate(patient.slices):
        image, reference, body = output.array[position], case.reference[position], patient.body[position]
        classes = {name: mask[position] for name, mask in patient.classes.items()}
        scores.append(SliceScore(
            patient=patient.name, condition=case.condition, slice=number, method=method.key, label=method.label,
            kind=method.kind, parameter=output.parameter, rmse=rmse(image, reference, body),
            ssim=ssim(image, reference, body), psnr=psnr(image, reference, body), vif=vif(image, reference, body),
            gnl=global_noise_level(image, patient.spacing), target_gnl=case.target_noise[position],
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


def as_data(slices: Sequence[SliceScore], patient: PatientScore) -> dict:
    """The scores of one method on one case as JSON data."""
    return {"slices": [asdict(s) for s in slices], "patient": asdict(patient)}


def from_data(data: dict) -> tuple[list[SliceScore], PatientScore]:
    """The scores that :func:`as_data` was given."""
    slices = [SliceScore(**{**s, "condition": Condition(**s["condition"])}) for s in data["slices"]]
    patient = data["patient"]
    return slices, PatientScore(**{**patient, "condition": Condition(**patient["condition"])})
