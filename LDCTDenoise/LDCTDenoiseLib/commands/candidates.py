"""``ldct candidates``: one noisy CT in, a folder of candidates along the noise-resolution trade-off out."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

import numpy as np

from ..ctvolume import CTVolume, VolumeError
from ..modelregistry import find_model
from ..volumeio import read_volume
from . import Report
from .denoise import PRECISIONS
from .progressbar import ProgressBar

SAME_GRID_MM = 0.01
FILTERS = {"nlm": "non-local means", "tv": "total variation", "gaussian": "a Gaussian blur"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``ldct candidates``."""
    settings = _did("settings")
    usual = settings.CandidateSettings()
    parser.add_argument("input", metavar="INPUT", type=Path, help="a DICOM folder, .nii, .nii.gz, .nrrd or .mha")
    parser.add_argument("output", metavar="OUTPUT_DIR", type=Path,
                        help="new folder for the volumes, candidates.json, contact sheet and trade-off plot")
    parser.add_argument("--series", metavar="UID", help="which series of a DICOM folder (default: the largest)")
    parser.add_argument("--model", default="hrnet", help="name of the model (see ldct models; default: hrnet)")
    parser.add_argument("--method", choices=settings.METHODS, default=usual.method,
                        help="tune the model to the scan (did), with mixed images where that keeps the candidates in "
                             "order of sharpness (did-ordered), or as the paper prints it (did-literal), mix images "
                             f"(blend) or weights (interpolate); default: {usual.method}")
    parser.add_argument("--count", type=int, default=usual.count,
                        help=f"candidates, the default and the input included (default: {usual.count})")
    parser.add_argument("--repetitions", type=int, default=usual.repetitions, metavar="K",
                        help="how often the model is applied for the smoothest candidate "
                             f"(default: {usual.repetitions})")
    parser.add_argument("--extrapolation", type=float, default=usual.extrapolation, metavar="SHARE",
                        help="how far beyond that the smooth end is pushed, as a share of its distance from the default "
                             f"(default: {usual.extrapolation:g})")
    parser.add_argument("--max-steps", type=int, default=usual.max_steps, metavar="N",
                        help=f"most steps of a descent (default: {usual.max_steps})")
    parser.add_argument("--learning-rate", type=float, default=usual.learning_rate, metavar="RATE",
                        help=f"of did-literal; of the others the size of the first trial (default: {usual.learning_rate:g})")
    parser.add_argument("--tuning-slices", type=int, default=usual.tuning_slices, metavar="N",
                        help=f"slices that the model is tuned on (default: {usual.tuning_slices})")
    parser.add_argument("--reduction", choices=settings.REDUCTIONS, default=usual.reduction,
                        help=f"of the loss of did-literal (default: {usual.reduction})")
    parser.add_argument("--tuned", choices=settings.TUNED, default=usual.tuned,
                        help=f"what is tuned: all weights, or one gain per channel (default: {usual.tuned})")
    parser.add_argument("--slice", type=int, metavar="K", help="this slice only, the first being 0")
    parser.add_argument("--per-slice", action="store_true", help="tune every slice on its own")
    parser.add_argument("--reference", type=Path, metavar="FILE",
                        help="what the scan would be with little noise, on the same grid, to measure errors")
    parser.add_argument("--default-filter", choices=list(FILTERS), metavar="FILTER",
                        help="take as the default not the model's output but that of a filter, to which the model is "
                             f"fitted first: {', '.join(f'{key} ({name})' for key, name in FILTERS.items())}")
    parser.add_argument("--device", default="auto", help="auto, cuda, cuda:N, mps or cpu (default: auto)")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help="default: fp16 on CUDA, fp32 elsewhere")


def run(args: argparse.Namespace) -> Report:
    """Make and store the candidates; see :mod:`..cli` for errors."""
    store, didengine = _did("candidatestore"), _did("didengine")
    settings = _did("settings").CandidateSettings(
        **{name: getattr(args, name) for name in (
            "method", "count", "tuned", "repetitions", "per_slice", "extrapolation", "max_steps", "learning_rate",
            "tuning_slices", "reduction")})
    find_model(args.model)
    volume = read_volume(args.input, args.series)
    store.check_store(args.output, volume)
    slices = None if args.slice is None else _one_slice(args.slice, volume)
    reference = None if args.reference is None else _reference(args.reference, volume)
    for warning in volume.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    with ProgressBar(args.model) as bar:
        reply = didengine.InProcessDIDEngine().generate(
            didengine.CandidateRequest(
                array=volume.array, spacing=volume.spacing, padding=volume.padding, model=args.model, settings=settings,
                slices=slices, reference=reference, default_filter=args.default_filter, device=args.device,
                precision=args.precision),
            progress=lambda fraction, text, remaining: bar(round(100 * fraction), 100, remaining, text))
    document = store.store_candidates(reply, volume, args.output, args.input.absolute().name,
                                      slices.start if slices else 0, args.default_filter)
    values = {"output": str(args.output), **document, "warnings": list(volume.warnings)}
    return Report(_text(args.output, reply), values)


def _did(module: str):
    """Return a module of the second package of this project; it knows this one, not the other way round."""
    try:
        return importlib.import_module(f"DIDInteractiveLib.{module}")
    except ModuleNotFoundError as error:
        if error.name != "DIDInteractiveLib":
            raise
        raise RuntimeError("Candidates need the package DIDInteractiveLib, which 'pip install' of this project brings; "
                           "add its folder DIDInteractive to PYTHONPATH to use it from the source tree.") from None


def _one_slice(number: int, volume: CTVolume) -> range:
    if not 0 <= number < len(volume.array):
        raise ValueError(f"There is no slice {number}; the volume has slices 0 to {len(volume.array) - 1}.")
    return range(number, number + 1)


def _reference(path: Path, volume: CTVolume) -> np.ndarray:
    reference = read_volume(path)
    if (reference.array.shape != volume.array.shape
            or not np.allclose(reference.affine, volume.affine, atol=SAME_GRID_MM)):
        raise VolumeError(f"The reference {path.name} is not on the grid of the input; resample it first.")
    return reference.array


def _text(output: Path, reply) -> str:
    lines = list(reply.messages)
    for number, measured in enumerate(reply.measurements, 1):
        lines.append(f"{number:3d}  {measured.kind:8s}  {measured.sentence()}")
    lines += reply.outcomes.values()
    lines.append(f"{output}: {len(reply.candidates)} candidates, {reply.model} {reply.version}, "
                 f"{reply.settings.method}, {reply.device} {reply.precision}, {reply.seconds:.1f} s")
    return "\n".join(lines)
