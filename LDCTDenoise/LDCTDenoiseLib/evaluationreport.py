"""Files of an evaluation: CSV tables, a Markdown table, the seed's per-slice curves as PNG, the checks as JSON."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from .evaluationcases import Condition
from .evaluationchecks import Check
from .evaluationscores import MEANS, TISSUES, PatientScore, SliceScore

STYLES = ("-", "--", "-.", ":")


def write_report(folder: Path, slices: Sequence[SliceScore], patients: Sequence[PatientScore], found: Sequence[Check],
                 settings: dict) -> None:
    """Write slices.csv, patients.csv, table.md, checks.json, settings.json and one curve per condition to ``folder``.

    Curves need matplotlib (the "evaluate" extra).
    """
    _write_csv(folder / "slices.csv", [_slice_row(s) for s in slices])
    _write_csv(folder / "patients.csv", [_patient_row(p) for p in patients])
    (folder / "table.md").write_text(markdown(patients, found), encoding="utf-8")
    as_data = [{"check": c.name, "method": c.method, "passed": c.passed, "compared": c.compared,
                "worst": None if math.isnan(c.worst) else c.worst, "failures": c.failures} for c in found]
    (folder / "checks.json").write_text(json.dumps(as_data, indent=1), encoding="utf-8")
    (folder / "settings.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
    for condition in dict.fromkeys(s.condition for s in slices):
        name = f"curves_{condition.track}_ni{condition.noise_index:g}_dose{condition.dose:g}.png"
        _draw_curves(folder / name, condition, [s for s in slices if s.condition == condition])


def markdown(patients: Sequence[PatientScore], found: Sequence[Check]) -> str:
    """The report as Markdown: means over patients for every condition, every patient, and the checks."""
    lines = [
        "# Evaluation on simulated low dose", "",
        "RMSE, PSNR (range 2000 HU), SSIM and VIF inside the body (reference above -900 HU), mean over slices, then "
        "over patients. Bias and noise level (GNL) in HU. Every classical filter is at its own best parameter, chosen "
        "against the reference on this very condition and told the noise that was added; that favours it; BM3D, "
        "which takes seconds, is tuned on the middle half of the body's rows and columns.", "",
        "Matched track: noise of the image's own colour is added to the image as it was reconstructed. Sharp track: "
        "the image is first re-sharpened from its kernel to the bare ramp, its own noise and structure alike, noise of "
        "the bare ramp is added, and the re-sharpened image is the reference. Body and tissue classes come from the "
        "image as it was reconstructed in both tracks.", "",
    ]
    if not any(p.method == "bm3d" for p in patients):
        lines += ["BM3D, which is optional by its licence, took no part in this run.", ""]
    for condition in dict.fromkeys(p.condition for p in patients):
        here = [p for p in patients if p.condition == condition]
        names = list(dict.fromkeys(p.patient for p in here))
        lines += [f"## {condition}", ""]
        if len(names) > 1:
            lines += [f"Mean of {len(names)} patients", "", *_table(_means(here)), ""]
        for name in names:
            lines += [f"{name} ({next(p.slices for p in here if p.patient == name)} slices)", "",
                      *_table([p for p in here if p.patient == name]), ""]
    lines += ["## Cost", "", *_cost_table(patients), ""]
    if found:
        lines += ["## Checks", "", "| check | method | result | cases | worst |", "|---|---|---|---|---|"]
        for check in found:
            result = "passed" if check.passed else f"FAILED ({len(check.failures)})"
            lines.append(f"| {check.table_name} | {check.method} | {result} | {check.compared} | {check.worst:.3g} |")
    return "\n".join(lines) + "\n"


def _means(scores: Sequence[PatientScore]) -> list[PatientScore]:
    """One score per method: the mean of its patients (a tissue's bias over those who show it)."""
    found = []
    for method in dict.fromkeys(s.method for s in scores):
        own = [s for s in scores if s.method == method]
        numbers = {n: float(np.mean([getattr(s, n) for s in own])) for n in MEANS}
        shown = {t: [s.bias[t] for s in own if math.isfinite(s.bias[t])] for t in TISSUES}
        bias = {t: float(np.mean(values)) if values else float("nan") for t, values in shown.items()}
        found.append(replace(own[0], bias=bias, **numbers))
    return found


def _table(scores: Sequence[PatientScore]) -> list[str]:
    columns = ["method", "RMSE HU", "ratio", "SSIM", "PSNR dB", "VIF", "GNL", *(f"bias {t}" for t in TISSUES)]
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    before = next((s.rmse for s in scores if s.kind == "input"), float("nan"))
    for s in scores:
        bias = " | ".join("" if math.isnan(s.bias[t]) else f"{s.bias[t]:+.2f}" for t in TISSUES)
        lines.append(f"| {s.label} | {s.rmse:.2f} | {s.rmse / before:.3f} | {s.ssim:.4f} | {s.psnr:.2f} | {s.vif:.3f} "
                     f"| {s.gnl:.1f} | {bias} |")
    return lines


def _cost_table(patients: Sequence[PatientScore]) -> list[str]:
    lines = ["| method | parameters | multiply-adds (512 x 512) | seconds per slice |", "|---|---|---|---|"]
    for method in dict.fromkeys(p.method for p in patients):
        own = [p for p in patients if p.method == method]
        size = "" if own[0].parameters is None else f"{own[0].parameters:,}"
        work = "" if own[0].multiply_adds is None else f"{own[0].multiply_adds / 1e9:.2f} G"
        lines.append(f"| {own[0].label} | {size} | {work} | {np.median([p.seconds_per_slice for p in own]):.3f} |")
    return lines


def _slice_row(s: SliceScore) -> dict:
    return {
        **_condition_columns(s.patient, s.condition), "slice": s.slice, "method": s.method,
        "parameter": _cell(s.parameter), "rmse_hu": _cell(s.rmse), "ssim": _cell(s.ssim), "psnr_db": _cell(s.psnr),
        "vif": _cell(s.vif), "gnl_hu": _cell(s.gnl), "target_gnl_hu": _cell(s.target_gnl),
        "added_sd_hu": _cell(s.added_sd), **{f"bias_{t}_hu": _cell(s.bias[t]) for t in TISSUES},
        **{f"pixels_{t}": s.pixels[t] for t in TISSUES},
    }


def _patient_row(p: PatientScore) -> dict:
    return {
        **_condition_columns(p.patient, p.condition), "method": p.method, "label": p.label,
        "parameter": _cell(p.parameter), "slices": p.slices, "rmse_hu": _cell(p.rmse), "ssim": _cell(p.ssim),
        "psnr_db": _cell(p.psnr), "vif": _cell(p.vif), "gnl_hu": _cell(p.gnl),
        **{f"bias_{t}_hu": _cell(p.bias[t]) for t in TISSUES}, "parameters": _cell(p.parameters),
        "multiply_adds": _cell(p.multiply_adds), "seconds_per_slice": _cell(p.seconds_per_slice),
    }


def _condition_columns(patient: str, condition: Condition) -> dict:
    return {"patient": patient, "track": condition.track, "noise_index_hu": condition.noise_index,
            "dose": condition.dose}


def _cell(value: float | int | None) -> str | int:
    """Six digits are more than any score is worth; empty cells for what does not exist."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return value if isinstance(value, int) else f"{value:.6g}"


def _write_csv(path: Path, rows: list[dict]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _draw_curves(path: Path, condition: Condition, scores: Sequence[SliceScore]) -> None:
    """RMSE and SSIM of every method against the slice, patients separated by dashed lines (the seed's Figure 6)."""
    from matplotlib.figure import Figure

    places = list(dict.fromkeys((s.patient, s.slice) for s in scores))
    starts = [i for i, (patient, _) in enumerate(places) if i and places[i - 1][0] != patient]
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    for axes, metric, title in zip(figure.subplots(1, 2), ("rmse", "ssim"), ("RMSE (HU)", "SSIM")):
        for number, method in enumerate(dict.fromkeys(s.method for s in scores)):
            own = {(s.patient, s.slice): s for s in scores if s.method == method}
            label = next(iter(own.values())).label
            axes.plot([getattr(own[p], metric) for p in places], STYLES[number % len(STYLES)], marker=".", label=label)
        for start in starts:
            axes.axvline(start - 0.5, color="black", linestyle="--", linewidth=0.8)
        axes.set_xticks(range(len(places)), [str(number) for _, number in places], fontsize=7)
        axes.set(xlabel="slice", ylabel=title)
    figure.axes[0].legend(fontsize=8)
    figure.suptitle(f"{condition}; inside the body", fontsize=10)
    figure.savefig(path, dpi=90)
