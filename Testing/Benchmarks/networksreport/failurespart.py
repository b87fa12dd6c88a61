"""Part 4: the worst slices, shown, with the reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from didreport.drawing import Box, Panel, draw_panels
from didreport.tables import table, text, write_csv, write_page
from LDCTDenoiseLib.evaluationcases import Case, Condition
from scipy import ndimage

from .context import Context
from .failures import left_share, reason_for_place, reason_for_slice, shares
from .noisepart import NOISE_WINDOW_HU
from .plan import MAIN, RIVAL, Zoom
from .scoring import SMOOTHING_MM
from .pictures import square, whole

SIDE = 128
ZOOM_HALF = 32
SHOWN_LOST = 20
ERROR = f"greatest error smoothed by {SMOOTHING_MM:g} mm, HU"
TOLD = ("patient", "slice", "track", "noise_index", "dose", "rmse", "before", "target_gnl", "added_sd", "worst_hu",
        "worst_row", "worst_column")

ELSEWHERE = (
    "What else can go wrong is measured elsewhere: error at doses near the full one ([grid](../task/grid.md)), bias "
    "([scores](../task/scores.md)), contrast of faint lesions ([showcases](showcases.md)), resolution at low contrast "
    "([rods](../task/rods.md), [do no harm](../validation/harm.md)), detectability ([disks](../task/disks.md)).")
"""Links to what the slices here do not show."""


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
             f"Looked at: {context.cases.told(context.plan.doses[0])}, at dose {context.plan.doses[0]:g} under "
             f"{len(context.cases.main_conditions())} conditions; nothing was picked by hand. The reasons are measured "
             "in the slices, by the rules of networksreport/failures.py. Errors are shown from "
             f"{low:g} to {high:g} HU.", "", ELSEWHERE, ""]
    for title, file, chosen, local, explained in (
            ("Least gained", "failures-slices.png", least_gained(rows, context.plan.failures), False,
             "The highest RMSE / RMSE of LDCT under any condition, each patient once, magnified where the squared "
             "error is greatest."),
            ("Greatest local errors", "failures-places.png", greatest_places(rows, context.plan.failures), True,
             f"The greatest error after smoothing by {SMOOTHING_MM:g} mm under any condition, each slice once, "
             "magnified there.")):
        panels, words = [], []
        for number, row in enumerate(chosen, 1):
            case = context.cases.one_slice(row["patient"], _condition(row), row["slice"])
            image = network(case).array[0]
            if local:
                place = row["worst_row"], row["worst_column"]
                reason = reason_for_place(row, case)
            else:
                place = densest(image.astype(np.float64) - case.reference[0], case.patient.body[0])
                reason = reason_for_slice(row, row["before"], shares(case, image), left_share(case, image))
            panels.append(_panels(context, case, image, place, number))
            words.append([str(number), row["patient"], str(row["slice"]), f"{row['track']}, NI {row['noise_index']:g}",
                          text(row["rmse"] / row["before"], 3), f"{row['worst_hu']:+.0f}", reason])
            told.append({"list": title, "number": number, **{name: row[name] for name in TOLD}, "reason": reason})
        draw_panels(context.output / file, panels, SIDE)
        lines += [f"## {title}", "", explained, "", f"![{title.lower()}]({file})", "",
                  *table(["row", "patient", "slice", "condition", "RMSE ratio", ERROR, "reason"], words)]
    lines += _lost(rows, context)
    write_csv(context.output / "failures.csv", told)
    write_page(context.output / "failures.md", lines)


def _with_input(context: Context, condition: Condition):
    everything = context.scores.rows(condition)
    before = {(r["patient"], r["slice"]): r["rmse"] for r in everything if r["method"] == "ldct"}
    return [(r, before[r["patient"], r["slice"]]) for r in everything if r["method"] == MAIN]


def _condition(row: dict) -> Condition:
    return Condition(row["track"], row["noise_index"], row["dose"])


def least_gained(rows: list[dict], count: int) -> list[dict]:
    """The rows with the highest RMSE / RMSE before, every patient once."""
    found: dict[str, dict] = {}
    for row in sorted(rows, key=lambda r: -r["rmse"] / r["before"]):
        found.setdefault(row["patient"], row)
    return list(found.values())[:count]


def greatest_places(rows: list[dict], count: int) -> list[dict]:
    """The rows with the greatest smoothed errors, every slice of a patient once."""
    found: dict[tuple, dict] = {}
    for row in sorted(rows, key=lambda r: -abs(r["worst_hu"])):
        found.setdefault((row["patient"], row["slice"]), row)
    return list(found.values())[:count]


def densest(error: np.ndarray, body: np.ndarray) -> tuple[int, int]:
    """Row and column of the middle of the square that is magnified where it holds the most squared error in the body.

    ``error`` and ``body`` (J,I), the first in HU.
    """
    half = _half(error.shape)
    held = ndimage.uniform_filter(np.where(body, error, 0.0) ** 2, 2 * half, mode="constant")
    inside = held[half:error.shape[0] - half + 1, half:error.shape[1] - half + 1]
    row, column = np.unravel_index(inside.argmax(), inside.shape)
    return int(row) + half, int(column) + half


def _half(shape: tuple[int, ...]) -> int:
    return min(ZOOM_HALF, min(shape) // 2)


def _panels(context: Context, case: Case, image: np.ndarray, place: tuple[int, int], number: int) -> list[Panel]:
    """The whole low-dose image and error, and what lies around a place of the slice magnified."""
    rival = context.network(RIVAL)
    images = [("LDCT", case.low_dose[0]), (MAIN, image)]
    images += [(RIVAL, rival(case).array[0])] if rival else []
    half = _half(image.shape)
    centre = [int(np.clip(at, half, size - half)) for at, size in zip(place, image.shape)]
    zoom = Zoom(*centre, half, "yellow")
    error, body = image.astype(np.float64) - case.reference[0], case.patient.body[0]
    frame = (Box(zoom.row, zoom.column, half, zoom.colour),)
    return [whole(case.low_dose[0], body, f"{number}: LDCT", "", frame),
            replace(whole(error, body, f"error of {MAIN}", "", frame), window=NOISE_WINDOW_HU),
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
    lines = [f"## Slices on which {RIVAL} is better", "", f"{len(lost)} of {len(rows)}"
             + (f"; the {SHOWN_LOST} clearest:" if len(lost) > SHOWN_LOST else "."), ""]
    if lost:
        lines += table(["patient", "slice", "condition", f"RMSE {MAIN} / {RIVAL}"],
                       [[r["patient"], str(r["slice"]), f"{r['track']}, NI {r['noise_index']:g}", text(ratio, 3)]
                        for r, ratio in lost[:SHOWN_LOST]])
    return lines
