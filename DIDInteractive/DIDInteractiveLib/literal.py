"""The descent as the DID paper describes it (arXiv 2011.14873, section III-B2), on one slice.

Gradient descent with momentum 0.9 and a fixed learning rate of 1e-2, ended when the relative change between two
consecutive outputs (norm of the difference over norm of the former, in network units) is less than 1 %. The paper
leaves open whether its squared error is a sum or a mean; see ``CandidateSettings.reduction``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from LDCTDenoiseLib.hu import to_network

from .objective import Objective, State
from .outcome import Outcome
from .settings import CandidateSettings

MOMENTUM = 0.9
LEAST_CHANGE = 0.01
DIVERGED = 100.0
"""A loss of so many times the first one will not come back."""


@dataclass(frozen=True)
class Iterates:
    """The outputs (n, J, I) in HU after each step whose noise went on in the right direction.

    ``steps`` are their numbers, from 1; ``outcome`` tells why it ended and how far it got.
    """

    images: list[np.ndarray]
    noise: list[float]
    steps: list[int]
    outcome: Outcome


def literal_descent(objective: Objective, settings: CandidateSettings,
                    report: Callable[[float], None] | None = None) -> Iterates:
    """Run the paper's descent; ``report`` gets the share of the steps allowed that is done. Raises Cancelled."""
    factor = objective.pixels if settings.reduction == "sum" else 1
    state = first = objective.evaluate(objective.parameterisation.start)
    momentum = torch.zeros_like(state.values)
    images, noise, steps = [], [state.noise], []
    reason = "the most steps allowed ({step}) were taken"
    for step in range(1, settings.max_steps + 1):
        momentum = MOMENTUM * momentum + factor * state.gradient
        after = objective.evaluate(state.values - settings.learning_rate * momentum)
        if not after.finite or after.loss > DIVERGED * first.loss:
            reason = "the descent diverged at step {step}"
            break
        if _goes_on(after, noise[-1], objective):
            images.append(after.image)
            noise.append(after.noise)
            steps.append(step)
        change = _relative_change(state, after)
        state = after
        if report:
            report(step / settings.max_steps)
        if change < LEAST_CHANGE:
            reason = "step {step} changed the image by less than 1 %, the published rule to stop"
            break
    piece, direction = objective.piece, objective.direction
    outcome = piece.ended(direction, noise[-1]).followed_by(
        ", because " + reason + "; {going_on} of the steps went on in noise, towards the bound of {bound:.1f} HU.",
        step=step, going_on=len(images), bound=piece.bound_noise(direction))
    return Iterates(images, noise[1:], steps, outcome)


def _goes_on(after: State, last: float, objective: Objective) -> bool:
    """Whether a step's noise lies beyond that of the steps before, and short of the input's."""
    if objective.direction == "smoother":
        return after.noise < last
    return last < after.noise < objective.piece.input_noise


def _relative_change(before: State, after: State) -> float:
    return float(np.linalg.norm(after.image - before.image) / 2000 / np.linalg.norm(to_network(before.image)))
