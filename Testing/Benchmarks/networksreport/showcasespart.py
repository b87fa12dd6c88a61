"""Part 2: the paper's showcases (Table 1, Figures 2 to 5) and its scan by another scanner (Figure 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from didreport.cache import digest_of_arrays
from didreport.drawing import Box, draw_panels
from didreport.tables import table, text, write_csv, write_page
from LDCTDenoiseLib.evaluationcases import Case, Condition
from LDCTDenoiseLib.metrics import rmse, ssim

from . import lesions, paper
from .comparing import mean
from .context import Context
from .lesionpart import write_lesions
from .lesionscores import lesion_image, realisations
from .otherscanpart import write_other_scan
from .pictures import picture_rows
from .plan import Showcase
from .scoring import LOW_DOSE

SIDE, LESION_SIDE = 176, 240


def write_showcases(context: Context) -> None:
    """Write figure2.png to figure5.png, figure7.png, table1.csv, lesions.csv, figure7.csv and showcases.md."""
    names = " and ".join(n.label for n in context.columns)
    lines = ["# Showcases: Table 1, Figures 2 to 5 and 7 of the HRNet paper, re-enacted", "",
             f"Pictures: {context.shown}, window -160 to 240 HU, LDCT, {names}, and the reference (NDCT). Below each "
             "whole image RMSE in HU and SSIM inside the body.", ""]
    for one in context.plan.showcases:
        file = f"figure{one.figure}.png"
        draw_showcase(context, one, context.output / file)
        marked = _marked(context) if one.figure == "5" and context.plan.lesions else ""
        lines += [f"## Figure {one.figure}: {one.title}", "", f"{one.patient}, slice {one.slice}.{marked}", "",
                  f"![{one.title}]({file})", ""]
    lines += ["## Table 1", "", *_table1(context)]
    if context.plan.lesions:
        lines += write_lesions(context)
    lines += write_other_scan(context)
    write_page(context.output / "showcases.md", lines)


def showcase_case(context: Context, one: Showcase, condition: Condition) -> Case:
    """The one slice of a showcase; that of the lesions comes with them, and its reference has them too."""
    if one.figure != "5" or not context.plan.lesions:
        return context.cases.one_slice(one.patient, condition, one.slice)
    case = realisations(context, condition)
    added = lesion_image(context, case)
    patient = replace(case.patient, target=lesions.inserted(case.reference[:1], added), slices=(one.slice,),
                      body=case.patient.body[:1],
                      padding=None if case.patient.padding is None else case.patient.padding[:1],
                      classes={name: mask[:1] for name, mask in case.patient.classes.items()})
    # The target is the reference of whichever track by now, and no track may sharpen it again.
    return Case(patient, replace(condition, track="matched"), lesions.inserted(case.low_dose[:1], added),
                case.noise[:1])


def draw_showcase(context: Context, one: Showcase, path) -> None:
    """The whole image above, each zoom below; LDCT, networks, reference from left to right."""
    case = showcase_case(context, one, context.shown)
    pixel = case.patient.spacing[1]
    circles = [Box(lesion.row, lesion.column, lesion.diameter_mm / 2 / pixel, "cyan", circle=True, label=str(number))
               for number, lesion in enumerate(context.plan.lesions, 1) if one.figure == "5"]
    draw_panels(path, picture_rows(context, case, one.zooms, circles), LESION_SIDE if circles else SIDE)


def _marked(context: Context) -> str:
    """What the circles are."""
    told = "; ".join(f"{number}: {one.contrast_hu:g} HU, {one.diameter_mm:g} mm"
                     for number, one in enumerate(context.plan.lesions, 1))
    return f" Circles: where lesions were inserted ({told}); measured below."


def _table1(context: Context) -> list[str]:
    """Write table1.csv and return the tables: RMSE and SSIM of the showcases and of all slices."""
    rows = []
    for condition in context.cases.main_conditions():
        everything = context.scores.rows(condition)
        for method in (LOW_DOSE, *context.networks):
            row = {"condition": str(condition), "method": method.label}
            for one in context.plan.showcases:
                if one.figure != "5" or not context.plan.lesions:
                    row |= _known(everything, one, method.key)
                    continue
                case = showcase_case(context, one, condition)
                key = {"case": digest_of_arrays(case.low_dose, case.reference, case.patient.body),
                       "method": method.identity}
                row |= context.cache.data(f"showcase {one.figure} {condition} {method.key}", key,
                                          lambda: _scored(case, method, one.figure))
            for score in ("rmse", "ssim"):
                row[f"{score}_all"] = mean(everything, method.key, score)
            rows.append(row)
    write_csv(context.output / "table1.csv", rows)
    figures = [one.figure for one in context.plan.showcases]
    lines = [f"RMSE in HU / SSIM. 'All': mean over slices, then over patients, of "
             f"{context.cases.told(context.plan.doses[0])}. The paper's values are of slices of 1 mm and a sharp "
             "kernel; README.md says what else differs.", ""]
    body = [["paper", name, *(f"{paper.RMSE[name][c]:.2f} / {paper.SSIM[name][c]:.3f}"
                              for c in (*figures, paper.DATASET))] for name in paper.RMSE]
    body += [[r["condition"], r["method"], *(f"{text(r[f'rmse_{c}'], 2)} / {text(r[f'ssim_{c}'], 3)}"
                                             for c in (*figures, "all"))] for r in rows]
    return lines + table(["condition", "method", *(f"Figure {c}" for c in figures), "all"], body)


def _known(rows: Sequence[dict], one: Showcase, method: str) -> dict[str, float]:
    """What the scores of all slices say of a showcase."""
    row = next(r for r in rows if (r["patient"], r["slice"], r["method"]) == (one.patient, one.slice, method))
    return {f"{score}_{one.figure}": row[score] for score in ("rmse", "ssim")}


def _scored(case: Case, method, figure: str) -> dict[str, float]:
    image, reference, body = method(case).array[0], case.reference[0], case.patient.body[0]
    return {f"rmse_{figure}": rmse(image, reference, body), f"ssim_{figure}": ssim(image, reference, body)}
