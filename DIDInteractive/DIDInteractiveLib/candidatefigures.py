"""Two pictures of a set: a contact sheet of the same slice in all candidates, and sharpness against noise.

Needs matplotlib (the "evaluate" extra), imported by the first picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import ndimage

from LDCTDenoiseLib.metrics import body_mask

from .measurement import Measurements

WINDOW_HU = (-160.0, 240.0)
"""Grey levels from black to white, as in the DID paper."""
DETAIL_MM = 80.0
"""Width of the enlarged detail."""
ORGAN_HU, STEEPEST_HU = (0.0, 200.0), 5.0
"""The detail shows organs, with much structure in them; an edge of so much per mm or more counts no more."""
COLUMNS = 3
PANEL_INCHES, CAPTION_INCHES, TITLE_INCHES, GAP_INCHES = 1.9, 0.44, 0.26, 0.08
DPI = 170
COLOURS = {"smoother": "#2166ac", "default": "#d95f02", "sharper": "#4d9221", "input": "#222222"}
MARKS = {"smoother": "o", "default": "D", "sharper": "o", "input": "s"}


def check_figures() -> None:
    """Raise RuntimeError, with what to do, where pictures cannot be drawn: before the work rather than after it."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise RuntimeError("The contact sheet and the plot need matplotlib: run 'pip install matplotlib'.") from None


def draw_contact_sheet(path: Path, slices: Sequence[np.ndarray], measurements: Sequence[Measurements],
                       spacing: Sequence[float], title: str, flip: tuple[bool, bool] = (False, False)) -> None:
    """Draw one slice (J, I) in HU of every candidate, and an enlarged detail of it, all with the same window and zoom.

    Args:
        path: of the PNG.
        slices, measurements: one for each candidate, in their order.
        spacing: in mm, (row, column) last.
        title: one line.
        flip: whether rows and columns have to be turned round to show the patient from the feet, anterior above.
    """
    from matplotlib.figure import Figure

    pixel = tuple(spacing)[-2:]
    body, detail = _body_box(slices[-1]), _detail_box(slices[0], pixel)
    height, width = ((b.stop - b.start) * p for b, p in zip(body, pixel))
    wide = PANEL_INCHES * min(max(width / height, 0.7), 1.8)
    columns = min(COLUMNS, len(slices))
    rows = -(-len(slices) // columns)
    cell = wide + PANEL_INCHES + 3 * GAP_INCHES, PANEL_INCHES + CAPTION_INCHES
    size = columns * cell[0] + GAP_INCHES, rows * cell[1] + TITLE_INCHES + GAP_INCHES
    figure = Figure(figsize=size, dpi=DPI)
    figure.text(2 * GAP_INCHES / size[0], 1 - 0.55 * TITLE_INCHES / size[1], title, fontsize=9, va="center")

    def panel(left: float, top: float, breadth: float):
        return figure.add_axes((left / size[0], 1 - (top + PANEL_INCHES) / size[1], breadth / size[0],
                                PANEL_INCHES / size[1]))

    for number, (image, measured) in enumerate(zip(slices, measurements)):
        left = (number % columns) * cell[0] + 2 * GAP_INCHES
        top = TITLE_INCHES + (number // columns) * cell[1] + CAPTION_INCHES
        whole = panel(left, top, wide)
        _show(whole, image, body, pixel, flip)
        _outline(whole, detail, pixel)
        _show(panel(left + wide + GAP_INCHES, top, PANEL_INCHES), image, detail, pixel, flip)
        whole.text(0, 1.02, f"{number + 1}  {measured.kind}\n{measured.sentence()}", transform=whole.transAxes,
                   fontsize=7.5, va="bottom", color=COLOURS[measured.kind], linespacing=1.35)
    figure.savefig(path)


def draw_trade_off(path: Path, measurements: Sequence[Measurements], title: str) -> None:
    """Draw the share of the edges that every candidate keeps against its noise; default and input are marked.

    Candidates whose edges could not be measured are left out.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    shown = [(n, one) for n, one in enumerate(measurements, 1) if one.edges_kept is not None]
    figure = Figure(figsize=(5.6, 4.0), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    axes.plot([one.noise_sd_hu for _, one in shown], [100 * one.edges_kept for _, one in shown], color="#999999",
              linewidth=1, zorder=1)
    for kind in COLOURS:
        own = [one for _, one in shown if one.kind == kind]
        if own:
            axes.scatter([one.noise_sd_hu for one in own], [100 * one.edges_kept for one in own], zorder=2, label=kind,
                         color=COLOURS[kind], marker=MARKS[kind], s=46 if kind in ("default", "input") else 26)
    for number, one in shown:
        axes.annotate(str(number), (one.noise_sd_hu, 100 * one.edges_kept), xytext=(5, -11),
                      textcoords="offset points", fontsize=7)
    if not shown:
        axes.text(0.5, 0.5, "no edges to judge by", transform=axes.transAxes, ha="center")
    axes.set(xlabel="noise SD (HU)", ylabel="edges kept (% of the input's)", title=title)
    axes.margins(y=0.09)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.title.set_fontsize(9)
    axes.grid(linewidth=0.4, alpha=0.6)
    if shown:
        axes.legend(fontsize=8, loc="lower right")
    figure.savefig(path)


def _show(axes, image: np.ndarray, box, pixel, flip) -> None:
    """Show the part of ``image`` in ``box``; axes are in pixels of the whole image."""
    rows, columns = box
    axes.imshow(image[box], cmap="gray", vmin=WINDOW_HU[0], vmax=WINDOW_HU[1],
                extent=(columns.start - 0.5, columns.stop - 0.5, rows.stop - 0.5, rows.start - 0.5),
                aspect=pixel[0] / pixel[1])
    if flip[0]:
        axes.invert_yaxis()
    if flip[1]:
        axes.invert_xaxis()
    axes.set_anchor("NW")
    axes.set_axis_off()


def _outline(axes, box, pixel) -> None:
    from matplotlib.patches import Rectangle

    rows, columns = box
    axes.add_patch(Rectangle((columns.start - 0.5, rows.start - 0.5), columns.stop - columns.start,
                             rows.stop - rows.start, fill=False, edgecolor="#ffcc00", linewidth=0.7))


def _body_box(image: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns that show the body, or all of them where there is none."""
    found = ndimage.find_objects(body_mask(image).astype(np.uint8))
    return found[0] if found else (slice(0, image.shape[0]), slice(0, image.shape[1]))


def _detail_box(image: np.ndarray, pixel: Sequence[float]) -> tuple[slice, slice]:
    """The square in which a smooth image shows organs with most structure; the image's centre where it shows none."""
    size = [min(max(8, round(DETAIL_MM / p)), n) for p, n in zip(pixel, image.shape)]
    smooth = ndimage.gaussian_filter(image.astype(np.float32), [1.5 / p for p in pixel])
    steepness = np.hypot(*(slope / p for slope, p in zip(np.gradient(smooth), pixel)))
    organ = ((smooth > ORGAN_HU[0]) & (smooth < ORGAN_HU[1])).astype(np.float64)
    share, structure = (ndimage.uniform_filter(values, size, mode="constant")
                        for values in (organ, np.minimum(steepness, STEEPEST_HU) * organ))
    density = structure * share ** 2
    middle = [n // 2 for n in image.shape]
    if density.max() > 0:
        middle = np.unravel_index(int(density.argmax()), image.shape)
    starts = [int(np.clip(m - s // 2, 0, n - s)) for m, s, n in zip(middle, size, image.shape)]
    return slice(starts[0], starts[0] + size[0]), slice(starts[1], starts[1] + size[1])
