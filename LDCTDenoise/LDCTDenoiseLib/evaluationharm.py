"""Do no harm: what a network must not do to a scan at full dose, nor to phantoms whose truth is known.

Every network is put to three kinds of tasks:

- the patients' slices at full dose, nothing added: the noise level must not rise, CT numbers must not shift;
- rods in water at full dose: resolution at several contrasts (TTF50; AAPM TG-233, doi:10.37206/186), noise, CT numbers;
- noise-free phantoms at full and lower doses: the distance to the truth must not grow.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np
from scipy import ndimage

from .evaluationcases import Patient
from .evaluationchecks import BIAS_LIMIT_HU, Check
from .evaluationphantoms import PHANTOMS, Phantom, PhantomScanner, Rod, rods_in_water
from .evaluationscores import MIN_PIXELS
from .kernels import Kernel
from .metrics import rmse, task_transfer_function
from .noiselevel import global_noise_level

BOOTSTRAPS = 200
CONFIDENCE = 0.95
SOFT_CONTRAST_HU = 100.0
"""Rods of at most this contrast are soft tissue; those beyond are judged by the wider limit of lung and bone."""
EDGE_MM = 4.0
"""Means inside and between rods keep this distance from their edges, where blur and denoising change them by nature."""
TASKS_VERSION = 1
"""To be raised with every change of what the tasks measure: finished findings are filed under it."""


class Network(Protocol):
    """A network under its name."""

    key: str
    identity: dict

    def denoise(self, array: np.ndarray, spacing, padding: np.ndarray | None = None) -> np.ndarray:
        """Denoise slices (K,J,I) in HU; ``spacing`` is (slice, row, column) in mm."""


@dataclass(frozen=True)
class Rule:
    """What is measured, and what it has to be: "at least" or "at most" ``limit``, or "within" +/- ``limit``."""

    name: str
    sense: str
    limit: float

    def holds(self, value: float) -> bool:
        """Whether a value keeps the rule; one that could not be measured does not."""
        if self.sense == "at least":
            return value >= self.limit
        return (abs(value) if self.sense == "within" else value) <= self.limit

    def worst(self, values: Sequence[float]) -> float:
        """The value nearest to breaking the rule, or farthest beyond; NaN without values or with one that is NaN."""
        values = np.array(values)
        if len(values) == 0 or np.isnan(values).any():
            return float("nan")
        return float(values[{"at least": values, "at most": -values, "within": -np.abs(values)}[self.sense].argmin()])


RULES = {
    "patient noise": Rule("full dose, patients: noise level never rises (GNL ratio)", "at most", 1.0),
    **{f"patient bias {t}": Rule(f"full dose, patients: |HU bias| at most {limit:g} in {t}", "within", limit)
       for t, limit in BIAS_LIMIT_HU.items()},
    "rod resolution": Rule("full dose, rods: TTF50 at least 0.95 of the input's (ratio)", "at least", 0.95),
    "rod noise": Rule("full dose, rods: noise level never rises (GNL ratio)", "at most", 1.0),
    "rod bias soft": Rule("full dose, rods: |HU bias| at most 1 in water and rods of up to 100 HU", "within", 1.0),
    "rod bias hard": Rule("full dose, rods: |HU bias| at most 5 in the rods of lung and bone", "within", 5.0),
    "clean phantom": Rule("noise-free phantoms, full dose: RMSE stays 0 (HU)", "at most", 0.0),
    "noisy phantom": Rule("noise-free phantoms, lower doses: RMSE never rises (ratio)", "at most", 1.0),
}


@dataclass(frozen=True)
class Finding:
    """One measured value under a key of :data:`RULES`, with its confidence interval where realisations give one."""

    rule: str
    case: str
    value: float
    low: float | None = None
    high: float | None = None

    @property
    def passed(self) -> bool:
        return RULES[self.rule].holds(self.value)


@dataclass(frozen=True)
class HarmPlan:
    """Phantom scans: ``noise_indices`` in HU at full dose, ``pairs`` of realisations of which one is the other's
    negative, images of ``size`` x ``size`` pixels of ``pixel`` mm.

    Such pairs cancel whatever a network does in proportion to the noise, so that a few of them show what it does to
    the edges; the noise has no skewness worth the name, so the negative is as likely as the noise itself.
    """

    kernels: tuple[Kernel, ...] = (Kernel(0.49, 4.0), Kernel(0.65, 4.0))
    noise_indices: tuple[float, ...] = (10.0, 30.0)
    doses: tuple[float, ...] = (0.5, 0.25, 0.125, 0.0625)
    pairs: int = 12
    size: int = 320
    pixel: float = 0.7
    seed: int = 0


@dataclass(frozen=True)
class Task:
    """A piece of work for every network; ``key`` is JSON data on which its findings depend besides the network."""

    title: str
    key: dict
    run: Callable[[Network], list[Finding]]


def harm_tasks(patients: Sequence[Patient], tracks: Sequence[str], plan: HarmPlan, device: str) -> Iterator[Task]:
    """All tasks; phantoms are scanned when the first network asks for it."""
    for patient, track in itertools.product(patients, tracks):
        key = {"version": TASKS_VERSION, "patient": patient.fingerprint, "track": track}
        yield Task(f"{patient.name} {track} full dose", key,
                   functools.partial(_judge_patient, patient, track))
    common = {"version": TASKS_VERSION, "size": plan.size, "pixel": plan.pixel, "seed": plan.seed, "device": device}
    for kernel in plan.kernels:
        scanned = functools.cache(functools.partial(_scanner, rods_in_water, kernel, plan, device))
        for noise_index in plan.noise_indices:
            key = {**common, "kernel": asdict(kernel), "noise_index": noise_index, "pairs": plan.pairs}
            noise = functools.cache(functools.partial(_full_dose_noise, scanned, noise_index, plan))
            yield Task(f"rods {_name(kernel)} NI {noise_index:g}", key,
                       functools.partial(_judge_rods, scanned, noise, noise_index))
        for make in PHANTOMS:
            scanned = functools.cache(functools.partial(_scanner, make, kernel, plan, device))
            noise = functools.cache(functools.partial(_lower_dose_noise, scanned, plan))
            key = {**common, "kernel": asdict(kernel), "phantom": make.__name__, "doses": plan.doses,
                   "noise_indices": plan.noise_indices}
            yield Task(f"phantom {make.__name__} {_name(kernel)}", key, functools.partial(_judge_truth, scanned, noise))


def harm_checks(method: str, findings: Sequence[Finding]) -> list[Check]:
    """One check for every rule; a rule without findings does not pass."""
    found = []
    for key, rule in RULES.items():
        own = [f for f in findings if f.rule == key]
        found.append(Check(rule.name, method, len(own), rule.worst([f.value for f in own]),
                           [f"{f.case}: {f.value:.4g}" for f in own if not f.passed]))
    return found


def _scanner(make, kernel: Kernel, plan: HarmPlan, device: str) -> PhantomScanner:
    return PhantomScanner(make(kernel, plan.size, plan.pixel), device)


def _full_dose_noise(scanned, noise_index: float, plan: HarmPlan) -> np.ndarray:
    return scanned().noise(noise_index, 0.5, range(plan.seed, plan.seed + plan.pairs))


def _lower_dose_noise(scanned, plan: HarmPlan) -> dict[tuple[float, float], np.ndarray]:
    return {(noise_index, dose): scanned().noise(noise_index, dose, [plan.seed + number])
            for number, (noise_index, dose) in enumerate(itertools.product(plan.noise_indices, plan.doses))}


def _judge_patient(patient: Patient, track: str, network: Network) -> list[Finding]:
    target = patient.reference(track)
    output = network.denoise(target, patient.spacing, patient.padding)
    case = f"{patient.name}, {track}"
    findings = [
        Finding("patient noise", f"{case}, slice {number}", _ratio(global_noise_level(image, patient.spacing), before))
        for number, image, before in zip(patient.slices, output, patient.target_noise[track])]
    difference = output.astype(np.float64) - target
    for tissue in BIAS_LIMIT_HU:
        mask = patient.classes[tissue]
        if np.count_nonzero(mask) >= MIN_PIXELS:
            findings.append(Finding(f"patient bias {tissue}", case, float(difference[mask].mean())))
    return findings


def _judge_rods(scanned, noise, noise_index: float, network: Network) -> list[Finding]:
    scanner = scanned()
    phantom = scanner.phantom
    inputs = np.concatenate([scanner.scan(noise()), scanner.scan(-noise())])
    outputs = network.denoise(inputs, phantom.spacing)
    case = f"kernel {_name(phantom.kernel)}, NI {noise_index:g} HU"
    findings = [Finding("rod noise", f"{case}, scan {number}",
                        _ratio(global_noise_level(after, phantom.spacing), global_noise_level(before, phantom.spacing)))
                for number, (before, after) in enumerate(zip(inputs, outputs), 1)]
    pairs = len(outputs) // 2
    means = 0.5 * (outputs[:pairs] + outputs[pairs:])
    # Clipping below -1024 HU belongs to the input.
    shift = (means - 0.5 * (inputs[:pairs] + inputs[pairs:])).mean(axis=0, dtype=np.float64)
    for contrast, mask in _uniform_parts(phantom):
        kind = "soft" if abs(contrast) <= SOFT_CONTRAST_HU else "hard"
        findings.append(Finding(f"rod bias {kind}", f"{case}, contrast {contrast:+g} HU", float(shift[mask].mean())))
    for rod in phantom.rods:
        ratio, low, high = _resolution_kept(phantom, rod, means)
        findings.append(Finding("rod resolution", f"{case}, contrast {rod.contrast:+g} HU", ratio, low, high))
    return findings


def _judge_truth(scanned, noise, network: Network) -> list[Finding]:
    scanner = scanned()
    phantom = scanner.phantom
    case = f"{phantom.name}, kernel {_name(phantom.kernel)}"
    clean = network.denoise(phantom.image[None], phantom.spacing)[0]
    findings = [Finding("clean phantom", case, rmse(clean, phantom.image, phantom.body))]
    for (noise_index, dose), added in noise().items():
        scan = scanner.scan(added)
        output = network.denoise(scan, phantom.spacing)[0]
        ratio = _ratio(rmse(output, phantom.image, phantom.body), rmse(scan[0], phantom.image, phantom.body))
        findings.append(Finding("noisy phantom", f"{case}, NI {noise_index:g} HU, dose {dose:g}", ratio))
    return findings


def _uniform_parts(phantom: Phantom) -> Iterator[tuple[float, np.ndarray]]:
    """Contrast to water and mask of the water (contrast 0) and of every rod, away from all edges."""
    water = ndimage.binary_erosion(phantom.body, iterations=round(EDGE_MM / phantom.pixel))
    for rod in phantom.rods:
        distance = phantom.distance(rod.centre)
        water &= distance > rod.radius_mm + EDGE_MM
        yield rod.contrast, distance < rod.radius_mm - EDGE_MM
    yield 0.0, water


def _resolution_kept(phantom: Phantom, rod: Rod, means: np.ndarray) -> tuple[float, float, float]:
    """TTF50 of the mean of ``means`` (n, J, I) relative to the phantom's own, and its bootstrap confidence interval.

    A TTF50 that cannot be found counts as 0: the transfer never reached half, or the rod is gone.
    """
    reach = round(2 * rod.radius_mm / phantom.pixel)
    corner = [int(c) - reach for c in rod.centre]
    window = tuple(slice(c, c + 2 * reach + 2) for c in corner)
    centre = [c - first for c, first in zip(rod.centre, corner)]

    def ttf50(image: np.ndarray) -> float:
        try:
            found = task_transfer_function(image, centre, rod.radius_mm, phantom.spacing).frequency_at(0.5)
        except ValueError:
            return 0.0
        return float(np.nan_to_num(found))

    before = ttf50(phantom.image[window])
    parts = means[(slice(None), *window)].astype(np.float64)
    random = np.random.default_rng(0)
    resampled = [ttf50(parts[random.integers(len(parts), size=len(parts))].mean(axis=0)) for _ in range(BOOTSTRAPS)]
    low, high = np.quantile(resampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]) / before
    return ttf50(parts.mean(axis=0)) / before, float(low), float(high)


def _ratio(after: float, before: float) -> float:
    """after / before; two images without any noise have the same."""
    if before == 0:
        return 1.0 if after == 0 else float("inf")
    return after / before


def _name(kernel: Kernel) -> str:
    return f"{kernel.f50:g}/mm"
