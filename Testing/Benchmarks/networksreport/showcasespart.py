"""Part 2: the paper's showcases (Table 1, Figures 2 to 5) and its scan by another scanner (Figure 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from didreport.cache import digest_of_arrays
from didreport.drawing import Box, Panel, draw_panels
from didreport.tables import table, text, write_csv, write_page
from LDCTDenoiseLib.evaluationcases import Case, Condition
from LDCTDenoiseLib.metrics import rmse, ssim

from . import lesions, paper
from .comparing import compare, mean
from .context import Context
from .lesionpart import write_lesions
from .lesionscores import lesion_image, realisations
from .otherscan import FILTERS, PIXEL_MM, SCAN, other_scan, other_scan_rows
from .plan import MAIN, RIVAL, Showcase, Zoom
from .scoring import LOW_DOSE
from .slicespart import versus_table

SIDE = 176
MARGIN = 6
"""Pixels around the body in a picture."""


def write_showcases(context: Context) -> None:
    """Write figure2.png to figure5.png, figure7.png, table1.csv, lesions.csv, figure7.csv and showcases.md."""
    names = " and ".join(n.label for n in context.columns)
    lines = ["# Showcases: Table 1, Figures 2 to 5 and 7 of the HRNet paper, re-enacted", "",
             f"Pictures: {context.shown}, window -160 to 240 HU, LDCT, {names}, and the reference (NDCT). Below each "
             "whole image RMSE in HU and SSIM inside the body.", ""]
    for one in context.plan.showcases:
        file = f"figure{one.figure}.png"
        draw_showcase(context, one, context.output / file)
        marked = " Circles: where lesions were inserted; below." if one.figure == "5" and context.plan.lesions else ""
        lines += [f"## Figure {one.figure}: {one.title}", "", f"{one.patient}, slice {one.slice}.{marked}", "",
                  f"![{one.title}]({file})", ""]
    lines += ["## Table 1", "", *_table1(context)]
    if context.plan.lesions:
        lines += write_lesions(context)
    lines += _figure7(context)
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
    circles = [Box(lesion.row, lesion.column, lesion.diameter_mm / 2 / pixel, "cyan", circle=True)
               for lesion in context.plan.lesions if one.figure == "5"]
    draw_panels(path, picture_rows(context, case, one.zooms, circles), SIDE)


def picture_rows(context: Context, case: Case, zooms: Sequence[Zoom], circles: Sequence[Box] = ()
                 ) -> list[list[Panel]]:
    """A row of whole images with their scores, and one for each zoom; ``circles`` are drawn where LDCT is magnified."""
    body, reference = case.patient.body[0], case.reference[0]
    frames = tuple(Box(z.row, z.column, z.half, z.colour) for z in zooms)
    images = [("LDCT", case.low_dose[0])] + [(n.label, n(case).array[0]) for n in context.columns]
    rows = [[whole(image, body, name, f"RMSE {text(rmse(image, reference, body))}   SSIM "
                   f"{text(ssim(image, reference, body), 3)}", frames if number == 0 else ())
             for number, (name, image) in enumerate(images)] + [whole(reference, body, "NDCT", "")]]
    for zoom in zooms:
        top, left = zoom.row - zoom.half, zoom.column - zoom.half
        marks = tuple(replace(b, row=b.row - top, column=b.column - left) for b in circles)
        rows.append([Panel(square(image, zoom), boxes=marks if number == 0 else ())
                     for number, (_, image) in enumerate((*images, ("NDCT", reference)))])
    return rows


def whole(image: np.ndarray, body: np.ndarray, title: str, caption: str, frames: Sequence[Box] = ()) -> Panel:
    """The square around the body, with frames that are in pixels of the file."""
    row, column, side = body_square(body)
    boxes = tuple(replace(b, row=b.row - row, column=b.column - column) for b in frames)
    return Panel(image[row:row + side, column:column + side], title, caption, boxes)


def body_square(body: np.ndarray) -> tuple[int, int, int]:
    """First row and column, and side, of the square around a body in its image (J,I)."""
    spans = [(hits[0], hits[-1] + 1) for hits in (np.flatnonzero(body.any(axis=1)), np.flatnonzero(body.any(axis=0)))]
    side = min(max(stop - start for start, stop in spans) + 2 * MARGIN, *body.shape)
    corner = [int(np.clip((start + stop - side) // 2, 0, size - side))
              for (start, stop), size in zip(spans, body.shape)]
    return corner[0], corner[1], int(side)


def square(image: np.ndarray, zoom: Zoom) -> np.ndarray:
    """The pixels of a zoom."""
    return image[zoom.row - zoom.half:zoom.row + zoom.half, zoom.column - zoom.half:zoom.column + zoom.half]


def _table1(context: Context) -> list[str]:
    """Write table1.csv and return the tables: RMSE and SSIM of the showcases and of all slices."""
    rows = []
    for condition in context.cases.main_conditions():
        everything = context.scores.rows(condition)
        for method in (LOW_DOSE, *context.networks):
            row = {"condition": str(condition), "method": method.label}
            for one in context.plan.showcases:
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
    lines = ["RMSE in HU / SSIM. 'All': mean over every slice of a patient, then over patients. The paper's values "
             "are of slices of 1 mm and a sharp kernel; README.md says what else differs.", ""]
    body = [["paper", name, *(f"{paper.RMSE[name][c]:.2f} / {paper.SSIM[name][c]:.3f}"
                              for c in (*figures, paper.DATASET))] for name in paper.RMSE]
    body += [[r["condition"], r["method"], *(f"{text(r[f'rmse_{c}'], 2)} / {text(r[f'ssim_{c}'], 3)}"
                                             for c in (*figures, "all"))] for r in rows]
    return lines + table(["condition", "method", *(f"Figure {c}" for c in figures), "all"], body)


def _scored(case: Case, method, figure: str) -> dict[str, float]:
    image, reference, body = method(case).array[0], case.reference[0], case.patient.body[0]
    return {f"rmse_{figure}": rmse(image, reference, body), f"ssim_{figure}": ssim(image, reference, body)}


def _figure7(context: Context) -> list[str]:
    if not context.plan.other_scan:
        return []
    rows = other_scan_rows(context)
    write_csv(context.output / "figure7.csv", rows)
    case = other_scan(context, next(iter(FILTERS)), context.plan.noise_indices[-1])
    at = case.patient.slices.index(context.plan.other_scan_shown)
    one = Case(replace(case.patient, target=case.patient.target[at:at + 1], body=case.patient.body[at:at + 1],
                       slices=case.patient.slices[at:at + 1]), case.condition, case.low_dose[at:at + 1],
               case.noise[at:at + 1])
    row, column, side = body_square(one.patient.body[0])
    zoom = Zoom(row + side // 2, column + side // 3, side // 7)
    draw_panels(context.output / "figure7.png", picture_rows(context, one, (zoom,)), SIDE)
    body = []
    for name in FILTERS:
        for noise_index in context.plan.noise_indices:
            own = [r for r in rows if (r["filter"], r["noise_index"]) == (name, noise_index)]
            before = mean(own, "ldct", "rmse")
            for method in (LOW_DOSE, *context.networks):
                error = mean(own, method.key, "rmse")
                body.append([name, f"{noise_index:g}", method.label, text(error, 2), text(error / before, 3),
                             text(mean(own, method.key, "ssim"), 4)])
    geometry = SCAN.geometry
    lines = ["## Figure 7: another reconstruction", "",
             f"Slices {', '.join(str(n) for n in case.patient.slices)} of {case.patient.name}, projected along the fan "
             f"of another scanner ({geometry.views} views, {geometry.channels} channels of {geometry.channel_pitch:g} "
             f"mm, source to axis {geometry.source_isocentre:g} mm, to detector {geometry.source_detector:g} mm), "
             f"given the noise of {case.condition.dose:g} of the dose and reconstructed on pixels of {PIXEL_MM:g} mm, "
             "image and noise alike. Bare ramp: the noise is sharper than the image, which keeps the resolution of its "
             f"own kernel; soft: half the amplitude at {FILTERS['soft'].f50:g} per mm. The reference is the same "
             "reconstruction of the noise-free projections. The paper had no reference here. Shown: bare ramp, noise "
             f"index {case.condition.noise_index:g} HU, slice {one.patient.slices[0]}.", "",
             "![another reconstruction](figure7.png)", "",
             *table(["filter", "NI", "method", "RMSE HU", "ratio to LDCT", "SSIM"], body)]
    if context.network(MAIN) and context.network(RIVAL):
        found = [(f"{name}, NI {index:g}", f"{case.condition.dose:g}",
                  compare([r for r in rows if (r["filter"], r["noise_index"]) == (name, index)], MAIN, RIVAL))
                 for name in FILTERS for index in context.plan.noise_indices]
        lines += versus_table(found, MAIN, RIVAL)
    return lines
