"""Part 1: are the candidates in order, how far do they reach, and do volumes flicker?"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from DIDInteractiveLib.candidates import CandidateSet
from DIDInteractiveLib.measurements import measure_candidates
from DIDInteractiveLib.settings import CandidateSettings

from .comparedmethods import BLEND
from .context import Context
from .drawing import draw_tradeoff
from .flickerpart import flicker
from .literalpart import literal
from .matching import SIDES, strictly_rising
from .phantompart import resolution_order
from .regions import BLOCK_MM, halves
from .scenes import Scene
from .sets import network
from .tables import share, table, text, write_csv, write_page

METHODS = ("did-ordered", "did", "blend")
"""The default method first."""


@dataclass(frozen=True)
class Reach:
    """One set in numbers; noise SDs in HU, in a region that the algorithm did not use.

    ``smoothest`` and ``sharpest`` are the ends of what was made, the input itself not counted. ``smoother_edges`` and
    ``sharper_edges``: whether the sharpness rises strictly up to the default, and from there to the input;
    ``edges_lost``: how much less the smoothest candidate has of it than the default, 0..1; ``edges_back``: how much
    less any candidate has than the one before it, at most; 0 where it rises.
    """

    candidates: int
    default: float
    smoothest: float
    sharpest: float
    input: float
    noise_rises: bool
    smoother_edges: bool
    sharper_edges: bool
    edges_lost: float
    edges_back: float

    @property
    def edges_rise(self) -> bool:
        return self.smoother_edges and self.sharper_edges


def reach(noise: Sequence[float], edges: Sequence[float | None], default: int) -> Reach:
    """Return the summary of candidates from the smoothest to the input, which is the last one.

    ``edges`` are shares of the input's edge slope; without any (None) their order counts as not rising.
    """
    sharpness = [float("nan") if e is None else e for e in edges]
    return Reach(len(noise), noise[default], noise[0], noise[-2], noise[-1], strictly_rising(noise),
                 strictly_rising(sharpness[:default + 1]), strictly_rising(sharpness[default:]),
                 sharpness[default] - sharpness[0], max(0.0, -float(np.diff(sharpness).min())))


def write_range(context: Context) -> None:
    """Write range.csv, flicker.csv, literal.csv, range.png and range.md."""
    plan = context.plan
    settings = CandidateSettings(count=plan.count)
    rows, lines, endings = [], [], []
    smoothest: list[tuple[float, float]] = []
    found: dict[str, list[Reach]] = {method: [] for method in METHODS}
    cases = [(context.patient(choice, noise_index), model) for choice in plan.patients
             for noise_index in plan.noise_indices
             for model in (plan.models if choice in plan.all_models else plan.models[:1])]
    volume = context.scenes.patient(plan.volume, plan.pair_noise, plan.dose)
    cases += [(volume, model) for model in plan.models]
    for method, (scene, model) in itertools.product(METHODS, cases):
        made = candidates(context, scene, model, replace(settings, method=method))
        measured = measured_elsewhere(scene, made)
        rows += [{"method": method, "scene": scene.name, "model": model, "candidate": n, "kind": one.kind,
                  "position": one.position, "iteration": one.iteration, "noise_hu": m.noise_sd_hu,
                  "edges_kept": m.edges_kept, "gnl_hu": m.gnl_hu, "rmse_hu": m.rmse_to_reference_hu,
                  **{f"bias_{tissue}_hu": value for tissue, value in m.bias_hu.items()}}
                 for n, (one, m) in enumerate(zip(made.candidates, measured))]
        own = reach([m.noise_sd_hu for m in measured], [m.edges_kept for m in measured], made.default)
        found[method].append(own)
        ordered = ["yes" if good else "NO" for good in (own.noise_rises, own.smoother_edges, own.sharper_edges)]
        lines.append([method, scene.name, _slices(scene), model, str(own.candidates), *ordered, text(own.smoothest),
                      text(own.default), text(own.sharpest), text(own.input), text(own.smoothest / own.default, 2),
                      text(own.sharpest / own.input, 2)])
        smoothest.append((made.candidates[0].tuning_noise_sd, own.smoothest))
        endings.append([method, scene.name, model, *(str(made.outcomes.get(side, "-")) for side in SIDES)])
    # Neighbours on the smoother side may differ in the sixth digit only.
    write_csv(context.output / "range.csv", [row | {"edges_kept": _exactly(row["edges_kept"])} for row in rows])
    order = resolution_order(context, {"blend": BLEND, **{name: replace(settings, method=name) for name in METHODS
                                                          if name != "blend"}})
    flicker_lines, literal_lines = flicker(context), literal(context)
    own_half, other_half = smoothest[0]
    draw_tradeoff(context.output / "range.png", [row for row in rows if row["method"] == METHODS[0]])
    write_page(context.output / "range.md", [
        "# Range and order of the candidates", "",
        f"Sets of {plan.count} candidates ({settings.tuned} weights tuned) from validation "
        f"patients at {plan.dose:g} of their dose. The scenes of single slices show these twice, with two realisations "
        f"of the noise; one scene is a volume of {len(volume.noisy)} neighbouring slices. Weights are tuned on up to "
        f"{settings.tuning_slices} slices of a scene and shared by all. The algorithm measured "
        f"noise in one half of the flat soft tissue, the white squares of a checkerboard of {BLOCK_MM:g} mm over "
        "tissue of one density. The numbers here come from the other half: deviations from the mean of the slice's "
        "region, which hold a little anatomy too.", "",
        f"The smooth bound, to which the smoother side leads, is the network applied {settings.repetitions} times, "
        "each time to its own result.", "",
        "Sharpness is the slope of the edges relative to the input's (DIDInteractiveLib/edges.py). "
        f"{METHODS[0]} and, on the smoother side, blend put their candidates in order by this very measure, on the "
        "slices that weights were tuned on; here it is taken on all slices. So it tells that the order holds beyond "
        "those, and not that another measure would find it too; that of the rods below is another. Another realisation "
        "of the noise moves the slope by 0.2 to 1 %, rounding an image to whole HU by some thousandths of a percent. "
        "So where a network's smooth bound is nearly as sharp as its default, an order of the candidates between them "
        "is one of these numbers, not one that can be seen.", "",
        *(statement(method, own) for method, own in found.items()), "",
        f"The volume alone ({volume.name}, {len(volume.noisy)} slices, {len(plan.models)} of these sets for each "
        "method):", "",
        *(statement(method, own[-len(plan.models):]) for method, own in found.items()), "",
        "![noise and sharpness](range.png)", "",
        f"Method {METHODS[0]}; black: the defaults. Below, noise SDs are in HU.", "",
        *table(["method", "scene", "slices", "model", "candidates", "noise rises", "sharpness rises, smoother side",
                "sharpness rises, sharper side", "smoothest", "default", "sharpest", "input", "smoothest / default",
                "sharpest / input"], lines),
        "## Order by a measure that places nothing: rods in water", "",
        f"TTF50 of rods in water with the network {plan.models[0]}, as in [the comparison](matched.md) and at its "
        "places of equal noise. No method looks at it when it places candidates.", "", *order,
        "## How the descents ended", "",
        "Noise here is that of the algorithm's own half of the flat tissue, the white squares; the table above has the "
        f"other half. So one and the same candidate has two numbers: the smoothest of the first row {text(own_half)} "
        f"HU here and {text(other_half)} HU there.", "",
        *table(["method", "scene", "model", "smoother", "sharper"], endings), *flicker_lines, *literal_lines])


def _exactly(value: float | None) -> str | None:
    return None if value is None else f"{value:.8f}"


def _slices(scene: Scene) -> str:
    """How many slices, times the realisations of the noise that they are shown with."""
    shown = len(scene.noisy) // scene.realisations
    return f"{shown}" if scene.realisations == 1 else f"{shown} x {scene.realisations}"


def statement(method: str, found: Sequence[Reach]) -> str:
    """One line on the sets of a method."""
    lost = [r.edges_lost for r in found]
    smoothest, sharpest = [r.smoothest / r.default for r in found], [r.sharpest / r.input for r in found]
    return (f"- {method}: strictly rising noise in {sum(r.noise_rises for r in found)} of {len(found)} sets, strictly "
            f"rising sharpness in {sum(r.edges_rise for r in found)} (from the smoothest to the default in "
            f"{sum(r.smoother_edges for r in found)}, from there to the input in "
            f"{sum(r.sharper_edges for r in found)}{_step_back(found)}); at least 11 candidates in "
            f"{sum(r.candidates >= 11 for r in found)}. The smoothest candidate keeps {share(min(smoothest))} to "
            f"{share(max(smoothest))} of the default's noise, and loses {text(100 * min(lost), 2)} to "
            f"{text(100 * max(lost), 2)} percentage points of the edges' slope against the default; the sharpest, the "
            f"input itself not counted, has {share(min(sharpest))} to {share(max(sharpest))} of the input's noise.")


def _step_back(found: Sequence[Reach]) -> str:
    """By how much candidates are out of order at most, in words; none where all are in order."""
    back = max(r.edges_back for r in found)
    return (f"; out of order, a candidate loses at most {text(100 * back, 2)} percentage points of the edges' slope "
            "against the one before it") if back > 0 else ""


def candidates(context: Context, scene: Scene, model: str, settings: CandidateSettings) -> CandidateSet:
    """A set for which noise was measured in the white squares only."""
    return context.sets.make(scene, network(model), settings, halves(scene)[0])


def measured_elsewhere(scene: Scene, made: CandidateSet) -> list:
    """Measurements in the black squares."""
    return measure_candidates(made.candidates, scene.noisy, scene.spacing, roi=halves(scene)[1],
                              reference=np.asarray(scene.reference))
