"""Candidates from a default image that no network made, such as that of non-local means or of a scanner's own software.

The DID paper (arXiv 2011.14873, discussion) says that its algorithm can refine the default of any denoiser. What it
tunes, however, are a network's weights. So a network is first fitted to turn the input into that default image, and
takes its place: its output is the default that the user then sees, and differs from the given one by what the fit
leaves, which is measured and reported.

The fit starts from a trained denoiser, not from random weights: for non-local means, which removes 32 HU from the
packaged sample at a quarter of the dose, the packaged HRNet came within 24 % of what was removed after 100 steps (20 s
on one core) and within 17 % after 200; the plain network was at 30 % after 150, and from random weights at 38 %.
"""

from __future__ import annotations

import copy
import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from LDCTDenoiseLib.classical import FILTERS, Noise
from LDCTDenoiseLib.engine import Cancelled
from LDCTDenoiseLib.hu import SCALE_HU, round_to_dtype, to_network
from LDCTDenoiseLib.inference import Denoiser, exact_fp32
from LDCTDenoiseLib.metrics import body_mask
from LDCTDenoiseLib.modelregistry import ModelCard
from LDCTDenoiseLib.noiselevel import global_noise_level

from .progressmeter import Progress, ProgressMeter

FILTER_STRENGTHS = {"nlm": 1.0, "tv": 0.6, "gaussian": 0.8}
"""Filters that can be asked for by name, with a usual strength (see LDCTDenoiseLib.classical): for the first two the
one that was best most often in the packaged validation, for the Gaussian a stronger one."""
MAX_SLICES = 6
STEPS = 200
CROP, BATCH, MARGIN = 64, 8, 8
"""Pixels of a crop, crops of a step, and border that the loss leaves out: there a network does not see all it needs."""
LEARNING_RATE = 1e-3
WARM_UP = 0.2
LARGEST_ERROR = 0.5
"""Share of what the default removes; a network that is farther off stands for another image."""


@dataclass(frozen=True)
class Fit:
    """How well a network took the place of a default image.

    Attributes:
        error_hu: root mean square difference between the network's output and the default image, in the body, also of
            slices that the fit did not see.
        removed_hu: root mean square of what the default image removes from the input, there.
        steps, seconds: what it cost.
        slices: how many slices were looked at.
        started_from: name and version of the model that the fit started from.
    """

    error_hu: float
    removed_hu: float
    steps: int
    seconds: float
    slices: int
    started_from: str

    @property
    def share(self) -> float:
        """The error as a share of what is removed."""
        return self.error_hu / self.removed_hu

    def as_dict(self) -> dict:
        """Return all numbers, ready for JSON."""
        return {**asdict(self), "share": self.share}

    def sentence(self) -> str:
        """Return what the user should know."""
        return (f"A network fitted to the default image stands for it; it differs from it by {self.error_hu:.1f} HU, "
                f"{100 * self.share:.0f} % of the {self.removed_hu:.1f} HU that it removes ({self.steps} steps, "
                f"{self.seconds:.0f} s on {self.slices} slice{'s' if self.slices > 1 else ''}).")


def slices_to_fit(count: int) -> np.ndarray:
    """Return the numbers of the slices of a volume that a fit should see: all of a few, else evenly spaced ones."""
    return np.unique(np.linspace(0, count - 1, min(count, MAX_SLICES)).round().astype(int))


def filtered(array: np.ndarray, name: str, spacing: Sequence[float], outside: np.ndarray,
             cancelled: Callable[[], bool] | None = None) -> np.ndarray:
    """Return slices (n, J, I) in HU after a classical filter, in their dtype; voxels ``outside`` (bool) stay.

    Raises:
        ValueError: an unknown filter.
        LDCTDenoiseLib.classical.MissingFilterError: the package behind the filter is not installed.
        Cancelled: ``cancelled`` said so.
    """
    if name not in FILTER_STRENGTHS:
        raise ValueError(f"Unknown filter {name!r}; choose {', '.join(FILTER_STRENGTHS)}.")
    noise = Noise(global_noise_level(array, spacing))
    result = array.copy()
    for k, image in enumerate(array):
        _stop_if(cancelled)
        new = round_to_dtype(FILTERS[name].apply(image, FILTER_STRENGTHS[name], noise), array.dtype)
        result[k] = np.where(outside[k], image, new)
    return result


def fit_network(array: np.ndarray, default: np.ndarray, outside: np.ndarray, start: Denoiser, name: str, *,
                steps: int | None = None, progress: Progress | None = None,
                cancelled: Callable[[], bool] | None = None) -> tuple[Denoiser, Fit]:
    """Fit a copy of a network so that it turns slices into their default image.

    Args:
        array, default: (n, J, I) in HU.
        outside: bool (n, J, I), voxels outside the scan field.
        start: the trained denoiser to start from; it is not changed. Device and precision are its own.
        name: of the method behind the default image, for the card.
        steps: of the fit; None for :data:`STEPS`.
        progress: called with (fraction 0..1, text, remaining seconds).
        cancelled: asked before every step.

    Returns:
        A denoiser with the fitted network, which :func:`.candidates.generate_candidates` takes as any other, and how
        well it fits. Its card has the name "fitted-<name>" and the SHA-256 of the fitted weights.

    Raises:
        ValueError: arrays that do not fit, a default that is the input, or one that the network cannot reproduce.
        RuntimeError: the fit diverged.
        Cancelled: ``cancelled`` said so.
    """
    for what, other in (("default image", default), ("mask of voxels outside the scan field", outside)):
        if other.shape != array.shape:
            raise ValueError(f"The {what} has the shape {other.shape}, but the image {array.shape}; they must agree.")
    body = body_mask(default, outside)
    body = body if body.any() else ~outside
    image, target = array.astype(np.float32), default.astype(np.float32)
    removed = float(np.sqrt(np.mean(np.square((image - target)[body], dtype=np.float64)))) if body.any() else 0.0
    if not removed > 0:
        raise ValueError("The default image is the input itself, so there is nothing to trade noise against; give the "
                         "result of a denoiser.")
    started = time.monotonic()
    steps = STEPS if steps is None else steps
    network = copy.deepcopy(start.network).float().train().requires_grad_(True)
    _descend(network, start.device, image, target, body, removed, steps, ProgressMeter(progress, {"fit": 1}), cancelled)
    card = _card(name, start.card, network)
    fitted = Denoiser(network.requires_grad_(False), card, str(start.device), start.precision, start.batch_size)
    fit = Fit(_error(fitted, image, target, body, cancelled), removed, steps, time.monotonic() - started, len(array),
              f"{start.card.name} {start.card.version}")
    if not fit.share <= LARGEST_ERROR:
        raise ValueError(f"The network of model {start.card.name!r} could not be fitted to this default image: it "
                         f"stays {fit.error_hu:.1f} HU away from it, {100 * fit.share:.0f} % of what it removes; take "
                         "another model to start from, or another filter.")
    fitted.card = replace(card, details={"fit": fit.as_dict()})
    return fitted, fit


def _descend(network, device, image, target, body, removed, steps, meter, cancelled) -> None:
    """Adam on the mean squared error of random crops, relative to what is removed."""
    random = np.random.default_rng(0)
    optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    # Up in the first fifth, then down along a cosine: large first steps would undo what the network has learnt.
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (step + 1) / (WARM_UP * steps)) * 0.5 * (1 + math.cos(math.pi * step / steps)))
    # Every other slice only: the network has to do for those that it never sees.
    centres = np.argwhere(body & (np.arange(len(body)) % 2 == 0)[:, None, None])
    centres = centres if len(centres) else np.argwhere(body)
    with exact_fp32():
        for step in range(steps):
            _stop_if(cancelled)
            crops = [_crop(image, target, centre) for centre in centres[random.integers(len(centres), size=BATCH)]]
            noisy, wanted = (to_network(torch.from_numpy(np.stack(part))[:, None]).to(device) for part in zip(*crops))
            error = (network(noisy) - wanted)[..., MARGIN:-MARGIN, MARGIN:-MARGIN] * (SCALE_HU / removed)
            loss = error.square().mean()
            if not math.isfinite(loss.item()):
                raise RuntimeError("The fit of the network to the default image diverged; take another model to start "
                                   "from.")
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            meter.report("fit", (step + 1) / steps, "Fitting a network to the default image")


def _crop(image: np.ndarray, target: np.ndarray, centre) -> tuple[np.ndarray, np.ndarray]:
    """Return the same square of both, around ``centre`` where the slice allows, mirrored beyond its edges."""
    k, *middle = centre
    places = [np.clip(m - CROP // 2, 0, max(size - CROP, 0)) + np.arange(CROP)
              for m, size in zip(middle, image.shape[1:])]
    rows, columns = (np.abs((place + size - 1) % max(2 * size - 2, 1) - size + 1)
                     for place, size in zip(places, image.shape[1:]))
    return image[k][np.ix_(rows, columns)], target[k][np.ix_(rows, columns)]


def _error(fitted: Denoiser, image, target, body, cancelled) -> float:
    total = 0.0
    for one, wanted, inside in zip(image, target, body):
        _stop_if(cancelled)
        result = one - fitted.removed_noise(one[None])[0]
        total += float(np.sum(np.square((result - wanted)[inside], dtype=np.float64)))
    return math.sqrt(total / np.count_nonzero(body))


def _card(name: str, start: ModelCard, network: torch.nn.Module) -> ModelCard:
    digest = hashlib.sha256()
    for key, value in sorted(network.state_dict().items()):
        digest.update(key.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return replace(start, name=f"fitted-{name}", version="1", weights=Path(f"fitted-{name}"),
                   sha256=digest.hexdigest())


def _stop_if(cancelled) -> None:
    if cancelled and cancelled():
        raise Cancelled("The fit to the default image was stopped.")
