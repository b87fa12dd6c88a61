"""The candidates of a volume or slice: from the smoothest over the network's default to the untouched input."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from LDCTDenoiseLib.engine import Cancelled
from LDCTDenoiseLib.inference import Denoiser, check_volume
from LDCTDenoiseLib.scanfield import outside_scan_field

from .application import extrapolated, smooth_bound
from .baselines import blend
from .candidate import Candidate
from .candidatetime import stages
from .makers import MAKERS, Made
from .outcome import Outcome, of_slices
from .piece import DIRECTIONS, Images, NothingToTradeError, Piece
from .progressmeter import Progress, ProgressMeter
from .settings import CandidateSettings
from .sliceselection import representative_slices


@dataclass(frozen=True)
class CandidateSet:
    """Candidates, smoothest first, the untouched input last; ``tuning_noise_sd`` rises strictly.

    Attributes:
        default: index of the network's own output.
        outcomes: for each direction ("smoother", "sharper") why it ended and how far it got.
        messages: what the user should know besides.
        tuning_slices: numbers, within the candidates' arrays, of the slices that noise was measured in for the
            placing of the candidates, and that shared weights were tuned on.
    """

    candidates: tuple[Candidate, ...]
    default: int
    outcomes: dict[str, Outcome]
    messages: tuple[str, ...]
    device: str
    precision: str
    seconds: float
    tuning_slices: tuple[int, ...]


def generate_candidates(array, spacing, denoiser: Denoiser, settings: CandidateSettings = CandidateSettings(), *,
                        padding=None, roi=None, progress: Progress | None = None,
                        cancelled: Callable[[], bool] | None = None,
                        on_candidate: Callable[[Candidate], None] | None = None) -> CandidateSet:
    """Make candidates with different noise and resolution from one noisy image and one network.

    Args:
        array: (K, J, I) in HU, any real dtype; it is not modified.
        spacing: (slice, row, column) in mm.
        denoiser: the network, whose weights are never changed.
        padding: bool (K, J, I), voxels known to be no measurement.
        roi: bool (K, J, I), where noise is measured; None finds flat soft tissue.
        progress: called with (fraction 0..1, text, remaining seconds).
        cancelled: asked before every layer of the network; true stops the run.
        on_candidate: called with each candidate when it is finished: the default first, the input last.

    Raises:
        ValueError: arrays that do not fit, or an image without a trade-off: no tissue to measure noise in, noise too
            low for the network, or a network that does not lower it.
        LDCTDenoiseLib.engine.Cancelled: ``cancelled`` said so.
        RuntimeError: the device failed, or the network's output is not finite.
    """
    array = check_volume(array)
    spacing = _checked_spacing(spacing)
    for name, mask in (("padding", padding), ("region of interest", roi)):
        if mask is not None and np.shape(mask) != array.shape:
            raise ValueError(f"The {name} has the shape {np.shape(mask)}, but the volume {array.shape}; they must "
                             "agree.")
    padding, roi = (None if mask is None else np.asarray(mask, dtype=bool) for mask in (padding, roi))
    return _Run(array, spacing, denoiser, settings, padding, roi, progress, cancelled, on_candidate).result()


class _Run:
    """One call of :func:`generate_candidates`."""

    def __init__(self, array, spacing, denoiser, settings, padding, roi, progress, cancelled, on_candidate):
        self.array, self.spacing, self.denoiser, self.settings = array, spacing, denoiser, settings
        self.roi, self.cancelled, self.on_candidate = roi, cancelled, on_candidate
        self.meter = ProgressMeter(progress, stages(len(array), settings))
        self.started = self.last = time.monotonic()
        self.found: list[Candidate] = []
        self.outcomes: dict[str, Outcome] = {}
        self.messages: list[str] = []
        self.left_out = 0

        result = denoiser.denoise(
            array, padding=padding, spacing=spacing, cancelled=cancelled,
            progress=lambda done, total, _: self.meter.report("default", done / total, "Default image"))
        self.messages += result.messages
        if result.effective_strength == 0:
            raise NothingToTradeError(f"The noise level of {result.noise_before:.1f} HU is so low that the network "
                                      "leaves the image as it is, so there is no trade-off to choose from.")
        self.whole = Images(array, result.array, outside_scan_field(array, padding), result.effective_strength,
                            self._smooth)
        self.tuning = representative_slices(array, result.array, spacing, settings.tuning_slices, self.whole.outside,
                                            roi, self._stop_if_cancelled)
        self.extrapolation = 0.0
        self.piece = self._piece(self._images(self.tuning), self.tuning)
        if settings.extrapolation:
            self._push_smooth_bound(settings.extrapolation)

    def result(self) -> CandidateSet:
        settings = self.settings
        self._add(self.whole.default, "default", "network", 0)
        if self.extrapolation:
            self.messages.append(f"The smooth bound lies {self.extrapolation:.0%} beyond the network's own "
                                 f"{settings.repetitions}-fold output.")
        maker = None if settings.one_by_one else self._maker(self.piece)
        for direction, positions in zip(DIRECTIONS, settings.positions):
            if not self.piece.open(direction):
                self.outcomes[direction] = self._closed()
            elif not positions:
                self.outcomes[direction] = Outcome(
                    f"No {direction} candidates: so small a set has none between its ends.")
            elif settings.one_by_one:
                self._add_slice_by_slice(direction, positions)
            else:
                self._add_shared(maker, direction, positions)
            self.meter.finish(direction, f"{direction} images")
        if self.extrapolation < settings.extrapolation:
            self.outcomes["smoother"] = self.outcomes["smoother"].followed_by(
                " Of the extrapolation asked for ({asked:.0f} %), {used:.0f} % were used: there the noise is least.",
                asked=100 * settings.extrapolation, used=100 * self.extrapolation)
        self._add(self.array.copy(), "input", "input", 0)
        if settings.method == "did-ordered" and settings.one_by_one and len(self.array) > 1:
            self.messages.append("Tuned slice by slice, candidates are in order of noise; the order of their sharpness "
                                 "on the sharper side is kept with shared weights only.")
        if self.left_out:
            some = "1 candidate was left out, as its" if self.left_out == 1 else (
                f"{self.left_out} candidates were left out, as their")
            self.messages.append(f"{some} noise did not go on from that of the one before.")
        candidates = sorted(self.found, key=lambda one: one.tuning_noise_sd)
        self.meter.report("default", 1.0, "Candidates are ready")
        return CandidateSet(
            tuple(candidates), [one.kind for one in candidates].index("default"), self.outcomes, tuple(self.messages),
            str(self.denoiser.device), self.denoiser.precision, time.monotonic() - self.started, tuple(self.tuning))

    def _add_shared(self, maker, direction, positions) -> None:
        """Candidates with one set of weights for all slices."""
        text = f"{direction.capitalize()} candidates"
        found = maker.find(direction, positions, lambda share: self.meter.report(direction, share, text))
        for number, made in enumerate(found):
            def report(share: float, number=number) -> None:
                self.meter.report(f"{direction} images", (number + share) / len(positions), text)

            array = made.render(self.whole, report)
            report(1.0)
            self._add(array, direction, self._method(direction, made.mixed), made.step)
        self.outcomes[direction] = maker.outcomes[direction]

    def _add_slice_by_slice(self, direction, positions) -> None:
        """Candidates tuned on every slice alone; a slice with fewer of them repeats its last one."""
        volumes = [np.empty_like(self.array) for _ in positions]
        steps, outcomes, counts, blended = [0] * len(positions), [], [], 0
        mixed = [0.0] * len(positions)
        for k in range(len(self.array)):
            images = self._images([k])
            done = k / len(self.array)
            try:
                piece = self._piece(images, [k])
                maker = self._maker(piece, one_of_many=len(self.array) > 1) if piece.open(direction) else None
            except ValueError:
                maker, blended = None, blended + 1
            made: list[Made] = []
            if maker is not None:
                text = f"{direction.capitalize()} candidates, slice {k + 1}"
                made = list(maker.find(direction, positions, lambda share: self.meter.report(
                    direction, done + share / len(self.array), text)))
                outcomes.append(maker.outcomes[direction])
                counts.append(len(made))
            for number, position in enumerate(positions):
                if made:
                    one = made[min(number, len(made) - 1)]
                    volumes[number][k] = one.render(images, None)[0]
                    steps[number], mixed[number] = max(steps[number], one.step), max(mixed[number], one.mixed)
                elif maker is None:
                    volumes[number][k] = blend(images.default, images.bound(direction), abs(position), images.array,
                                               images.outside)[0]
                else:
                    volumes[number][k] = images.default[0]
        # What no slice has reached would be a second copy of the one before.
        reached = max(counts, default=len(positions))
        for array, step, share in zip(volumes[:reached], steps, mixed):
            self._add(array, direction, self._method(direction, share), step)
        if blended:
            slices, were = ("slice", "was") if blended == 1 else ("slices", "were")
            self.messages.append(f"{blended} {slices} without tissue to measure noise in {were} blended instead of "
                                 "tuned.")
        self.outcomes[direction] = outcomes[0] if len(outcomes) == 1 else of_slices(
            direction, len(positions), counts, outcomes)

    def _images(self, numbers) -> Images:
        whole = self.whole
        return Images(whole.array[numbers], whole.default[numbers], whole.outside[numbers], whole.effect, self._smooth)

    def _piece(self, images: Images, numbers) -> Piece:
        return Piece(images, self.spacing, None if self.roi is None else self.roi[numbers])

    def _maker(self, piece: Piece, one_of_many: bool = False):
        return MAKERS[self.settings.method](piece, self.denoiser, self.settings, self.cancelled,
                                            one_of_many=one_of_many)

    def _stop_if_cancelled(self) -> None:
        if self.cancelled and self.cancelled():
            raise Cancelled("Making candidates was stopped.")

    def _smooth(self, images: Images) -> np.ndarray:
        bound = smooth_bound(self.denoiser, images.array, images.default, images.outside, images.effect,
                             self.settings.repetitions, self.cancelled)
        return extrapolated(images.default, bound, self.extrapolation)

    def _push_smooth_bound(self, wanted: float) -> None:
        """Let the smooth bound lie beyond the network's own output, as far as the noise falls, up to ``wanted``."""
        piece = self.piece
        self.extrapolation = piece.useful_extrapolation(wanted)
        images = Images(piece.array, piece.default, piece.outside, piece.effect,
                        lambda _: extrapolated(piece.default, piece.smooth, self.extrapolation))
        self.piece = self._piece(images, self.tuning)

    def _add(self, array: np.ndarray, kind: str, method: str, iteration: int) -> None:
        """Keep a finished candidate, unless its noise is not strictly between those of its neighbours."""
        noise = self.piece.probe.sd(array[self.tuning])
        if not self._is_in_order(noise, kind):
            self.left_out += 1
            return
        now = time.monotonic()
        candidate = Candidate(array, kind, method, iteration, now - self.last, self.piece.position_of(noise), noise)
        self.last = now
        self.found.append(candidate)
        if self.on_candidate:
            self.on_candidate(candidate)

    def _is_in_order(self, noise: float, kind: str) -> bool:
        known = [one.tuning_noise_sd for one in self.found]
        if kind == "smoother":
            return noise < min(known)
        if kind == "sharper":
            return max(known) < noise < self.piece.input_noise
        return True

    def _method(self, direction: str, mixed: float) -> str:
        """The method in words; ``mixed``: share of a candidate that is a mixture though the method tunes."""
        parts = [self.settings.method]
        if mixed > 0:
            parts.append("mixture of images" if mixed == 1 else f"{100 * mixed:.0f} % mixture of images")
        if direction == "smoother" and self.extrapolation > 0:
            parts.append("extrapolated")
        return ", ".join(parts)

    def _closed(self) -> Outcome:
        settings, piece = self.settings, self.piece
        if settings.repetitions == 1:
            return Outcome("No smoother candidates: with one repetition the smooth bound is the default itself.")
        return Outcome(
            "No smoother candidates: applied {repetitions} times the network leaves {noise:.1f} HU of noise, hardly "
            "less than the default's {default:.1f} HU.",
            {"repetitions": settings.repetitions, "noise": piece.smooth_noise, "default": piece.default_noise})


def _checked_spacing(spacing) -> tuple[float, float, float]:
    values = tuple(float(s) for s in spacing)
    if len(values) != 3 or not all(np.isfinite(s) and s > 0 for s in values):
        raise ValueError(f"The spacing must be three positive numbers in mm (slice, row, column), not {spacing}.")
    return values
