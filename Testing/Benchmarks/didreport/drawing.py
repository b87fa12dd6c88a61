"""Figures of the report: grids of image panels, and curves. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from LDCTDenoiseLib.safewrite import complete_or_absent

WINDOW_HU = (-160.0, 240.0)
DPI = 100
GREYS = 56
"""Grey values in a file: fine enough for the eye, and a quarter of the size."""
_GAP, _HEAD, _FOOT = 4, 15, 17


@dataclass(frozen=True)
class Box:
    """A square or a circle in a panel: ``row``, ``column`` of its centre, half its side or its radius, pixels.

    ``label`` stands to its right.
    """

    row: float
    column: float
    half: float
    colour: str
    circle: bool = False
    label: str = ""


@dataclass(frozen=True)
class Panel:
    """An image (J, I) in HU with words above and below, shown in ``window``."""

    image: np.ndarray
    title: str = ""
    caption: str = ""
    boxes: tuple[Box, ...] = ()
    window: tuple[float, float] = WINDOW_HU


def draw_panels(path: Path, rows: Sequence[Sequence[Panel | None]], side: int) -> None:
    """Draw a grid of panels, each ``side`` pixels wide."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle, Rectangle

    columns = max(len(row) for row in rows)
    heads = [_HEAD if any(panel and panel.title for panel in row) else 0 for row in rows]
    feet = [_FOOT if any(panel and panel.caption for panel in row) else _GAP for row in rows]
    size = columns * (side + _GAP), len(rows) * side + sum(heads) + sum(feet)
    top = size[1]
    figure = Figure(figsize=(size[0] / DPI, size[1] / DPI), dpi=DPI)
    for row, head, foot in zip(rows, heads, feet):
        bottom = top - head - side
        top = bottom - foot
        for c, panel in enumerate(row):
            if panel is None:
                continue
            axes = figure.add_axes((c * (side + _GAP) / size[0], bottom / size[1], side / size[0], side / size[1]))
            exact = panel.image.shape[0] == side
            axes.imshow(panel.image, cmap="gray", vmin=panel.window[0], vmax=panel.window[1],
                        interpolation="nearest" if exact else "bicubic")
            axes.set_axis_off()
            axes.set_title(panel.title, fontsize=7.5, pad=2)
            axes.text(0.5, -0.02, panel.caption, fontsize=6.5, ha="center", va="top", transform=axes.transAxes)
            for box in panel.boxes:
                if box.circle:
                    frame = Circle((box.column, box.row), box.half, fill=False, edgecolor=box.colour, linewidth=0.8)
                else:
                    frame = Rectangle((box.column - box.half, box.row - box.half), 2 * box.half, 2 * box.half,
                                      fill=False, edgecolor=box.colour, linewidth=0.8)
                axes.add_patch(frame)
                if box.label:
                    axes.text(box.column + box.half, box.row, box.label, fontsize=7, va="center",
                              bbox={"facecolor": box.colour, "edgecolor": "none", "pad": 0.8})
    save_figure(figure, path)


def draw_matched(path: Path, rows: Sequence[dict]) -> None:
    """RMSE / RMSE of blending against the position, tissue by tissue: mean over scenes, and a band that holds all."""
    from matplotlib.figure import Figure

    tissues = list(dict.fromkeys(r["tissue"] for r in rows))
    methods = [m for m in dict.fromkeys(r["method"] for r in rows) if m != "blend"]
    figure = Figure(figsize=(11, 6), layout="constrained", dpi=80)
    axes = figure.subplots(2, 3, sharex=True, sharey=True).ravel()
    for tissue, here in zip(tissues, axes):
        for number, method in enumerate(methods):
            own = [r for r in rows if r["tissue"] == tissue and r["method"] == method]
            places = sorted({r["position"] for r in own})
            ratios = [[r["ratio"] for r in own if r["position"] == p and np.isfinite(r["ratio"])] for p in places]
            known = [(p, min(v), np.mean(v), max(v)) for p, v in zip(places, ratios) if v] + [(0.0, 1.0, 1.0, 1.0)]
            x, low, mean, high = zip(*sorted(known))
            here.plot(x, mean, marker=".", markersize=4, linewidth=1.2, color=f"C{number}", label=method)
            here.fill_between(x, low, high, color=f"C{number}", alpha=0.15, linewidth=0)
        here.axhline(1.0, color="black", linewidth=0.8)
        here.axhline(1.01, color="red", linewidth=0.6, linestyle=":")
        here.axhline(0.97, color="green", linewidth=0.6, linestyle=":")
        scenes = len({r["scene"] for r in rows if r["tissue"] == tissue})
        here.set_title(f"{tissue} ({scenes} scenes)", fontsize=9)
    for unused in axes[len(tissues):]:
        unused.set_axis_off()
    figure.supxlabel("position: -1 smooth bound, 0 default, 1 input (equal steps of log noise SD)", fontsize=8)
    figure.supylabel("RMSE / RMSE of blending at the same noise SD", fontsize=8)
    axes[0].legend(fontsize=7)
    save_figure(figure, path)


def draw_tradeoff(path: Path, rows: Sequence[dict]) -> None:
    """Sharpness against noise, one line for each set, on the region that the algorithm did not use."""
    from matplotlib.figure import Figure

    models = list(dict.fromkeys(r["model"] for r in rows))
    figure = Figure(figsize=(11, 3.8), layout="constrained", dpi=80)
    for model, axes in zip(models, np.atleast_1d(figure.subplots(1, len(models), sharey=True))):
        for scene in dict.fromkeys(r["scene"] for r in rows if r["model"] == model):
            own = [r for r in rows if r["scene"] == scene and r["model"] == model and r["edges_kept"] is not None]
            axes.plot([r["noise_hu"] for r in own], [100 * r["edges_kept"] for r in own], ".-", markersize=4,
                      linewidth=0.8, label=scene)
            default = [r for r in own if r["kind"] == "default"]
            axes.plot([r["noise_hu"] for r in default], [100 * r["edges_kept"] for r in default], "ko", markersize=4)
        axes.set(xlabel="noise SD (HU)", title=model)
        axes.legend(fontsize=5)
    figure.axes[0].set_ylabel("slope of the edges, % of the input's")
    save_figure(figure, path)


def save_figure(figure, path: Path) -> None:
    """Write a figure as a PNG with a palette: grey values, and the strongest other colours."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    colours, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_counts=True)
    colourful = np.ptp(colours, axis=1) > 24
    strongest = colours[colourful][np.argsort(-counts[colourful])][:200 - GREYS]
    greys = np.linspace(0, 255, GREYS).round()[:, None].repeat(3, axis=1)
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.concatenate([greys, strongest]).astype(np.uint8).ravel().tolist())
    picture = Image.fromarray(pixels).quantize(palette=palette, dither=Image.Dither.NONE)
    with complete_or_absent(path) as temporary:
        picture.save(temporary, format="PNG", optimize=True)
