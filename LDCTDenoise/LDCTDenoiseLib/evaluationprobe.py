"""What simulation, methods and metrics do to one small case: a fingerprint of their behaviour.

Finished scores are filed under it. A change of the code that changes scores changes the fingerprint too, and a change
that does not, does not, unlike a version number or a digest of the source.
"""

from __future__ import annotations

import functools

import numpy as np
from scipy import ndimage

from .evaluationcases import TRACKS, Case, Condition, Patient, simulate
from .evaluationmethods import LowDose, Method
from .evaluationphantoms import chest
from .evaluationscores import MEANS, TISSUES, score
from .kernels import Kernel
from .metrics import body_mask, tissue_classes

_SIZE, _PIXEL = 112, 1.9
_KERNEL = Kernel(0.2, 3.0)
_DIGITS = 4
"""Kept of every score: other processors and libraries move the last ones."""


def fingerprint(method: Method, device: str) -> list[str]:
    """Scores, as text, of the low-dose image in both tracks and of ``method`` in the matched one."""
    return [*_common(device), *_scores(_case("matched", device), method)]


@functools.cache
def _common(device: str) -> tuple[str, ...]:
    return tuple(text for track in TRACKS for text in _scores(_case(track, device), LowDose()))


@functools.cache
def _case(track: str, device: str) -> Case:
    return simulate(_patient(), Condition(track, 20.0, 0.25), 0, device)


@functools.cache
def _patient() -> Patient:
    phantom = chest(_KERNEL, _SIZE, _PIXEL)
    white = np.random.default_rng(0).normal(size=phantom.image.shape)
    target = (phantom.image + 20 * ndimage.gaussian_filter(white, 0.7))[None].round().astype(np.int16)
    body = body_mask(target)
    return Patient("probe", (0,), target, None, phantom.spacing, _KERNEL, body,
                   tissue_classes(target, phantom.spacing, body))


def _scores(case: Case, method: Method) -> list[str]:
    _, patient = score(case, method)
    values = [getattr(patient, name) for name in MEANS] + [patient.bias[tissue] for tissue in TISSUES]
    return [f"{value:.{_DIGITS}g}" for value in values]
