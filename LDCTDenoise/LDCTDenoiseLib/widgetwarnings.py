"""Where a volume is outside what a network was trained for, and what nobody knows of it, in sentences."""

from __future__ import annotations

import re

import numpy as np
from slicer.i18n import tr as _

from .acquisition import Acquisition
from .modelregistry import ModelCard

ADULT_YEARS = 18.0
SHARPER_THAN_LUNG = re.compile(r"BONE|EDGE|ULTRA|EAR|FC(3\d|8\d)|[A-Z]{1,2}[rvpl]?(7[5-9]|8\d|9\d)", re.IGNORECASE)
"""Names of kernels for bone and inner ear: of GE, Canon (FC30 and FC80 up) and Siemens (numbers from 75 up)."""
NOISE_SLICES = 3


def warningsFor(facts: Acquisition, card: ModelCard, noise: float | None, doubts: list[str]) -> list[str]:
    """Return why the result for a volume may be poor; empty when nothing speaks against it.

    :param noise: measured noise level in HU; None where it could not be measured.
    :param doubts: what the values themselves give rise to.
    """
    trained = card.details.get("trained_for", {})
    found = list(doubts)
    if facts.modality not in (None, "CT"):
        found.append(_("The DICOM header says {modality}, not CT.").format(modality=facts.modality))
    if noise is not None:
        found += _outside(trained.get("noise_added_hu"), [noise],
                          _("Noise of {value} HU; the network was trained with {low} to {high} HU."))
    if facts.kernel is not None and SHARPER_THAN_LUNG.match(facts.kernel):
        found.append(_("Kernel {kernel} is sharper than those that the network was trained with.").format(
            kernel=facts.kernel))
    found += _outside(trained.get("slice_thickness_mm"), [facts.thickness_mm],
                      _("Slices of {value} mm; the network was trained with {low} to {high} mm."))
    found += _outside(trained.get("pixel_mm"), facts.pixel_mm,
                      _("Pixels of {value} mm; the network was trained with {low} to {high} mm."))
    if facts.age_years is not None and facts.age_years < ADULT_YEARS:
        found.append(_("The patient is a child; the network was trained on adults."))
    return found + _unknown(facts)


def noteFor(facts: Acquisition) -> str:
    """Return what cannot be known of a volume without a DICOM header, or "".

    Most files have none. That alone says nothing against a volume, and a warning that is always there is read by
    nobody: so this is told, but is no warning.
    """
    if facts.has_header:
        return ""
    return _("No DICOM header is at hand: kernel, contrast agent and age of the patient are unknown.")


def _outside(limits, values, text: str) -> list[str]:
    """Return ``text`` for the value that lies farthest outside ``limits``, or nothing."""
    if not limits:
        return []
    low, high = limits
    # Two digits, as they are shown, so that 2.0 mm is not called less than 2.
    outside = [value for value in values if not low <= round(value, 2) <= high]
    return [text.format(value=f"{max(outside, key=lambda v: max(low - v, v - high)):.3g}", low=low,
                        high=high)] if outside else []


def _unknown(facts: Acquisition) -> list[str]:
    if not facts.has_header:
        return []
    unknown = [name for name, value in ((_("kernel"), facts.kernel), (_("contrast agent"), facts.contrast),
                                        (_("age of the patient"), facts.age_years)) if value is None]
    return [_("The DICOM header does not tell: {facts}.").format(facts=", ".join(unknown))] if unknown else []


def inspectValues(array: np.ndarray, spacing: tuple[float, float, float]) -> tuple[float | None, list[str]]:
    """Return the noise level of a volume (slice, row, column) in HU, and why its values may be no HU.

    Looks at a few slices only, which takes a fraction of a second.
    """
    # scipy takes a moment to load, which the opening of the module does not wait for.
    from .ctvolume import VolumeError, check_values
    from .noiselevel import global_noise_level

    chosen = np.unique(np.linspace(0, len(array) - 1, NOISE_SLICES + 2)[1:-1].round().astype(int))
    slices = array[chosen]
    if not np.isfinite(slices).all():
        return None, []  # the run itself says what is wrong, and where
    try:
        doubts = check_values(slices, _("The volume"))
    except VolumeError as error:
        return None, [str(error)]
    return global_noise_level(slices, spacing), doubts
