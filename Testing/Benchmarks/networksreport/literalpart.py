"""README.md: what the papers' literal forms do after the short trainings that they got here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from didreport.tables import share, table, text

from .comparing import mean
from .context import Context
from .scoring import SMOOTHING_MM


def literal_lines(context: Context) -> list[str]:
    """How far each literal form is from the low-dose image, and whether noise or smooth errors are the reason."""
    networks = [n for n in context.networks if n.card.form == "literal"]
    if not networks:
        return []
    rows = {c: context.scores.rows(c) for c in context.cases.main_conditions()}
    body, sentences = [], []
    for network in networks:
        ratios, smooth, smooth_before, removed = [], [], [], []
        for own in rows.values():
            ratios.append(mean(own, network.key, "rmse") / mean(own, "ldct", "rmse"))
            smooth.append(greatest(own, network.key))
            smooth_before.append(greatest(own, "ldct"))
            removed.append(mean(own, network.key, "removed_on_added"))
        body += [[f"{c.track}, NI {c.noise_index:g}", network.key, text(r, 2), share(n), f"{text(e, 0)} / {text(b, 0)}"]
                 for c, r, n, e, b in zip(rows, ratios, removed, smooth, smooth_before)]
        sentences.append(verdict(network.key, ratios, removed, smooth, smooth_before))
    return ["## The literal forms", "",
            "As the paper prints them, for this reproduction alone, and far from the paper's trainings in steps: see "
            "[What differs](#what-differs-from-the-paper). RMSE: over that of the low dose. Noise removed: the share "
            "of the added noise above 150/256 of the Nyquist frequency that is gone (slices.csv). Greatest smooth "
            f"error: of each slice after smoothing by {SMOOTHING_MM:g} mm, median of the slices; the low dose's beside "
            "it is noise that this leaves.", "",
            *table(["condition", "network", "RMSE ratio", "noise removed", "greatest smooth error HU, its / LDCT's"],
                   body),
            *(f"- {one}" for one in sentences), "",
            "The tables of the pairs stand in [slices](slices.md).", ""]


def greatest(rows: Sequence[dict], method: str) -> float:
    """Median over the slices of the greatest smooth error, HU."""
    return float(np.median([abs(row["worst_hu"]) for row in rows if row["method"] == method]))


def verdict(name: str, ratios: Sequence[float], removed: Sequence[float], smooth: Sequence[float],
            before: Sequence[float]) -> str:
    """Whether a network is ahead of its input under each condition, and what is wrong where it is not."""
    behind = sum(ratio > 1 for ratio in ratios)
    words = f"{name}: a higher RMSE than the low dose in {behind} of {len(ratios)} conditions."
    if behind and min(removed) > 0.5 and all(a > b for a, b in zip(smooth, before)):
        words += (" It removes most of the fine noise; what is wrong is smooth. A likely reason: instance "
                  "normalisation takes the absolute HU out of what the convolutions see.")
    return words
