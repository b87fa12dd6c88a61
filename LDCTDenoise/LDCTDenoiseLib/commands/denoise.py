"""``ldct denoise``: a low-dose CT in, a denoised CT out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..ctvolume import CTVolume
from ..engine import DenoiseRequest, InProcessEngine
from ..modelregistry import find_model
from ..provenance import denoised_before, record
from ..volumeio import check_output, made_by, read_volume, write_volume
from . import Report
from .progressbar import ProgressBar

PRECISIONS = ("auto", "fp32", "bf16", "fp16")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``ldct denoise``."""
    add_volumes(parser)
    parser.add_argument("--model", default="hrnet", help="name of the model (see ldct models; default: hrnet)")
    parser.add_argument("--strength", type=float, default=1.0,
                        help="0 leaves the input as it is, 1 is the model's own output (default)")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help="default: fp16 on CUDA, fp32 elsewhere")


def add_volumes(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of every command that turns one volume into another."""
    formats = "a DICOM folder, .nii, .nii.gz, .nrrd or .mha"
    parser.add_argument("input", metavar="INPUT", type=Path, help=formats)
    parser.add_argument("output", metavar="OUTPUT", type=Path,
                        help=f"{formats}; DICOM only from DICOM. A file that is there is replaced once the result is "
                             "complete; a DICOM folder must be new or empty, and the input is never overwritten")
    parser.add_argument("--series", metavar="UID", help="which series of a DICOM folder (default: the largest)")
    parser.add_argument("--device", default="auto", help="auto, cuda, cuda:N, mps or cpu (default: auto)")


def run(args: argparse.Namespace) -> Report:
    """Denoise; see :mod:`..cli` for errors."""
    if not 0 <= args.strength <= 1:
        raise ValueError(f"The strength lies between 0 and 1, not at {args.strength}.")
    find_model(args.model)
    volume, warnings = read_input(args)
    with ProgressBar(args.model) as bar:
        reply = InProcessEngine().denoise(DenoiseRequest(
            array=volume.array, model=args.model, strength=args.strength, device=args.device, precision=args.precision,
            spacing=volume.spacing, padding=volume.padding), progress=bar)
    provenance = record(reply, args.strength, args.input.absolute().name)
    write_volume(volume.replace_array(reply.array), args.output, source=volume, provenance=provenance)
    text = "\n".join([*reply.messages, f"{args.output}: noise {reply.noise_before:.1f} -> {reply.noise_after:.1f} HU, "
                      f"{reply.model} {reply.version}, {reply.device} {reply.precision}, {reply.seconds:.1f} s"])
    return Report(text, {
        "output": str(args.output), "provenance": provenance, "noise_before_hu": reply.noise_before,
        "noise_after_hu": reply.noise_after, "seconds": reply.seconds, "messages": list(reply.messages),
        "warnings": warnings})


def read_input(args: argparse.Namespace) -> tuple[CTVolume, list[str]]:
    """Return the input volume and its warnings, which go to stderr, once it is sure that the output can be written."""
    volume = read_volume(args.input, args.series)
    check_output(args.output, volume)
    return volume, warn_of(volume)


def warn_of(volume: CTVolume) -> list[str]:
    """Say what speaks against an input, a denoising in the past included; return it."""
    again = denoised_before(made_by(volume))
    warnings = [*volume.warnings, *([again] if again else [])]
    for warning in warnings:
        warn(warning)
    return warnings


def warn(sentence: str) -> None:
    """Say at once what speaks against a result that is still to come."""
    print(f"warning: {sentence}", file=sys.stderr, flush=True)
