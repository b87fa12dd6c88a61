"""Figures of the report. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from didreport.drawing import Panel, draw_panels, save_figure

__all__ = ["Panel", "draw_bars", "draw_grid", "draw_panels", "draw_rods", "draw_sizes"]

DPI = 80


def draw_rods(path: Path, rows: Sequence[dict], curves: Sequence[dict], aims: dict[float, float]) -> None:
    """TTF50 relative to FBP's against contrast, and the NPS of unit variance, at half the noise, row by row."""
    levels = list(dict.fromkeys(r["noise_hu"] for r in rows))
    figure = _figure(10, 3.4 * len(levels))
    for noise, axes in zip(levels, np.atleast_2d(figure.subplots(len(levels), 2))):
        half = [r for r in rows if r["noise_hu"] == noise and r["level"] == "half the noise"]
        contrasts = list(aims)
        for number, name in enumerate(dict.fromkeys(r["method"] for r in half)):
            own = {r["contrast_hu"]: r for r in half if r["method"] == name}
            places = [k + (number - 2.5) * 0.1 for k in range(len(contrasts))]
            values = [own[c]["ratio"] for c in contrasts]
            reach = [[max(0.0, own[c]["ratio"] - own[c]["low"]) for c in contrasts],
                     [max(0.0, own[c]["high"] - own[c]["ratio"]) for c in contrasts]]
            axes[0].errorbar(places, values, reach, fmt="o", markersize=4, capsize=2, label=name)
        for k, contrast in enumerate(contrasts):
            axes[0].hlines(aims[contrast], k - 0.4, k + 0.4, colors="black", linestyles=":")
        axes[0].set_xticks(range(len(contrasts)), [f"{c:g} HU" for c in contrasts])
        axes[0].set(ylim=(0, 1.15), ylabel="TTF50 / FBP's", title=f"noise {noise:g} HU, half of it left; dotted: aim")
        axes[0].legend(fontsize=7)
        for curve in curves:
            if curve["noise_hu"] == noise and (curve["method"] == "FBP" or curve["level"] == "half the noise"):
                style = {"color": "black", "linewidth": 2} if curve["method"] == "FBP" else {"linewidth": 1.2}
                axes[1].plot(curve["frequency"], curve["shape"], label=curve["method"], **style)
        axes[1].set(xlabel="frequency (1/mm)", ylabel="NPS / variance (mm²)", ylim=(0, None))
        axes[1].legend(fontsize=7)
    save_figure(figure, path)


def draw_bars(path: Path, rows: Sequence[dict]) -> None:
    """d' relative to FBP's with its interval: a cluster of points for each group and task."""
    clusters = list(dict.fromkeys((r["group"], r["task"]) for r in rows))
    methods = list(dict.fromkeys(r["method"] for r in rows))
    figure = _figure(12, 4.2)
    axes = figure.subplots()
    for number, name in enumerate(methods):
        mine = [r for r in rows if r["method"] == name]
        offset = (number - (len(methods) - 1) / 2) * 0.12
        places = [clusters.index((r["group"], r["task"])) + offset for r in mine]
        reach = np.array([[r["ratio"] - r["ratio_low"] for r in mine], [r["ratio_high"] - r["ratio"] for r in mine]])
        axes.errorbar(places, [r["ratio"] for r in mine], reach, fmt="o", markersize=4, capsize=2, label=name)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_xticks(range(len(clusters)), [f"{group.replace(', ', chr(10), 1)}\n{task}" for group, task in clusters],
                    fontsize=7)
    axes.set(ylim=(0, 2), ylabel="d' / FBP's")
    axes.legend(fontsize=7, ncols=6)
    save_figure(figure, path)


def draw_grid(path: Path, rows: Sequence[dict]) -> None:
    """RMSE relative to the low dose: a map for each network; letters mark what a cell broke."""
    methods = list(dict.fromkeys(r["method"] for r in rows))
    columns = list(dict.fromkeys((r["pixel_mm"], r["dose"]) for r in rows))
    lines = list(dict.fromkeys((r["anatomy"], r["kernel"]) for r in rows))
    figure = _figure(1.2 + 4.6 * len(methods), 1.3 + 0.36 * len(lines))
    panels = np.atleast_1d(figure.subplots(1, len(methods), sharey=True))
    for method, axes in zip(methods, panels):
        values = np.full((len(lines), len(columns)), np.nan)
        for r in rows:
            if r["method"] == method:
                place = lines.index((r["anatomy"], r["kernel"])), columns.index((r["pixel_mm"], r["dose"]))
                values[place] = r["ratio"]
                bright = not r["ratio"] < 0.75
                axes.text(place[1], place[0], r["broken"], ha="center", va="center", fontsize=9, fontweight="bold",
                          color="black" if bright else "white")
        shown = axes.imshow(values, vmin=0.2, vmax=1.2, cmap="viridis", aspect="auto")
        axes.set_xticks(range(len(columns)), [f"{p:g} mm, {d:g}" for p, d in columns], rotation=90, fontsize=6)
        axes.set_yticks(range(len(lines)), [f"{a}, {k}" for a, k in lines], fontsize=7)
        axes.set_title(method, fontsize=9)
        axes.set_facecolor("lightgrey")
    figure.colorbar(shown, ax=list(panels), label="RMSE / low dose", fraction=0.02)
    save_figure(figure, path)


def draw_sizes(path: Path, rows: Sequence[dict]) -> None:
    """RMSE relative to the low dose, and change of the noise level, against the size of the patient."""
    names = list(dict.fromkeys(r["anatomy"] for r in rows))
    figure = _figure(5 * len(names), 3.2)
    for name, axes in zip(names, np.atleast_1d(figure.subplots(1, len(names), sharey=True))):
        for method in dict.fromkeys(r["method"] for r in rows):
            own = [r for r in rows if r["anatomy"] == name and r["method"] == method]
            axes.plot([r["size"] for r in own], [r["ratio"] for r in own], "o-", label=method)
        axes.axhline(1, color="black", linewidth=0.8)
        axes.set(xlabel="size of the patient", title=name, ylim=(0, 1.2))
        axes.legend(fontsize=7)
    figure.axes[0].set_ylabel("RMSE / low dose")
    save_figure(figure, path)


def _figure(width: float, height: float):
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", dpi=DPI)
