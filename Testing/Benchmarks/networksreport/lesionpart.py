"""What the page on the showcases says of the lesions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from didreport.tables import table, text, write_csv

from . import lesions, paper
from .context import Context
from .lesionscores import REFERENCE, lesion_rows
from .plan import MAIN, RIVAL
from .scoring import LOW_DOSE


PAPER_NAMES = {LOW_DOSE.key: "LDCT", RIVAL: "U-Net", MAIN: "HRNet", REFERENCE: "NDCT"}


def write_lesions(context: Context) -> list[str]:
    """Write lesions.csv and return the lines on it."""
    context = context.only(context.plan.lesion_models)
    rows = _rows(context)
    write_csv(context.output / "lesions.csv", rows)
    sizes = ", ".join(f"{d:g}" for d in sorted({one.diameter_mm for one in context.plan.lesions}))
    lines = ["## Low-contrast lesions, measured", "",
             "The lesions are not the patient's: the data hold none that a radiologist confirmed. Disks of "
             f"{_contrasts(context)} HU and {sizes} mm (where half the contrast is reached; edges smoothed by a "
             f"Gaussian of {lesions.EDGE_MM:g} mm) were added to the low-dose image and the reference alike, in the "
             f"liver. {context.plan.lesion_seeds} realisations of the noise; what a lesion itself does to the noise is "
             "neglected. Contrast left: of the output with lesions less the output without, of the same noise; 1 is "
             "all of it. CNR: 2 |difference of the means| over the sum of the two SDs, as the DID paper defines it; ± "
             f"is one standard error over realisations. Numbers are those in Figure 5. {context.took_part}", ""]
    for condition in context.cases.main_conditions():
        own = [r for r in rows if (r["track"], r["noise_index"]) == (condition.track, condition.noise_index)]
        lines += [f"{condition}", "", *lesion_table(own)]
    return lines + ["### CNR as the HRNet paper defines it", "",
                    "There the difference of the means is divided by the difference of the two SDs, not by their sum: "
                    "it grows beyond all bounds where both are alike, whatever the lesion. Hence medians over the "
                    "realisations. The paper's one lesion is another one, and its values are no yardstick.", "",
                    *seed_table(rows)]


def lesions_in_short(context: Context) -> list[str]:
    """Lines for README.md: how much of the lesions' contrast every network leaves."""
    context = context.only(context.plan.lesion_models)
    if not (context.plan.lesions and context.networks):
        return []
    rows = [r for r in _rows(context) if r["method"] not in (LOW_DOSE.key, REFERENCE)]
    return ["## Lesions of low contrast", "",
            "The part of the contrast of inserted lesions that is left ([showcases](showcases.md)); 1 is all of it. A "
            f"lower RMSE does not mean that more of it is left. {least_sentence(rows)}", "", *kept_table(rows)]


def _rows(context: Context) -> list[dict]:
    return [row for condition in context.cases.main_conditions() for row in lesion_rows(context, condition)]


def _cases(rows: Sequence[dict]) -> list[dict[str, dict]]:
    """The rows of every lesion under every condition, by method."""
    cases: dict[tuple, dict[str, dict]] = {}
    for r in rows:
        cases.setdefault((r["track"], r["noise_index"], r["lesion"]), {})[r["method"]] = r
    return list(cases.values())


def _last(cases: Sequence[dict[str, dict]]) -> list[str]:
    """Which method leaves the least contrast in every case."""
    return [min(case, key=lambda method: case[method]["kept"]) for case in cases]


def least_sentence(rows: Sequence[dict]) -> str:
    """Which network most often leaves the least contrast."""
    last = _last(_cases(rows))
    most = max(dict.fromkeys(last), key=last.count)
    return f"Of these networks {most} most often leaves the least: in {last.count(most)} of {len(last)} cases."


def kept_table(rows: Sequence[dict]) -> list[str]:
    """For every network the mean and the least contrast left, what the others leave there, and how often it is last."""
    cases, body = _cases(rows), []
    last = _last(cases)
    for method in dict.fromkeys(r["method"] for r in rows):
        worst = min(cases, key=lambda case: case[method]["kept"])
        own = worst[method]
        others = ", ".join(f"{name} {text(other['kept'], 2)}" for name, other in worst.items() if name != method)
        body.append([method, text(float(np.mean([case[method]["kept"] for case in cases])), 2),
                     text(own["kept"], 2), f"{own['track']}, NI {own['noise_index']:g}, lesion {_named(own)}",
                     others or "-", f"{last.count(method)} of {len(cases)}"])
    return table(["network", "mean", "least", "where", "the others there", "leaves the least of all in"], body)


def seed_table(rows: Sequence[dict]) -> list[str]:
    """CNR by the HRNet paper's definition of every condition and lesion (rows) and method (columns)."""
    methods = list(dict.fromkeys(r["method"] for r in rows))
    printed = {method: f"{paper.CNR[name]:.2f}" for method, name in PAPER_NAMES.items()}
    body = [["paper", "its own", *(printed.get(m, "-") for m in methods)]]
    for place in dict.fromkeys((r["track"], r["noise_index"], r["lesion"]) for r in rows):
        own = {r["method"]: r for r in rows if (r["track"], r["noise_index"], r["lesion"]) == place}
        body.append([f"{place[0]}, NI {place[1]:g}", _named(own[methods[0]]),
                     *(text(own[m]["cnr_seed_median"], 2) for m in methods)])
    return table(["condition", "lesion", *methods], body)


def _contrasts(context: Context) -> str:
    return ", ".join(f"{c:g}" for c in sorted({one.contrast_hu for one in context.plan.lesions}, reverse=True))


def lesion_table(rows: Sequence[dict]) -> list[str]:
    """Contrast left and CNR of every lesion (rows) and method (columns)."""
    methods = list(dict.fromkeys(r["method"] for r in rows))
    body = []
    for number in dict.fromkeys(r["lesion"] for r in rows):
        own = {r["method"]: r for r in rows if r["lesion"] == number}
        # Only the methods in between change the contrast.
        cells = [f"{_pair(own[m], 'kept')}" for m in methods if m not in ("ldct", REFERENCE)]
        cells += [_pair(own[m], "cnr_did") for m in methods]
        body.append([_named(own[methods[0]]), *cells])
    head = [f"contrast left, {m}" for m in methods if m not in ("ldct", REFERENCE)] + [f"CNR {m}" for m in methods]
    return table(["lesion", *head], body)


def _named(row: dict) -> str:
    return f"{row['lesion'] + 1}: {row['contrast_hu']:g} HU, {row['diameter_mm']:g} mm"


def _pair(row: dict, name: str) -> str:
    error = row[f"{name}_error"]
    return text(row[name], 2) + ("" if error is None else f" ± {text(error, 2)}")
