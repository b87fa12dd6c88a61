"""What the panel says of methods and candidates, in the words of somebody who reads images."""

from __future__ import annotations

from slicer.i18n import tr as _

from LDCTDenoiseLib.widgetstatistics import signedHU

from .candidatefacts import PREFIX, SOFT_TISSUE, number
from .settings import METHODS


def methodTitles() -> list[tuple[str, str]]:
    """Return (name, title) of every method."""
    titles = {
        "did-ordered": _("Deep interactive denoiser"), "did": _("Deep interactive denoiser, descents only"),
        "did-literal": _("Deep interactive denoiser as published, slice by slice"),
        "blend": _("Blend of smooth, default and input (instant)"),
        "interpolate": _("Interpolated weights")}
    return [(name, titles.get(name, name)) for name in METHODS]


def tunedTitles() -> list[tuple[str, str]]:
    """Return (name, title) of what can be changed in the network."""
    return [("all", _("All weights")), ("gains", _("One gain and bias per channel (faster)"))]


def filterTitles() -> list[tuple[str, str]]:
    """Return (name, title) of every default image; "" stands for the network's own."""
    return [("", _("The network's own result")), ("nlm", _("Non-local means (fitted first)")),
            ("tv", _("Total variation (fitted first)")), ("gaussian", _("Gaussian filter (fitted first)"))]


def currentText(volume, place: float, count: int) -> str:
    """Return which image ``volume`` is, and what was measured on it.

    :param volume: the volume that shows the image, with the attributes of its candidate.
    :param place: number of the candidate, 0 the smoothest; a fraction between two of them.
    """
    names = {"smoother": _("smoother than the network's own result"), "default": _("the network's own result"),
             "sharper": _("sharper than the network's own result"), "input": _("the untouched input")}
    if place == int(place):
        kind = volume.GetAttribute(PREFIX + "Kind")
        heading = _("Candidate {number} of {count}, {kind}").format(
            number=int(place) + 1, count=count, kind=names.get(kind, kind))
    else:
        heading = _("Between candidates {lower} and {upper} of {count}").format(
            lower=int(place) + 1, upper=int(place) + 2, count=count)
    words = volume.GetAttribute(PREFIX + "Description") or ""
    for unit in ("HU", "%"):  # which stays with its number
        words = words.replace(f" {unit}", f"\N{NO-BREAK SPACE}{unit}")
    return f"{heading}:\n{words[:1].upper()}{words[1:]}."


def factsText(facts: dict | None, item: int) -> str:
    """Return what else was measured on candidate number ``item``, line by line, beside the same of the input.

    :param facts: the exact numbers of its set, see ``DIDInteractiveLogic.facts``; None where they are gone.
    """
    if facts is None:
        return ""
    measured, ofInput = facts["candidates"][item], facts["candidates"][-1]
    lines = []
    shift, flicker = measured["bias_hu"].get(SOFT_TISSUE), measured.get("flicker_hu")
    error = measured["rmse_to_reference_hu"]
    if shift is not None and measured is not ofInput:
        words = signedHU(shift).replace(" ", "\N{NO-BREAK SPACE}").replace("-", "\N{MINUS SIGN}")
        lines.append(_("Shift of soft tissue: {shift}.").format(shift=words))
    if flicker is not None:
        text = _("Flicker along z: {flicker}\N{NO-BREAK SPACE}HU (input: {input}\N{NO-BREAK SPACE}HU).")
        lines.append(text.format(flicker=f"{flicker:.2f}", input=f"{ofInput['flicker_hu']:.2f}"))
    if error is not None:
        text = _("Error to the reference: {error}\N{NO-BREAK SPACE}HU (input: {input}\N{NO-BREAK SPACE}HU).")
        lines.append(text.format(error=f"{error:.1f}", input=f"{ofInput['rmse_to_reference_hu']:.1f}"))
    return "\n".join(lines)


def shortText(item, index: int) -> str:
    """Return how a candidate (its own node) is called in a list."""
    noise, kind = number(item, "NoiseSD"), item.GetAttribute(PREFIX + "Kind")
    text = _("{number}: noise {noise} HU").format(number=index + 1, noise=f"{noise:.1f}")
    names = {"default": _("network's own"), "input": _("input")}
    return f"{text} ({names[kind]})" if kind in names else text
