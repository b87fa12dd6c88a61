"""What it costs to begin with a conventional filter's image: the filter, and the network that is fitted to it."""

from __future__ import annotations

from collections.abc import Sequence

from DIDInteractiveLib.conventional import filtered, fit_network
from LDCTDenoiseLib.classical import MissingFilterError
from LDCTDenoiseLib.scanfield import outside_scan_field

from .clock import busy, clock_of
from .context import Context
from .scenes import Scene
from .sets import network
from .tables import share, table, text

FILTER = "nlm"
"""Non-local means, the filter that is offered first."""


def fit_rows(context: Context, scene: Scene) -> list[dict]:
    """Time the filter and the fit on a scene's first slice; none without the filter's package or if the fit fails."""
    plan, clock = context.plan, clock_of(context.device)
    name = plan.models[0]
    denoiser, one = network(name, context.device), scene.noisy[:1]
    outside = outside_scan_field(one, None)
    start = clock()
    try:
        default = filtered(one, FILTER, scene.spacing, outside)
        before = clock()
        fit = fit_network(one, default, outside, denoiser, FILTER, steps=plan.fit_steps)[1]
    except (MissingFilterError, ValueError):
        return []
    after = clock()
    single = busy(lambda: denoiser.removed_noise(one), clock=clock)
    return [{"filter": FILTER, "model": name, "size": " x ".join(str(n) for n in one.shape),
             "filter_seconds": before - start, "steps": fit.steps, "fit_seconds": after - before,
             "pass_seconds": single, "passes": (after - before) / single, "left_share": fit.share}]


def fit_lines(rows: Sequence[dict]) -> list[str]:
    """The part of the page on ``rows`` as in fit.csv."""
    head = ["## A conventional default and its fit", ""]
    if not rows:
        return [*head, "Left out: the package scikit-image is missing, or the network could not be fitted to the "
                "filter's image.", ""]
    return [*head, "Where the default is to be that of a conventional filter, a network is fitted to turn the input "
            "into it, once, before the candidates are made; these then cost what they cost with the network that "
            "the fit starts from (below). "
            "The last column is what the fit leaves, as a share of what the filter removes.", "",
            *table(["filter", "model", "size", "seconds of the filter", "steps of the fit", "seconds of the fit",
                    "passes of the fit", "left"],
                   [[r["filter"], r["model"], r["size"], text(r["filter_seconds"]), str(r["steps"]),
                     text(r["fit_seconds"]), text(r["passes"], 0), share(r["left_share"])] for r in rows])]
