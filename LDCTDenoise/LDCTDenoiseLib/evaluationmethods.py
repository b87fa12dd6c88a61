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

MARGIN_PIXELS = 8
"""Around the body: as far as the windows of the SSIM and VIF see from within it."""


@dataclass(frozen=True)
class Output:
    """Result (K,J,I) in HU of a method on a case, the parameter it used (None: it has none) and its speed."""

    array: np.ndarray
    parameter: float | None
    seconds_per_slice: float


class Method(Protocol):
    """``kind`` is "input", "classical" or "network"; the two costs are None where they have no meaning.

    ``identity`` is JSON data on which its results depend besides the case: finished scores are filed under it.
    """

    key: str
    label: str
    kind: str
    parameters: int | None
    multiply_adds: int | None
    identity: dict

    def __call__(self, case: Case) -> Output:
        """Denoise all slices of the case."""


class LowDose:
    """The input, left as it is: what every method must improve on."""

    key, label, kind, parameters, multiply_adds = "ldct", "LDCT", "input", None, None
    identity = {"key": "ldct"}

    def __call__(self, case: Case) -> Output:
        return Output(case.low_dose, None, 0.0)


class Classical:
    """A classical filter at its best parameter on the very case.

    The parameter with the lowest RMSE against the reference is sought on ``tuning_slices`` slices of the case itself,
    and the filter knows the SD (BM3D also the power spectrum) of the noise that was added. A user has neither, so this
    favours the classical filters. Only the body with a margin is filtered: air is not judged, and BM3D takes seconds.
    """

    kind, parameters, multiply_adds = "classical", None, None

    def __init__(self, key: str, tuning_slices: int = 2):
        self.key = key
        self.filter: ClassicalFilter = FILTERS[key]
        self.label = self.filter.label
        self.tuning_slices = tuning_slices

    @property
    def identity(self) -> dict:
        """What its results depend on besides the case."""
        return {"key": self.key, "parameters": list(self.filter.parameters), "tuning_slices": self.tuning_slices,
                "tuning_share": self.filter.tuning_share, "package": self.filter.package_version}

    def __call__(self, case: Case) -> Output:
        parameter = self._best_parameter(case)
        boxes = [_box(body, 1.0, MARGIN_PIXELS) for body in case.patient.body]
        array = case.low_dose.astype(np.float32)
        start = time.perf_counter()
        for image, low_dose, box in zip(array, case.low_dose, boxes):
            image[box] = self.filter.apply(low_dose[box], parameter, case.known_noise)
        return Output(array, parameter, (time.perf_counter() - start) / len(array))

    def _best_parameter(self, case: Case) -> float:
        pieces = []
        for position in evenly_spaced(len(case.low_dose), self.tuning_slices):
            body = case.patient.body[position]
            box = _box(body, self.filter.tuning_share, 0)
            pieces.append((case.low_dose[position][box], case.reference[position][box], body[box]))

        def error(parameter: float) -> float:
            filtered = (self.filter.apply(image, parameter, case.known_noise) for image, _, _ in pieces)
            return float(np.mean([rmse(f, piece[1], piece[2]) ** 2 for f, piece in zip(filtered, pieces)]))

        return lowest(error, self.filter.parameters)


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
    if models is None or models:
        from .evaluationnetwork import load_networks

        methods += load_networks(models, device, user_folder)
    return methods


def _box(body: np.ndarray, share: float, margin: int) -> tuple[slice, slice]:
    """The middle ``share`` of the body's rows and columns, and ``margin`` pixels around it."""
    box = []
    for found, size in zip(ndimage.find_objects(body.astype(np.uint8))[0], body.shape):
        cut = round((found.stop - found.start) * (1 - share) / 2)
        box.append(slice(max(found.start + cut - margin, 0), min(found.stop - cut + margin, size)))
    return tuple(box)
