"""``ldct candidates``: one noisy CT in, a folder of candidates along the noise-resolution trade-off out."""

from __future__ import annotations

import argparse
import importlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..ctvolume import CTVolume, VolumeError
from ..imagefile import SUFFIXES, read_image, suffix_of
from ..modelregistry import find_model
from ..volumeio import read_volume
from . import Report
from .denoise import PRECISIONS, warn_of
from .progressbar import ProgressBar

SAME_GRID_MM = 0.01
FILTERS = {"nlm": "non-local means", "tv": "total variation", "gaussian": "a Gaussian blur"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``ldct candidates``."""
    settings = _did("settings")
    usual = settings.CandidateSettings()
    parser.add_argument("input", metavar="INPUT", type=Path, help="a DICOM folder, .nii, .nii.gz, .nrrd or .mha")
    parser.add_argument("output", metavar="OUTPUT_DIR", type=Path,
                        help="new folder for the volumes (files in the format of the input, .nrrd where that is "
                             "DICOM), candidates.json, contact sheet and trade-off plot")
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
                        help="how far beyond that the smooth end is pushed, as a share of its distance from the "
                             f"default (default: {usual.extrapolation:g})")
    parser.add_argument("--max-steps", type=int, default=usual.max_steps, metavar="N",
                        help=f"most steps of a descent (default: {usual.max_steps})")
    parser.add_argument("--learning-rate", type=float, default=usual.learning_rate, metavar="RATE",
                        help="of did-literal; of the others the size of the first trial "
                             f"(default: {usual.learning_rate:g})")
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
    parser.add_argument("--region", type=Path, metavar="MASK",
                        help="work only on the smallest box around this region and leave the rest of the volume as it "
                             "is; a MASK is an image file on the grid of the input, the region being where it is not 0")
    parser.add_argument("--roi", type=Path, metavar="MASK",
                        help="measure noise in this region instead of flat soft tissue")
    parser.add_argument("--background-roi", type=Path, metavar="MASK",
                        help="with --roi: also measure contrast to noise between the two regions (cnr)")
    default = parser.add_mutually_exclusive_group()
    default.add_argument("--default-image", type=Path, metavar="FILE",
                         help="take as the default not the model's output but this result of another denoiser, on the "
                              "grid of the input; the model is fitted to it first, as far as that goes")
    default.add_argument("--default-filter", choices=list(FILTERS), metavar="FILTER",
                         help="the same with the output of a filter: "
                              f"{', '.join(f'{key} ({name})' for key, name in FILTERS.items())}")
    parser.add_argument("--device", default="auto", help="auto, cuda, cuda:N, mps or cpu (default: auto)")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help="default: fp16 on CUDA, fp32 elsewhere")


def run(args: argparse.Namespace) -> Report:
    """Make and store the candidates; see :mod:`..cli` for errors."""
    store, didengine, region = (_did(name) for name in ("candidatestore", "didengine", "candidateregion"))
    if args.background_roi is not None and args.roi is None:
        raise ValueError("--background-roi alone gives no contrast; give --roi too.")
    settings = _did("settings").CandidateSettings(
        **{name: getattr(args, name) for name in (
            "method", "count", "tuned", "repetitions", "per_slice", "extrapolation", "max_steps", "learning_rate",
            "tuning_slices", "reduction")})
    find_model(args.model)
    volume = read_volume(args.input, args.series)
    store.check_store(args.output, volume)
    limits = region.everything(volume.array.shape)
    box = _box(args, volume, limits, region.only_slice)
    wide, inner = region.with_margin(box, limits)
    masks = {name: _mask(path, name, volume) for name, path in (
        ("roi", args.roi), ("background_roi", args.background_roi)) if path is not None}
    for name, mask in masks.items():
        if not mask[wide].any():
            raise VolumeError(f"The mask {getattr(args, name).name} is empty in the part of the input to work on; "
                              "choose another mask or another part.")
    images = {name: _on_grid(read_volume(path), what, path, volume) for name, what, path in (
        ("reference", "reference", args.reference), ("default_image", "default image", args.default_image))
        if path is not None}
    warnings = warn_of(volume)
    with ProgressBar(args.model) as bar:
        reply = didengine.InProcessDIDEngine().generate(
            didengine.CandidateRequest(
                array=volume.array[wide], spacing=volume.spacing,
                padding=region.padding_in(wide, volume.array, volume.padding), model=args.model, settings=settings,
                default_filter=args.default_filter, device=args.device, precision=args.precision,
                **{name: array[wide] for name, array in (masks | images).items()}),
            progress=lambda fraction, text, remaining: bar(round(100 * fraction), 100, remaining, text))
    reply = replace(reply, candidates=tuple(replace(one, array=one.array[inner]) for one in reply.candidates))
    document = store.store_candidates(
        reply, volume, args.output, args.input.absolute().name, box[0].start,
        args.default_filter or (args.default_image and args.default_image.name), box if args.region else None)
    values = {"output": str(args.output), **document, "warnings": warnings}
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


def _box(args: argparse.Namespace, volume: CTVolume, limits, only_slice) -> tuple[slice, slice, slice]:
    """The slices, rows and columns to make candidates of: those around the region, of them only the chosen slice."""
    number, box = args.slice, limits
    if number is not None and only_slice(limits, number) is None:
        raise ValueError(f"There is no slice {number}; the volume has slices 0 to {limits[0].stop - 1}.")
    if args.region is not None:
        mask = _mask(args.region, "region", volume)
        places = [np.flatnonzero(mask.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
        box = tuple(slice(int(found[0]), int(found[-1]) + 1) for found in places)
    chosen = box if number is None else only_slice(box, number)
    if chosen is None:
        raise ValueError(f"Slice {number} is not in the region {args.region.name}, which has slices {box[0].start} to "
                         f"{box[0].stop - 1}.")
    return chosen


def _mask(path: Path, what: str, volume: CTVolume) -> np.ndarray:
    """The voxels of a mask file, bool; what reads CTs would refuse it as a labelmap."""
    if not path.is_file():
        raise VolumeError(f"{path} does not exist.")
    if suffix_of(path) is None:
        raise VolumeError(f"The mask {path.name} is not of a known format. Give one of {', '.join(SUFFIXES)}.")
    mask = _on_grid(read_image(path), f"mask of the {what.replace('_', ' ')}", path, volume) != 0
    if not mask.any():
        raise VolumeError(f"The mask {path.name} is empty: it is 0 everywhere. Mark the region in it.")
    return mask


def _on_grid(read: CTVolume, what: str, path: Path, volume: CTVolume) -> np.ndarray:
    """The voxels of what was read from ``path``, which must lie where those of the input do."""
    if read.array.shape != volume.array.shape or not np.allclose(read.affine, volume.affine, atol=SAME_GRID_MM):
        raise VolumeError(f"The {what} {path.name} is not on the grid of the input; resample it first.")
    return read.array


def _text(output: Path, reply) -> str:
    lines = list(reply.messages)
    for number, measured in enumerate(reply.measurements, 1):
        lines.append(f"{number:3d}  {measured.kind:8s}  {measured.sentence()}")
    lines += reply.outcomes.values()
    lines.append(f"{output}: {len(reply.candidates)} candidates, {reply.model} {reply.version}, "
                 f"{reply.settings.method}, {reply.device} {reply.precision}, {reply.seconds:.1f} s")
    return "\n".join(lines)
