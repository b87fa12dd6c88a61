"""The page with the verdict on every aim, and the table of aims behind it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from didreport.tables import table, write_csv, write_page

from .plan import PARTS
from .statistics import CONFIDENCE, Aim

TITLES = {
    "scores": "RMSE, SSIM, PSNR, VIF, bias and cost of all methods on validation patients; do no harm",
    "rods": "TTF50 of rods of 100, 50 and 20 HU, noise power spectra and bias, at half the noise and at full strength",
    "disks": "d' for detection and characterisation, on lesions in water and on the MITA disks",
    "grid": "dose x kernel x pixel size x anatomy",
    "mismatch": "a different reconstruction at test time: other geometry, other filter",
    "real": "real noise without a reference: noise, edges, inserted rods, structure in what was removed",
    "small": "small patients",
    "robust": "metal, contrast medium, heads, thin slices; what was trained on, tested on, and not",
}
VERDICTS = ("met", "open", "missed", "not measured")
"""From good to bad."""


def keep_aims(folder: Path, part: str, aims: Sequence[Aim]) -> None:
    """Put the aims of a part in place of its earlier ones in aims.csv."""
    rows = [row for row in _read(folder) if row["part"] != part]
    rows += [{"part": a.part, "aim": a.aim, "method": a.method, "case": a.case, "value": a.found.value,
              "low": a.found.low, "high": a.found.high, "sense": a.sense, "limit": a.limit, "verdict": a.verdict,
              "margin": a.shortfall} for a in aims]
    if rows:
        write_csv(folder / "aims.csv", sorted(rows, key=lambda row: PARTS.index(row["part"])))


def write_index(folder: Path) -> None:
    """Write README.md: the verdict on every aim for every method, and links to the parts."""
    rows = _read(folder)
    there = [part for part in PARTS if (folder / f"{part}.md").is_file()]
    counts = Counter(row["verdict"] for row in rows)
    lines = [
        "# Tasks and generalisation, measured", "",
        "Written by `python Testing/Benchmarks/task_report.py --data DATA`; every number, verdict and figure was "
        "measured by it. Not for clinical use.", "", *(f"- [{part}]({part}.md): {TITLES[part]}" for part in there), "",
        "## Verdict on every aim", "",
        f"met / missed: by the value itself; open: the limit lies inside the value's {CONFIDENCE:.0%} interval, where "
        "there is one; not measured: it could not be. A cell holds the verdict on its worst case, which it names, and "
        f"how many of all cases have that verdict. Of all {len(rows)} cases, which are in [aims.csv](aims.csv), "
        + ", ".join(f"{counts[v]} {v}" for v in VERDICTS) + ".", ""]
    for part in there:
        own = [row for row in rows if row["part"] == part]
        methods = list(dict.fromkeys(row["method"] for row in own))
        aims = list(dict.fromkeys((row["aim"], row["sense"], row["limit"]) for row in own))
        if own:
            lines += [f"### {part}", "", *table(["aim", "limit", *methods], [
                [aim.replace("|", "\\|"), f"{sense} {limit}",
                 *(_cell([row for row in own if (row["aim"], row["method"]) == (aim, method)]) for method in methods)]
                for aim, sense, limit in aims])]
    write_page(folder / "README.md", lines)


def _cell(rows: list[dict]) -> str:
    """The verdict on the worst of one method's cases of one aim."""
    if not rows:
        return "-"
    worst = max(rows, key=lambda row: (VERDICTS.index(row["verdict"]), float(row["margin"] or 0)))
    verdict = worst["verdict"]
    if verdict == "not measured":
        return verdict
    by = f" by {float(worst['margin']):.2g}" if verdict == "missed" else ""
    share = ""
    if len(rows) > 1:
        share = f"{sum(row['verdict'] == verdict for row in rows)} of {len(rows)}; "
    return f"**{verdict}**{by}: {share}{_measured(worst)}, {worst['case']}"


def _read(folder: Path) -> list[dict]:
    path = folder / "aims.csv"
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _measured(row: dict) -> str:
    interval = f" ({float(row['low']):.3g} .. {float(row['high']):.3g})" if row["low"] else ""
    return f"{float(row['value']):.3g}{interval}"
