"""What the shipped networks were trained on, by their model cards, beside what this report tests them on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from didreport.tables import table
from LDCTDenoiseLib.modelregistry import find_model
from LDCTDenoiseLib.volumeio import read_volume
from networksreport.trainingdata import TRAINING_FOLDER, stem, trained_on, training_files

from .context import Context
from .plan import KERNELS
from .robustscenes import Scene


def trained_table(context: Context, scenes: Sequence[Scene], rows: Sequence[dict]) -> list[str]:
    """A table "trained on / tested on / tested, though not trained on", and what the cards say is missing in both.

    ``rows`` are those of robust.csv.
    """
    plan = context.plan
    cards = [find_model(name).details for name in plan.models]
    files = sorted({a.file for a in (*plan.anatomies, *plan.mismatch, *plan.small)}
                   | {s.file for s in scenes if s.file} | {f for f in plan.real if (context.data / f).is_file()})
    names = [a.name for a in dict.fromkeys((*plan.anatomies, *plan.small))] + [s.name for s in scenes]
    pixels = [*plan.pixels, *_pixels(context), *(s.pixel for s in scenes)]
    thick = [s.thickness for s in scenes if s.thickness]
    kernels = {**{name: k.f50 for name, k in KERNELS.items()}, **{s.name: s.kernel.f50 for s in scenes}}
    body = [
        ["noise added, HU", *_range(cards, "noise_added_hu", [r["added_hu"] for r in rows if r["dose"] < 1])],
        ["pixel, mm", *_range(cards, "pixel_mm", pixels)],
        ["slice thickness, mm", *_range(cards, "slice_thickness_mm", thick)],
        ["kernel", _words(cards, "kernels"), "half the amplitude at "
         f"{min(kernels.values()):.2f} to {max(kernels.values()):.2f}/mm", "the cards give no numbers"],
        ["anatomy", _words(cards, "anatomy"), "; ".join(dict.fromkeys(names)), "see the limits below"],
        ["files", ", ".join(f"{TRAINING_FOLDER}/{name}" for name in sorted(_training_files(cards))) or "-",
         ", ".join(map(_short, files)), "all but those of patients that were trained on: "
         + trained_words(context, files, _short)]]
    return ["## Trained on, tested on, and not", "",
            "From the model cards of the shipped networks and from what the parts grid, small, real and robust of this "
            "report look at; noise and thickness are those of this part.", "",
            *table(["", "trained on", "tested on", "tested, though not trained on"], body),
            "Limits that the cards state, among them what was neither trained on nor is tested here:", "",
            *_limits(dict(zip(plan.models, cards))), ""]


def _pixels(context: Context) -> list[float]:
    """Pixels in mm of the small patients and of the scans with real noise, of those whose files are there."""
    plan = context.plan
    small = [a for a in plan.small if (context.data / a.file).is_file()]
    real = [context.data / file for file in plan.real if (context.data / file).is_file()]
    return [*(context.patient(a).spacing[1] * size for a in small for size in plan.sizes),
            *(float(read_volume(path).spacing[1]) for path in real)]


def pixel_words(context: Context, pixels: dict[str, float]) -> str:
    """Which of the named pixels in mm lie outside of those that the networks were trained on."""
    low, high = _trained([find_model(name).details for name in context.plan.models], "pixel_mm")
    if math.isnan(low):
        return "The model cards do not say which pixels the shipped networks were trained on."
    beyond = [f"{name} ({pixel:.2f} mm)" for name, pixel in pixels.items() if not low <= round(pixel, 2) <= high]
    return (f"The shipped networks were all trained on pixels of {low:g} to {high:g} mm, by their model cards. Outside "
            f"of that: {', '.join(beyond) or 'none'}.")


def seen_in_training(context: Context, file: str) -> bool | None:
    """Whether a network of the plan saw a patient of ``file`` in its training, None where that is not known."""
    trainings = [find_model(name).details.get("training", {}) for name in context.plan.models]
    return trained_on(file, trainings, context.data)


def trained_words(context: Context, files: Sequence[str], written: Callable[[str], str] = stem) -> str:
    """The files whose patients a network of the plan saw in its training, and those of which that is not known."""
    answers = {written(file): seen_in_training(context, file) for file in files}
    unknown = [file for file, answer in answers.items() if answer is None]
    return (", ".join(file for file, answer in answers.items() if answer) or "none") + (
        f"; not known of {', '.join(unknown)}" if unknown else "")


def _limits(cards: dict[str, dict]) -> list[str]:
    """Every limit that a card states, under the names of the networks whose cards do unless all of them do."""
    found: dict[str, list[str]] = {}
    for name, card in cards.items():
        for line in card.get("limits", ()):
            found.setdefault(line, []).append(name)
    return [f"- {line}" if len(names) == len(cards) else f"- {', '.join(names)}: {line}"
            for line, names in found.items()]


def _short(file: str) -> str:
    """The file with its folder, without what its name ends on."""
    return str(PurePosixPath(file).with_name(stem(file)))


def _training_files(cards: Sequence[dict]) -> set[str]:
    return {name for card in cards for name in training_files(card.get("training", {}))}


def _words(cards: Sequence[dict], name: str) -> str:
    return "; ".join(dict.fromkeys(card["trained_for"][name] for card in cards
                                   if name in card.get("trained_for", {}))) or "-"


def _trained(cards: Sequence[dict], name: str) -> tuple[float, float]:
    """The trained range that all networks share; not a number where no card gives one."""
    known = [card["trained_for"][name] for card in cards if name in card.get("trained_for", {})]
    return max((k[0] for k in known), default=math.nan), min((k[1] for k in known), default=math.nan)


def _range(cards: Sequence[dict], name: str, tested: Sequence[float]) -> list[str]:
    """Trained range, tested range, and the tested values outside the trained one, which all networks share."""
    low, high = _trained(cards, name)
    known = not math.isnan(low)
    values = sorted({round(v, 2) for v in tested if math.isfinite(v)})
    beyond = [f"{v:g}" for v in values if v < low or v > high]
    return [f"{low:g} to {high:g}" if known else "-", f"{values[0]:g} to {values[-1]:g}" if values else "-",
            ", ".join(beyond) or ("none" if known else "-")]
