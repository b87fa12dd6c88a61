"""Part 4: the worst slices, shown, with the reason."""

from __future__ import annotations

import numpy as np
from didreport.drawing import Box, Panel, draw_panels
from didreport.tables import table, text, write_csv, write_page
from LDCTDenoiseLib.evaluationcases import Case, Condition

from .context import Context
from .failures import reason_for_place, reason_for_slice, shares
from .plan import Zoom
from .showcasespart import body_square, square, whole

MODEL, RIVAL = "hrnet", "unet"
SIDE = 128
ZOOM_HALF = 32
ERROR_WINDOW = (-100.0, 100.0)


def write_failures(context: Context) -> None:
    """Write failures-slices.png, failures-places.png, failures.csv and failures.md."""
    network = context.network(MODEL)
    if network is None:
        write_page(context.output / "failures.md", ["# Failures", "", f"Left out: {MODEL} takes no part.", ""])
        return
    rows = [{**row, "before": before} for condition in context.cases.main_conditions()
            for row, before in _with_input(context, condition)]
    told: list[dict] = []
    lines = [f"# Failures of {network.label}", "",
             "Every slice of the first dose was looked at; none was picked by hand. The reasons are measured in the "
             "slices, by the rules of networksreport/failures.py. From left to right: LDCT, "
             f"{MODEL}{', ' + RIVAL if context.network(RIVAL) else ''}, reference (NDCT), error of {MODEL} (-100 to "
             "100 HU).", ""]
    for title, file, chosen, close in (
            ("Least gained", "failures-slices.png", least_gained(rows), False),
            ("Greatest local errors", "failures-places.png", greatest_places(rows, context.plan.failures), True)):
        panels, words = [], []
        for number, row in enumerate(chosen, 1):
            case = context.cases.one_slice(row["patient"], _condition(row), row["slice"])
            image = network(case).array[0]
            reason = (reason_for_place(row, case) if close else
                      reason_for_slice(row, row["before"], shares(case, image)))
            panels.append(_panels(context, case, image, row, number, close))
            words.append([str(number), row["patient"], str(row["slice"]), f"{row['track']}, NI {row['noise_index']:g}",
                          text(row["rmse"] / row["before"], 3), f"{row['worst_hu']:+.0f}", reason])
            told.append({"list": title, "number": number, **{k: row[k] for k in (
                "patient", "slice", "track", "noise_index", "dose", "rmse", "before", "target_gnl", "added_sd",
                "worst_hu", "worst_row", "worst_column")}, "reason": reason})
        draw_panels(context.output / file, panels, SIDE)
        explained = ("For each condition the slice with the highest RMSE / RMSE of LDCT." if not close else
                     "The slices, each once, with the greatest error after smoothing by 3 mm; the square is centred on "
                     "it.")
        lines += [f"## {title}", "", explained, "", f"![{title.lower()}]({file})", "",
                  *table(["row", "patient", "slice", "condition", "RMSE ratio", "greatest error HU", "reason"], words)]
    lines += _lost(rows, context)
    write_csv(context.output / "failures.csv", told)
    write_page(context.output / "failures.md", lines)


def _with_input(context: Context, condition: Condition):
    everything = context.scores.rows(condition)
    before = {(r["patient"], r["slice"]): r["rmse"] for r in everything if r["method"] == "ldct"}
    return [(r, before[r["patient"], r["slice"]]) for r in everything if r["method"] == MODEL]


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


def _panels(context: Context, case: Case, image: np.ndarray, row: dict, number: int, close: bool) -> list[Panel]:
    rival = context.network(RIVAL)
    images = [("LDCT", case.low_dose[0]), (MODEL, image)]
    images += [(RIVAL, rival(case).array[0])] if rival else []
    images += [("NDCT", case.reference[0])]
    error = image.astype(np.float64) - case.reference[0]
    half = min(ZOOM_HALF, min(image.shape) // 2)
    worst = row["worst_row"], row["worst_column"]
    place = [int(np.clip(p, half, size - half)) for p, size in zip(worst, image.shape)]
    top, left, side = body_square(case.patient.body[0])

    def panel(name: str, one: np.ndarray, window=None) -> Panel:
        title = (f"{number}: {name}" if name == "LDCT" else name)
        window = {} if window is None else {"window": window}
        if close:
            return Panel(square(one, Zoom(*place, half)), title, **window)
        shown = whole(one, case.patient.body[0], title, "")
        frame = (Box(worst[0] - top, worst[1] - left, 14, "yellow"),) if name == "LDCT" else ()
        return Panel(shown.image, title, boxes=frame, **window)

    return [panel(name, one) for name, one in images] + [panel("error", error, ERROR_WINDOW)]


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
        lines += table(["patient", "slice", "condition", f"RMSE {MODEL} / {RIVAL}"],
                       [[r["patient"], str(r["slice"]), f"{r['track']}, NI {r['noise_index']:g}", text(ratio, 3)]
                        for r, ratio in lost[:20]])
    return lines
