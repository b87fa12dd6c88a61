"""Two networks on the same slices: the arithmetic, on rows of :mod:`.scoring`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

AIM_RATIO, AIM_SHARE = 0.92, 0.95
"""What is asked of HRNet: this times the U-Net's RMSE, and a lower RMSE on this share of the slices."""


@dataclass(frozen=True)
class Comparison:
    """RMSE of one network over another's under one condition.

    ``ratio``: of the means over patients; ``left_out``: lowest and highest such ratio without any one patient, NaN for
    a single patient; ``patients``: each one's own ratio; ``better``: share of slices with the lower RMSE.
    """

    ratio: float
    left_out: tuple[float, float]
    patients: dict[str, float]
    better: float
    slices: int
    rmse: tuple[float, float]

    @property
    def verdict(self) -> str:
        """Whether the aims are met, and by how much they are missed."""
        words = [_met("ratio", self.ratio, AIM_RATIO, self.ratio <= AIM_RATIO, "{:.3f}"),
                 _met("share", 100 * self.better, 100 * AIM_SHARE, self.better >= AIM_SHARE, "{:.1f} %")]
        return "; ".join(words)


def _met(name: str, value: float, aim: float, met: bool, form: str) -> str:
    return f"{name} met" if met else f"{name} missed by {form.format(abs(value - aim))}"


def means(rows: Sequence[dict], method: str, score: str) -> dict[str, float]:
    """Mean over the slices of each patient."""
    own = [r for r in rows if r["method"] == method]
    return {name: float(np.mean([r[score] for r in own if r["patient"] == name]))
            for name in dict.fromkeys(r["patient"] for r in own)}


def mean(rows: Sequence[dict], method: str, score: str) -> float:
    """Mean over slices, then over patients."""
    return float(np.mean(list(means(rows, method, score).values())))


def compare(rows: Sequence[dict], method: str, other: str) -> Comparison:
    """Compare two methods on the rows of one condition. Raises KeyError where one lacks a slice of the other."""
    own, others = (means(rows, name, "rmse") for name in (method, other))
    a, b = np.array(list(own.values())), np.array([others[name] for name in own])
    without = [np.delete(a, k).mean() / np.delete(b, k).mean() for k in range(len(a))] if len(a) > 1 else [np.nan]
    errors = {(r["patient"], r["slice"]): r["rmse"] for r in rows if r["method"] == other}
    wins = [r["rmse"] < errors[r["patient"], r["slice"]] for r in rows if r["method"] == method]
    return Comparison(
        ratio=float(a.mean() / b.mean()), left_out=(float(min(without)), float(max(without))),
        patients=dict(zip(own, (a / b).tolist())), better=float(np.mean(wins)), slices=len(wins),
        rmse=(float(a.mean()), float(b.mean())))


def limit(reference_noise: float, added_noise: float) -> float:
    """RMSE / RMSE of the low-dose image of a denoiser that knows the anatomy, HU in, no unit out.

    The reference holds noise of its own, t, which the input holds too, beside the added noise a. Of two independent
    noises of one colour only the sum is seen, and the best guess at t from t + a misses it by t a / sqrt(t^2 + a^2).
    Where the reference is the full dose and the input the fraction f, this is sqrt(f).
    """
    return reference_noise / float(np.hypot(reference_noise, added_noise))
