"""Part 3: what the networks remove (the paper's Figure 8)."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
from didreport.drawing import WINDOW_HU, save_figure
from didreport.tables import table, text, write_csv, write_page
from LDCTDenoiseLib.evaluationcases import Case
from LDCTDenoiseLib.metrics import NoiseAnalysis, high_pass

from . import paper
from .context import Context
from .plan import MAIN

MEASURES = tuple(f.name for f in fields(NoiseAnalysis))
TITLES = {"removed_added": "cosine removed-added", "removed_target": "cosine removed-target",
          "target_added": "cosine target-added", "removed_on_added": "projection on added",
          "removed_on_target": "projection on target", "remaining_energy": "energy that remains"}
NOISE_WINDOW_HU = (-50.0, 50.0)
FOURIER_WINDOW = (1e4, 1e5)
"""Of the magnitude of the transform of HU, as in the paper."""


def write_noise(context: Context) -> None:
    """Write noise.csv, figure8.png and noise.md."""
    context = context.only(context.plan.noise_models)
    patient = context.cases.patients(context.plan.slices)[0].name
    slices = ", ".join(str(number) for number in sorted(context.cases.patient(patient).slices))
    rows, body = [], [["paper", "HRNet", *(text(v, 2) for v in asdict(paper.NOISE).values())]]
    for condition in context.cases.main_conditions():
        for network in context.networks:
            own = [r for r in context.scores.rows(condition) if (r["patient"], r["method"]) == (patient, network.key)]
            means = {name: float(np.mean([r[name] for r in own])) for name in MEASURES}
            rows.append({"patient": patient, **asdict(condition), "method": network.key, "slices": len(own), **means})
            body.append([str(condition), network.label, *(text(v, 2) for v in means.values())])
    if rows:
        write_csv(context.output / "noise.csv", rows)
    lines = ["# What the networks remove: Figure 8 of the HRNet paper, re-enacted", "",
             f"{patient}, slices {slices}. {context.took_part} Removed noise: low dose less output; added noise: low "
             "dose less reference; target noise: the reference. All are compared above 150/256 of the Nyquist "
             "frequency, where there is little but noise. The projection is the share of a noise that was removed, "
             "<removed, n> / <n, n>; the energy that remains is that of the removed part which is no combination of "
             "the two noises. The values of each slice are in slices.csv.", "",
             *table(["condition", "network", *(TITLES[name] for name in MEASURES)], body)]
    lines += [_beside_the_added(context, patient), ""]
    if context.network(MAIN):
        draw_figure8(context, patient, context.output / "figure8.png")
        low, high = NOISE_WINDOW_HU
        lines += ["## Figure 8", "", f"{MAIN}, {context.shown}: low dose; what was removed ({low:g} to {high:g} HU); "
                  f"its Fourier transform ({FOURIER_WINDOW[0]:.0e} to {FOURIER_WINDOW[1]:.0e}, logarithmic); cosines "
                  "slice by slice; the high frequencies of what was removed; their transform.", "",
                  "![noise](figure8.png)", ""]
    write_page(context.output / "noise.md", lines)


def _beside_the_added(context: Context, patient: str) -> str:
    """How much noise the targets hold beside the added one, here and in the paper."""
    parts = []
    for condition in context.cases.main_conditions():
        own = [r for r in context.scores.rows(condition) if (r["patient"], r["method"]) == (patient, "ldct")]
        parts.append(f"{condition.track}, NI {condition.noise_index:g}: "
                     + text(float(np.mean([r["target_gnl"] / r["added_sd"] for r in own])), 2))
    return (f"Noise of the target (GNL) over the added noise (SD), mean of the slices: {'; '.join(parts)}; in the "
            f"paper {paper.TARGET_TO_ADDED:.2f}, by its dose. The less of it there is, the smaller is its part in what "
            "is removed; how far the projections differ from the paper's beyond that is not explained here.")


def draw_figure8(context: Context, patient: str, path: Path) -> None:
    """The six panels of the paper's figure, of the showcase of the liver or else the patient's first slice."""
    from matplotlib.figure import Figure

    number = next((s.slice for s in context.plan.showcases if s.figure == "3" and s.patient == patient),
                  context.cases.patient(patient).slices[0])
    case: Case = context.cases.one_slice(patient, context.shown, number)
    removed = case.low_dose[0] - context.network(MAIN)(case).array[0].astype(np.float64)
    high = high_pass(removed)
    low_fourier, high_fourier = (np.fft.fftshift(np.abs(np.fft.fft2(one))) for one in (removed, high))
    figure = Figure(figsize=(9.6, 6.0), layout="constrained", dpi=80)
    grid = figure.subplots(2, 3).ravel()
    fourier = np.log10(FOURIER_WINDOW)
    for axes, image, window, title, unit in (
            (grid[0], case.low_dose[0], WINDOW_HU, "(a) LDCT", "HU"),
            (grid[1], removed, NOISE_WINDOW_HU, "(b) removed", "HU"),
            (grid[2], _log(low_fourier), fourier, "(c) its transform", "log10 of the magnitude"),
            (grid[4], high, NOISE_WINDOW_HU, "(e) high frequencies", "HU"),
            (grid[5], _log(high_fourier), fourier, "(f) their transform", "log10 of the magnitude")):
        shown = axes.imshow(image, cmap="gray", vmin=window[0], vmax=window[1])
        axes.set_axis_off()
        axes.set_title(title, fontsize=9)
        bar = figure.colorbar(shown, ax=axes, shrink=0.75, pad=0.02)
        bar.set_label(unit, fontsize=7)
        bar.ax.tick_params(labelsize=6)
    own = [r for r in context.scores.rows(context.shown) if (r["patient"], r["method"]) == (patient, MAIN)]
    for name in ("removed_added", "removed_target", "target_added"):
        grid[3].plot([r["slice"] for r in own], [r[name] for r in own], ".-", markersize=3, linewidth=0.9,
                     label=TITLES[name].removeprefix("cosine "))
    grid[3].set_title("(d) cosines", fontsize=9)
    grid[3].set_xlabel("slice", fontsize=8)
    grid[3].tick_params(labelsize=7)
    grid[3].legend(fontsize=7, loc="best")
    save_figure(figure, path)


def _log(magnitude: np.ndarray) -> np.ndarray:
    return np.log10(np.maximum(magnitude, 1.0))
