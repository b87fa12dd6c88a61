"""Small patients: the same anatomy, shrunk, on pixels that shrink with it."""

from __future__ import annotations

import math

import numpy as np
from didreport.cache import digest_of_arrays
from didreport.tables import table, text, write_csv, write_page
from LDCTDenoiseLib.evaluationchecks import BIAS_LIMIT_HU
from LDCTDenoiseLib.evaluationscores import MIN_PIXELS
from LDCTDenoiseLib.metrics import rmse, tissue_classes
from LDCTDenoiseLib.simulation import SliceSimulator, body_centre

from . import rescan
from .context import Context
from .drawing import draw_sizes
from .methods import Scans
from .plan import STANDARD, Anatomy
from .statistics import Aim, Estimate, beyond_words
from .trainedon import pixel_words

SIDE = 256


def write_small(context: Context) -> list[Aim]:
    """Write small.md, small.csv and small.png, and return the aims."""
    plan, rows = context.plan, []
    for anatomy in plan.small:
        patient = context.patient(anatomy)
        for size in plan.sizes:
            pixel = tuple(s * size for s in patient.spacing[1:])
            spacing = (1.0, *pixel)
            found = _scan(context, patient, anatomy, size)
            window = rescan.middle(patient, SIDE * patient.spacing[1])
            target, low, body = patient.target[0][window], found["low"][window], patient.body[0][window]
            # Tissues keep 2 mm from their borders at every size.
            classes = {t: m[0][window] for t, m in tissue_classes(patient.target, spacing, patient.body).items()}
            for method in context.leading:
                image = context.denoised(f"small {anatomy.name} {size:g}", Scans(low[None], spacing), method)[0][0]
                row = {"anatomy": anatomy.name, "size": size, "pixel_mm": pixel[0], "method": method.label,
                       "photons": float(found["photons"]), "added_hu": float(found["added"]),
                       "rmse_low_hu": rmse(low, target, body), "rmse_hu": rmse(image, target, body),
                       "noise_ratio": rescan.noise_ratio(image, low, spacing, classes["soft"])}
                row["ratio"] = row["rmse_hu"] / row["rmse_low_hu"]
                for tissue, mask in classes.items():
                    row[f"shift_{tissue}_hu"] = (float(np.mean(image[mask] - low[mask].astype(float)))
                                                 if np.count_nonzero(mask) >= MIN_PIXELS else math.nan)
                rows.append(row)
    write_csv(context.output / "small.csv", rows)
    draw_sizes(context.output / "small.png", rows)
    write_page(context.output / "small.md", _page(context, rows))
    return [aim for method in context.leading for aim in _aims(rows, method.label)]


def _scan(context: Context, patient, anatomy: Anatomy, size: float) -> dict[str, np.ndarray]:
    plan = context.plan
    key = {"slice": digest_of_arrays(patient.target), "spacing": list(patient.spacing), "size": size,
           "noise_index": plan.noise_index, "dose": plan.dose, "kernel": [STANDARD.f50, STANDARD.power]}

    def make() -> dict[str, np.ndarray]:
        pixel = tuple(s * size for s in patient.spacing[1:])
        image = rescan.filled(patient)
        simulator = SliceSimulator(image.shape, pixel, STANDARD)
        integrals = simulator.line_integrals(image[None])
        photons = simulator.full_dose_photons(integrals, [body_centre(image, pixel)], plan.noise_index)
        noise = simulator.added_noise(integrals, photons, plan.dose, [0])[0].numpy()
        return {"low": rescan.stored(patient.target[0] + noise), "photons": photons[0].numpy(),
                "added": np.array(noise[patient.body[0]].std())}

    return context.simulated(f"small {anatomy.name} {size:g}", key, "rescan.py", make)


def _aims(rows: list[dict], method: str) -> list[Aim]:
    own = [r for r in rows if r["method"] == method]
    worst = max(own, key=lambda r: r["ratio"])
    found = [Aim("small", "RMSE never rises (ratio to low dose)", method,
                 f"{beyond_words([r['ratio'] for r in own], 1.0)}{worst['anatomy']}, size {worst['size']:g}",
                 "at most", 1.0, Estimate(worst["ratio"]))]
    for tissue, limit in BIAS_LIMIT_HU.items():
        known = [r for r in own if math.isfinite(r[f"shift_{tissue}_hu"])]
        if known:
            beyond = beyond_words([r[f"shift_{tissue}_hu"] for r in known], limit)
            far = max(known, key=lambda r: abs(r[f"shift_{tissue}_hu"]))
            found.append(Aim("small", f"HU shift of {tissue}", method,
                             f"{beyond}{far['anatomy']}, size {far['size']:g}", "within", limit,
                             Estimate(far[f"shift_{tissue}_hu"])))
    return found


def _page(context: Context, rows: list[dict]) -> list[str]:
    plan = context.plan
    lines = [
        "# Small patients", "",
        "No child was scanned or simulated as one: the same slice of an adult is declared to have smaller pixels, so "
        "that body and organs shrink together, as when the reconstruction's field of view is fitted to the patient. "
        f"Rays cross less tissue; photons are saved until the noise index is {plan.noise_index:g} HU again (automatic "
        f"exposure), and {plan.dose:g} of that dose is simulated with the kernel exp(-ln 2 (f / "
        f"{STANDARD.f50:g})^{STANDARD.power:g}). What changes for a network: the noise gets coarser in pixels, organs "
        "do not. The target's own noise and sharpness shrink with it, which a real scan's would not. The middle "
        f"{SIDE} x {SIDE} pixels.", "", pixel_words(context, {f"{r['anatomy']} at size {r['size']:g}": r["pixel_mm"]
                                                             for r in rows}), "", context.leading_words(), "",
        "![RMSE against size](small.png)", ""]
    for anatomy in dict.fromkeys(r["anatomy"] for r in rows):
        body = []
        for r in (r for r in rows if r["anatomy"] == anatomy):
            full = next(o["photons"] for o in rows if o["anatomy"] == anatomy and o["size"] == max(plan.sizes))
            body.append([f"{r['size']:g}", f"{r['pixel_mm']:.2f}", text(r["photons"] / full, 3), text(r["added_hu"]),
                         r["method"], text(r["rmse_hu"], 2), text(r["ratio"], 3), text(r["noise_ratio"], 2),
                         *(text(r[f"shift_{t}_hu"], 2) for t in BIAS_LIMIT_HU)])
        lines += [f"## {anatomy}", "", *table(
            ["size", "pixel mm", "photons", "added HU", "method", "RMSE", "ratio", "noise ratio",
             *(f"shift {t}" for t in BIAS_LIMIT_HU)], body)]
    return lines
