"""What the numbers below the figures say, and what they do not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from .tables import text

INPUT, REFERENCE = "LDCT", "NDCT"
"""Panels of every scene that has a reference."""
DEFAULT = "default"


def findings(rows: Sequence[dict]) -> list[str]:
    """The findings of ``rows`` as in figures.csv, a list for the page."""
    return ["## What the numbers say", "", contrast(rows), error(rows), smoothness(rows), ""]


def contrast(rows: Sequence[dict]) -> str:
    """How often a candidate has a CNR above the reference's, and why that is no gain."""
    pairs = [(row, reference) for row, reference in _beside(rows, REFERENCE)
             if math.isfinite(row["cnr"]) and math.isfinite(reference["cnr"])]
    above = [(row, reference) for row, reference in pairs if row["cnr"] > reference["cnr"]]
    most: dict[str, tuple[dict, dict]] = {}
    for row, reference in sorted(above, key=lambda pair: -pair[0]["cnr"] / pair[1]["cnr"]):
        most.setdefault(row["figure"], (row, reference))
    where = "; ".join(f"figure {figure}, {row['panel']}: {text(row['cnr'], 2)} against {text(reference['cnr'], 2)}"
                      for figure, (row, reference) in most.items())
    return (f"- A CNR above the reference's is not better detection. {len(above)} of {len(pairs)} candidates have one"
            f"{f' (at most, {where})' if where else ''}: smoothing lowers the SDs that the CNR divides by, and brings "
            "back nothing that was lost. The reference was taken with more dose and shows more; no reader took part "
            "here.")


def error(rows: Sequence[dict]) -> str:
    """Where the default has more error than the input as it is, and which candidate has the least."""
    pairs = [(row, given) for row, given in _beside(rows, INPUT) if row["panel"].endswith(DEFAULT)]
    worse = [f"figure {row['figure']}, {row['panel']} ({row['scene']}): {text(row['rmse_hu'])} against "
             f"{text(given['rmse_hu'])} HU" for row, given in pairs if row["rmse_hu"] > given["rmse_hu"]]
    words = f"has more error (RMSE) than the untouched input: {'; '.join(worse)}" if worse else (
        "has less error (RMSE) than the untouched input")
    least: dict[str, int] = {}
    for row, _ in pairs:
        own = [one for one in rows if (one["figure"], one["scene"], one["model"]) == (
            row["figure"], row["scene"], row["model"]) and one["panel"] not in (INPUT, REFERENCE)]
        best = min(own, key=lambda one: one["rmse_hu"])["panel"].split(": ")[-1].rstrip(" 12")
        least[best] = least.get(best, 0) + 1
    order = ", ".join(f"'{name}' in {count}" for name, count in sorted(least.items(), key=lambda one: -one[1]))
    return (f"- In {len(worse) or 'all'} of the {len(pairs)} rows with a reference the default {words}. The "
            "reference has noise of its own, which counts as error of an image without it. Of the "
            f"candidates shown the least error has {order}.")


def smoothness(rows: Sequence[dict]) -> str:
    """How often the default is smoother than the reference in flat tissue."""
    pairs = [pair for pair in _beside(rows, REFERENCE) if pair[0]["panel"].endswith(DEFAULT)]
    below = sum(row["std_hu"] < reference["std_hu"] for row, reference in pairs)
    return (f"- The default has a lower STD than the reference in {below} of these {len(pairs)} rows: smoother than "
            "the full dose, as that has noise of its own. That alone does not tell what was lost.")


def _beside(rows: Sequence[dict], end: str) -> Iterator[tuple[dict, dict]]:
    """Every candidate with the panel ``end`` of its figure and scene, where there is one."""
    ends = {(row["figure"], row["scene"]): row for row in rows if row["panel"] == end}
    for row in rows:
        if row["panel"] not in (INPUT, REFERENCE) and (row["figure"], row["scene"]) in ends:
            yield row, ends[row["figure"], row["scene"]]
