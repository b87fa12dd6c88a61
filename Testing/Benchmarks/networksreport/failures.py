"""Why a slice turned out badly: facts that are measured in it, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from LDCTDenoiseLib.evaluationcases import Case
from LDCTDenoiseLib.metrics.masks import TISSUE_HU
from scipy import ndimage

from .comparing import limit
from .scoring import SMOOTHING_MM

REST = "borders"
"""What lies in no tissue class: the rims that erosion leaves between them, gas, metal, contrast medium."""
LIMITED = 0.75
"""Where the reference's own noise explains this share of the ratio, it is the reason."""
LEFT = 0.5
"""Where the smoothed error has this share of the low-dose image's own, of the same sign, it is noise that was left; so
it is in a slice where this share of the squared error is added noise."""
DENSE = 1.5
"""Squared error per pixel, relative to the body's mean, from which a tissue is named."""
NEAR_MM = 4.0
STEEP_HU = 300.0
"""A range of this size around a place makes it an edge."""


@dataclass(frozen=True)
class Where:
    """A tissue's share of the squared error in the body, and of the body."""

    tissue: str
    error: float
    area: float

    @property
    def density(self) -> float:
        """Squared error per pixel, relative to the body's mean."""
        return self.error / self.area


def shares(case: Case, image: np.ndarray) -> list[Where]:
    """Where in the one slice of a case the squared error of ``image`` (J,I) lies; absent tissues are left out."""
    body = case.patient.body[0]
    squared = (image.astype(np.float64) - case.reference[0]) ** 2
    classes = {name: case.patient.classes[name][0] & body for name in TISSUE_HU}
    classes[REST] = body & ~np.any(list(classes.values()), axis=0)
    return [Where(name, float(squared[mask].sum() / squared[body].sum()), float(mask.sum() / body.sum()))
            for name, mask in classes.items() if mask.any()]


def left_share(case: Case, image: np.ndarray) -> float:
    """The part of the squared error of ``image`` (J,I) in the body that is added noise which was left there, 0 to 1."""
    body = case.patient.body[0]
    error, added = (image.astype(np.float64) - case.reference[0])[body], case.noise[0][body].astype(np.float64)
    return float((error @ added) ** 2 / ((error @ error) * (added @ added)))


def reason_for_slice(row: dict, before: float, where: list[Where], left: float) -> str:
    """Why the error of a slice fell so little.

    ``before``: RMSE of the low-dose image, HU; ``left``: :func:`left_share`.
    """
    ratio, lowest = row["rmse"] / before, limit(row["target_gnl"], row["added_sd"])
    noises = f"the reference holds {row['target_gnl']:.0f} HU of noise of its own beside {row['added_sd']:.0f} HU added"
    bound = f"{noises}: a denoiser that knew the anatomy would reach {lowest:.2f}, the network reaches {ratio:.2f}"
    if lowest >= LIMITED * ratio:
        return f"the reference's noise: {bound}"
    worst = max((w for w in where if w.area >= 0.005), key=lambda w: w.density)
    place = (f"{100 * worst.error:.0f} % of the squared error lies in {worst.tissue}, {100 * worst.area:.0f} % of the "
             "body" if worst.density >= DENSE else "the error is spread evenly over the body")
    what = "noise that was left" if left >= LEFT else "structure or the reference's own noise that was changed"
    return f"{what}: {100 * left:.0f} % of the squared error is added noise; {place}; {bound}"


def reason_for_place(row: dict, case: Case) -> str:
    """Why the smoothed error is greatest at its place, from the reference and the low-dose image there."""
    at, pixel = (row["worst_row"], row["worst_column"]), case.patient.spacing[1:]
    error = case.low_dose[0].astype(np.float64) - case.reference[0]
    before = float(ndimage.gaussian_filter(error, [SMOOTHING_MM / p for p in pixel])[at])
    reference = ndimage.gaussian_filter(case.reference[0].astype(np.float64), [1.0 / p for p in pixel])
    j, i = np.ogrid[:reference.shape[0], :reference.shape[1]]
    near = reference[np.hypot((j - at[0]) * pixel[0], (i - at[1]) * pixel[1]) <= NEAR_MM]
    span = f"{near.min():.0f} to {near.max():.0f} HU within {NEAR_MM:g} mm"
    if before / row["worst_hu"] >= LEFT:
        return f"noise of low frequency that was left: the input is off by {before:+.0f} HU there already ({span})"
    if np.ptp(near) >= STEEP_HU:
        return (f"an edge or a small dense structure lost part of its contrast ({span}); the input is off by "
                f"{before:+.0f} HU")
    return f"low contrast smoothed away ({span}); the input is off by {before:+.0f} HU"
