"""Part 1: every slice (the paper's Figure 6), and HRNet against the other networks."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from didreport.drawing import save_figure
from didreport.tables import share, table, text, write_csv, write_page

from .comparing import AIM_RATIO, AIM_SHARE, Comparison, compare, mean
from .context import Context
from .plan import ALIKE, FULL_RIVAL, MAIN, RIVAL

EARLIER = ("validation", "validation-doses")


def write_slices(context: Context) -> None:
    """Write slices.csv, figure6.png, versus.csv and slices.md."""
    rows = context.scores.all_rows()
    blank = dict.fromkeys(max(rows, key=len))  # the low-dose image has no noise analysis
    write_csv(context.output / "slices.csv", [{**blank, **row} for row in rows])
    draw_curves(context, context.output / "figure6.png")
    doses = ", ".join(f"{d:g}" for d in context.plan.doses)
    slices = f"; at all but the first fewer slices of a patient, about {context.plan.other_slices}" if (
        len(context.plan.doses) > 1) else ""
    lines = ["# Slice by slice", "",
             "RMSE in HU and SSIM inside the body (reference above -900 HU), as `ldct evaluate` takes them; means over "
             f"slices, then over patients. Doses: {doses}{slices}. All numbers are in slices.csv.", "",
             "## Figure 6: RMSE and SSIM of every slice", "",
             f"Dashed lines part the {len(context.cases.patients(context.plan.slices))} patients; within one, slices "
             "go from foot to head.", "",
             "![curves](figure6.png)", "", "## Means", "", *_means(context), *_versus(context)]
    lines += ["## The same cases in other reports", "", *cross_check(rows, context.output.parent, context), ""]
    write_page(context.output / "slices.md", lines)


def versus(context: Context, one: str, other: str) -> list[tuple[str, str, Comparison]]:
    """Condition, dose in words and comparison of two networks, wherever both take part."""
    found = []
    for condition in context.cases.conditions():
        if {one, other} <= {m.key for m in context.scores.methods(condition.dose)}:
            found.append((f"{condition.track}, NI {condition.noise_index:g}", f"{condition.dose:g}",
                          compare(context.scores.rows(condition), one, other)))
    return found


def versus_table(found: Sequence[tuple[str, str, Comparison]], one: str, other: str) -> list[str]:
    """A Markdown table of comparisons, with a verdict on the aims where they are about the two that have aims."""
    judged = one == MAIN and other in (RIVAL, FULL_RIVAL)
    head = ["condition", "dose", f"RMSE {one}", f"RMSE {other}", "ratio", "any one patient left out",
            f"{one} better on slices"]
    body = []
    for condition, dose, own in found:
        left_out = "-" if np.isnan(own.left_out).any() else " .. ".join(text(v, 3) for v in own.left_out)
        body.append([condition, dose, *(text(v, 2) for v in own.rmse), text(own.ratio, 3), left_out,
                     f"{share(own.better)} of {own.slices}"])
        if judged:
            body[-1].append(own.verdict)
    return table([*head, *(["verdict"] if judged else [])], body)


def _versus(context: Context) -> list[str]:
    names = [n.key for n in context.networks]
    pairs = [(MAIN, name) for name in names if name != MAIN] + list(ALIKE)
    lines, rows = [], []
    for one, other in pairs:
        if not {one, other} <= set(names):
            continue
        found = versus(context, one, other)
        lines += [f"## {one} against {other}", ""]
        if one == MAIN and other in (RIVAL, FULL_RIVAL):
            lines += [f"The aims are a ratio of at most {AIM_RATIO:g} and a lower RMSE on at least {share(AIM_SHARE)} "
                      "of the slices.", ""]
        lines += versus_table(found, one, other)
        patients = list(found[0][2].patients)
        lines += ["Ratio of every patient:", "",
                  *table(["condition", "dose", *(n.replace("_single_slices", "") for n in patients)],
                         [[c, d, *(text(own.patients[n], 3) for n in patients)] for c, d, own in found])]
        rows += [{"network": one, "other": other, "condition": c, "dose": d, "ratio": own.ratio,
                  "lowest_without_a_patient": own.left_out[0], "highest_without_a_patient": own.left_out[1],
                  "better_share": own.better, "slices": own.slices} for c, d, own in found]
    if rows:
        write_csv(context.output / "versus.csv", rows)
    return lines


def _means(context: Context) -> list[str]:
    body = []
    for condition in context.cases.conditions():
        rows = context.scores.rows(condition)
        for method in context.scores.methods(condition.dose):
            error = mean(rows, method.key, "rmse")
            body.append([f"{condition.track}, NI {condition.noise_index:g}", f"{condition.dose:g}", method.label,
                         text(error, 2), text(error / mean(rows, "ldct", "rmse"), 3),
                         text(mean(rows, method.key, "ssim"), 4)])
    return table(["condition", "dose", "method", "RMSE HU", "ratio to LDCT", "SSIM"], body)


def cross_check(rows: Sequence[dict], folder: Path, context: Context) -> list[str]:
    """Sentences on the slices that reports of ``ldct evaluate`` in ``folder`` hold too."""
    own = {(r["patient"], r["track"], f"{r['noise_index']:g}", f"{r['dose']:g}", str(r["slice"]), r["method"]):
           r["rmse"] for r in rows}
    labels = {"LDCT", *(n.label for n in context.networks)}
    lines = []
    for name in EARLIER:
        if not (folder / name / "slices.csv").is_file():
            continue
        told = json.loads((folder / name / "settings.json").read_text(encoding="utf-8"))["methods"]
        same = {label.split()[0].lower() for label in told if label in labels}
        with (folder / name / "slices.csv").open(newline="", encoding="utf-8") as stream:
            pairs = [(key[-1], abs(float(r["rmse_hu"]) - own[key])) for r in csv.DictReader(stream)
                     if r["method"] in same
                     and (key := (r["patient"], r["track"], f"{float(r['noise_index_hu']):g}", f"{float(r['dose']):g}",
                                  r["slice"], r["method"])) in own]
        if pairs:
            methods, differences = zip(*pairs)
            lines.append(f"- {name}: {len(pairs)} slices of {', '.join(dict.fromkeys(methods))} are the same; the "
                         f"greatest difference of RMSE is {max(differences):.2g} HU.")
    return lines or ["No other report holds the same slices of the same networks."]


def draw_curves(context: Context, path: Path) -> None:
    """RMSE and SSIM of every slice and method at the first dose, one row for each track and noise index."""
    from matplotlib.figure import Figure

    conditions = context.cases.main_conditions()
    figure = Figure(figsize=(11, 1.9 * len(conditions) + 0.6), layout="constrained", dpi=80)
    grid = figure.subplots(len(conditions), 2, sharex=True, squeeze=False)
    for condition, line in zip(conditions, grid):
        rows = context.scores.rows(condition)
        places = [(r["patient"], r["slice"]) for r in rows if r["method"] == "ldct"]
        starts = [i for i, (patient, _) in enumerate(places) if i and places[i - 1][0] != patient]
        for axes, score in zip(line, ("rmse", "ssim")):
            for number, method in enumerate(context.scores.methods(condition.dose)):
                values = {(r["patient"], r["slice"]): r[score] for r in rows if r["method"] == method.key}
                axes.plot([values[p] for p in places], "-" if number % 2 else "--", marker=".", markersize=2.5,
                          linewidth=0.9, color=f"C{number}", label=method.label)
            for start in starts:
                axes.axvline(start - 0.5, color="black", linestyle="--", linewidth=0.5)
            axes.set_title(f"{condition}: {'RMSE (HU)' if score == 'rmse' else 'SSIM'}", fontsize=8)
            axes.tick_params(labelsize=7)
            axes.margins(x=0.01)
    for axes in grid[-1]:
        axes.set_xlabel("slices in order", fontsize=8)
    handles, names = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), fontsize=8)
    save_figure(figure, path)
