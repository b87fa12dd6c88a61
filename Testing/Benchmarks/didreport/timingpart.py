"""Part 4: what candidates cost, in passes of the network over one slice, measured side by side."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import slicerstandins
import torch
from DIDInteractiveLib.candidates import generate_candidates
from DIDInteractiveLib.settings import CandidateSettings
from LDCTDenoiseLib.inference import Denoiser

from .context import Context
from .matching import SIDES
from .scenes import Scene
from .sets import network
from .tables import table, text, write_csv, write_page

METHODS = {"did-ordered": CandidateSettings("did-ordered"), "did": CandidateSettings("did"),
           "did, gains": CandidateSettings("did", tuned="gains"),
           "weights interpolated": CandidateSettings("interpolate"), "blend": CandidateSettings("blend")}
REPEATS = 5


def busy(task: Callable[[], object], repeats: int = REPEATS) -> float:
    """Median time in seconds that the processor worked on ``task``; other programs do not count."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        task()
        times.append(time.process_time() - start)
    return statistics.median(times)


def write_timing(context: Context) -> None:
    """Write timing.csv and timing.md; measured anew every time."""
    plan = context.plan
    one_slice = context.patient(plan.figures.high_contrast, plan.pair_noise).slice(0)
    volume = context.scenes.patient(plan.volume, plan.pair_noise, plan.dose)
    first = plan.models[0]
    rows = [measured(one_slice, first, method) for method in METHODS]
    rows += [measured(one_slice, name, CandidateSettings().method) for name in plan.models[1:]]
    rows += [measured(volume, first, method) for method in (CandidateSettings().method, "blend")]
    slider = slider_rows(network(plan.models[0]), plan.slider_size, plan.slider_slices)
    write_csv(context.output / "timing.csv", rows + slider)
    threads = torch.get_num_threads()
    body = [[row["what"], row["model"], row["method"], row["size"], str(row["candidates"]), str(row["steps"] or "-"),
             text(row["seconds"], 1), text(row["pass_seconds"], 3), text(row["passes_per_step"]),
             text(row["passes_per_candidate"]), text(row["passes"], 0)] for row in rows]
    write_page(context.output / "timing.md", [
        "# What candidates cost", "",
        f"CPU, {threads} thread{'' if threads == 1 else 's'}, fp32; seconds of work of the processor, which other "
        "programs do not lengthen by much. A pass is one run of the network over one slice of that size, timed right "
        f"before and after. Sets of {CandidateSettings().count} candidates with the default settings; a volume tunes "
        f"on {CandidateSettings().tuning_slices} slices and then applies the network to all slices for every "
        "candidate. Everything is counted: default, smooth bound, steps that were taken back, the search for the "
        "wanted noise, the candidates of all slices; so 'passes in all / steps' is what a run takes, divided by the "
        "steps behind its last candidates, and not the price of one step. For other hardware or sizes, multiply the "
        "passes by the time of a pass there.", "",
        *table(["", "model", "method", "size", "candidates", "steps", "seconds in all", "seconds per pass",
                "passes in all / steps", "passes in all / candidates", "passes in all"], body),
        "## From the slider to new pixels", "", *_slider_lines(slider)])


def measured(scene: Scene, name: str, method: str) -> dict:
    """Time one set of candidates, against passes of the network just before and after."""
    denoiser = network(name)
    one = scene.noisy[:1]
    before = busy(lambda: denoiser.removed_noise(one))
    start = time.process_time()
    made = generate_candidates(scene.noisy, scene.spacing, denoiser, METHODS[method])
    seconds = time.process_time() - start
    single = (before + busy(lambda: denoiser.removed_noise(one))) / 2
    steps = sum(max((c.iteration for c in made.candidates if c.kind == side), default=0) for side in SIDES)
    count = len(made.candidates)
    return {"what": "slice" if len(scene.noisy) == 1 else "volume", "model": name, "method": method,
            "size": " x ".join(str(n) for n in scene.noisy.shape), "candidates": count, "steps": steps,
            "seconds": seconds, "pass_seconds": single, "passes": seconds / single,
            "passes_per_step": seconds / single / steps if steps else float("nan"),
            "passes_per_candidate": seconds / single / count}


def slider_rows(denoiser: Denoiser, size: int, slices: int) -> list[dict]:
    """Time the interpolation between two candidates, a slice and a volume of int16; none without Slicer's Python."""
    try:
        slicerstandins.complete_slicer()
    except ImportError:
        return []
    from DIDInteractiveLib.candidatebetween import interpolate

    random = np.random.default_rng(0)
    low, high = (random.integers(-1000, 1000, (slices, size, size), dtype=np.int16) for _ in range(2))
    single = busy(lambda: denoiser.removed_noise(low[:1]), 3)

    def whole() -> np.ndarray:
        result = np.empty_like(low)
        for k in range(slices):
            result[k] = interpolate(low[k], high[k], 0.3)
        return result

    rows = []
    for what, count, task in (("slider, slice", 1, lambda: interpolate(low[0], high[0], 0.3)),
                              ("slider, volume", slices, whole)):
        seconds = busy(task)
        rows.append({"what": what, "model": "", "method": "", "size": f"{count} x {size} x {size}", "candidates": "",
                     "steps": "", "seconds": seconds, "pass_seconds": single, "passes": seconds / single,
                     "passes_per_step": float("nan"), "passes_per_candidate": float("nan")})
    return rows


def _slider_lines(rows: list[dict]) -> list[str]:
    if not rows:
        return ["Left out: the scene code needs Slicer's Python or the package slicer-core."]
    return ["Linear interpolation between two neighbouring candidates, int16, without the drawing. A pass is one of "
            "the first network over a slice of that size.", "",
            *table(["", "size", "milliseconds", "passes of the network"],
                   [[row["what"], row["size"], text(1000 * row["seconds"], 1), text(row["passes"], 4)]
                    for row in rows])]
