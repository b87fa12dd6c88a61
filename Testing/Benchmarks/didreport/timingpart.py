"""Part 4: what candidates cost, in passes of the network over one slice, measured side by side."""

from __future__ import annotations

import torch
from DIDInteractiveLib.candidates import generate_candidates
from DIDInteractiveLib.settings import CandidateSettings

from .clock import busy, clock_of
from .context import Context
from .matching import SIDES
from .scenes import Scene
from .sets import network
from .sliderpart import slider_lines, slider_rows
from .stepspart import step_lines, step_rows
from .tables import table, text, write_csv, write_page

METHODS = {"did-ordered": CandidateSettings("did-ordered"),
           "did-ordered, gains": CandidateSettings("did-ordered", tuned="gains"), "did": CandidateSettings("did"),
           "did, gains": CandidateSettings("did", tuned="gains"),
           "weights interpolated": CandidateSettings("interpolate"), "blend": CandidateSettings("blend")}
BOTH = ("did-ordered", "did-ordered, gains")
"""The default method, with all weights tuned and with gains."""


def write_timing(context: Context) -> None:
    """Write timing.csv, steps.csv, slider.csv and timing.md; measured anew every time."""
    plan, first = context.plan, context.plan.models[0]
    cut = context.patient(plan.figures.high_contrast, plan.pair_noise).slice(0)
    whole = context.scenes.patient(plan.whole, plan.pair_noise, plan.dose).slice(0)
    volume = context.scenes.patient(plan.volume, plan.pair_noise, plan.dose)
    steps = step_rows(context)
    rows = [measured(context, whole, model, method) for model in plan.models for method in BOTH]
    rows += [measured(context, cut, first, method) for method in METHODS]
    rows += [measured(context, volume, first, method) for method in (*BOTH, "blend")]
    slider = slider_rows(context)
    write_csv(context.output / "timing.csv", rows)
    write_csv(context.output / "steps.csv", steps)
    if slider:
        write_csv(context.output / "slider.csv", slider)
    body = [[row["what"], row["model"], row["method"], row["size"], str(row["candidates"]), str(row["steps"] or "-"),
             text(row["seconds"]), text(row["seconds_per_candidate"], 2), text(row["pass_seconds"], 3),
             text(row["passes_per_step"]), text(row["passes_per_candidate"]), text(row["passes"], 0)] for row in rows]
    write_page(context.output / "timing.md", [
        "# What candidates cost", "", *machine_lines(context.device), *step_lines(steps),
        "## Sets of candidates", "",
        f"Sets of {CandidateSettings().count} candidates with the default settings; a volume tunes on "
        f"{CandidateSettings().tuning_slices} slices and then applies the network to all slices for every "
        "candidate. Everything is counted: default, smooth bound, steps that were taken back, the search for the "
        "wanted noise, the candidates of all slices; so 'passes in all / steps' is what a run takes, divided by the "
        "steps behind its last candidates, and not the price of one step. For other hardware or sizes, multiply the "
        "passes by the time of a pass there, which was taken right before and after each set.", "",
        *table(["", "model", "method", "size", "candidates", "steps", "seconds in all", "seconds per candidate",
                "seconds per pass", "passes in all / steps", "passes in all / candidates", "passes in all"], body),
        *slider_lines(context, slider)])


def machine_lines(device: str) -> list[str]:
    """What was measured, and what was not."""
    threads = torch.get_num_threads()
    unit = "A pass is one run of the network over one slice of that size."
    if device == "cpu":
        return [f"The CPU, {threads} thread{'' if threads == 1 else 's'}, fp32; seconds of work of the processor, "
                f"in which waiting for memory counts, so that other programs lengthen them. {unit}", "",
                "No graphics card was measured. Where there is one: `python Testing/Benchmarks/did_report.py --data "
                "DATA --parts timing --device cuda --output FOLDER`.", ""]
    return [f"Device {device}; seconds that passed, so on a machine that does nothing else. {unit} Moves of the slider "
            "are work of the CPU.", ""]


def measured(context: Context, scene: Scene, name: str, method: str) -> dict:
    """Time one set of candidates, against passes of the network just before and after."""
    denoiser, clock = network(name, context.device), clock_of(context.device)
    one = scene.noisy[:1]
    before = busy(lambda: denoiser.removed_noise(one), clock=clock)
    start = clock()
    made = generate_candidates(scene.noisy, scene.spacing, denoiser, METHODS[method])
    seconds = clock() - start
    single = (before + busy(lambda: denoiser.removed_noise(one), clock=clock)) / 2
    steps = sum(max((c.iteration for c in made.candidates if c.kind == side), default=0) for side in SIDES)
    count = len(made.candidates)
    return {"what": "slice" if len(scene.noisy) == 1 else "volume", "model": name, "method": method,
            "size": " x ".join(str(n) for n in scene.noisy.shape), "candidates": count, "steps": steps,
            "seconds": seconds, "seconds_per_candidate": seconds / count, "pass_seconds": single,
            "passes": seconds / single, "passes_per_step": seconds / single / steps if steps else float("nan"),
            "passes_per_candidate": seconds / single / count}
