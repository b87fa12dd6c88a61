"""Figure 7: what the page on the showcases says of another scanner's geometry and filters."""

from __future__ import annotations

from dataclasses import replace

from didreport.drawing import draw_panels
from didreport.tables import table, text, write_csv
from LDCTDenoiseLib.evaluationcases import Case

from .cases import counted
from .comparing import compare, mean
from .context import Context
from .otherscan import FILTERS, PIXEL_MM, SCAN, other_scan, other_scan_rows
from .pairs import EQUAL_TERMS, SHIPPED, Found, Pair, present, versus_table
from .pictures import body_square, picture_rows
from .plan import Zoom
from .scoring import LOW_DOSE

SIDE = 176
PAIRS = (SHIPPED[0], EQUAL_TERMS[0], EQUAL_TERMS[2])


def write_other_scan(context: Context) -> list[str]:
    """Write figure7.csv and figure7.png and return the lines on them; none where the plan asks for no other scan."""
    if not context.plan.other_scan:
        return []
    context = context.only(context.plan.scan_models)
    rows = other_scan_rows(context)
    write_csv(context.output / "figure7.csv", rows)
    shown = [_shown(context, noise_index) for noise_index in context.plan.noise_indices]
    row, column, side = body_square(shown[0].patient.body[0])
    zoom = Zoom(row + side // 2, column + side // 3, side // 7)
    draw_panels(context.output / "figure7.png",
                [line for case in shown for line in picture_rows(
                    context, case, (zoom,), low_dose=f"NI {case.condition.noise_index:g} HU: LDCT")], SIDE)
    indices = " and ".join(f"{noise_index:g}" for noise_index in context.plan.noise_indices)
    geometry, slices = SCAN.geometry, ", ".join(str(n) for n in context.plan.other_scan)
    lines = ["## Figure 7: another reconstruction", "",
             f"Slices {slices} of {shown[0].patient.name}, projected along the fan of another scanner "
             f"({geometry.views} views, {geometry.channels} channels of {geometry.channel_pitch:g} mm, source to axis "
             f"{geometry.source_isocentre:g} mm, to detector {geometry.source_detector:g} mm), given the noise of "
             f"{context.plan.doses[0]:g} of the dose and reconstructed on pixels of {PIXEL_MM:g} mm, image and noise "
             "alike. Bare ramp: the noise is sharper than the image, which keeps the resolution of its own kernel; "
             f"soft: half the amplitude at {FILTERS['soft'].f50:g} per mm. The reference is the same reconstruction "
             f"of the noise-free projections. The paper had no reference here. Shown: bare ramp, noise index {indices} "
             f"HU from top to bottom, slice {shown[0].patient.slices[0]}. The report on tasks reconstructs other "
             f"slices, with another filter: [mismatch](../task/mismatch.md). {context.took_part}", "",
             "![another reconstruction](figure7.png)", "",
             *table(["filter", "NI", "method", "RMSE HU", "ratio to LDCT", "SSIM"], _means(context, rows))]
    for pair in present(context, PAIRS):
        lines += [f"### {pair.one} against {pair.other}, another reconstruction", "",
                  *versus_table(compared(context, rows, pair), pair)]
    return lines


def compared(context: Context, rows: list[dict], pair: Pair) -> Found:
    """Two networks for each filter and noise index; rows as of :func:`.otherscan.other_scan_rows`."""
    return [(f"{name}, NI {index:g}", f"{context.plan.doses[0]:g}",
             compare([r for r in rows if (r["filter"], r["noise_index"]) == (name, index)], pair.one, pair.other))
            for name in FILTERS for index in context.plan.noise_indices]


def in_short(context: Context) -> list[str]:
    """Lines for README.md: how the pairs fare in Figure 7."""
    context = context.only(context.plan.scan_models)
    pairs = present(context, PAIRS)
    if not (context.plan.other_scan and pairs):
        return []
    rows = other_scan_rows(context)
    lines = ["## Another reconstruction", "",
             f"On {counted(len(context.plan.other_scan), 'slice')} of one patient, projected along another fan than "
             f"that of the simulated low dose and reconstructed with {counted(len(FILTERS), 'filter')} "
             "([Figure 7](showcases.md)), RMSE over the other's:", ""]
    found = {pair: compared(context, rows, pair) for pair in pairs}
    lines += table(["pair", *(condition for condition, _, _ in found[pairs[0]])],
                   [[f"{pair.one} / {pair.other}", *(text(own.ratio, 3) for _, _, own in found[pair])]
                    for pair in pairs])
    for pair in pairs:
        lost = [condition for condition, _, own in found[pair] if own.ratio > 1]
        lines.append(f"- {pair.one} is behind {pair.other} " + (f"under {'; '.join(lost)}." if lost else "nowhere."))
    return [*lines, "", "The report on tasks asks the same of other slices, with a third filter and at one noise index "
                        "only: [mismatch](../task/mismatch.md).", ""]


def _shown(context: Context, noise_index: float) -> Case:
    """The slice that is shown, by the first filter."""
    case = other_scan(context, next(iter(FILTERS)), noise_index)
    first = case.patient.slices.index(context.plan.other_scan_shown)
    at = slice(first, first + 1)
    patient = replace(case.patient, target=case.patient.target[at], body=case.patient.body[at],
                      slices=case.patient.slices[at])
    return Case(patient, case.condition, case.low_dose[at], case.noise[at])


def _means(context: Context, rows: list[dict]) -> list[list[str]]:
    body = []
    for name in FILTERS:
        for noise_index in context.plan.noise_indices:
            own = [r for r in rows if (r["filter"], r["noise_index"]) == (name, noise_index)]
            before = mean(own, LOW_DOSE.key, "rmse")
            for method in (LOW_DOSE, *context.networks):
                error = mean(own, method.key, "rmse")
                body.append([name, f"{noise_index:g}", method.label, text(error, 2), text(error / before, 3),
                             text(mean(own, method.key, "ssim"), 4)])
    return body
