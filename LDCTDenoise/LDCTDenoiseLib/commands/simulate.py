"""``ldct simulate``: what a CT volume would look like at a lower dose."""

from __future__ import annotations

import argparse

from .. import __version__
from ..volumeio import write_volume
from . import Report
from .denoise import add_volumes, read_input, warn
from .progressbar import ProgressBar

_F50_PER_MM = (0.1, 2.0)
_POWER = 4.0
"""Steepness of the roll-off, as that of GE's STANDARD kernel."""
_STARVED_SHARE = 1e-3
"""More starved rays than this are worth a warning."""
_CLEARLY = 2.0
"""A noise index further than by this factor from the measured noise belongs to another dose than the input's."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``ldct simulate``."""
    parser.epilog = ("Overlapping slices share noise where the slice thickness is known, which is from DICOM only: "
                     ".nrrd, .nii and .mha carry none, so the noise of their slices is independent.")
    add_volumes(parser)
    parser.add_argument("--noise-index", type=float, required=True, metavar="HU",
                        help="SD of the quantum noise in the body centre at full dose, which is the input's")
    parser.add_argument("--dose", type=float, required=True, metavar="FRACTION", help="of the input's dose, up to 1")
    parser.add_argument("--kernel", type=_kernel, default="matched", metavar="{matched,sharp,F50}",
                        help="colour of the noise: as in the input (default); of the bare ramp filter, for inputs "
                             "reconstructed that sharply; or of a kernel that is known, by the frequency per mm at "
                             "which its amplitude has fallen to half, for inputs too small or too clean to show it")
    parser.add_argument("--seed", type=int, default=0)


def _kernel(text: str):
    from ..kernels import Kernel

    if text in ("matched", "sharp"):
        return text
    try:
        f50 = float(text)
    except ValueError:
        f50 = 0.0
    if not _F50_PER_MM[0] <= f50 <= _F50_PER_MM[1]:
        raise argparse.ArgumentTypeError(f"{text!r} is neither matched, sharp nor a frequency of {_F50_PER_MM[0]:g} to "
                                         f"{_F50_PER_MM[1]:g} per mm")
    return Kernel(f50, _POWER)


def run(args: argparse.Namespace) -> Report:
    """Simulate; noise index, dose and added SD are stored with the result. See :mod:`..cli` for errors."""
    from ..inference import choose_device
    from ..noiselevel import global_noise_level
    from ..simulation import simulate_low_dose

    device = choose_device(args.device)
    volume, warnings = read_input(args)
    with ProgressBar("simulate") as bar:
        result = simulate_low_dose(
            volume.array, volume.spacing, noise_index=args.noise_index, dose=args.dose, kernel=args.kernel,
            seed=args.seed, padding=volume.padding, slice_thickness=volume.metadata.get("slice_thickness_mm"),
            device=device, progress=bar)
    before, after = (global_noise_level(array, volume.spacing) for array in (volume.array, result.array))
    doubts = [*_doubts(before, args.noise_index), *_too_soft(volume, args.kernel),
              *_starved(result.info["starved_share"])]
    for doubt in doubts:
        warn(doubt)
    provenance = {"operation": "simulated low dose", "source": args.input.absolute().name, **result.info,
                  "software_version": __version__}
    write_volume(volume.replace_array(result.array), args.output, source=volume, provenance=provenance)
    return Report(
        f"{args.output}: noise {before:.1f} -> {after:.1f} HU; dose {args.dose:g}, quantum "
        f"noise of {result.info['added_sd_hu']:.1f} HU{_measured(result.info['measured_sd_hu'])}",
        {"output": str(args.output), "provenance": provenance, "noise_before_hu": before, "noise_after_hu": after,
         "warnings": [*warnings, *doubts]})


def _measured(sd: float | None) -> str:
    return "" if sd is None else f", {sd:.1f} HU of noise measured as added in the body centre"


def _starved(share: float) -> list[str]:
    """Return a warning where more than a few rays get hardly any photons."""
    return [] if share <= _STARVED_SHARE else [
        f"{100 * share:.2g} % of the rays are starved of photons, and their noise is not that of the formula; take a "
        "higher dose or a lower noise index where the noise must be right."]


def _too_soft(volume, kernel) -> list[str]:
    """Return a warning where noise of the bare ramp was added to an image that is softer."""
    from ..kernels import soft_kernel

    read = soft_kernel(volume.array, volume.spacing[1:]) if kernel == "sharp" else None
    return [] if read is None else [
        f"The input is soft (its noise has fallen to half its amplitude at {read.f50:.2f} per mm), so noise of the "
        "bare ramp is finer than any that it could have; take --kernel matched, or re-sharpen the input first."]


def _doubts(noise: float, index: float) -> list[str]:
    """Return a warning when the input's ``noise`` can hardly be that of a scan with this noise ``index`` (HU)."""
    if noise / _CLEARLY <= index <= noise * _CLEARLY:
        return []
    return [f"The input's noise is {noise:.1f} HU, far from the noise index of {index:g} HU. The full dose is taken as "
            f"if the input's noise were the index, so the added noise is too {'strong' if index > noise else 'weak'} "
            "for this dose of this scan; give an index near its noise, unless that is what you want."]
