"""Do neighbouring slices flicker? Shared weights against weights tuned slice by slice, and the input."""

from __future__ import annotations

import numpy as np
from DIDInteractiveLib.flicker import FlickerProbe
from DIDInteractiveLib.settings import CandidateSettings

from .context import Context
from .sets import network
from .tables import share, table, text, write_csv

METHODS = {"shared weights": CandidateSettings("did-ordered"),
           "tuned slice by slice": CandidateSettings("did-ordered", per_slice=True),
           "blend": CandidateSettings("blend")}
SHOWN = (-1.0, -0.5, 0.0, 0.5, 1.0)


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
    body = []
    for name in METHODS:
        own = [r for r in rows if r["method"] == name]
        near = [min(own, key=lambda r, w=w: abs(r["position"] - w)) for w in SHOWN]
        body.append([name, *(f"{text(r['flicker_hu'], 2)} ({share(r['flicker_hu'] / before)})" for r in near)])
    return ["## Flicker", "",
            f"{len(scene.noisy)} neighbouring slices ({scene.name}, {plan.volume.crop} x {plan.volume.crop} pixels, "
            f"{scene.spacing[0]:g} mm apart), {plan.models[0]}. Flicker is the SD along z of the mean error of a "
            "slice's soft tissue, from second differences (DIDInteractiveLib/flicker.py), in HU and as a share of the "
            f"input's {before:.2f} HU. The reference is subtracted, so anatomy plays no part. Columns: the candidate "
            "nearest to a position; -1 smoothest, 0 default, 1 the input.", "",
            *table(["method", *(f"{w:g}" for w in SHOWN)], body)]
