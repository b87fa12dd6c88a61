"""What the shipped networks do on what they saw little or nothing of, from full dose to the lowest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from didreport.tables import table, text, write_csv, write_page
from LDCTDenoiseLib.evaluationchecks import BIAS_LIMIT_HU, HARM_FACTOR

from . import gridpart
from .context import Context
from .drawing import Panel, draw_panels
from .geometry import middle_window
from .methods import Method, Scans
from .robustscenes import HIGHEST_HU, Scene, scenes
from .statistics import Aim
from .trainedon import seen_in_training, trained_table

PANEL = 176
SHOWN_DOSE = 0.125
"""Of the figure; or the lowest dose, if that is higher."""


def write_robust(context: Context) -> list[Aim]:
    """Write robust.md, robust.csv, probes.csv and robust.png, and return the aims."""
    found = scenes(context)
    rows, probes, pictures = [], [], []
    methods = [m for m in context.networks if m.key in context.plan.models]
    for scene in found:
        made = {m.label: context.denoised(f"robust {scene.name}", Scans(scene.images, scene.spacing), m)[0]
                for m in methods}
        for method in methods:
            for patient in scene.patients():
                rows += gridpart.cell_rows(context, patient, f"its own, {scene.kernel.f50:.2f}/mm", method,
                                           scene.images, made[method.label])
            probes += _probed(context, scene, method, made[method.label])
        pictures.append(_panels(context, scene, made))
    write_csv(context.output / "robust.csv", rows)
    write_csv(context.output / "probes.csv", probes)
    draw_panels(context.output / "robust.png", pictures, PANEL)
    write_page(context.output / "robust.md", _page(context, found, rows, probes))
    return [replace(aim, part="robust") for method in methods for name in dict.fromkeys(r["anatomy"] for r in rows)
            for aim in gridpart.rule_aims(rows, method.label, name)]


def _probed(context: Context, scene: Scene, method: Method, denoised: np.ndarray) -> list[dict]:
    """The contrast of known objects at every dose: at full dose before, at this dose before and after."""
    return [{"scene": scene.name, "object": probe.name, "dose": dose, "method": method.label,
             "full_dose_hu": probe.contrast(scene.images[0]), "before_hu": probe.contrast(low),
             "after_hu": probe.contrast(image)}
            for probe in scene.probes for dose, low, image in zip((1.0, *context.plan.doses), scene.images, denoised)]


def _panels(context: Context, scene: Scene, made: dict[str, np.ndarray]) -> list[Panel]:
    """Full dose, low dose and what the networks make of that, and what the first one removed."""
    doses = (1.0, *context.plan.doses)
    at = min(range(1, len(doses)), key=lambda n: abs(doses[n] - max(SHOWN_DOSE, min(doses))))
    images = [("full dose", scene.images[0]), (f"dose {doses[at]:g}", scene.images[at]),
              *((label, image[at]) for label, image in made.items())]
    panels = [Panel(_square(image), title, window=scene.window) for title, image in images]
    removed = scene.images[at] - next(iter(made.values()))[at].astype(float)
    return [*panels, Panel(_square(removed), f"removed by {next(iter(made))}", window=(-100.0, 100.0))]


def _square(image: np.ndarray) -> np.ndarray:
    return image[middle_window(image.shape, min(image.shape))]


def least_kept(probes: Sequence[dict]) -> list[str]:
    """A line on the object that every network shows with the least of its contrast in the image it was given.

    ``probes`` are the rows of probes.csv, as they are made or as they are read.
    """
    found = []
    for method in dict.fromkeys(p["method"] for p in probes):
        kept, worst = min(((float(p["after_hu"]) / float(p["before_hu"]), p) for p in probes if p["method"] == method),
                          key=lambda one: one[0])
        found.append(f"{method}: {kept:.2f} ({worst['object']}, {worst['scene']}, dose {float(worst['dose']):g}: "
                     f"{float(worst['before_hu']):.1f} to {float(worst['after_hu']):.1f} HU)")
    return ["Least contrast of a known object that is kept, relative to the image of the same dose: "
            + "; ".join(found) + ".", ""] if found else []


def _known_patient(context: Context, scene: Scene) -> str:
    answer = seen_in_training(context, scene.file) if scene.file else False
    return {True: ", of a patient that was trained on", False: "",
            None: ", of a patient of whom it is not known whether a network was trained on them"}[answer]


def _page(context: Context, found: list[Scene], rows: list[dict], probes: list[dict]) -> list[str]:
    plan = context.plan
    lines = [
        "# Metal, contrast medium, heads and thin slices", "",
        f"One slice each at doses 1, {', '.join(f'{d:g}' for d in plan.doses)}, the shipped networks only. The noise "
        "index is the target's own noise level, so the target is the full dose; noise has the image's own kernel. "
        f"Values end at {HIGHEST_HU} HU. Rules and letters are those of [grid](grid.md): RMSE never above the low "
        f"dose's where the added noise is at least {HARM_FACTOR:g} x the target's (e), noise never above the input's "
        "(n), mean shift between input and output within "
        f"{', '.join(f'{limit:g} HU in {tissue}' for tissue, limit in BIAS_LIMIT_HU.items())} (s, l, b). A tissue "
        "is a range of HU, lung that of gas: in a slice without lung, what stands under lung is gas in the bowel.", "",
        *(f"- {scene.name}: {scene.words}{_known_patient(context, scene)}." for scene in found), "",
        "Metal is put in before the low dose is simulated, so its rays starve and the noise streaks; beam hardening, "
        "scatter and the scanner's correction of metal are not simulated. The exposure is the one without metal.", "",
        "Contrast medium: the validation abdomen comes from a collection of liver scans in the portal venous phase "
        "(doi:10.7937/QXK2-QG03), so organs and veins hold some already; an arterial phase is in no file, which the "
        "inserted vessels stand for. Heads: no patient's head is among the validation data.", "",
        "Windows of the rows in HU, from black to white: " + "; ".join(
            f"{scene.name} {scene.window[0]:g} to {scene.window[1]:g}" for scene in found)
        + "; what the first network removed -100 to 100.", "",
        "![Full dose, low dose, denoised](robust.png)", "", "## Verdict", "", *gridpart.verdict_table(rows)]
    for name in dict.fromkeys(r["anatomy"] for r in rows):
        own = [r for r in rows if r["anatomy"] == name]
        lines += [f"## {name[0].upper()}{name[1:]}", "",
                  f"Noise of the target {own[0]['target_gnl_hu']:.1f} HU (global noise level), kernel "
                  f"{own[0]['kernel']}, pixels of {own[0]['pixel_mm']:.2f} mm.", "", *table(
                      ["dose", "added HU", "method", "RMSE / low dose", "noise ratio",
                       *(f"shift {t}" for t in BIAS_LIMIT_HU), "breaks"],
                      [[f"{r['dose']:g}", text(r["added_hu"]), r["method"], text(r["ratio"], 3),
                        text(r["noise_ratio"], 2), *(text(r[f"shift_{t}_hu"], 2) for t in BIAS_LIMIT_HU),
                        r["broken"] or "-"] for r in own])]
    lines += ["## Known objects", "",
              "Mean contrast to their surroundings in HU, at full dose, at this dose, and after each network; without "
              "a verdict. One noise image moves the contrast at this dose and, with it, what a network can show; how "
              "much a network keeps is therefore told relative to this dose's own image.", "", *least_kept(probes)]
    body, methods = [], list(dict.fromkeys(r["method"] for r in rows))
    for scene, thing, dose in dict.fromkeys((p["scene"], p["object"], p["dose"]) for p in probes):
        own = [p for p in probes if (p["scene"], p["object"], p["dose"]) == (scene, thing, dose)]
        body.append([scene, thing, f"{dose:g}", text(own[0]["full_dose_hu"]), text(own[0]["before_hu"]),
                     *(text(next(p["after_hu"] for p in own if p["method"] == m)) for m in methods)])
    lines += table(["scene", "object", "dose", "full dose", "this dose", *methods], body)
    return lines + trained_table(context, found, rows)
