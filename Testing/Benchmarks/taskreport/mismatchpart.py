"""The seed's test of a different reconstruction: another geometry and filter at test time than in training."""

from __future__ import annotations

import functools
import math
from dataclasses import asdict

import numpy as np
from didreport.cache import digest_of_arrays
from didreport.tables import table, text, write_csv, write_page
from LDCTDenoiseLib.evaluationcases import Case, Condition, Patient, simulate
from LDCTDenoiseLib.evaluationmethods import Classical, LowDose, Output
from LDCTDenoiseLib.evaluationscores import score_slices
from networksreport.otherscan import PIXEL_MM, SCAN, scanned

from . import rescan
from .context import Context
from .drawing import Panel, draw_panels
from .geometry import middle_window
from .methods import NO_BM3D
from .plan import Anatomy
from .statistics import Aim, Estimate, beyond_words

FILTER = rescan.Butterworth(0.35, 3)
CROP_MM = 220.0
KNOWN, OTHER = "as in training", "other reconstruction"
SIDE, SHOWN_MM = 220, 165.0
"""Side of a panel in pixels, and what it shows, in mm."""


def write_mismatch(context: Context) -> list[Aim]:
    """Write mismatch.md, mismatch.csv and mismatch.png, and return the aims."""
    methods = [LowDose(), *(m.network for m in context.leading), *(Classical(f, 1) for f in context.plan.filters)]
    rows, pictures = [], []
    for number, anatomy in enumerate(context.plan.mismatch):
        for name, make in ((KNOWN, _as_trained), (OTHER, _otherwise)):
            case = make(context, anatomy)
            panels = []
            for method in methods:
                output = _output(context, f"{name} {anatomy.name}", case, method)
                found, = score_slices(case, method, output)
                rows.append({"reconstruction": name, "anatomy": anatomy.name, "method": method.label,
                             "kind": method.kind, "rmse_hu": found.rmse, "ssim": found.ssim, "vif": found.vif,
                             "gnl_hu": found.gnl, "bias_soft_hu": found.bias["soft"], "parameter": found.parameter})
                if method.kind != "classical":
                    panels.append(Panel(_square(output.array[0], case), method.label,
                                        f"{name}, RMSE {found.rmse:.1f} HU"))
            if number == 0:
                pictures.append([*panels, Panel(_square(case.reference[0], case), "reference", name)])
    _add_ratios(rows)
    write_csv(context.output / "mismatch.csv", rows)
    draw_panels(context.output / "mismatch.png", pictures, SIDE)
    write_page(context.output / "mismatch.md", _page(context, rows))
    return _aims(context, rows)


def _square(image: np.ndarray, case: Case) -> np.ndarray:
    """The middle of an image, as many mm of it in either reconstruction, whose pixels differ in size."""
    return image[middle_window(image.shape, min(round(SHOWN_MM / case.patient.spacing[1]), *image.shape))]


def _as_trained(context: Context, anatomy: Anatomy) -> Case:
    """The slice with noise of the default geometry, coloured as its own."""
    plan = context.plan
    whole = context.patient(anatomy)
    condition = Condition("matched", plan.noise_index, plan.dose)
    key = {"slice": digest_of_arrays(whole.target), "condition": asdict(condition)}
    found = context.simulated(f"as trained {anatomy.name}", key, "rescan.py",
                              lambda: {"low_dose": simulate(whole, condition, 0, "cpu").low_dose})
    return _case(whole, condition, found["low_dose"], rescan.middle(whole, CROP_MM))


def _otherwise(context: Context, anatomy: Anatomy) -> Case:
    """The slice projected and reconstructed again with another geometry, filter and pixel size, with their noise."""
    plan = context.plan
    patient = context.patient(anatomy)
    condition = Condition("matched", plan.noise_index, plan.dose)
    key = {"slice": digest_of_arrays(patient.target), "condition": asdict(condition), "filter": asdict(FILTER),
           "scan": str((SCAN, PIXEL_MM))}

    def make() -> dict[str, np.ndarray]:
        return scanned(rescan.filled(patient)[None], patient.spacing[1:], FILTER, plan.noise_index, plan.dose)

    found = context.simulated(f"other reconstruction {anatomy.name}", key, "../networksreport/otherscan.py", make)
    again = rescan.as_patient(anatomy.name, found["reference"][0], PIXEL_MM, FILTER)
    return _case(again, condition, found["low_dose"], rescan.middle(again, CROP_MM))


def _case(whole: Patient, condition: Condition, low_dose: np.ndarray, window) -> Case:
    patient = rescan.cropped(whole, window)
    low = np.ascontiguousarray(low_dose[(slice(None), *window)])
    return Case(patient, condition, low, low.astype(np.float32) - patient.target)


def _output(context: Context, title: str, case: Case, method) -> Output:
    key = {"scans": digest_of_arrays(case.low_dose, case.noise, case.reference), "method": method.identity}

    @functools.cache
    def run() -> Output:
        return method(case)

    made = context.cache.arrays(f"{title} {method.key}", key, lambda: {
        "array": run().array, "parameter": np.array(math.nan if run().parameter is None else run().parameter)})
    return Output(made["array"], float(made["parameter"]), math.nan)


def _add_ratios(rows: list[dict]) -> None:
    before = {(r["reconstruction"], r["anatomy"]): r["rmse_hu"] for r in rows if r["kind"] == "input"}
    for row in rows:
        row["ratio"] = row["rmse_hu"] / before[row["reconstruction"], row["anatomy"]]


def _mean(rows: list[dict], name: str, method: str, reconstruction: str) -> float:
    return float(np.mean([r[name] for r in rows if (r["method"], r["reconstruction"]) == (method, reconstruction)]))


def _aims(context: Context, rows: list[dict]) -> list[Aim]:
    found = []
    for method in context.leading:
        own = [r for r in rows if r["method"] == method.label and r["reconstruction"] == OTHER]
        worst = max(own, key=lambda r: r["ratio"])
        found.append(Aim("mismatch", "RMSE never rises under another reconstruction (ratio to low dose)", method.label,
                         f"{beyond_words([r['ratio'] for r in own], 1.0, ' slices')}{worst['anatomy']}", "at most", 1.0,
                         Estimate(worst["ratio"])))
    both = {m.key: m for m in context.leading if m.key in ("hrnet", "unet")}
    if len(both) == 2:
        hrnet, unet = both["hrnet"], both["unet"]
        plan = context.plan
        aim = (f"HRNet's RMSE over U-Net's under another reconstruction, on these {len(plan.mismatch)} slices only, "
               f"HRNet after {hrnet.network.schedule}, the U-Net after {unet.network.schedule}")
        for anatomy in plan.mismatch:
            here = [r for r in rows if (r["anatomy"], r["reconstruction"]) == (anatomy.name, OTHER)]
            own = {r["method"]: r["rmse_hu"] for r in here}
            found.append(Aim("mismatch", aim, hrnet.label, f"{anatomy.name}, {OTHER}, NI {plan.noise_index:g} HU",
                             "at most", 1.0, Estimate(own[hrnet.label] / own[unet.label])))
    return found


def _page(context: Context, rows: list[dict]) -> list[str]:
    plan, geometry = context.plan, SCAN.geometry
    lines = [
        "# A different reconstruction at test time", "",
        "The seed's test patient was reconstructed by the authors' own FBP, not by the scanner's as in training. "
        f"Here: {KNOWN}, the slice as it is with simulated noise of the default geometry and the slice's own colour; "
        f"{OTHER}, the slice projected and reconstructed again, anatomy and noise alike, on {PIXEL_MM:g} mm pixels "
        f"with the filter 1 / (1 + (f / {FILTER.f50:g})^{2 * FILTER.order}) in place of the kernels of the training's "
        f"form, {geometry.views} views, {geometry.channels} channels of {geometry.channel_pitch:g} mm, source to "
        f"isocentre {geometry.source_isocentre:g} mm, source to detector {geometry.source_detector:g} mm; the "
        "reference is the same reconstruction without the noise.", "",
        f"Slices: {', '.join(a.name for a in plan.mismatch)}; noise index {plan.noise_index:g} HU, dose {plan.dose:g}; "
        f"the middle {CROP_MM:g} mm of the body. Classical filters at their best parameter against the reference on "
        "the very slice, told the noise. The noise has another colour in the other reconstruction, so ratios of one "
        "and the other are not of one task; how a method's ratio moves against the other methods' tells what the "
        "mismatch costs.", "",
        f"{context.leading_words()} {NO_BM3D}", "",
        f"**These are {len(plan.mismatch)} slices, with one filter and at one noise index.** [Figure 7 of the "
        "showcases](../networks/showcases.md#figure-7-another-reconstruction) has other slices, filters and noise "
        "indices of the same scanner; whether HRNet is ahead of the U-Net can differ there. Read both before a "
        "conclusion.", ""]
    methods = list(dict.fromkeys(r["method"] for r in rows))
    body = []
    for method in methods:
        cells = [text(_mean(rows, name, method, reconstruction), digits) for reconstruction in (KNOWN, OTHER)
                 for name, digits in (("rmse_hu", 2), ("ratio", 3), ("ssim", 4), ("vif", 3))]
        ratio = _mean(rows, "ratio", method, OTHER) / _mean(rows, "ratio", method, KNOWN)
        body.append([method, *cells, text(ratio, 3)])
    head = [f"{n}, {r}" for r in (KNOWN, OTHER) for n in ("RMSE", "ratio", "SSIM", "VIF")]
    lines += [*table(["method", *head, "ratio / ratio"], body), "## Ratio to the low dose, slice by slice", ""]
    places = [(a.name, r) for r in (KNOWN, OTHER) for a in plan.mismatch]
    body = [[method, *(text(next(r["ratio"] for r in rows if (r["method"], r["anatomy"], r["reconstruction"]) ==
                                 (method, *place)), 3) for place in places)] for method in methods]
    lines += [*table(["method", *(f"{a}, {r}" for a, r in places)], body),
              f"{plan.mismatch[0].name}, the middle {SHOWN_MM:g} mm in both rows, W/L [-160, 240]:", "",
              "![reconstructions](mismatch.png)"]
    return lines
