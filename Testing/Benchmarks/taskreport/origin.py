"""Which command and which networks made each part of the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from didreport.tables import read_csv, table, write_csv
from networksreport.page import DIGITS

from .context import Context
from .plan import PARTS

FILE = "origin.csv"


def keep_origin(context: Context, part: str) -> None:
    """Put the command and the networks of this run in place of those that made ``part`` before."""
    rows = [row for row in read_csv(context.output / FILE) if row["part"] != part]
    rows += [{"part": part, "command": context.command, "network": m.label, "architecture": m.identity["architecture"],
              "trained": m.network.recipe, "sha256": m.identity["sha256"]} for m in context.networks]
    if rows:
        write_csv(context.output / FILE, sorted(rows, key=lambda row: PARTS.index(row["part"])))


def origin_lines(folder: Path, parts: Sequence[str]) -> list[str]:
    """The commands that made ``parts``, and the networks that were given to them with the digests of their weights."""
    rows = [row for row in read_csv(folder / FILE) if row["part"] in parts]
    if not rows:
        return []
    lines = ["## How it was made", ""]
    for command in dict.fromkeys(row["command"] for row in rows):
        made = dict.fromkeys(row["part"] for row in rows if row["command"] == command)
        lines.append(f"- {', '.join(made)}: `{command}`")
    networks = dict.fromkeys((row["network"], row["architecture"], row["trained"], row["sha256"][:DIGITS])
                             for row in rows)
    return [*lines, "", *table(["network", "architecture", "trained", "SHA-256"], map(list, networks)),
            f"SHA-256: the first {DIGITS} digits, of the weights in half precision as they take part; all in [{FILE}]"
            f"({FILE}). Each page says which of them took part in it. `ldct train configs/equal/NAME.toml --data DATA "
            "--output runs/NAME` trains those of equal steps and patches ([recipes](../../../configs/equal)); "
            "[networks](../networks/README.md) tells which is which.", ""]
