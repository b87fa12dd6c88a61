"""The patients of the report and their simulated low dose, kept in the cache."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import numpy as np
from didreport.cache import Cache, digest_of_files
from LDCTDenoiseLib import evaluationcases, fanbeam, kernels, metrics, simulation
from LDCTDenoiseLib.evaluationcases import Case, Condition, Patient, evenly_spaced, load_patients, simulate
from LDCTDenoiseLib.metrics import masks

from .plan import Plan

SEED = 0
CODE = tuple(Path(module.__file__) for module in (evaluationcases, fanbeam, kernels, masks, metrics, simulation))


class Cases:
    """Reads the patients of a plan and gives them noise; every slice of a plan has its noise for good."""

    def __init__(self, data: Path, plan: Plan, cache_: Cache):
        self.data, self.plan, self.cache = data, plan, cache_
        self._code = digest_of_files(CODE)
        self._patients: dict[int, list[Patient]] = {}
        self._available: dict[str, int] = {}
        self.case = cache(self._case)

    def conditions(self) -> list[Condition]:
        """Every track, noise index and dose of the plan, the doses last to change."""
        return [Condition(track, index, dose) for dose in self.plan.doses for track in self.plan.tracks
                for index in self.plan.noise_indices]

    def main_conditions(self) -> list[Condition]:
        """Those at the plan's first dose."""
        return [one for one in self.conditions() if one.dose == self.plan.doses[0]]

    def patients(self, count: int) -> list[Patient]:
        """All patients with ``count`` slices each, or as many as they have; those that are shown come on top.

        Raises VolumeError or ValueError as :func:`LDCTDenoiseLib.evaluationcases.load_patients`.
        """
        if count not in self._patients:
            whole = [p for file in self.plan.files for p in load_patients(self.data / file, 10 ** 6)]
            self._available = {p.name: len(p.slices) for p in whole}
            self._patients[count] = [
                with_slices(p, in_order(len(p.slices), self.plan.first, self._shown(p, count), count)) for p in whole]
        return self._patients[count]

    def _shown(self, patient: Patient, count: int) -> list[int]:
        """Positions of the slices that the plan shows of a patient; only the first dose is shown."""
        numbers = {one.slice for one in self.plan.showcases
                   if one.patient == patient.name and count == self.plan.slices}
        return [position for position, number in enumerate(patient.slices) if number in numbers]

    def patient(self, name: str) -> Patient:
        """The patient of that name with the slices of the plan's first dose. Raises ValueError for an unknown name."""
        for one in self.patients(self.plan.slices):
            if one.name == name:
                return one
        raise ValueError(f"The validation files hold no patient {name!r}.")

    def count_at(self, dose: float) -> int:
        """Slices of each patient at this dose."""
        return self.plan.slices if dose == self.plan.doses[0] else self.plan.other_slices

    def told(self, dose: float) -> str:
        """How many slices of how many patients there are at this dose, and of how many they were taken."""
        patients = self.patients(self.count_at(dose))
        some = [f"{len(p.slices)} of the {self._available[p.name]} of {p.name}" for p in patients
                if len(p.slices) < self._available[p.name]]
        others = [] if len(some) == len(patients) else ["all of the others" if some else "all that there are"]
        return (f"{counted(sum(len(p.slices) for p in patients), 'slice')} of {counted(len(patients), 'patient')} "
                f"({', '.join([*some, *others])})")

    def _case(self, name: str, condition: Condition) -> Case:
        patient = next(p for p in self.patients(self.count_at(condition.dose)) if p.name == name)
        key = {"patient": patient.fingerprint, "condition": asdict(condition), "seed": SEED, "code": self._code}

        def make() -> dict[str, np.ndarray]:
            return {"low_dose": simulate(patient, condition, SEED, "cpu").low_dose}

        low = self.cache.arrays(f"{name} {condition}", key, make)["low_dose"]
        return Case(patient, condition, low, low.astype(np.float32) - patient.reference(condition.track))

    def one_slice(self, name: str, condition: Condition, number: int) -> Case:
        """The case of one slice of a patient, ``number`` being that in the file. Raises ValueError without it."""
        case = self.case(name, condition)
        if number not in case.patient.slices:
            raise ValueError(f"{name} has no slice {number} in this report; it has {case.patient.slices}.")
        at = [case.patient.slices.index(number)]
        return Case(with_slices(case.patient, at), condition, case.low_dose[at], case.noise[at])


def counted(number: int, what: str) -> str:
    """A number of things in words."""
    return f"{number} {what}" + ("s" if number != 1 else "")


def in_order(available: int, first: int, shown: list[int], count: int) -> list[int]:
    """About ``count`` of ``available`` positions, none twice: ``first`` evenly spaced ones as ldct evaluate takes them,
    ``shown``, then of the rest.

    The noise of a slice depends on its place in the list. With those in front, the cases of ldct evaluate are the same.
    """
    front = list(dict.fromkeys([*evenly_spaced(available, first), *shown]))
    rest = [position for position in range(available) if position not in front]
    return list(dict.fromkeys(front + [rest[p] for p in evenly_spaced(len(rest), max(count - len(front), 0))]))


def with_slices(patient: Patient, positions: list[int]) -> Patient:
    """The patient with the slices at these positions only, in this order."""
    return replace(patient, slices=tuple(patient.slices[p] for p in positions), target=patient.target[positions],
                   body=patient.body[positions],
                   padding=None if patient.padding is None else patient.padding[positions],
                   classes={name: mask[positions] for name, mask in patient.classes.items()})
