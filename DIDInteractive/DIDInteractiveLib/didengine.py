"""The one small interface through which the scene and the command line reach the making of candidates.

As in :mod:`LDCTDenoiseLib.engine`, a request and its reply hold plain values and arrays only, so that an engine may run
in this process or in another one. Importing this file needs numpy alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from LDCTDenoiseLib.engine import InProcessEngine

from .candidate import Candidate
from .measurement import Measurements
from .memoryestimate import fit_into_memory
from .outcome import Outcome
from .progressmeter import Progress
from .settings import CandidateSettings


@dataclass(frozen=True)
class CandidateRequest:
    """What to make candidates of, and how. The engine modifies none of the arrays."""

    array: np.ndarray
    """(slice, row, column) in HU, any real dtype, finite."""
    spacing: tuple[float, float, float]
    """Slice, row, column in mm."""
    padding: np.ndarray | None = None
    """Voxels known to be padding (bool, the array's shape); None: the engine finds what lies outside the scan field."""
    model: str = "hrnet"
    """The network; with a default image of another kind, the one from which its stand-in is fitted."""
    settings: CandidateSettings = field(default_factory=CandidateSettings)
    roi: np.ndarray | None = None
    """Where noise is measured (bool, the array's shape); None: in flat soft tissue."""
    background_roi: np.ndarray | None = None
    """With ``roi`` the two regions of the contrast-to-noise ratio."""
    reference: np.ndarray | None = None
    """What the scan would be without noise, the array's shape, in HU; only to measure errors."""
    default_image: np.ndarray | None = None
    """Output of any other denoiser, the array's shape, in HU, to be the default in place of the network's own."""
    default_filter: str | None = None
    """The same, to be made by a classical filter: "nlm", "tv" or "gaussian"."""
    device: str = "auto"
    precision: str = "auto"


@dataclass(frozen=True)
class CandidateReply:
    """The candidates, smoothest first and the untouched input last, and what made them."""

    candidates: tuple[Candidate, ...]
    measurements: tuple[Measurements, ...]
    """One for each candidate."""
    default: int
    """Index of the default candidate."""
    outcomes: dict[str, str]
    """For each direction ("smoother", "sharper") in sentences: why it ended and how far it got."""
    messages: tuple[str, ...]
    model: str
    version: str
    weights_sha256: str
    device: str
    precision: str
    seconds: float
    settings: CandidateSettings = field(default_factory=CandidateSettings)
    """As they were applied: fewer candidates than asked for where memory was short."""
    fit: dict | None = None
    """How well a network stands for a default image that it did not make, see :class:`.conventional.Fit`; or None."""


class DIDEngine(Protocol):
    """What the scene needs of an engine."""

    def models(self) -> list[str]:
        """Return the names of the models that can be asked for."""

    def generate(self, request: CandidateRequest, progress: Progress | None = None,
                 cancelled: Callable[[], bool] | None = None,
                 on_candidate: Callable[[Candidate], None] | None = None) -> CandidateReply:
        """Return the candidates, measured.

        ``progress`` gets (fraction 0..1, text, remaining seconds); ``on_candidate`` each candidate as soon as it is
        finished, the default first, in no order of noise.

        Raises ValueError for what cannot be done, RuntimeError when the engine itself cannot run, and
        :class:`LDCTDenoiseLib.engine.Cancelled`.
        """


class InProcessDIDEngine(InProcessEngine):
    """A :class:`DIDEngine` that runs in the calling thread; it denoises too, with the network that it keeps.

    ``worker``: the calling process hands the candidates over to another one, which keeps them.
    """

    def __init__(self, worker: bool = False) -> None:
        super().__init__()
        self._worker = worker

    def generate(self, request: CandidateRequest, progress: Progress | None = None,
                 cancelled: Callable[[], bool] | None = None,
                 on_candidate: Callable[[Candidate], None] | None = None) -> CandidateReply:
        started = time.monotonic()
        denoiser = self._loaded(request.model, request.device, request.precision)
        from . import candidatetime
        from .candidates import generate_candidates
        from .measurements import measure_candidates

        piece = _piece(request)
        settings, note = fit_into_memory(piece.array.shape, piece.array.dtype, request.settings, worker=self._worker)
        slices = len(piece.array)
        stages = _Stages(progress, (
            candidatetime.fitting(piece.array.shape) if _is_conventional(request) else 0.0,
            sum(candidatetime.stages(slices, settings).values()), candidatetime.measuring(slices, settings)))
        fit = None
        device = denoiser.device
        if _is_conventional(request):
            denoiser, fit = _fitted(piece, request, denoiser, stages.stage(0), cancelled)
        found = generate_candidates(
            piece.array, request.spacing, denoiser, settings, padding=piece.padding, roi=piece.roi,
            progress=stages.stage(1), cancelled=cancelled, on_candidate=on_candidate)
        if fit is None and denoiser.device != device:
            # It gave way to a full GPU, which may be free by the next run.
            self._key = None
        measured = measure_candidates(
            found.candidates, piece.array, request.spacing, padding=piece.padding, roi=piece.roi,
            background_roi=piece.background_roi, reference=piece.reference, progress=stages.stage(2),
            cancelled=cancelled)
        messages = [*([note] if note else []), *([fit.sentence()] if fit else []), *found.messages]
        card = denoiser.card
        return CandidateReply(
            candidates=found.candidates, measurements=tuple(measured), default=found.default,
            outcomes=_located(found.outcomes, len(found.tuning_slices), slices), messages=tuple(messages),
            model=card.name, version=card.version, weights_sha256=card.sha256, device=found.device,
            precision=found.precision, seconds=time.monotonic() - started, settings=settings,
            fit=fit.as_dict() if fit else None)


def _located(outcomes: dict[str, Outcome], tuned: int, slices: int) -> dict[str, str]:
    """Return the outcomes with a word on where their noise was measured, for measurements are those of all slices."""
    where = "the slice" if tuned == 1 else f"the {tuned} slices"
    added = "" if tuned == slices else f" Noise in this sentence is that of {where} used for tuning."
    return {direction: str(outcome) + (added if outcome.tells_noise else "")
            for direction, outcome in outcomes.items()}


@dataclass(frozen=True)
class _Piece:
    """The request's arrays, all of one shape."""

    array: np.ndarray
    padding: np.ndarray | None
    roi: np.ndarray | None
    background_roi: np.ndarray | None
    reference: np.ndarray | None
    default_image: np.ndarray | None


def _piece(request: CandidateRequest) -> _Piece:
    from LDCTDenoiseLib.inference import check_volume

    array = check_volume(request.array)
    if request.default_image is not None and request.default_filter is not None:
        raise ValueError("Give a default image or the filter that makes it, not both.")

    def fitting(name: str, values, dtype=None):
        if values is None:
            return None
        values = np.asarray(values, dtype=dtype)
        if values.shape != array.shape:
            raise ValueError(f"The {name} has the shape {values.shape}, but the volume {array.shape}; they must agree.")
        return values

    return _Piece(
        array, fitting("padding", request.padding, bool), fitting("region of interest", request.roi, bool),
        fitting("background region", request.background_roi, bool), fitting("reference", request.reference),
        fitting("default image", request.default_image))


def _is_conventional(request: CandidateRequest) -> bool:
    return request.default_image is not None or request.default_filter is not None


def _fitted(piece: _Piece, request: CandidateRequest, start, progress, cancelled):
    """Return a denoiser that stands for the request's default image, and how well it does."""
    from LDCTDenoiseLib.scanfield import outside_scan_field

    from .conventional import filtered, fit_network, slices_to_fit

    numbers = slices_to_fit(len(piece.array))
    array = piece.array[numbers]
    outside = outside_scan_field(array, None if piece.padding is None else piece.padding[numbers])
    if request.default_filter is None:
        name, default = "image", piece.default_image[numbers]
    else:
        name, default = request.default_filter, filtered(array, request.default_filter, request.spacing, outside,
                                                         cancelled)
    return fit_network(array, default, outside, start, name, progress=progress, cancelled=cancelled)


class _Stages:
    """One progress for stages that each report their own; ``costs`` are what they are likely to take, in one unit."""

    def __init__(self, progress: Progress | None, costs: Sequence[float]):
        self._progress = progress
        self._shares = [cost / sum(costs) for cost in costs]
        self._begun = time.monotonic()

    def stage(self, number: int) -> Progress | None:
        """Return the progress of stage ``number``, which begins now."""
        if self._progress is None:
            return None
        before, share, after = sum(self._shares[:number]), self._shares[number], sum(self._shares[number + 1:])
        start = time.monotonic()

        def report(fraction: float, text: str, remaining: float) -> None:
            now, whole = time.monotonic(), min(before + share * fraction, 1.0)
            if math.isfinite(remaining):
                # The stages to come take as long as this one does, for their cost.
                left = remaining + (now - start + remaining) * after / share
            else:
                left = (now - self._begun) * (1 / whole - 1) if whole > 0 else math.inf
            self._progress(whole, text, left)

        return report
