"""What a run will make and take, before it starts: candidates, slices, memory and time."""

from __future__ import annotations

from dataclasses import dataclass

import slicer
from slicer.i18n import tr as _

from LDCTDenoiseLib.modelregistry import ModelCard
from LDCTDenoiseLib.region import whole
from LDCTDenoiseLib.widgetmodelcard import durationText
from LDCTDenoiseLib.widgetsettings import MachineSettings

from .candidateregion import box_of, with_margin
from .freememory import free_memory
from .memoryestimate import estimate_memory, fit_into_memory
from .settings import CandidateSettings

GIGABYTE, MEGABYTE = 1e9, 1e6


@dataclass(frozen=True)
class RunPlan:
    """What a run on a part of a volume comes to."""

    shape: tuple[int, ...]
    """(slices, rows, columns) that are worked on, a margin around a region included."""
    settings: CandidateSettings
    """As they will be applied: with fewer candidates where memory is short."""
    need: int
    """Bytes."""
    free: int | None
    """Bytes; None where that is unknown."""
    shortage: str | None
    """What is to be said where there are fewer candidates than asked for, or None."""

    def text(self, card: ModelCard, machine: MachineSettings, fitted: bool) -> str:
        """Return memory and time in words. ``fitted``: a network is fitted to another denoiser's image first."""
        # Loads what the panel's opening does not wait for.
        from .candidatetime import estimate_seconds

        memory = self.shortage or (
            _("{count} candidates of {slices} slices need {need} of memory.") if self.free is None else
            _("{count} candidates of {slices} slices need {need} of memory; {free} are free.")).format(
                count=self.settings.count, slices=self.shape[0], need=_memoryText(self.need),
                free=_memoryText(self.free or 0))
        rate = machine.rate(machine.device, machine.precision)
        seconds = estimate_seconds(self.shape, self.settings, card, machine.device, rate, fitted)
        if seconds is None:
            return memory
        time = (_("They take roughly {duration} on this device.") if rate is not None else
                _("They take roughly {duration} on this device, which has not been timed yet."))
        return f"{memory} {time.format(duration=durationText(seconds))}"


def planOf(source, region, sliceIndex: int | None, settings: CandidateSettings, free: int | None = None) -> RunPlan:
    """Return what a run on the volume ``source``, or on the part in the ROI ``region``, or on one slice comes to.

    ``free``: bytes that may be used; None: what there is. Raises ValueError for a region that holds nothing, and where
    not even the smallest set fits.
    """
    box = whole(source) if region is None else with_margin(box_of(region, source), whole(source))[0]
    slices, rows, columns = (part.stop - part.start for part in box)
    shape = (slices if sliceIndex is None else 1, rows, columns)
    dtype = slicer.util.arrayFromVolume(source).dtype
    free = free_memory() if free is None else free
    settings, shortage = fit_into_memory(shape, dtype, settings, free)
    return RunPlan(shape, settings, estimate_memory(shape, dtype, settings).total, free, shortage)


def _memoryText(number: float) -> str:
    """Return a number of bytes in GB, or in MB where that would be next to nothing."""
    if number < GIGABYTE / 10:
        return _("{number}\N{NO-BREAK SPACE}MB").format(number=round(number / MEGABYTE))
    return _("{number}\N{NO-BREAK SPACE}GB").format(number=f"{number / GIGABYTE:.1f}")
