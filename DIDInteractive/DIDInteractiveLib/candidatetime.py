"""How long a set of candidates takes: the passes of the network over one slice that its stages call for.

The numbers come from Testing/Benchmarks/did (timing.md for the passes, range.md for the steps). How many steps a
descent needs is not known before it has ended, so the time before the start is a guide: within a factor of two for the
default method, whose descents took 5 to 20 steps, and worse for "did" and "did-literal".
"""

from __future__ import annotations

from collections.abc import Sequence

from LDCTDenoiseLib import timeestimate
from LDCTDenoiseLib.modelregistry import ModelCard

from .measurement import MAX_SLICES
from .settings import CandidateSettings

STEP_PASSES = 4.0
"""A step on one slice: output and gradient, with its part of the steps that are taken back."""
SEARCH_PASSES = 4.0
"""The place of a candidate between two steps, on one slice."""
MIXTURE_PASSES = 0.1
"""A mixture of images of one slice."""
SHARPER_STEPS, SMOOTHER_STEPS = 12, 40
MEASURING_PASSES = 0.06
"""To measure one candidate on one slice."""
FIT_PASSES_512 = 90.0
"""To fit a network to a default image, whatever its size, in passes over a slice of 512 x 512 pixels."""


def stages(slices: int, settings: CandidateSettings) -> dict[str, float]:
    """Return the passes over one slice that each stage of a run on so many slices is likely to take, in their order.

    "default"; for each direction, by its name, the search for its candidates, and by "<name> images" the candidates
    themselves, on all slices.
    """
    chosen = min(settings.tuning_slices, slices)
    tuned = slices if settings.one_by_one else chosen
    repeated = settings.repetitions - 1
    found = {"default": float(slices)}
    for direction, positions in zip(("smoother", "sharper"), settings.positions):
        smoother = direction == "smoother"
        count = len(positions) if repeated or not smoother else 0
        mixed = settings.method == "blend" or (settings.method == "did-ordered" and smoother)
        # The smooth bound: in the chosen slices for the noise, and wherever else it is aimed at or mixed in.
        bound = repeated * (chosen + (slices if mixed or settings.one_by_one else 0)) if smoother else 0.0
        search = 0.0 if mixed else tuned * (STEP_PASSES * _steps(settings, smoother) + SEARCH_PASSES * count)
        found[direction] = bound + search if count else 0.0
        found[f"{direction} images"] = count * slices * (MIXTURE_PASSES if mixed else 1.0)
    return found


def measuring(slices: int, settings: CandidateSettings) -> float:
    """Return the passes over one slice in whose time the candidates are measured, on the CPU."""
    return MEASURING_PASSES * settings.count * min(slices, MAX_SLICES)


def fitting(shape: Sequence[int]) -> float:
    """Return the passes over one slice of ``shape`` (slices, rows, columns) that a fit to a default image takes."""
    return FIT_PASSES_512 * 512**2 / (shape[1] * shape[2])


def estimate_seconds(shape: Sequence[int], settings: CandidateSettings, card: ModelCard, device: str,
                     rate: float | None = None, fitted: bool = False) -> float | None:
    """Return about how many seconds a set will take, the start of the worker included; None if the card says nothing.

    Args:
        shape: (slices, rows, columns) of the part to be worked on; one slice for a preview.
        settings: of the run.
        card: of the model.
        device: "cpu", "cuda:0", "mps".
        rate: multiply-adds a second of earlier runs on it, as the first panel keeps them
            (:func:`LDCTDenoiseLib.timeestimate.measured_rate`); None: a rough one.
        fitted: a network is first fitted to a default image that is not its own.
    """
    single = timeestimate.multiply_adds(card, (1, *shape[1:]))
    if single is None:
        return None
    passes = sum(stages(shape[0], settings).values()) + (fitting(shape) if fitted else 0.0)
    cpu = timeestimate.rough_rate("cpu")
    return (timeestimate.seconds(passes * single, rate or timeestimate.rough_rate(device))
            + measuring(shape[0], settings) * single / cpu)


def _steps(settings: CandidateSettings, smoother: bool) -> int:
    """Steps of one descent that are likely."""
    if settings.method == "did-literal" and settings.reduction == "mean":
        return 1  # after which its stop rule ends it
    return min(SMOOTHER_STEPS if smoother else SHARPER_STEPS, settings.max_steps)
