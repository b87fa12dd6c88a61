"""The page with the verdict on every aim, and the table of aims behind it."""

from __future__ import annotations

import csv
import math
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
    "real": "real noise without a reference: noise, edges, structure in what was removed",
    "small": "small patients",
}
VERDICTS = ("met", "open", "missed", "not measured")


def keep_aims(folder: Path, part: str, aims: Sequence[Aim]) -> None:
    """Put the aims of a part in place of its earlier ones in aims.csv."""
    rows = [row for row in _read(folder) if row["part"] != part]
    rows += [{"part": a.part, "aim": a.aim, "method": a.method, "case": a.case, "value": a.found.value,
              "low": a.found.low, "high": a.found.high, "sense": a.sense, "limit": a.limit, "verdict": a.verdict,
              "shortfall": max(a.shortfall, 0.0) if math.isfinite(a.shortfall) else None} for a in aims]
    if rows:
        write_csv(folder / "aims.csv", sorted(rows, key=lambda row: PARTS.index(row["part"])))


def write_index(folder: Path) -> None:
    """Write README.md: every aim with its verdict, and links to the parts."""
    rows = _read(folder)
    there = [part for part in PARTS if (folder / f"{part}.md").is_file()]
    counts = Counter(row["verdict"] for row in rows)
    lines = [
        "# Tasks and generalisation, measured", "",
        "Written by `python Testing/Benchmarks/task_report.py --data DATA`; every number, verdict and figure was "
        "measured "
        "by it. Not for clinical use.", "", *(f"- [{part}]({part}.md): {TITLES[part]}" for part in there), "",
        "## Verdict on every aim", "",
        f"met / missed: by the value itself; open: the limit lies inside the value's {CONFIDENCE:.0%} interval, where "
        "there is one; not measured: it could not be. Of "
        f"{len(rows)} aims, " + ", ".join(f"{counts[v]} {v}" for v in VERDICTS) + ".", ""]
    for part in there:
        own = [row for row in rows if row["part"] == part]
        if own:
            lines += [f"### {part}", "", *table(
                ["aim", "method", "case", "measured", "limit", "verdict"],
                [[row["aim"].replace("|", "\\|"), row["method"], row["case"], _measured(row),
                  f"{row['sense']} {row['limit']}", _verdict(row)] for row in own])]
    write_page(folder / "README.md", lines)


def _read(folder: Path) -> list[dict]:
    path = folder / "aims.csv"
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _measured(row: dict) -> str:
    if not row["value"]:
        return "-"
    interval = f" ({float(row['low']):.3g} .. {float(row['high']):.3g})" if row["low"] else ""
    return f"{float(row['value']):.3g}{interval}"


def _verdict(row: dict) -> str:
    return f"missed by {float(row['shortfall']):.2g}" if row["verdict"] == "missed" else row["verdict"]
