"""How candidates come about, one class for each method; all are used in the same way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

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
from .outcome import Outcome
from .parameterisation import Parameterisation
from .piece import LEAST_CHANGE, Images, Piece
from .settings import CandidateSettings
from .sharpnessorder import falling_shares, rising_parts

Report = Callable[[float], None]
NO_ORDER = " The order of their sharpness could not be kept: there are too few edges, or they hardly change."


@dataclass(frozen=True)
class Made:
    """A candidate that has been found: the step that it comes from, and what renders it.

    ``render(images, report)`` returns it for any slices of the volume, (n, J, I) in the input's dtype. ``mixed`` is the
    share of it, 0 to 1, that is a mixture of images where the method would have it tuned.
    """

    step: int
    render: Callable[[Images, Report | None], np.ndarray]
    mixed: float = 0.0


class Maker:
    """Finds candidates on one piece.

    Attributes:
        outcomes: for each direction that was worked on, what became of it.
        one_of_many: whether the piece is one of several slices of a volume that are each worked on alone.
    """

    def __init__(self, piece: Piece, denoiser: Denoiser, settings: CandidateSettings, cancelled=None, *,
                 one_of_many: bool = False):
        self.piece, self.denoiser, self.settings, self.cancelled = piece, denoiser, settings, cancelled
        self.one_of_many = one_of_many
        self.outcomes: dict[str, Outcome] = {}

    def find(self, direction: str, positions: Sequence[float], report: Report) -> Iterator[Made]:
        """Yield the candidates at ``positions`` (see ``Piece.noise_at``), from the default outwards, while there are
        any. ``report`` gets the share of the search that is done. Raises Cancelled.
        """
        raise NotImplementedError


class Blending(Maker):
    """Mixtures of the default and the bound."""

    def find(self, direction, positions, report):
        piece = self.piece
        shares = [self.share(direction, piece.noise_at(position)) for position in positions]
        ordered = shares
        if direction == "smoother":
            ordered = falling_shares(shares, lambda share: piece.edges.kept(self.render(piece, direction, share)))
        for share in ordered or shares:
            yield Made(0, lambda images, report, share=share: self.render(images, direction, share))
        why = ("because that is the smooth bound" if direction == "smoother" else "one step before the input")
        self.outcomes[direction] = piece.ended(direction, piece.noise_at(positions[-1])).followed_by(
            ", " + why + "; its candidates ({count}) are mixtures of images." + ("" if ordered else NO_ORDER),
            count=len(positions))

    def share(self, direction: str, noise: float) -> float:
        """Return the share of the bound, 0 to 1, with which a mixture has this noise SD in HU."""
        piece = self.piece
        return share_for_noise(lambda share: piece.probe.sd(self.render(piece, direction, share)), noise,
                               (piece.default_noise, piece.bound_noise(direction)))[0]

    @staticmethod
    def render(images: Images, direction: str, share: float) -> np.ndarray:
        """Return the mixture, (n, J, I) in the input's dtype."""
        return blend(images.default, images.bound(direction), share, images.array, images.outside)


class Tuning(Maker):
    """Networks with weights from the calibrated descent."""

    def __init__(self, piece, denoiser, settings, cancelled=None, *, one_of_many=False):
        super().__init__(piece, denoiser, settings, cancelled, one_of_many=one_of_many)
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


class Ordered(Tuning):
    """Candidates whose sharpness goes on with their noise: mixtures on the smoother side, descents on the sharper one.

    A descent changes first what the network can change most easily, which is structure, and last the noise (the kernel
    of the DID paper, section II-A). Towards the input that is what one wants, as long as no candidate gets as sharp as
    the next one or the input itself. Towards the smooth bound it costs structure before it lowers the noise, gains
    nothing over mixtures at the same noise (Testing/Benchmarks/did), and may stop far from the bound.

    Where slices are tuned one by one, descents are left as they are: each slice would decide for itself whether it is a
    mixture, and neighbouring slices of one candidate would not look alike.
    """

    def __init__(self, piece, denoiser, settings, cancelled=None, *, one_of_many=False):
        super().__init__(piece, denoiser, settings, cancelled, one_of_many=one_of_many)
        self.blending = Blending(piece, denoiser, settings, cancelled)

    def find(self, direction, positions, report):
        if direction == "smoother":
            for made in self.blending.find(direction, positions, report):
                yield replace(made, mixed=1.0)
            self.outcomes[direction] = self.blending.outcomes[direction]
            return
        if self.one_of_many:
            yield from super().find(direction, positions, report)
            return
        found = list(super().find(direction, positions, report))
        piece, images = self.piece, [made.render(self.piece, None) for made in found]
        shares = [self.blending.share(direction, piece.probe.sd(image)) for image in images]
        mixtures = [self.blending.render(piece, direction, share) for share in shares]
        parts = rising_parts(*([piece.edges.kept(image) for image in some] for some in (images, mixtures)))
        if parts is None:
            yield from found
            self.outcomes[direction] = self.outcomes[direction].followed_by(NO_ORDER)
            return
        for made, share, part in zip(found, shares, parts):
            render = made.render if part == 1 else self._partly(made.render, share, part)
            yield Made(made.step, render, mixed=1 - part)
        mixed = sum(part < 1 for part in parts)
        if mixed:
            some = "one of its candidates is partly a mixture" if mixed == 1 else (
                "{mixed} of its candidates are partly mixtures")
            self.outcomes[direction] = self.outcomes[direction].followed_by(
                f" To stay less sharp than the input, {some} of images.", mixed=mixed)

    def _partly(self, render, share: float, part: float):
        def render_partly(images: Images, report: Report | None) -> np.ndarray:
            mixture = self.blending.render(images, "sharper", share)
            return blend(mixture, render(images, report), part, images.array, images.outside)
        return render_partly


class Interpolation(Tuning):
    """Networks whose weights lie between the original ones and those at the end of the calibrated descent.

    The descent costs as much as that of :class:`Tuning`; only then is any place in between to be had at once. Where it
    ends short of the last candidate, the candidates are spread evenly up to its end.
    """

    def find(self, direction, positions, report):
        piece, objective = self.piece, self._objective(direction)
        descent = Descent(objective, self.settings)
        for _ in descent.run([piece.noise_at(position) for position in positions], report):
            pass
        start, end = objective.parameterisation.start, descent.end
        reached = min(piece.position_of(end.noise) / positions[-1], 1.0) if end.finite else 0.0
        change = abs(math.log(piece.noise_at(reached * positions[-1]) / piece.default_noise))
        count = min(len(positions), int(change / LEAST_CHANGE)) if reached > 0 else 0
        spread = positions if count == len(positions) else [positions[-1] * k / count for k in range(1, count + 1)]
        for position in spread:
            share, _ = share_for_noise(
                lambda s: objective.evaluate(interpolate(start, end.values, s), gradient=False).noise,
                piece.noise_at(reached * position), (piece.default_noise, end.noise))
            yield Made(descent.steps, self._renderer(interpolate(start, end.values, share)))
        self.outcomes[direction] = descent.outcome.followed_by(" Its candidates ({count}) have weights in between.",
                                                               count=count)


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


MAKERS: dict[str, type[Maker]] = {"did": Tuning, "did-ordered": Ordered, "did-literal": Literal, "blend": Blending,
                                  "interpolate": Interpolation}
