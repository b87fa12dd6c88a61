"""Scores of every slice: those of ``ldct evaluate``, and what only this report asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from didreport.cache import Cache, digest_of_files
from LDCTDenoiseLib.evaluationcases import Case, Condition
from LDCTDenoiseLib.evaluationmethods import LowDose, Method
from LDCTDenoiseLib.evaluationprobe import fingerprint
from LDCTDenoiseLib.metrics import noise_analysis, noiseanalysis, rmse, ssim
from scipy import ndimage

from .cases import SEED, Cases
from .plan import Plan

LOW_DOSE = LowDose()
SMOOTHING_MM = 3.0
"""Before the greatest error of a slice is sought: noise averages out over such a length, a lost structure does not."""
CODE = (Path(__file__), Path(noiseanalysis.__file__))


class Scores:
    """Scores of networks and of the low-dose image, computed once and kept."""

    def __init__(self, cases: Cases, networks: list[Method], plan: Plan, cache: Cache, say: Callable[[str], None]):
        self.cases, self.networks, self.plan, self._cache, self._say = cases, networks, plan, cache, say
        self._code = digest_of_files(CODE)
        self._rows: dict[Condition, list[dict]] = {}

    def methods(self, dose: float) -> list[Method]:
        """The low-dose image and the networks that take part at this dose."""
        main = dose == self.plan.doses[0]
        return [LOW_DOSE, *(n for n in self.networks if main or n.key in self.plan.dose_models)]

    def rows(self, condition: Condition) -> list[dict]:
        """One row for each patient, method and slice, in the order of the file."""
        if condition not in self._rows:
            self._rows[condition] = [
                row for patient in self.cases.patients(self.cases.count_at(condition.dose))
                for method in self.methods(condition.dose) for row in self._scored(patient, condition, method)]
        return self._rows[condition]

    def all_rows(self) -> list[dict]:
        """The rows of every condition."""
        return [row for condition in self.cases.conditions() for row in self.rows(condition)]

    def _scored(self, patient, condition: Condition, method: Method) -> list[dict]:
        key = {"patient": patient.fingerprint, "condition": asdict(condition), "seed": SEED, "code": self._code,
               "method": method.identity, "probe": fingerprint(method, "cpu")}

        def make() -> list[dict]:
            self._say(f"  {patient.name}, {condition}: {method.label}")
            return score_case(self.cases.case(patient.name, condition), method)

        rows = self._cache.data(f"{patient.name} {condition} {method.key}", key, make)
        return sorted(rows, key=lambda row: row["slice"])


def score_case(case: Case, method: Method) -> list[dict]:
    """Scores of a method on every slice of a case, as JSON data.

    RMSE and SSIM inside the body; ``_image``: over all pixels. ``worst_*``: place and size of the greatest error in the
    body after smoothing. Networks also get the seed's noise analysis.
    """
    patient, output = case.patient, method(case)
    rows = []
    for position, (image, reference, low, body) in enumerate(
            zip(output.array, case.reference, case.low_dose, patient.body)):
        row, column, worst = greatest_error(image, reference, body, patient.spacing[1:])
        rows.append({
            **asdict(case.condition), "patient": patient.name, "slice": patient.slices[position], "method": method.key,
            "rmse": rmse(image, reference, body), "ssim": ssim(image, reference, body),
            "rmse_image": rmse(image, reference), "ssim_image": ssim(image, reference),
            "target_gnl": case.target_noise[position], "added_sd": case.added_sd[position],
            "worst_hu": worst, "worst_row": row, "worst_column": column,
            **(asdict(noise_analysis(low, image, reference)) if method.kind == "network" else {})})
    return rows


def greatest_error(image: np.ndarray, reference: np.ndarray, body: np.ndarray, pixel) -> tuple[int, int, float]:
    """Row, column and HU of the greatest smoothed error of a slice inside its body; ``pixel`` in mm."""
    error = ndimage.gaussian_filter(image.astype(np.float64) - reference, [SMOOTHING_MM / p for p in pixel])
    row, column = np.unravel_index(np.where(body, np.abs(error), -1).argmax(), error.shape)
    return int(row), int(column), float(error[row, column])
