"""What one step of a descent costs: the distance to a bound and its gradient, at the sizes of real runs."""

from __future__ import annotations

from DIDInteractiveLib.objective import Objective
from DIDInteractiveLib.parameterisation import Parameterisation
from DIDInteractiveLib.piece import Images, Piece
from DIDInteractiveLib.settings import TUNED, CandidateSettings
from LDCTDenoiseLib.inference import Denoiser
from LDCTDenoiseLib.scanfield import outside_scan_field

from .clock import busy, clock_of
from .context import Context
from .scenes import Scene
from .sets import network
from .tables import table, text

REPEATS = 3


def step_rows(context: Context) -> list[dict]:
    """Time one step with every network and parameterisation, on one slice and on the slices that weights share."""
    plan, clock = context.plan, clock_of(context.device)
    scene = context.scenes.patient(plan.whole, plan.pair_noise, plan.dose)
    rows = []
    for model in plan.models:
        denoiser = network(model, context.device)
        for count in (1, min(len(scene.noisy), CandidateSettings().tuning_slices)):
            piece = piece_of(scene, denoiser, count)
            for tuned in TUNED:
                objective = Objective(piece, Parameterisation(denoiser.network, tuned), "sharper")
                start = objective.parameterisation.start
                single = busy(lambda: denoiser.removed_noise(scene.noisy[:1]), REPEATS, clock)
                step = busy(lambda: objective.evaluate(start), REPEATS, clock)
                look = busy(lambda: objective.evaluate(start, gradient=False), REPEATS, clock)
                rows.append({"model": model, "tuned": tuned, "values": len(start),
                             "size": " x ".join(str(n) for n in piece.array.shape), "step_seconds": step,
                             "no_gradient_seconds": look, "pass_seconds": single, "passes": step / single / count})
    return rows


def piece_of(scene: Scene, denoiser: Denoiser, count: int) -> Piece:
    """The first slices of a scene as a descent towards the input sees them."""
    array = scene.noisy[:count]
    result = denoiser.denoise(array, spacing=scene.spacing)
    # On the way to the input nobody asks for the smooth bound.
    images = Images(array, result.array, outside_scan_field(array, None), result.effective_strength,
                    lambda one: one.default)
    return Piece(images, scene.spacing)


def step_lines(rows: list[dict]) -> list[str]:
    return ["## One step", "",
            "One gradient step as the engine takes it: the network's output, its squared distance to the bound, the "
            "gradient of that for every tuned value, and the noise of the output. Slices go through one by one, so the "
            "slices that shared weights are tuned on (the larger size) cost their number. Without the gradient: a look "
            "at the noise, as the search for a candidate's place between two steps takes it. 'gains': one gain and one "
            "bias per channel in place of all weights; the whole network is run forwards and backwards all the same.",
            "",
            *table(["model", "tuned", "values tuned", "size", "seconds per step", "without the gradient",
                    "seconds per pass", "passes per step and slice"],
                   [[r["model"], r["tuned"], str(r["values"]), r["size"], text(r["step_seconds"], 2),
                     text(r["no_gradient_seconds"], 2), text(r["pass_seconds"], 2), text(r["passes"])] for r in rows])]
