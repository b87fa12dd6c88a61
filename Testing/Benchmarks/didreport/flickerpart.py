"""Do neighbouring slices flicker? Shared weights against weights tuned slice by slice, and the input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from DIDInteractiveLib.flicker import FlickerProbe
from DIDInteractiveLib.settings import CandidateSettings

from .context import Context
from .matching import SIDES
from .sets import network
from .tables import share, table, text, write_csv

TUNED = {"did-ordered": ("sharper",), "did": SIDES}
"""Methods, and the sides on which descents make their candidates; the others are mixtures of images."""
SHARED, ALONE = "{}, shared weights", "{}, tuned slice by slice"
METHODS = {name.format(method): CandidateSettings(method, per_slice=name == ALONE)
           for method in TUNED for name in (SHARED, ALONE)} | {"blend": CandidateSettings("blend")}


def flicker(context: Context) -> list[str]:
    """Write flicker.csv and return the lines on it."""
    plan = context.plan
    scene = context.scenes.patient(plan.volume, plan.pair_noise, plan.dose)
    truth = scene.reference.astype(np.float32)
    probe = FlickerProbe(truth, scene.spacing)
    before = probe.sd(scene.noisy - truth)
    rows = []
    for name, settings in METHODS.items():
        made = context.sets.make(scene, network(plan.models[0]), settings)
        rows += [{"method": name, "candidate": number, "kind": one.kind, "position": one.position,
                  "noise_hu": one.tuning_noise_sd, "flicker_hu": probe.sd(one.array - truth)}
                 for number, one in enumerate(made.candidates)]
    write_csv(context.output / "flicker.csv", rows)
    smoother, sharper = CandidateSettings().positions
    places = [*reversed(smoother), 0.0, *sharper, 1.0]
    body = []
    for name in METHODS:
        found = {min(places, key=lambda p, r=r: abs(r["position"] - p)): r for r in rows if r["method"] == name}
        body.append([name, *(f"{text(found[p]['flicker_hu'], 2)} ({share(found[p]['flicker_hu'] / before)})"
                             if p in found else "-" for p in places)])
    return ["## Flicker", "",
            f"{len(scene.noisy)} neighbouring slices ({scene.name}, {plan.volume.crop} x {plan.volume.crop} pixels, "
            f"{scene.spacing[0]:g} mm apart), {plan.models[0]}. Flicker is the SD along z of the mean error of a "
            "slice's soft tissue, from second differences (DIDInteractiveLib/flicker.py), in HU and as a share of the "
            f"input's {before:.2f} HU. The reference is subtracted, so anatomy plays no part. Columns: the candidate "
            "nearest to a position; -1 smoothest, 0 default, 1 the input. One volume with one realisation of its "
            "noise: the shares are examples and no averages.", "",
            *(statement(method, rows, before) for method in TUNED), "",
            *table(["method", *(f"{p:g}" for p in places)], body)]


def statement(method: str, rows: Sequence[dict], before: float) -> str:
    """Whether shared weights flicker less than weights tuned slice by slice, at the candidates that descents made.

    ``rows`` as in flicker.csv; ``before`` is the input's flicker in HU.
    """
    shared, alone = ([r for r in rows if r["method"] == name.format(method) and r["kind"] in TUNED[method]]
                     for name in (SHARED, ALONE))
    if not (shared and alone):
        return f"- {method}: there are no candidates to compare."
    pairs = [(one, min(alone, key=lambda r, one=one: abs(r["position"] - one["position"]))) for one in shared]
    less = sum(one["flicker_hu"] < other["flicker_hu"] for one, other in pairs)
    verdict = ("Shared weights flicker less" if less == len(pairs) else "Shared weights do not flicker less"
               if less == 0 else "Shared weights flicker less at some places only")

    def span(some: Sequence[dict]) -> str:
        shares = [r["flicker_hu"] / before for r in some]
        place = max(some, key=lambda r: r["flicker_hu"])["position"]
        return f"{share(min(shares))} to {share(max(shares))} of the input's flicker (most at {place:.2f})"

    return (f"- {method}: {verdict}, at {less} of the {len(pairs)} candidates that descents made. They have "
            f"{span(shared)}, weights tuned slice by slice {span(alone)}.")
