"""Two networks on the same slices: the arithmetic, on rows of :mod:`.scoring`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from didreport.tables import text


@dataclass(frozen=True)
class Aims:
    """What is asked of one network against another.

    ``ratio``: at most this times the other's RMSE; ``share``: a lower RMSE on at least this share of the slices, if it
    is asked for; ``ssim``: whether the SSIM is to be no lower; ``cost``: at most this times the other's multiply-adds,
    if it is asked for.
    """

    ratio: float
    share: float | None = None
    ssim: bool = False
    cost: float | None = None


AGAINST_UNET = Aims(0.92, share=0.95)
AGAINST_REDCNN = Aims(1.0, ssim=True, cost=0.2)


@dataclass(frozen=True)
class Comparison:
    """RMSE of one network over another's under one condition.

    ``ratio``: of the means over patients; ``left_out``: lowest and highest such ratio without any one patient, NaN for
    a single patient; ``patients``: each one's own ratio; ``better``: share of slices with the lower RMSE; ``rmse`` and
    ``ssim``: of both.
    """

    ratio: float
    left_out: tuple[float, float]
    patients: dict[str, float]
    better: float
    slices: int
    rmse: tuple[float, float]
    ssim: tuple[float, float]

    @property
    def better_without_any(self) -> bool:
        """Whether the first has the lower mean RMSE also without any one patient; not so where there is only one."""
        return self.ratio < 1 and self.left_out[1] < 1

    def judged(self, aims: Aims) -> list[tuple[str, float, str]]:
        """For every aim its name, by how much it is missed, which is not above 0 where it is met, and that in words."""
        found = [("ratio", self.ratio - aims.ratio, 3, "")]
        if aims.share is not None:
            found.append(("share", 100 * (aims.share - self.better), 1, " points"))
        if aims.ssim:
            found.append(("SSIM", self.ssim[1] - self.ssim[0], 4, ""))
        return [(name, amount, _amount(amount, digits) + unit) for name, amount, digits, unit in found]

    def verdict(self, aims: Aims) -> str:
        """Whether the aims are met, and by how much they are missed."""
        return "; ".join(f"{name} missed by {words}" if amount > 0 else f"{name} met"
                         for name, amount, words in self.judged(aims))


def _amount(value: float, digits: int) -> str:
    """A number with ``digits`` decimals; one that is above 0 is never written as 0."""
    written = text(value, digits)
    return f"less than {10**-digits:.{digits}f}" if value > 0 and float(written) == 0 else written


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
        rmse=(float(a.mean()), float(b.mean())), ssim=(mean(rows, method, "ssim"), mean(rows, other, "ssim")))


def limit(reference_noise: float, added_noise: float) -> float:
    """RMSE / RMSE of the low-dose image of a denoiser that knows the anatomy, HU in, no unit out.

    The reference holds noise of its own, t, which the input holds too, beside the added noise a. Of two independent
    noises of one colour only the sum is seen, and the best guess at t from t + a misses it by t a / sqrt(t^2 + a^2).
    Where the reference is the full dose and the input the fraction f, this is sqrt(f).
    """
    return reference_noise / float(np.hypot(reference_noise, added_noise))
