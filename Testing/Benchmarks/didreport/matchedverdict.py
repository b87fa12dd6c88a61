"""What the comparison at matched noise comes to: a verdict, why the default is the default, and who is ahead of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from DIDInteractiveLib.settings import CandidateSettings

from .matching import BETTER, SIDES, WORSE, summary
from .tables import share, text

SELDOM = 0.05
"""A method that is better or worse at no more than this share of the places counts as neither."""
LEAST = 0.001
"""Smaller leads are not named."""
BODY = "body"


def verdict(rows: Sequence[dict], names: Sequence[str], flat: str, rods: Sequence[dict]) -> list[str]:
    """The lines that begin the page.

    ``rows`` as in matched.csv and ``rods`` as in phantoms.csv; ``names``: the methods compared with blending; ``flat``:
    the name of the region whose noise is matched in other pixels than the error is taken in.
    """
    default = CandidateSettings().method
    scenes, patients = (len({row[key] for row in rows}) for key in ("scene", "patient"))
    edges = _mean(own - other for own, other in _pairs(rows, default, "blend", "edges_kept", SIDES[1]))
    return [f"**At equal noise {_judged(rows, names, BODY)}.** Matched in flat tissue only, where noise may hide "
            f"elsewhere, {_judged(rows, names, flat)}.", "",
            f"Visibly better means: at least {share(1 - BETTER)} less error in the whole body at more than "
            f"{share(SELDOM)} of the places; visibly worse: more than {share(WORSE - 1)} more error at more than "
            f"{share(SELDOM)} of them. A place is one of the positions at which a scene is read. They are "
            f"neighbouring positions on curves of {scenes} scenes of {patients} patients and depend on one another, "
            "so shares of them are descriptions, and no confidence interval is given.", "",
            f"Why '{default}' is the default nevertheless: it is made to keep its candidates in order of noise and of "
            "sharpness, which descents alone are not ([how often each does](range.md)), and on the sharper side it has "
            f"{text(100 * edges)} percentage points more of the edges' slope than blending. Where others are ahead of "
            f"it, on average over the places that both reach (leads below {100 * LEAST:g} are not named):", "",
            *_ahead(rows, names, default, flat, rods), ""]


def _judged(rows: Sequence[dict], names: Sequence[str], tissue: str) -> str:
    """Which methods are visibly better or worse than blending, in words."""
    found = {name: summary([row["ratio"] for row in rows if (row["method"], row["tissue"]) == (name, tissue)])
             for name in names}
    words = []
    for word, shares in (("better", {name: one.better for name, one in found.items()}),
                         ("worse", {name: one.worse for name, one in found.items()})):
        some = [f"'{name}' (at {share(value)} of the places)" for name, value in shares.items() if value > SELDOM]
        words.append(f"visibly {word} than blending are {', '.join(some)}" if some else
                     f"no method is visibly {word} than blending")
    return ", and ".join(words)


def _ahead(rows: Sequence[dict], names: Sequence[str], default: str, flat: str, rods: Sequence[dict]) -> list[str]:
    """One line for each measure: the methods ahead of the default, and by how much."""
    def less(tissue: str, side: str) -> Callable[[str], float]:
        return lambda name: _mean(1 - other / own for own, other in _pairs(
            rows, default, name, "rmse_hu", side, tissue))

    def edges(side: str) -> Callable[[str], float]:
        return lambda name: _mean(other - own for own, other in _pairs(rows, default, name, "edges_kept", side))

    def resolution(task: str, side: str) -> Callable[[str], float]:
        return lambda name: _mean(other / own - 1 for own, other in _pairs(
            [row | {"scene": task, "tissue": BODY} for row in rods if row["task"] == task], default, name, "value",
            side))

    others = ["blend", *(name for name in names if name != default)]
    def finer(side: str) -> Callable[[str], float]:
        return lambda name: _mean(other / own - 1 for own, other in _pairs(
            rows, default, name, "nps_mean_per_mm", side))

    measures = [("error, whole body", "%", lambda side: less(BODY, side)),
                (f"error, {flat}", "%", lambda side: less(flat, side)),
                ("slope of the edges", "percentage points", edges),
                ("mean frequency of the noise, of which the input's is the highest", "%", finer)]
    measures += [(task, "%", lambda side, task=task: resolution(task, side))
                 for task in dict.fromkeys(row["task"] for row in rods) if task.startswith("TTF50")]
    lines = []
    for title, unit, of in measures:
        cells = []
        for side in SIDES:
            leads = {name: of(side)(name) for name in others}
            some = [f"'{name}' ({text(100 * lead)})" for name, lead in sorted(leads.items(), key=lambda one: -one[1])
                    if lead >= LEAST]
            cells.append(f"{side} side {', '.join(some) or 'nobody'}")
        lines.append(f"- {title}, in {unit}: {'; '.join(cells)}")
    return lines


def _pairs(rows: Sequence[dict], own: str, other: str, key: str, side: str, tissue: str = BODY
           ) -> Iterator[tuple[float, float]]:
    """Values of two methods at the same place of the same scene, where both get there."""
    known = {name: {(row["scene"], row["position"]): row[key] for row in rows
                    if (row["method"], row["tissue"]) == (name, tissue) and np.isfinite(row[key])
                    and (row["position"] < 0) == (side == SIDES[0])} for name in (own, other)}
    for place in sorted(known[own].keys() & known[other].keys()):
        yield known[own][place], known[other][place]


def _mean(values) -> float:
    """The mean, 0 if there are none."""
    found = list(values)
    return float(np.mean(found)) if found else 0.0
