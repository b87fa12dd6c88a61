"""How long it takes from a move of the slider to new pixels, in a real scene of Slicer."""

from __future__ import annotations

import itertools
import tempfile

import numpy as np

from .clock import busy, clock_of
from .context import Context
from .sets import network
from .tables import table, text

COUNT = 5
PLACES = (-0.8, 0.3, 0.6, -0.3, 0.1)
"""Positions between candidates, one after the other, so that no two moves in a row go to the same one."""


def slider_rows(context: Context) -> list[dict]:
    """Time moves of the slider on an int16 volume of the plan's size; none without slicer-core and pytest."""
    try:
        from slicerscene import SlicerScene

        with tempfile.TemporaryDirectory() as folder:
            scene = SlicerScene(folder)
            try:
                return _timed(context, scene)
            finally:
                scene.close()
    except ImportError:
        return []


def _timed(context: Context, scene) -> list[dict]:
    import DIDInteractive
    from DIDInteractiveLib.candidatebetween import interpolate
    from fakedidengine import FakeDIDEngine

    plan = context.plan
    shape = (plan.slider_slices, plan.slider_size, plan.slider_size)
    array = np.random.default_rng(0).integers(-1000, 1000, shape, dtype=np.int16)
    logic = DIDInteractive.DIDInteractiveLogic(FakeDIDEngine())
    candidates = logic.generateCandidates(scene.add_volume(array), count=COUNT)
    places = itertools.cycle(PLACES)
    middle = plan.slider_slices // 2

    def move(k: int | None) -> None:
        logic.candidateAt(candidates, next(places), k)

    denoiser = network(plan.models[0], context.device)
    single = busy(lambda: denoiser.removed_noise(array[:1]), 3, clock_of(context.device))
    rows = []
    for what, count, seconds in (
            ("slider, slice", 1, busy(lambda: move(middle))),
            ("slider, volume", len(array), busy(lambda: move(None))),
            ("of it: the mixture alone, slice", 1, busy(lambda: interpolate(array[0], array[-1], 0.3)))):
        rows.append({"what": what, "size": f"{count} x {shape[1]} x {shape[2]}", "seconds": seconds,
                     "pass_seconds": single, "passes": seconds / single, "measured": "yes"})
    rows += [{"what": f"weights in between, {what}", "size": f"{count} x {shape[1]} x {shape[2]}",
              "seconds": count * single, "pass_seconds": single, "passes": float(count), "measured": "no"}
             for what, count in (("slice", 1), ("volume", len(array)))]
    return rows


def slider_lines(context: Context, rows: list[dict]) -> list[str]:
    head = ["## From the slider to new pixels", ""]
    if not rows:
        return [*head, "Left out: the scene needs the packages slicer-core and pytest."]
    return [*head,
            "`logic.candidateAt` in a MRML scene of Slicer (slicer-core), int16, as the panel calls it: the visible "
            "slice at once, the whole volume when the slider rests. Looking up the set, the mixture of the two "
            "neighbouring candidates, writing it to the volume in between with its attributes and moving the mark in "
            f"the plot are counted; the drawing of the views is not, as there are none. The {COUNT} candidates are of "
            "the size shown, made of random numbers without a network, which changes nothing of a mixture's time.", "",
            "Between candidates the slider mixes images, whatever method made them, and so does the method 'blend' "
            "between default and ends: for a slice that is instant. An image with weights in between, as the "
            "candidates of the method 'interpolate' are, is not: it takes a run of the network over every slice. What "
            f"that is at least, the two last rows say from the time of a pass of {context.plan.models[0]}, not from a "
            "run.", "",
            *table(["", "size", "milliseconds", "passes of the network", "measured"],
                   [[row["what"], row["size"], text(1000 * row["seconds"], 1), text(row["passes"], 4), row["measured"]]
                    for row in rows])]
