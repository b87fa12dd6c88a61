"""A slice with known amounts of noise in all: its own, and what is added to it."""

from __future__ import annotations

from dataclasses import replace

from .flatsquare import flattest, spread
from .plan import Choice
from .scenes import TISSUES, Scene, Scenes, window_of


def as_it_is(scenes: Scenes, choice: Choice) -> Scene:
    """The first of the chosen slices with its own noise only, hence without a reference."""
    patient = scenes.target(choice)
    window, corner = window_of(patient.body, choice)
    masks = {**patient.classes, "body": patient.body}
    return Scene(f"{choice.name} as it is", choice.name, float("nan"), patient.target[window][:1], None,
                 patient.spacing, {name: masks[name][window][:1] for name in TISSUES}, 1, corner)


def own_noise(scene: Scene) -> float:
    """SD in HU of a slice as it is, in its flattest square of soft tissue."""
    return spread(scene.noisy[0], flattest(scene.noisy[0], scene.masks["soft"][0]))


def to_be_added(total: float, own: float) -> float:
    """SD in HU of the noise that makes ``own`` the ``total``. Raises ValueError where ``own`` is that much already."""
    if own >= total:
        raise ValueError(f"A slice with {own:.1f} HU of noise cannot be given {total:g} HU in all; choose another one.")
    return (total ** 2 - own ** 2) ** 0.5


def with_noise(scenes: Scenes, choice: Choice, total: float) -> Scene:
    """The chosen slice with so much noise added that its SD in the body's centre is ``total`` in HU.

    The slice's own noise is taken to be everywhere as in its flattest square. At half the dose the added noise has the
    SD of the noise index.
    """
    added = to_be_added(total, own_noise(as_it_is(scenes, choice)))
    return replace(scenes.patient(choice, round(added, 1), 0.5), name=f"{choice.name} with {total:g} HU of noise")
