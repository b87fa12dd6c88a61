"""Part 1: slice by slice (the paper's Figure 6), and the networks against one another."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from didreport.tables import read_csv, table, text, write_csv, write_page

from .comparing import mean
from .context import Context
from .curves import RATIOS, draw_curves
from .pairs import Found, Pair, aims_in_words, groups, heading, present, versus, versus_table

EARLIER = ("validation", "validation-doses")


def write_slices(context: Context) -> None:
    """Write slices.csv, figure6.png, versus.csv and slices.md."""
    rows = context.scores.all_rows()
    blank = dict.fromkeys(max(rows, key=len))  # the low-dose image has no noise analysis
    write_csv(context.output / "slices.csv", [{**blank, **row} for row in rows])
    draw_curves(context, context.output / "figure6.png")
    ratios = " and ".join(f"{pair.one} / {pair.other}" for pair in present(context, RATIOS))
    lines = ["# Slice by slice", "",
             "RMSE in HU and SSIM inside the body (reference above -900 HU), as `ldct evaluate` takes them; means over "
             "slices, then over patients. All numbers are in slices.csv.", "",
             *(f"- dose {dose:g}: {context.cases.told(dose)}; "
               f"{', '.join(m.key for m in context.scores.methods(dose)[1:])}" for dose in context.plan.doses), "",
             "## Figure 6: RMSE and SSIM slice by slice", "",
             f"The slices of dose {context.plan.doses[0]:g}; RMSE and 1 - SSIM on logarithmic scales, lower is better"
             + (f"; in the third column RMSE of {ratios}. " if ratios else ". ")
             + "Dashed lines part the patients; within one, slices go from foot to head.", "",
             "![curves](figure6.png)", "", "## Means", "", *_means(context), *_versus(context)]
    lines += ["## The same cases in other reports", "", *cross_check(rows, context.output.parent, context), ""]
    write_page(context.output / "slices.md", lines)


def _versus(context: Context) -> list[str]:
    lines, rows = [], []
    for title, pairs in groups(context).items():
        lines += [f"## {title}", ""]
        for pair in pairs:
            found = versus(context, pair)
            lines += _pair(context, pair, found)
            rows += [{"network": pair.one, "other": pair.other, "condition": c, "dose": d, "ratio": own.ratio,
                      "lowest_without_a_patient": own.left_out[0], "highest_without_a_patient": own.left_out[1],
                      "better_share": own.better, "slices": own.slices} for c, d, own in found]
    if rows:
        write_csv(context.output / "versus.csv", rows)
    return lines


def _pair(context: Context, pair: Pair, found: Found) -> list[str]:
    """The comparison of two networks; with aims, the ratio of every patient too."""
    lines = [f"### {heading(context, pair)}", ""]
    if not pair.aims:
        return lines + versus_table(found, pair)
    patients = list(found[0][2].patients)
    return [*lines, aims_in_words(context, pair, found), "", *versus_table(found, pair), "Ratio of every patient:", "",
            *table(["condition", "dose", *(n.replace("_single_slices", "") for n in patients)],
                   [[c, d, *(text(own.patients[n], 3) for n in patients)] for c, d, own in found])]


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
        pairs = [(key[-1], abs(float(r["rmse_hu"]) - own[key])) for r in read_csv(folder / name / "slices.csv")
                 if r["method"] in same
                 and (key := (r["patient"], r["track"], f"{float(r['noise_index_hu']):g}", f"{float(r['dose']):g}",
                              r["slice"], r["method"])) in own]
        if pairs:
            methods, differences = zip(*pairs)
            lines.append(f"- {name}: {len(pairs)} slices of {', '.join(dict.fromkeys(methods))} are the same; the "
                         f"greatest difference of RMSE is {max(differences):.2g} HU.")
    return lines or ["No other report holds the same slices of the same networks."]
