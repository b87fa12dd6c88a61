"""Part 4: what candidates cost, in passes of the network over one slice, measured side by side."""

from __future__ import annotations

import torch
from DIDInteractiveLib.candidates import generate_candidates
from DIDInteractiveLib.settings import CandidateSettings

from .clock import busy, clock_of
from .context import Context
from .fitpart import fit_lines, fit_rows
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
    """Write timing.csv, steps.csv, fit.csv, slider.csv and timing.md; measured anew every time."""
    plan, first = context.plan, context.plan.models[0]
    cut = context.patient(plan.figures.high_contrast, plan.pair_noise).slice(0)
    whole = context.scenes.patient(plan.whole, plan.pair_noise, plan.dose).slice(0)
    volume = context.scenes.patient(plan.volume, plan.pair_noise, plan.dose)
    steps = step_rows(context)
    rows = [measured(context, whole, model, method) for model in plan.models for method in BOTH]
    rows += [measured(context, cut, first, method) for method in METHODS]
    rows += [measured(context, volume, first, method) for method in (*BOTH, "blend")]
    fits, slider = fit_rows(context, whole), slider_rows(context)
    for file, found in (("timing", rows), ("steps", steps), ("fit", fits), ("slider", slider)):
        if found:
            write_csv(context.output / f"{file}.csv", found)
    write_page(context.output / "timing.md", page(context, rows, steps, fits, slider))


def page(context: Context, rows: list[dict], steps: list[dict], fits: list[dict], slider: list[dict]) -> list[str]:
    """The lines of timing.md from rows as in timing.csv, steps.csv, fit.csv and slider.csv."""
    body = [[row["what"], row["model"], row["method"], row["size"], str(row["candidates"]), str(row["steps"] or "-"),
             text(row["seconds"]), text(row["seconds_per_candidate"], 2), text(row["pass_seconds"], 3),
             text(row["passes_per_step"]), text(row["passes_per_candidate"]), text(row["passes"], 0)] for row in rows]
    return [
        "# What candidates cost", "", *uses(rows, fits, slider, machine(context.device)), "",
        *machine_lines(context.device), *step_lines(steps), *fit_lines(fits),
        "## Sets of candidates", "",
        f"Sets of {CandidateSettings().count} candidates with the default settings; a volume tunes on "
        f"{CandidateSettings().tuning_slices} slices and then applies the network to all slices for every "
        "candidate. Everything is counted: default, smooth bound, steps that were taken back, the search for the "
        "wanted noise, the candidates of all slices; so 'passes in all / steps' is what a run takes, divided by the "
        "steps behind its last candidates, and not the price of one step. For other hardware or sizes, multiply the "
        "passes by the time of a pass there, which was taken right before and after each set.", "",
        *table(["", "model", "method", "size", "candidates", "steps", "seconds in all", "seconds per candidate",
                "seconds per pass", "passes in all / steps", "passes in all / candidates", "passes in all"], body),
        *slider_lines(context, slider)]


def uses(rows: list[dict], fits: list[dict], slider: list[dict], where: str) -> list[str]:
    """One plain line for each use of the default method and of blending: what is made, and how long it takes."""
    lines = []
    for row in (one for one in rows if one["method"] in (BOTH[0], "blend")):
        size, count = row["size"].split(" x ", 1)[1], int(row["size"].split(" x ")[0])
        what = f"A {size} slice" if count == 1 else f"A volume of {count} slices of {size}"
        lines.append(f"- {what}, {row['candidates']} candidates, {row['model']}, {row['method']}: "
                     f"{_duration(row['seconds'])} {where}.")
    lines += [f"- From a conventional default ({row['filter']}) instead, a {row['size'].split(' x ', 1)[1]} slice: "
              f"{_duration(row['filter_seconds'] + row['fit_seconds'])} more {where}, for the filter and the fit of "
              f"{row['model']}."
              for row in fits]
    lines += [f"- A move of the slider to new pixels, {row['what'].split(', ')[1]} ({row['size']}): "
              f"{_duration(row['seconds'])}." for row in slider if row["what"].startswith("slider")]
    return lines


def machine(device: str) -> str:
    """What ran, in a few words."""
    threads = torch.get_num_threads()
    if device != "cpu":
        return f"on {device}"
    return "on one core" if threads == 1 else f"of {threads} threads together"


def _duration(seconds: float) -> str:
    if seconds < 0.1:
        return f"{1000 * seconds:.1f} ms"
    return f"{seconds:.{0 if seconds >= 10 else 1}f} s"


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
