"""Lesions of known contrast in one slice, in several noise realisations: CNR, and how much of the contrast is left."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
from didreport.cache import digest_of_files
from LDCTDenoiseLib.evaluationcases import Case, Condition, simulate
from LDCTDenoiseLib.evaluationmethods import Method
from LDCTDenoiseLib.metrics import cnr_did, cnr_seed, contrast as contrast_metrics

from . import lesions
from .cases import CODE, SEED, with_slices
from .context import Context
from .plan import Showcase
from .scoring import LOW_DOSE

OWN_CODE = (Path(__file__), Path(lesions.__file__), Path(contrast_metrics.__file__))
REFERENCE = "NDCT"


def showcase(context: Context) -> Showcase:
    """The showcase that gets the lesions: Figure 5 of the paper."""
    return next(one for one in context.plan.showcases if one.figure == "5")


def lesion_image(context: Context, case: Case) -> np.ndarray:
    """What is added to slices of the case, (J,I) in HU."""
    return lesions.drawn(case.low_dose.shape[1:], case.patient.spacing[1:], context.plan.lesions)


def realisations(context: Context, condition: Condition) -> Case:
    """The slice that gets the lesions, still without them, in as many noise realisations as the plan asks for."""
    one = showcase(context)
    patient = context.cases.patient(one.patient)
    patient = with_slices(patient, [patient.slices.index(one.slice)] * context.plan.lesion_seeds)
    key = {"patient": patient.fingerprint, "condition": asdict(condition), "seed": SEED, "code": digest_of_files(CODE)}
    low = context.cache.arrays(f"lesions {condition}", key,
                               lambda: {"low_dose": simulate(patient, condition, SEED, "cpu").low_dose})["low_dose"]
    return Case(patient, condition, low, low.astype(np.float32) - patient.reference(condition.track))


def lesion_rows(context: Context, condition: Condition) -> list[dict]:
    """One row for every method and lesion: means over realisations, and the standard errors of these means."""
    case = realisations(context, condition)
    found = []
    for method in (LOW_DOSE, *context.networks):
        key = {"patient": case.patient.fingerprint, "condition": asdict(condition), "method": method.identity,
               "lesions": [asdict(one) for one in context.plan.lesions], "code": digest_of_files(CODE + OWN_CODE)}

        def make() -> list[dict]:
            context.say(f"  lesions, {condition}: {method.label}")
            return _measured(context, case, method)

        found += context.cache.data(f"lesions {condition} {method.key}", key, make)
    return found + _reference_rows(context, case)


def _measured(context: Context, case: Case, method: Method) -> list[dict]:
    added = lesion_image(context, case)
    with_lesions = Case(case.patient, case.condition, lesions.inserted(case.low_dose, added), case.noise)
    return _rows(context, case, method.key, method(with_lesions).array, method(case).array)


def _reference_rows(context: Context, case: Case) -> list[dict]:
    """The reference itself: its noise is the same in all realisations."""
    one = case.reference[:1]
    return _rows(context, case, REFERENCE, lesions.inserted(one, lesion_image(context, case)), one)


def _rows(context: Context, case: Case, method: str, images: np.ndarray, without: np.ndarray) -> list[dict]:
    added, pixel = lesion_image(context, case), case.patient.spacing[1:]
    rows = []
    for number, lesion in enumerate(context.plan.lesions):
        inside, around = lesions.regions(added.shape, pixel, lesion, context.plan.lesions)
        values = {
            "cnr_seed": [cnr_seed(one, inside, around) for one in images],
            "cnr_did": [cnr_did(one, inside, around) for one in images],
            "kept": [lesions.kept_contrast(a, b, added, inside, around) for a, b in zip(images, without)],
        }
        spread = {f"{name}_error": float(np.std(v, ddof=1) / np.sqrt(len(v))) if len(v) > 1 else None
                  for name, v in values.items() if name != "cnr_seed"}
        rows.append({**asdict(case.condition), "lesion": number, "contrast_hu": lesion.contrast_hu,
                     "diameter_mm": lesion.diameter_mm, "method": method, "realisations": len(images),
                     "cnr_seed_median": float(np.median(values["cnr_seed"])),
                     "cnr_did": float(np.mean(values["cnr_did"])), "kept": float(np.mean(values["kept"])), **spread})
    return rows
