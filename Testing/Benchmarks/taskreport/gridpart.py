"""Generalisation: dose x kernel x pixel size x anatomy."""

from __future__ import annotations

import functools
import math

import numpy as np
from didreport.cache import digest_of_arrays
from didreport.tables import table, text, write_csv, write_page
from LDCTDenoiseLib.evaluationchecks import BIAS_LIMIT_HU, HARM_FACTOR
from LDCTDenoiseLib.evaluationscores import MIN_PIXELS
from LDCTDenoiseLib.metrics import rmse
from LDCTDenoiseLib.noiselevel import global_noise_level
from LDCTDenoiseLib.simulation import SliceSimulator, body_centre

from . import rescan
from .context import Context
from .drawing import draw_grid
from .methods import Method, Scans
from .plan import KERNELS, Anatomy
from .statistics import Aim, Estimate, beyond_words

BROKEN = {"e": "error", "n": "noise", **{tissue[0]: tissue for tissue in BIAS_LIMIT_HU}}
"""Letters of what a cell breaks: RMSE, noise level, CT numbers of soft tissue, lung, bone."""


def write_grid(context: Context) -> list[Aim]:
    """Write grid.md, grid.csv and grid.png, and return the aims."""
    rows = []
    for anatomy in context.plan.anatomies:
        for pixel in context.plan.pixels:
            for name, images in _scans(context, anatomy, pixel).items():
                patient = rescan.as_patient(anatomy.name, images[0], pixel, KERNELS[name])
                for method in context.leading:
                    denoised, _ = context.denoised(f"grid {anatomy.name} {name} {pixel:g} mm",
                                                   Scans(images, patient.spacing), method)
                    rows += cell_rows(context, patient, name, method, images, denoised)
    write_csv(context.output / "grid.csv", rows)
    draw_grid(context.output / "grid.png", rows)
    write_page(context.output / "grid.md", _page(context, rows))
    return [aim for method in context.leading for aim in rule_aims(rows, method.label)]


def _scans(context: Context, anatomy: Anatomy, pixel: float) -> dict[str, np.ndarray]:
    """For every kernel a stack (1 + doses, J, I) int16: the slice as it is, then at lower and lower doses."""
    plan = context.plan
    patient = context.patient(anatomy)
    key = {"slice": digest_of_arrays(patient.target), "spacing": list(patient.spacing), "pixel": pixel,
           "doses": plan.doses, "side": plan.grid_side, "kernels": str(KERNELS),
           "own": [patient.kernel.f50, patient.kernel.power], "side_mm": plan.grid_side * pixel}

    @functools.cache
    def whole() -> np.ndarray:
        return rescan.filled(patient)

    def make() -> dict[str, np.ndarray]:
        shape, spacing = (plan.grid_side,) * 2, (pixel, pixel)
        targets = {name: rescan.stored(rescan.zoomed(
            rescan.with_kernel(whole(), patient.spacing[1:], patient.kernel, kernel), patient.spacing[1:], pixel,
            plan.grid_side)) for name, kernel in KERNELS.items()}
        # Rays see the patient, not the kernel; one projection serves all.
        integrals = SliceSimulator(shape, spacing, None).line_integrals(targets["standard"][None].astype(np.float32))
        made = {}
        for name, kernel in KERNELS.items():
            simulator = SliceSimulator(shape, spacing, kernel)
            level = global_noise_level(targets[name], (1.0, *spacing))
            photons = simulator.full_dose_photons(integrals, [body_centre(targets[name], spacing)], level)
            stack = [targets[name]]
            for seed, dose in enumerate(plan.doses):
                stack.append(rescan.stored(
                    targets[name] + simulator.added_noise(integrals, photons, dose, [seed])[0].numpy()))
            made[name] = np.stack(stack)
        return made

    return context.simulated(f"grid {anatomy.name} {pixel:g} mm", key, "rescan.py", make)


def cell_rows(context: Context, patient, kernel: str, method: Method, images: np.ndarray, denoised: np.ndarray
              ) -> list[dict]:
    """What is judged of ``denoised`` at every dose, and letters of what it breaks; ``images`` as of ``_scans``."""
    target, body = images[0], patient.body[0]
    level = global_noise_level(target, patient.spacing)
    rows = []
    for dose, low, image in zip((1.0, *context.plan.doses), images, denoised):
        row = {"anatomy": patient.name, "kernel": kernel, "pixel_mm": patient.spacing[1], "dose": dose,
               "method": method.label, "target_gnl_hu": level, "added_hu": level * math.sqrt(1 / dose - 1)}
        row["ratio"] = rmse(image, target, body) / rmse(low, target, body) if dose < 1 else math.nan
        row["noise_ratio"] = rescan.noise_ratio(image, low, patient.spacing, patient.classes["soft"][0])
        broken = "e" if row["added_hu"] >= HARM_FACTOR * level and row["ratio"] > 1 else ""
        broken += "n" if row["noise_ratio"] > 1 else ""
        for tissue in patient.classes:
            mask = patient.classes[tissue][0]
            enough = np.count_nonzero(mask) >= MIN_PIXELS
            row[f"shift_{tissue}_hu"] = float(np.mean(image[mask] - low[mask].astype(float))) if enough else math.nan
            row[f"bias_{tissue}_hu"] = float(np.mean(image[mask] - target[mask].astype(float))) if enough else math.nan
            if tissue in BIAS_LIMIT_HU and abs(row[f"shift_{tissue}_hu"]) > BIAS_LIMIT_HU[tissue]:
                broken += tissue[0]
        rows.append({**row, "broken": broken})
    return rows


def _worst(rows: list[dict], name: str, limit: float) -> tuple[Estimate, str]:
    """The value farthest from none, how many are beyond the limit, and its cell."""
    known = [r for r in rows if math.isfinite(r[name])]
    if not known:
        places = ", ".join(dict.fromkeys(r["anatomy"] for r in rows))
        return Estimate(math.nan), f"nothing to judge in {places or 'any cell'}"
    worst = max(known, key=lambda r: abs(r[name]))
    return Estimate(worst[name]), beyond_words([r[name] for r in known], limit, " cells") + _cell_name(worst)


def _cell_name(row: dict) -> str:
    return f"{row['anatomy']}, {row['kernel']}, {round(row['pixel_mm'], 2):g} mm, dose {row['dose']:g}"


def above_input(rows: list[dict]) -> str:
    """How many cells below full dose are farther from the target than their input, and how far the worst is."""
    known = [r for r in rows if math.isfinite(r["ratio"])]
    worst = max(known, key=lambda r: r["ratio"])
    return f"{sum(r['ratio'] > 1 for r in known)} of {len(known)}, worst {worst['ratio']:.3f}: {_cell_name(worst)}"


def rule_aims(rows: list[dict], method: str, anatomy: str | None = None) -> list[Aim]:
    """The do-no-harm rules on the worst cell of one method, or on its worst one in ``anatomy``.

    How many cells are above their input is told of all of the method's cells in either case.
    """
    every = [r for r in rows if r["method"] == method]
    own = [r for r in every if anatomy in (None, r["anatomy"])]
    judged = [r for r in own if r["added_hu"] >= HARM_FACTOR * r["target_gnl_hu"]]
    error, where = _worst(judged, "ratio", 1.0)
    noise, place = _worst(own, "noise_ratio", 1.0)
    found = [Aim("grid", f"RMSE never rises where the added noise is at least {HARM_FACTOR:g} x the target's", method,
                 f"{where}; above 1 at any dose: {above_input(every)}", "at most", 1.0, error),
             Aim("grid", "noise level never rises, full dose to 1/16", method, place, "at most", 1.0, noise)]
    for tissue, limit in BIAS_LIMIT_HU.items():
        value, where = _worst(own, f"shift_{tissue}_hu", limit)
        found.append(Aim("grid", f"HU shift of {tissue}, full dose to 1/16", method, where, "within", limit, value))
    return found


def verdict_table(rows: list[dict]) -> list[str]:
    """A table of how many cells of each method break nothing, and how many break what; ``rows`` as of ``cell_rows``."""
    body = []
    for method in dict.fromkeys(r["method"] for r in rows):
        own = [r for r in rows if r["method"] == method]
        counts = [str(sum(letter in r["broken"] for r in own)) for letter in BROKEN]
        body.append([method, f"{sum(not r['broken'] for r in own)} of {len(own)}", *counts, above_input(own)])
    return table(["method", "cells that break nothing", *(f"{name} ({letter})" for letter, name in BROKEN.items()),
                  "RMSE above the input's, at any dose"], body)


def _page(context: Context, rows: list[dict]) -> list[str]:
    plan = context.plan
    kernels = ", ".join(f"{name} (half the amplitude at {k.f50:g}/mm, power {k.power:g})"
                        for name, k in KERNELS.items())
    cells = len({(r["anatomy"], r["kernel"], r["pixel_mm"], r["dose"]) for r in rows})
    lines = [
        "# Dose, kernel, pixel size and anatomy", "",
        f"{cells} cells of one slice each: {', '.join(a.name for a in plan.anatomies)}; kernels {kernels}; pixels of "
        f"{', '.join(f'{p:g}' for p in plan.pixels)} mm; doses 1, {', '.join(f'{d:g}' for d in plan.doses)}. A slice "
        "is filtered from its own kernel to the cell's, noise and structure alike (gain at most 5), and the "
        f"{plan.grid_side} x {plan.grid_side} pixels in the middle of the body are sampled from it without averaging, "
        "as a zoomed reconstruction does; anatomy beyond them goes on for 50 mm in the simulation. The noise index is "
        "the target's own noise level, so that the target is the full dose: at half the dose the noise added equals "
        "the target's, and there the identity has the advantage in RMSE.", "",
        "Letters mark what a cell breaks: e RMSE above the low dose's (judged where the added noise is at least "
        f"{HARM_FACTOR:g} x the target's), n noise above the input's (median SD in 7 mm windows of soft tissue), and a "
        f"mean shift between input and output beyond {BIAS_LIMIT_HU['soft']:g} HU in soft tissue (s) or "
        f"{BIAS_LIMIT_HU['lung']:g} HU in lung (l) and bone (b). At full dose there is no RMSE, as nothing is known "
        "that is better than the input. In the figure a ratio above 1 is printed wherever it occurs.", "",
        context.leading_words(), "",
        "![RMSE relative to the low dose](grid.png)", "", "## Verdict", "", *verdict_table(rows),
        "The last column counts every cell below full dose, also those that the letter e exempts because little "
        "noise was added.", ""]
    for axis, title in (("dose", "dose"), ("kernel", "kernel"), ("pixel_mm", "pixel, mm"), ("anatomy", "anatomy")):
        places = list(dict.fromkeys(r[axis] for r in rows))
        body = []
        for method in dict.fromkeys(r["method"] for r in rows):
            cells = []
            for place in places:
                own = [r for r in rows if r["method"] == method and r[axis] == place]
                ratios = [r["ratio"] for r in own if math.isfinite(r["ratio"])]
                worst = max(abs(r["shift_soft_hu"]) for r in own if math.isfinite(r["shift_soft_hu"]))
                mean = text(float(np.mean(ratios)), 3) if ratios else "-"
                cells.append(f"{mean}; {text(worst, 2)}; {sum(bool(r['broken']) for r in own)}")
            body.append([method, *cells])
        lines += [f"## By {title}", "",
                  "Mean RMSE ratio; largest shift of soft tissue in HU; cells that break something.", "",
                  *table(["method", *(f"{p:g}" if isinstance(p, float) else p for p in places)], body)]
    return lines
