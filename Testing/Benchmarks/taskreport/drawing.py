"""Figures of the report. Needs matplotlib."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from didreport.drawing import Box, Panel, draw_panels, save_figure

__all__ = ["Box", "Panel", "draw_bars", "draw_grid", "draw_panels", "draw_rods", "draw_sizes"]

DPI = 100
SPREAD = 0.8
"""Share of a cluster's width that its points take."""


def draw_rods(path: Path, rows: Sequence[dict], curves: Sequence[dict], aims: dict[float, float],
              published: dict[float, float]) -> None:
    """TTF50 relative to FBP's against contrast, and the NPS of unit variance, at half the noise, row by row."""
    levels = list(dict.fromkeys(r["noise_hu"] for r in rows))
    contrasts = list(published)
    colours = _colours(rows)
    figure = _figure(11, 0.8 + 3.7 * len(levels))
    for noise, axes in zip(levels, np.atleast_2d(figure.subplots(len(levels), 2))):
        half = [r for r in rows if r["noise_hu"] == noise and r["level"] == "half the noise"]
        names = list(dict.fromkeys(r["method"] for r in half))
        for name, offset in zip(names, _offsets(len(names))):
            own = {r["contrast_hu"]: r for r in half if r["method"] == name}
            _points(axes[0], [k + offset for k in range(len(contrasts))], [own[c] for c in contrasts],
                    ("ratio", "low", "high"), colours[name])
        for limits, style in ((aims, ":"), (published, "--")):
            for k, contrast in enumerate(contrasts):
                if contrast in limits:
                    axes[0].hlines(limits[contrast], k - 0.45, k + 0.45, colors="black", linestyles=style)
        axes[0].set_xticks(range(len(contrasts)), [f"{c:g} HU" for c in contrasts])
        axes[0].set(ylim=(0, 1.1), ylabel="TTF50 / FBP's",
                    title=f"noise {noise:g} HU, half of it left; dotted: aim, dashed: published")
        for curve in curves:
            if curve["noise_hu"] == noise and (curve["method"] == "FBP" or curve["level"] == "half the noise"):
                style = {"color": "black", "linewidth": 2} if curve["method"] == "FBP" else {
                    "color": colours[curve["method"]], "linewidth": 1.2}
                axes[1].plot(curve["frequency"], curve["shape"], label=curve["method"], **style)
        axes[1].set(xlabel="frequency (1/mm)", ylabel="NPS / variance (mm²)", ylim=(0, None),
                    title=f"noise {noise:g} HU, half of it left")
    _legend(figure, {"FBP": "black"} | {n: c for n, c in colours.items() if n != "FBP"})
    save_figure(figure, path)


def draw_bars(path: Path, rows: Sequence[dict]) -> None:
    """d' relative to FBP's with its interval: a cluster of points for each group and task."""
    clusters = list(dict.fromkeys((r["group"], r["task"]) for r in rows))
    colours = _colours(rows)
    figure = _figure(2 + 1.7 * len(clusters), 4.8)
    axes = figure.subplots()
    for (name, colour), offset in zip(colours.items(), _offsets(len(colours))):
        mine = [r for r in rows if r["method"] == name]
        _points(axes, [clusters.index((r["group"], r["task"])) + offset for r in mine], mine,
                ("ratio", "ratio_low", "ratio_high"), colour)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_xticks(range(len(clusters)), [f"{group.replace(', ', chr(10))}\n{task}" for group, task in clusters],
                    fontsize=9)
    ends = [1.0, *(r[end] for r in rows for end in ("ratio_low", "ratio_high"))]
    axes.set(ylim=(max(0.0, min(ends) - 0.05), min(2.0, max(ends) + 0.05)), ylabel="d' / FBP's")
    _legend(figure, colours)
    save_figure(figure, path)


def draw_grid(path: Path, rows: Sequence[dict]) -> None:
    """RMSE relative to the low dose: a map for each network; letters mark what a cell broke, numbers ratios above 1."""
    from matplotlib.colors import TwoSlopeNorm

    methods = list(dict.fromkeys(r["method"] for r in rows))
    columns = list(dict.fromkeys((r["pixel_mm"], r["dose"]) for r in rows))
    lines = list(dict.fromkeys((r["anatomy"], r["kernel"]) for r in rows))
    across = min(2, len(methods))
    down = math.ceil(len(methods) / across)
    figure = _figure(2.2 + 6.2 * across, 1.2 + down * (0.6 + 0.38 * len(lines)))
    panels = np.atleast_1d(figure.subplots(down, across, sharex=True, sharey=True)).ravel()
    known = [r["ratio"] for r in rows if math.isfinite(r["ratio"])]
    norm = TwoSlopeNorm(1.0, min(0.9, *known), max(1.1, *known))
    for method, axes in zip(methods, panels):
        values = np.full((len(lines), len(columns)), np.nan)
        for r in rows:
            if r["method"] == method:
                place = lines.index((r["anatomy"], r["kernel"])), columns.index((r["pixel_mm"], r["dose"]))
                values[place] = r["ratio"]
                words = [r["broken"]] * bool(r["broken"]) + [f"{r['ratio']:.2f}"] * (r["ratio"] > 1)
                dark = math.isfinite(r["ratio"]) and abs(norm(r["ratio"]) - 0.5) > 0.25
                axes.text(place[1], place[0], "\n".join(words), ha="center", va="center", fontsize=8,
                          fontweight="bold", linespacing=0.9, color="white" if dark else "black")
        shown = axes.imshow(values, norm=norm, cmap="RdBu_r", aspect="auto")
        axes.set_xticks(range(len(columns)), [f"{p:g} mm, {Fraction(d).limit_denominator(99)}" for p, d in columns],
                        rotation=90, fontsize=9)
        axes.set_yticks(range(len(lines)), [f"{a}, {k}" for a, k in lines], fontsize=9)
        axes.set_title(method, fontsize=11)
        axes.set_facecolor("lightgrey")
    for unused in panels[len(methods):]:
        unused.set_axis_off()
    figure.supxlabel("pixel size, dose (grey: full dose, which has no RMSE)", fontsize=9)
    bar = figure.colorbar(shown, ax=list(panels), label="RMSE / low dose's; white: 1", fraction=0.02)
    bar.ax.axhline(1.0, color="black", linewidth=1)
    save_figure(figure, path)


def draw_sizes(path: Path, rows: Sequence[dict]) -> None:
    """RMSE relative to the low dose against the size of the patient, a chart for each anatomy."""
    names = list(dict.fromkeys(r["anatomy"] for r in rows))
    colours = _colours(rows)
    figure = _figure(5 * len(names), 3.9)
    for name, axes in zip(names, np.atleast_1d(figure.subplots(1, len(names), sharey=True))):
        for method, colour in colours.items():
            own = [r for r in rows if r["anatomy"] == name and r["method"] == method]
            axes.plot([r["size"] for r in own], [r["ratio"] for r in own], "o-", color=colour)
        axes.axhline(1, color="black", linewidth=0.8)
        axes.set(xlabel="size of the patient", title=name, ylim=(0, None))
    figure.axes[0].set_ylabel("RMSE / low dose's")
    _legend(figure, colours)
    save_figure(figure, path)


def _colours(rows: Sequence[dict]) -> dict[str, str]:
    """A colour for every method."""
    return {name: f"C{number}" for number, name in enumerate(dict.fromkeys(r["method"] for r in rows))}


def _offsets(count: int) -> np.ndarray:
    """Places of ``count`` points in a cluster around 0 that is one wide."""
    return (np.arange(count) - (count - 1) / 2) * SPREAD / max(count, 1)


def _points(axes, places: Sequence[float], rows: Sequence[dict], names: tuple[str, str, str], colour: str) -> None:
    """Values with their intervals, under the ``names`` of value, low and high end."""
    value, low, high = (np.array([r[name] for r in rows]) for name in names)
    # A percentile interval need not hold its value.
    reach = np.maximum(0, [value - low, high - value])
    axes.errorbar(places, value, reach, fmt="o", markersize=5, capsize=2, color=colour)


def _legend(figure, colours: dict[str, str]) -> None:
    """One legend for the whole figure, below it."""
    from matplotlib.lines import Line2D

    figure.legend([Line2D([], [], color=colour, linewidth=3) for colour in colours.values()], list(colours),
                  loc="outside lower center", ncols=5, fontsize=11)


def _figure(width: float, height: float):
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", dpi=DPI)
