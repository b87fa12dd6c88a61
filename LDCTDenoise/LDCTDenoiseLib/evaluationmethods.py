"""The methods that an evaluation compares: the low-dose image itself, classical filters, and networks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import ndimage

from .classical import FILTERS, ClassicalFilter, MissingFilterError
from .evaluationcases import Case, evenly_spaced
from .metrics import rmse


@dataclass(frozen=True)
class Output:
    """Result (K,J,I) in HU of a method on a case, the parameter it used (None: it has none) and its speed."""

    array: np.ndarray
    parameter: float | None
    seconds_per_slice: float


class Method(Protocol):
    """``kind`` is "input", "classical" or "network"; the two costs are None where they have no meaning."""

    key: str
    label: str
    kind: str
    parameters: int | None
    multiply_adds: int | None

    def __call__(self, case: Case) -> Output:
        """Denoise all slices of the case."""


class LowDose:
    """The input, left as it is: what every method must improve on."""

    key, label, kind, parameters, multiply_adds = "ldct", "LDCT", "input", None, None

    def __call__(self, case: Case) -> Output:
        return Output(case.low_dose, None, 0.0)


class Classical:
    """A classical filter at its best parameter on the very case.

    The parameter with the lowest RMSE against the reference is sought on ``tuning_slices`` slices of the case itself,
    and the filter knows the SD (BM3D also the power spectrum) of the noise that was added. A user has neither, so this
    favours the classical filters.
    """

    kind, parameters, multiply_adds = "classical", None, None

    def __init__(self, key: str, tuning_slices: int = 2):
        self.key = key
        self.filter: ClassicalFilter = FILTERS[key]
        self.label = self.filter.label
        self.tuning_slices = tuning_slices

    def __call__(self, case: Case) -> Output:
        parameter = self._best_parameter(case)
        start = time.perf_counter()
        array = np.stack([self.filter.apply(image, parameter, case.known_noise) for image in case.low_dose])
        return Output(array.astype(np.float32), parameter, (time.perf_counter() - start) / len(array))

    def _best_parameter(self, case: Case) -> float:
        pieces = []
        for position in evenly_spaced(len(case.low_dose), self.tuning_slices):
            body = case.patient.body[position]
            box = ndimage.find_objects(body.astype(np.uint8))[0]  # BM3D takes seconds, and air outside the body is not judged
            pieces.append((case.low_dose[position][box], case.patient.reference[position][box], body[box]))

        def error(parameter: float) -> float:
            filtered = (self.filter.apply(image, parameter, case.known_noise) for image, _, _ in pieces)
            return float(np.mean([rmse(f, piece[1], piece[2]) ** 2 for f, piece in zip(filtered, pieces)]))

        return lowest(error, self.filter.parameters)


class Network:
    """A network of the model registry at full strength."""

    kind = "network"

    def __init__(self, name: str, device: str = "auto", user_folder=None):
        from .inference import Denoiser
        from .modelregistry import load_model
        from .networks.multiplyadds import multiply_adds

        module, card = load_model(name, user_folder)
        self.key, self.label = card.name, f"{card.name} {card.version}"
        self.parameters = sum(p.numel() for p in module.parameters())
        self.multiply_adds = multiply_adds(module)
        self._denoiser = Denoiser(module, card, device=device)

    def __call__(self, case: Case) -> Output:
        start = time.perf_counter()
        result = self._denoiser.denoise(
            case.low_dose, padding=case.patient.padding, spacing=case.patient.spacing)
        return Output(result.array, None, (time.perf_counter() - start) / len(case.low_dose))


def lowest(error: Callable[[float], float], grid: Sequence[float]) -> float:
    """The grid value at which ``error``, with one valley along the grid, is lowest; walks downhill from the middle."""
    known: dict[int, float] = {}

    def at(index: int) -> float:
        if index not in known:
            known[index] = error(grid[index])
        return known[index]

    here = len(grid) // 2
    while True:
        around = [i for i in (here - 1, here, here + 1) if 0 <= i < len(grid)]
        best = min(around, key=at)
        if best == here:
            return grid[here]
        here = best


def build_methods(classical: Sequence[str], models: Sequence[str] | None, device: str, tuning_slices: int,
                  user_folder=None) -> list[Method]:
    """The low-dose image, the classical filters and the networks asked for (``models`` None: all of the registry).

    BM3D is left out silently where it is not installed, as it is optional by licence. Raises ValueError for an unknown
    filter and MissingFilterError for another filter whose package is missing.
    """
    methods: list[Method] = [LowDose()]
    for key in classical:
        if key not in FILTERS:
            raise ValueError(f"Unknown filter {key!r}; choose among {', '.join(FILTERS)}.")
        if FILTERS[key].available:
            methods.append(Classical(key, tuning_slices))
        elif key != "bm3d":
            raise MissingFilterError(f"{FILTERS[key].label} needs scikit-image; install the 'evaluate' extra.")
    if models is None:
        from .modelregistry import list_models

        models = [card.name for card in list_models(user_folder)]
    return methods + [Network(name, device, user_folder) for name in models]
