"""The calibrated descent: from the default towards a bound, in steps whose effect on the noise is kept in hand.

Base is the DID paper's gradient descent with momentum 0.9 (arXiv 2011.14873, section III-B2). Three things are added:

- Every tensor's part of the step has the length of the tensor itself times one common rate (layer-wise scaling, You et
  al., arXiv 1708.03888). Without, the last layer takes nearly all of the step, and scaling its weights in a network
  that predicts noise is the same as blending default and input.
- The rate adapts: it grows while steps change little, and a step that changes the noise too much, raises the loss or
  is not finite is taken back and repeated smaller, without momentum where it had raised the loss.
- Where a step passes the noise SD that a candidate is to have, the place between its ends is sought.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from .noisesearch import share_for_noise
from .objective import Objective, State
from .outcome import Outcome
from .settings import CandidateSettings

MOMENTUM = 0.9
STEP_SIZE = 0.12
"""Change of the log noise SD that a step aims at."""
OVERSHOOT = 2.0
"""A step of more than so many step sizes is taken back."""
SLOW = 0.5
"""After a step of less than this share of the step size the rate grows."""
GROWTH, FAST_GROWTH, SHRINKAGE = 1.5, 4.0, 0.4
"""Factors on the rate after a slow step, after one that changed hardly anything, and after one that was taken back."""
SMALLEST_RATE = 1e-9
PATIENCE = 10
LEAST_ADVANCE = 0.01
"""The descent ends when so many steps have changed neither the log noise SD nor, relatively, the loss by this."""
PACE_STEPS = 4
"""So many of the last steps tell how many are to come."""
WITHIN = 0.05
"""A bound counts as reached at this relative difference of noise SD."""


@dataclass(frozen=True)
class Reached:
    """A place on the way: the weights, the noise SD in HU, and the number of steps until there."""

    values: torch.Tensor
    noise: float
    step: int


class Descent:
    """One descent in one direction.

    Attributes:
        outcome: after :meth:`run`, why it ended and how far it got.
        end: after :meth:`run`, the last state. steps: how many were taken, those taken back included.
    """

    def __init__(self, objective: Objective, settings: CandidateSettings):
        self._objective, self._piece = objective, objective.piece
        self._direction = objective.direction
        self._sign = 1 if self._direction == "sharper" else -1
        self._settings = settings
        self._rate = settings.learning_rate
        self._momentum: torch.Tensor | None = None
        self.steps = 0
        self._reason = ""
        self.outcome: Outcome | None = None
        self.end: State | None = None

    def run(self, targets: list[float], report: Callable[[float], None] | None = None) -> Iterator[Reached]:
        """Yield the places with the noise SDs ``targets`` (HU, from the default outwards), as far as they are reached.

        The last target counts as reached within 5 %. Where the descent ends short of it, its very end is yielded too if
        it lies at least half a step of the targets beyond the one before. ``report`` gets the share of the work that is
        done, as far as one can tell; it may fall.
        """
        state = self._objective.evaluate(self._objective.parameterisation.start)
        self.end, remaining, last = state, list(targets), state.noise
        history, trail = [state], [(0, 0.0)]
        while remaining and state.finite:
            after = self._step(state)
            if after is None:
                break
            while remaining and self._beyond(after.noise, remaining[0]):
                place = self._between(state, after, remaining.pop(0))
                if self._beyond(place.noise, last):
                    last = place.noise
                    yield place
            self.end = state = after
            history.append(state)
            trail.append((self.steps, self._way(state.noise)))
            if report:
                report(self._share_done(trail, self._way(targets[-1])))
            if remaining and self._is_stuck(history, remaining[-1]):
                break
        if not state.finite:
            self._reason = "the loss is not finite"
        if remaining and self._is_worth_showing(last, remaining[0]):
            yield Reached(self.end.values, self.end.noise, self.steps)
        self.outcome = self._ended(targets, len(remaining))

    def _step(self, state: State) -> State | None:
        """Return the state after one accepted step, or None with the reason why there is none."""
        raised = finite = True
        while self._rate > SMALLEST_RATE:
            if self.steps >= self._settings.max_steps:
                self._reason = "the most steps allowed ({step}) were taken"
                return None
            self.steps += 1
            momentum = state.gradient if self._momentum is None else MOMENTUM * self._momentum + state.gradient
            after = self._objective.evaluate(
                state.values - self._rate * self._objective.parameterisation.scaled(momentum))
            finite = after.finite
            raised = not finite or after.loss >= state.loss
            advance = self._way(after.noise, state.noise) if finite else 0.0
            if raised:
                if self._momentum is not None:
                    self._momentum = None
                else:
                    self._rate *= SHRINKAGE
            elif abs(advance) > OVERSHOOT * STEP_SIZE:
                self._rate *= max(STEP_SIZE / abs(advance), 0.1)
            else:
                self._momentum = momentum
                if advance < SLOW * STEP_SIZE:
                    little = abs(advance) < LEAST_ADVANCE and after.loss > state.loss * (1 - LEAST_ADVANCE)
                    self._rate *= FAST_GROWTH if little else GROWTH
                return after
        what = "raised the loss" if finite else "led to values that are not finite"
        self._reason = f"every step, however small, {what}"
        return None

    def _between(self, before: State, after: State, target: float) -> Reached:
        """Return the place with the noise SD ``target`` on the straight line between two states."""
        def noise(share: float) -> float:
            return self._objective.evaluate(torch.lerp(before.values, after.values, share), gradient=False).noise

        share, found = share_for_noise(noise, target, (before.noise, after.noise))
        return Reached(torch.lerp(before.values, after.values, share), found, self.steps)

    def _beyond(self, noise: float, other: float) -> bool:
        return self._sign * (noise - other) > 0

    def _way(self, noise: float, start: float | None = None) -> float:
        """Distance in log noise SD in this direction, from ``start`` (default: the default's noise)."""
        return self._sign * math.log(noise / (start or self._piece.default_noise))

    def _share_done(self, trail: list[tuple[int, float]], goal: float) -> float:
        """Share of the steps that are done, if the log noise goes on as in the last ones of ``trail`` (steps, way)."""
        (before, start), (steps, way) = trail[-min(len(trail), PACE_STEPS + 1)], trail[-1]
        left = self._settings.max_steps - steps
        pace = (way - start) / (steps - before)
        if pace > 0:
            left = min(left, max(goal - way, 0.0) / pace)
        return steps / (steps + left)

    def _is_stuck(self, history: list[State], goal: float) -> bool:
        if len(history) <= PATIENCE:
            return False
        then, now = history[-1 - PATIENCE], history[-1]
        if abs(self._way(now.noise, then.noise)) < LEAST_ADVANCE and now.loss > then.loss * (1 - LEAST_ADVANCE):
            self._reason = f"{PATIENCE} steps changed hardly anything"
            return True
        # Close to the bound the descent creeps.
        last = self._way(now.noise, history[-2].noise)
        return self._is_reached(now.noise, goal) and last < LEAST_ADVANCE

    def _is_reached(self, noise: float, goal: float) -> bool:
        return abs(math.log(noise / goal)) <= WITHIN

    def _is_worth_showing(self, last: float, target: float) -> bool:
        noise = self.end.noise
        return self.end.finite and self._beyond(noise, last) and (
            self._is_reached(noise, target) or self._way(noise, last) >= self._way(target, last) / 2)

    def _ended(self, targets: list[float], missing: int) -> Outcome:
        smoother, goal = self._direction == "smoother", targets[-1]
        end = self._piece.ended(self._direction, self.end.noise)
        if missing and not self._is_reached(self.end.noise, goal):
            name = "the smooth bound" if smoother else "its last candidate"
            words = ", short of " + name + " ({goal:.1f} HU), because " + self._reason + "."
        else:
            why = "because the smooth bound ({goal:.1f} HU) was reached" if smoother else "one step before the input"
            words = ", " + why + ", after {step} steps of the descent."
        return end.followed_by(words, goal=goal, step=self.steps)
