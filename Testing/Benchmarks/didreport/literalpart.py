"""The paper's own optimiser on the networks as they are: how far does it get, and why does it end?"""

from __future__ import annotations

from DIDInteractiveLib.outcome import Outcome
from DIDInteractiveLib.settings import REDUCTIONS, CandidateSettings

from .context import Context
from .matching import SIDES
from .sets import network
from .tables import share, table, text, write_csv


def literal(context: Context) -> list[str]:
    """Write literal.csv and return the lines on it: one slice, every network, the squared error as mean and as sum."""
    plan = context.plan
    scene = context.patient(plan.figures.high_contrast, plan.pair_noise).slice(0)
    rows = []
    for model in plan.models:
        for reduction in REDUCTIONS:
            settings = CandidateSettings("did-literal", plan.count, reduction=reduction)
            made = context.sets.make(scene, network(model), settings)
            noise = {one.kind: one.tuning_noise_sd for one in made.candidates if one.kind in ("default", "input")}
            for side, wanted in zip(SIDES, settings.positions):
                own = [one for one in made.candidates if one.kind == side]
                ends = [one.tuning_noise_sd for one in own] or [noise["default"]]
                rows.append({"model": model, "reduction": reduction, "side": side, "wanted": len(wanted),
                             "candidates": len(own), "steps": steps_of(made.outcomes[side]),
                             "default_hu": noise["default"], "input_hu": noise["input"],
                             "end_hu": min(ends) if side == SIDES[0] else max(ends),
                             "outcome": str(made.outcomes[side])})
    write_csv(context.output / "literal.csv", rows)
    body = [[r["model"], r["reduction"], r["side"], text(r["steps"], 0), f"{r['candidates']} of {r['wanted']}",
             f"{text(r['default_hu'])} to {text(r['end_hu'])}", share(r["end_hu"] / r["input_hu"]), r["outcome"]]
            for r in rows]
    full = sum(r["candidates"] == r["wanted"] for r in rows)
    return ["## The paper's own descent", "",
            "The literal mode has the optimiser, the learning rate (1e-2) and the rule to stop (a step that changes "
            "the image by less than 1 %) of the DID paper, which leaves open whether its squared error is a mean or a "
            f"sum over pixels. One slice ({scene.name}), sets of {plan.count}; noise as the algorithm measures it. All "
            f"candidates wanted are made in {full} of {len(rows)} descents.", "",
            *table(["model", "loss", "side", "steps taken", "candidates", "noise, HU", "of the input's", "outcome"],
                   body)]


def steps_of(outcome: Outcome) -> float:
    """The number of steps that a descent took; NaN for an outcome without a descent."""
    return float("nan") if outcome.step is None else float(outcome.step)
