"""How candidates come about, one class for each method; all are used in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from LDCTDenoiseLib.hu import round_to_dtype
from LDCTDenoiseLib.inference import Denoiser

from .application import apply
from .baselines import blend, interpolate
from .descent import Descent
from .literal import literal_descent
from .noisesearch import share_for_noise
from .objective import Objective
from .parameterisation import Parameterisation
from .piece import Images, Piece
from .settings import CandidateSettings

EARLY_STEPS, EARLY_WAY = 15, 0.4
"""Where a descent is early: after so many steps at most, and at most so far on its way in log noise SD."""
Report = Callable[[float], None]


@dataclass(frozen=True)
class Made:
    """A candidate that has been found: the step that it comes from, and what renders it.

    ``render(images, report)`` returns it for any slices of the volume, (n, J, I) in the input's dtype.
    """

    step: int
    render: Callable[[Images, Report | None], np.ndarray]


class Maker:
    """Finds candidates on one piece.

    Attributes:
        outcomes: for each direction that was worked on, one sentence.
    """

    def __init__(self, piece: Piece, denoiser: Denoiser, settings: CandidateSettings, cancelled=None):
        self.piece, self.denoiser, self.settings, self.cancelled = piece, denoiser, settings, cancelled
        self.outcomes: dict[str, str] = {}

    def find(self, direction: str, positions: Sequence[float], report: Report) -> Iterator[Made]:
        """Yield the candidates at ``positions`` (see ``Piece.noise_at``), from the default outwards, while there are
        any. ``report`` gets the share of the search that is done. Raises Cancelled.
        """
        raise NotImplementedError


class Blending(Maker):
    """Mixtures of the default and the bound."""

    def find(self, direction, positions, report):
        piece = self.piece
        ends = piece.default_noise, piece.bound_noise(direction)

        def noise(share: float) -> float:
            return piece.probe.sd(self._render(piece, None, direction, share))

        for position in positions:
            share, _ = share_for_noise(noise, piece.noise_at(position), ends)
            yield Made(0, partial(self._render, direction=direction, share=share))
        self.outcomes[direction] = f"All {direction} candidates ({len(positions)}) are mixtures of images."

    @staticmethod
    def _render(images: Images, report: Report | None, direction: str, share: float) -> np.ndarray:
        return blend(images.default, images.bound(direction), share, images.array, images.outside)


class Tuning(Maker):
    """Networks with weights from the calibrated descent."""

    def __init__(self, piece, denoiser, settings, cancelled=None):
        super().__init__(piece, denoiser, settings, cancelled)
        self.parameterisation = Parameterisation(denoiser.network, settings.tuned)

    def find(self, direction, positions, report):
        descent = Descent(self._objective(direction), self.settings)
        for place in descent.run([self.piece.noise_at(position) for position in positions], report):
            yield Made(place.step, self._renderer(place.values))
        self.outcomes[direction] = descent.outcome

    def _objective(self, direction: str) -> Objective:
        return Objective(self.piece, self.parameterisation, direction, self.cancelled)

    def _renderer(self, values: torch.Tensor):
        def render(images: Images, report: Report | None) -> np.ndarray:
            base = self.denoiser
            tuned = Denoiser(self.parameterisation.network(values), base.card, device=str(base.device),
                             precision=base.precision, batch_size=base.batch_size)
            return apply(tuned, images.array, images.outside, images.effect, report, self.cancelled)
        return render


class Structure(Tuning):
    """Sharper candidates as :class:`Tuning` makes them; smoother ones with the order of its descent turned round.

    A descent changes first what the network can change most easily, which is structure, and last the noise (the kernel
    of the DID paper, section II-A). Towards the input that is what one wants; towards the smooth bound t it costs
    structure before it lowers the noise. So of the way from the default y to t, what an early place z of the descent
    has not done yet comes first: y + a (t - z), a = 0..1, and what it has done comes last: + b (z - y), b = 0..1. That
    ends at t exactly, whereas the descent itself may stop far from it.
    """

    def find(self, direction, positions, report):
        if direction == "sharper":
            yield from super().find(direction, positions, report)
            return
        piece = self.piece
        descent = Descent(self._objective(direction), replace(self.settings, max_steps=min(
            self.settings.max_steps, EARLY_STEPS)))
        for _ in descent.run([piece.noise_at(-EARLY_WAY)], report):
            pass
        render_early = self._renderer(descent.end.values)
        rendered: dict[Images, np.ndarray] = {}
        early = descent.end.image

        def render(images: Images, report: Report | None, share: float) -> np.ndarray:
            if images not in rendered:
                # Rounded to whole HU here, the early place would add noise of its own to the mixture.
                exact = images.array.astype(np.result_type(images.array.dtype, np.float32))
                rendered[images] = render_early(images.with_array(exact), report)
            return self._mix(images, rendered[images], share)

        middle = piece.probe.sd(self._mix(piece, early, 1.0))
        for position in positions:
            target = piece.noise_at(position)
            first = middle < target
            ends = (piece.default_noise, middle) if first else (middle, piece.smooth_noise)
            share, _ = share_for_noise(
                lambda share: piece.probe.sd(self._mix(piece, early, share + (not first))), target, ends)
            yield Made(descent.steps, partial(render, share=share + (not first)))
        self.outcomes[direction] = (f"All smoother candidates ({len(positions)}) come from an early place of the descent "
                                    f"({descent.end.noise:.1f} HU) and the smooth bound ({piece.smooth_noise:.1f} HU).")

    @staticmethod
    def _mix(images: Images, early: np.ndarray, share: float) -> np.ndarray:
        """The image at ``share``, 0 (default) to 1 (all that the early place lacks) to 2 (smooth bound)."""
        exact = np.result_type(images.array.dtype, np.float32)
        default, early, smooth = (one.astype(exact) for one in (images.default, early, images.smooth))
        first, last = exact.type(min(share, 1)), exact.type(max(share - 1, 0))
        mixed = default + first * (smooth - early) + last * (early - default)
        return np.where(images.outside, images.array, round_to_dtype(mixed, images.array.dtype))


class Interpolation(Tuning):
    """Networks whose weights lie between the original ones and those at the end of the calibrated descent."""

    def find(self, direction, positions, report):
        objective = self._objective(direction)
        descent = Descent(objective, self.settings)
        targets = [self.piece.noise_at(position) for position in positions]
        for _ in descent.run(targets, report):
            pass
        start, end = objective.parameterisation.start, descent.end
        found = 0
        for target in targets:
            if abs(self.piece.position_of(target)) > abs(self.piece.position_of(end.noise)) + 1e-3:
                break
            share, _ = share_for_noise(
                lambda s: objective.evaluate(interpolate(start, end.values, s), gradient=False).noise, target,
                (self.piece.default_noise, end.noise))
            found += 1
            yield Made(descent.steps, self._renderer(interpolate(start, end.values, share)))
        self.outcomes[direction] = f"{descent.outcome} {found} candidates have weights in between."


class Literal(Tuning):
    """Outputs of the paper's own descent, evenly chosen among its steps; for one slice."""

    def find(self, direction, positions, report):
        run = literal_descent(self._objective(direction), self.settings, report)
        self.outcomes[direction] = run.outcome
        count = min(len(positions), len(run.images))
        for number in np.linspace(0, len(run.images), count + 1)[1:].round().astype(int) - 1:
            image = run.images[number]
            yield Made(run.steps[number], lambda images, report, image=image: np.where(
                images.outside, images.array, round_to_dtype(image, images.array.dtype)))


MAKERS: dict[str, type[Maker]] = {"did": Tuning, "did-structure": Structure, "did-literal": Literal, "blend": Blending,
                                  "interpolate": Interpolation}
