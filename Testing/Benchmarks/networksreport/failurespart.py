"""Part 4: the worst slices, shown, with the reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from didreport.drawing import Box, Panel, draw_panels
from didreport.tables import table, text, write_csv, write_page
from LDCTDenoiseLib.evaluationcases import Case, Condition

from .context import Context
from .failures import left_share, reason_for_place, reason_for_slice, shares
from .noisepart import NOISE_WINDOW_HU
from .plan import MAIN, RIVAL, Zoom
from .scoring import SMOOTHING_MM
from .showcasespart import square, whole

WHOLE_SIDE, PLACE_SIDE = 160, 120
ZOOM_HALF = 32
TOLD = ("patient", "slice", "track", "noise_index", "dose", "rmse", "before", "target_gnl", "added_sd", "worst_hu",
        "worst_row", "worst_column")


def write_failures(context: Context) -> None:
    """Write failures-slices.png, failures-places.png, failures.csv and failures.md."""
    network = context.network(MAIN)
    if network is None:
        write_page(context.output / "failures.md", ["# Failures", "", f"Left out: {MAIN} takes no part.", ""])
        return
    rows = [{**row, "before": before} for condition in context.cases.main_conditions()
            for row, before in _with_input(context, condition)]
    told: list[dict] = []
    low, high = NOISE_WINDOW_HU
    lines = [f"# Failures of {network.label}", "",
             "Every slice of the first dose was looked at; none was picked by hand. The reasons are measured in the "
             f"slices, by the rules of networksreport/failures.py. Errors are shown from {low:g} to {high:g} HU.", ""]
    for title, file, chosen, close, explained in (
            ("Least gained", "failures-slices.png", least_gained(rows), False,
             "For each condition the slice with the highest RMSE / RMSE of LDCT."),
            ("Greatest local errors", "failures-places.png", greatest_places(rows, context.plan.failures), True,
             f"The slices, each once, with the greatest error after smoothing by {SMOOTHING_MM:g} mm, magnified "
             "there.")):
        panels, words = [], []
        for number, row in enumerate(chosen, 1):
            case = context.cases.one_slice(row["patient"], _condition(row), row["slice"])
            image = network(case).array[0]
            if close:
                panels.append(_place_panels(context, case, image, row, number))
                reason = reason_for_place(row, case)
            else:
                panels.append(_whole_panels(case, image, number))
                reason = reason_for_slice(row, row["before"], shares(case, image), left_share(case, image))
            words.append([str(number), row["patient"], str(row["slice"]), f"{row['track']}, NI {row['noise_index']:g}",
                          text(row["rmse"] / row["before"], 3), f"{row['worst_hu']:+.0f}", reason])
            told.append({"list": title, "number": number, **{name: row[name] for name in TOLD}, "reason": reason})
        draw_panels(context.output / file, panels, PLACE_SIDE if close else WHOLE_SIDE)
        lines += [f"## {title}", "", explained, "", f"![{title.lower()}]({file})", "",
                  *table(["row", "patient", "slice", "condition", "RMSE ratio", "greatest error HU", "reason"], words)]
    lines += _lost(rows, context)
    write_csv(context.output / "failures.csv", told)
    write_page(context.output / "failures.md", lines)


def _with_input(context: Context, condition: Condition):
    everything = context.scores.rows(condition)
    before = {(r["patient"], r["slice"]): r["rmse"] for r in everything if r["method"] == "ldct"}
    return [(r, before[r["patient"], r["slice"]]) for r in everything if r["method"] == MAIN]


def _condition(row: dict) -> Condition:
    return Condition(row["track"], row["noise_index"], row["dose"])


def least_gained(rows: list[dict]) -> list[dict]:
    """The slice with the highest RMSE / RMSE before of every condition."""
    return [max((r for r in rows if _condition(r) == condition), key=lambda r: r["rmse"] / r["before"])
            for condition in dict.fromkeys(map(_condition, rows))]


def greatest_places(rows: list[dict], count: int) -> list[dict]:
    """The rows with the greatest smoothed errors, every slice of a patient once."""
    found: dict[tuple, dict] = {}
    for row in sorted(rows, key=lambda r: -abs(r["worst_hu"])):
        found.setdefault((row["patient"], row["slice"]), row)
    return list(found.values())[:count]


def _whole_panels(case: Case, image: np.ndarray, number: int) -> list[Panel]:
    """Low dose, output, reference and error of the whole slice."""
    body, error = case.patient.body[0], image.astype(np.float64) - case.reference[0]
    images = ((f"{number}: LDCT", case.low_dose[0]), (MAIN, image), ("NDCT", case.reference[0]))
    shown = [whole(one, body, name, "") for name, one in images]
    return [*shown, replace(whole(error, body, f"error of {MAIN}", ""), window=NOISE_WINDOW_HU)]


def _place_panels(context: Context, case: Case, image: np.ndarray, row: dict, number: int) -> list[Panel]:
    """The whole low-dose image, and the place of the greatest error magnified."""
    rival = context.network(RIVAL)
    images = [("LDCT", case.low_dose[0]), (MAIN, image)]
    images += [(RIVAL, rival(case).array[0])] if rival else []
    half = min(ZOOM_HALF, min(image.shape) // 2)
    place = [int(np.clip(row[name], half, size - half))
             for name, size in zip(("worst_row", "worst_column"), image.shape)]
    zoom = Zoom(*place, half, "yellow")
    error = image.astype(np.float64) - case.reference[0]
    frame = (Box(zoom.row, zoom.column, half, zoom.colour),)
    return [whole(case.low_dose[0], case.patient.body[0], f"{number}: LDCT", "", frame),
            *(Panel(square(one, zoom), name) for name, one in (*images, ("NDCT", case.reference[0]))),
            Panel(square(error, zoom), f"error of {MAIN}", window=NOISE_WINDOW_HU)]


def _lost(rows: list[dict], context: Context) -> list[str]:
    """The slices on which the U-Net has the lower RMSE."""
    if context.network(RIVAL) is None:
        return []
    rival = {(_condition(r), r["patient"], r["slice"]): r["rmse"] for condition in context.cases.main_conditions()
             for r in context.scores.rows(condition) if r["method"] == RIVAL}
    lost = [(r, rival[_condition(r), r["patient"], r["slice"]]) for r in rows]
    lost = sorted(((r, r["rmse"] / other) for r, other in lost if r["rmse"] >= other), key=lambda pair: -pair[1])
    lines = [f"## Slices on which {RIVAL} is better", "", f"{len(lost)} of {len(rows)}.", ""]
    if lost:
        lines += table(["patient", "slice", "condition", f"RMSE {MAIN} / {RIVAL}"],
                       [[r["patient"], str(r["slice"]), f"{r['track']}, NI {r['noise_index']:g}", text(ratio, 3)]
                        for r, ratio in lost[:20]])
    return lines
