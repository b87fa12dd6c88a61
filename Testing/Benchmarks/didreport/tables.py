"""Rows for the report: CSV files and Markdown tables."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

from LDCTDenoiseLib.safewrite import complete_or_absent


def write_csv(path: Path, rows: Sequence[dict]) -> None:
    """Write rows of one kind; numbers get five digits, what does not exist an empty cell."""
    with complete_or_absent(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)


def read_csv(path: Path) -> list[dict]:
    """The rows of a CSV file as they are written there; none where there is no such file."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def write_page(path: Path, lines: Sequence[str]) -> None:
    with complete_or_absent(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table, with an empty line after it."""
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)] + [""]


def text(value: float, digits: int = 1) -> str:
    """A number with ``digits`` decimals, zero without a sign, a dash for one that does not exist."""
    if not math.isfinite(value):
        return "-"
    written = f"{value:.{digits}f}"
    return written.lstrip("-") if float(written) == 0 else written


def share(value: float) -> str:
    """A share as a percentage."""
    return f"{100 * value:.0f} %" if math.isfinite(value) else "-"


def _cell(value):
    if value is None or isinstance(value, float) and not math.isfinite(value):
        return ""
    return f"{value:.5g}" if isinstance(value, float) else value
