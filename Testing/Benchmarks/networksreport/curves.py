"""Figure 6: RMSE and SSIM slice by slice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from didreport.drawing import save_figure

from .context import Context
from .pairs import EQUAL_TERMS, SHIPPED, present
from .scoring import LOW_DOSE

RATIOS = (SHIPPED[0], EQUAL_TERMS[0])
"""Pairs whose ratio has a curve."""
COLOURS = ("0.45", "tab:blue", "tab:orange", "tab:green", "tab:red")
MEASURES = (lambda row: row["rmse"], lambda row: 1 - row["ssim"])
"""What is drawn of a row; networks whose SSIM is close to 1 are told apart by what it lacks."""


def draw_curves(context: Context, path: Path) -> None:
    """RMSE, 1 - SSIM and ratios at the first dose, one row for each track and noise index.

    The networks are those that all pictures show. Lines end where a patient does.
    """
    from matplotlib.figure import Figure

    conditions, pairs = context.cases.main_conditions(), present(context, RATIOS)
    columns = 3 if pairs else 2
    figure = Figure(figsize=(4.2 * columns, 2.0 * len(conditions) + 0.8), layout="constrained", dpi=80)
    grid = figure.subplots(len(conditions), columns, sharex=True, squeeze=False)
    for condition, line in zip(conditions, grid):
        scores = {(r["method"], r["patient"], r["slice"]): r for r in context.scores.rows(condition)}
        places = [place for method, *place in scores if method == LOW_DOSE.key]
        for axes, score, title in zip(line, MEASURES, (f"{condition}: RMSE (HU)", "1 - SSIM")):
            for colour, method in zip(COLOURS, (LOW_DOSE, *context.columns)):
                _curve(axes, places, [score(scores[(method.key, *p)]) for p in places], colour, method.label)
            axes.set_yscale("log")
            axes.set_title(title, fontsize=8)
        for colour, pair in zip(("tab:red", "tab:purple"), pairs):
            ratios = [scores[(pair.one, *p)]["rmse"] / scores[(pair.other, *p)]["rmse"] for p in places]
            _curve(line[2], places, ratios, colour, f"{pair.one} / {pair.other}")
        if pairs:
            line[2].axhline(1, color="black", linewidth=0.8)
            line[2].axhline(pairs[0].aims.ratio, color="green", linewidth=0.8, linestyle=":", label="aim of the mean")
            line[2].set_title("ratio of RMSE", fontsize=8)
        for axes in line:
            for start in _starts(places):
                axes.axvline(start - 0.5, color="black", linestyle="--", linewidth=0.4)
            axes.tick_params(labelsize=7, which="both")
            axes.margins(x=0.02)
        for axes in line[:2]:
            _plain_ticks(axes)
    for axes in grid[-1]:
        axes.set_xlabel("slices in order", fontsize=8)
    shown = [axes.get_legend_handles_labels() for axes in (grid[0][0], *([grid[0][2]] if pairs else []))]
    figure.legend([h for handles, _ in shown for h in handles], [n for _, names in shown for n in names],
                  loc="outside lower center", ncols=4, fontsize=8)
    save_figure(figure, path)


def _starts(places: Sequence) -> list[int]:
    """Where a patient begins, except the first."""
    return [i for i in range(1, len(places)) if places[i][0] != places[i - 1][0]]


def _curve(axes, places: Sequence, values: Sequence[float], colour: str, label: str) -> None:
    """A line that is broken between patients; a patient's only slice is a dot."""
    parts = np.split(np.arange(len(places)), _starts(places))
    for number, part in enumerate(parts):
        axes.plot(part, [values[i] for i in part], ".-", markersize=4, linewidth=0.9, color=colour,
                  label=label if number == 0 else None)


def _plain_ticks(axes) -> None:
    """Numbers without powers of ten on a logarithmic axis."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
