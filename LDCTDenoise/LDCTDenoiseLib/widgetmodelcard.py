"""What a network's card says, and how long it will take, as text for the panel."""

from __future__ import annotations

import html
import math

from slicer.i18n import tr as _

from .modelregistry import ModelCard

TRACK = "matched"
"""Of the measured cases, "<track>, noise index <HU> HU", those with noise as the scanner's own images have it."""


def titleOf(card: ModelCard) -> str:
    """Return how a network is called in the list of networks."""
    return str(card.details.get("title") or card.name)


def cardText(card: ModelCard) -> str:
    """Return what the network was trained for and how good it was found to be, as rich text."""
    trained = card.details.get("trained_for", {})
    lines = [_line(_("Trained for"), _trainedFor(trained)),
             _line(_("Kernels"), str(trained.get("kernels", "")).partition(";")[0]),
             _line(_("Measured"), _quality(card.details.get("quality", {})))]
    text = "<br>".join(line for line in lines if line)
    return text or _("This network came without a card: what it was trained for is unknown.")


def cardDetails(card: ModelCard) -> str:
    """Return description, version, licence and limits, as rich text for a tool tip."""
    details = card.details
    rows = [_line(_("Network"), details.get("description")), _line(_("Version"), card.version),
            _line(_("Licence"), details.get("licence"))]
    limits = "".join(f"<li>{html.escape(str(limit))}</li>" for limit in details.get("limits", []))
    return "<br>".join(row for row in rows if row) + (f"<ul>{limits}</ul>" if limits else "")


def durationText(seconds: float) -> str:
    """Return a rounded duration in words, such as "20 s", "3 min" or "1.5 h"."""
    if seconds < 55:
        return _("{seconds} s").format(seconds=max(1, math.ceil(seconds) if seconds < 10 else 5 * round(seconds / 5)))
    if seconds < 55 * 60:
        return _("{minutes} min").format(minutes=round(seconds / 60))
    return _("{hours} h").format(hours=f"{seconds / 3600:.1f}".removesuffix(".0"))


def estimateText(slices: int, seconds: float | None, timed: bool) -> str:
    """Return how long ``slices`` slices will take; ``timed``: the device has been timed by an earlier run."""
    count = _("{slices} slices").format(slices=slices)
    if seconds is None:
        return count
    text = (_("{count}: about {duration} on this device.") if timed else
            _("{count}: roughly {duration} on this device, which has not been timed yet."))
    return text.format(count=count, duration=durationText(seconds))


def _line(name: str, value) -> str:
    return f"<b>{html.escape(name)}:</b> {html.escape(str(value))}" if value else ""


def _trainedFor(trained: dict) -> str:
    parts = [str(trained["anatomy"])] if trained.get("anatomy") else []
    for key, text in (("noise_added_hu", _("noise {low} to {high}\N{NO-BREAK SPACE}HU")),
                      ("slice_thickness_mm", _("slices {low} to {high}\N{NO-BREAK SPACE}mm")),
                      ("pixel_mm", _("pixels {low} to {high}\N{NO-BREAK SPACE}mm"))):
        if trained.get(key):
            low, high = trained[key]
            parts.append(text.format(low=low, high=high))
    return "; ".join(parts)


def _quality(quality: dict) -> str:
    """Return the errors before and after, with the least and the most noise, and how they were measured.

    Only for noise of the images' own colour: cases of different colours say nothing side by side.
    """
    cases = [case for name, case in quality.items() if name.startswith(f"{TRACK},")]
    if not cases:
        return ""
    text = _("error to the full dose from {before} to {after}\N{NO-BREAK SPACE}HU with little noise, from {beforeMuch} "
             "to {afterMuch}\N{NO-BREAK SPACE}HU with much ({how})")
    little, much = (choose(cases, key=lambda case: case["rmse_low_dose_hu"]) for choose in (min, max))
    return text.format(before=round(little["rmse_low_dose_hu"]), after=round(little["rmse_hu"]),
                       beforeMuch=round(much["rmse_low_dose_hu"]), afterMuch=round(much["rmse_hu"]),
                       how=str(quality.get("measured", "")).partition(", see")[0])
