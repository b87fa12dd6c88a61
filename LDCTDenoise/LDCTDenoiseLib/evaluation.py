"""``ldct evaluate``: the networks against the low-dose image and classical filters, on simulated low dose.

Every volume is given the noise of every track, noise index and dose; every method denoises the same slices and is
judged in the same regions. Tables and curves follow Table 1 and Figure 6 of the seed (doi:10.2991/jaims.d.210428.001).
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from . import __version__
from .classical import FILTERS
from .evaluationcases import TRACKS, Condition, load_patients, simulate
from .evaluationmethods import build_methods
from .evaluationreport import write_report
from .evaluationscores import checks, patient_score, score_slices
from .safewrite import complete_or_absent

Progress = Callable[[int, int, str], None]
"""Called before every step as progress(done steps, all steps, what comes next)."""


@dataclass(frozen=True)
class EvaluationConfig:
    """What is evaluated.

    ``volumes``: target-dose volumes, any format that read_volume takes; ``output``: a folder that does not exist or is
    empty; ``noise_indices`` in HU at full dose; ``doses`` fractions; ``classical`` keys of classical.FILTERS (BM3D is
    skipped where it is not installed); ``models``: names of the registry, None for all; ``tuning_slices``: slices of
    each case on which a classical filter's best parameter is sought.
    """

    volumes: tuple[Path, ...]
    output: Path
    tracks: tuple[str, ...] = TRACKS
    noise_indices: tuple[float, ...] = (15.0, 30.0)
    doses: tuple[float, ...] = (0.5, 0.25, 0.125)
    slices_per_patient: int = 6
    classical: tuple[str, ...] = tuple(FILTERS)
    models: tuple[str, ...] | None = None
    user_folder: Path | None = None
    tuning_slices: int = 2
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.volumes or not self.tracks or not self.noise_indices or not self.doses:
            raise ValueError("An evaluation needs at least one volume, track, noise index and dose.")
        if self.slices_per_patient < 1 or self.tuning_slices < 1:
            raise ValueError("Slices per patient and tuning slices must be at least 1.")


def evaluate(config: EvaluationConfig, progress: Progress | None = None) -> Path:
    """Run the evaluation and return the folder with its report; see :mod:`.evaluationreport` for the files.

    The folder appears complete or not at all. Raises ValueError for bad input (unknown track, filter or model, a
    volume without a body, an output folder that is not empty) and ImportError where the "evaluate" extra is missing.
    """
    output = Path(config.output)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ValueError(f"The output {output} exists and is not an empty folder. Choose another one.")
    if not output.absolute().parent.is_dir():
        raise ValueError(f"The folder {output.absolute().parent} does not exist. Create it first.")
    methods = build_methods(config.classical, config.models, config.device, config.tuning_slices, config.user_folder)
    conditions = [Condition(*c) for c in itertools.product(config.tracks, config.noise_indices, config.doses)]
    patients = [p for path in config.volumes for p in load_patients(Path(path), config.slices_per_patient)]

    device = _simulation_device(config.device)
    steps = len(patients) * len(conditions) * len(methods)
    slice_scores, patient_scores = [], []
    for patient, condition in itertools.product(patients, conditions):
        case = simulate(patient, condition, config.seed, device)
        for method in methods:
            if progress:
                progress(len(patient_scores), steps, f"{patient.name}, {condition}: {method.label}")
            result = method(case)
            scores = score_slices(case, method, result)
            slice_scores += scores
            patient_scores.append(patient_score(scores, method, result))
    slice_scores.sort(key=lambda s: conditions.index(s.condition))
    patient_scores.sort(key=lambda p: conditions.index(p.condition))

    settings = {**asdict(config), "volumes": [Path(v).name for v in config.volumes], "software_version": __version__,
                "methods": [m.label for m in methods]}
    del settings["output"], settings["user_folder"]
    with complete_or_absent(output) as temporary:
        temporary.mkdir()
        write_report(temporary, slice_scores, patient_scores, checks(slice_scores, patient_scores), settings)
    if progress:
        progress(steps, steps, "done")
    return output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``ldct evaluate``."""
    defaults = EvaluationConfig
    parser.add_argument("volumes", nargs="+", type=Path, help="target-dose CT volumes: DICOM folders or image files")
    parser.add_argument("--output", required=True, type=Path, help="folder for the report; must not hold anything")
    parser.add_argument("--tracks", nargs="+", choices=TRACKS, default=defaults.tracks)
    parser.add_argument("--noise-indices", nargs="+", type=float, default=defaults.noise_indices, metavar="HU")
    parser.add_argument("--doses", nargs="+", type=float, default=defaults.doses, metavar="FRACTION")
    parser.add_argument("--slices", type=int, default=defaults.slices_per_patient, help="per patient, evenly spaced")
    parser.add_argument("--classical", nargs="*", choices=tuple(FILTERS), default=defaults.classical)
    parser.add_argument("--models", nargs="*", default=None, help="names of the registry (default: all)")
    parser.add_argument("--device", default=defaults.device)
    parser.add_argument("--seed", type=int, default=defaults.seed)


def run(args: argparse.Namespace) -> Path:
    """Evaluate what the arguments of :func:`add_arguments` say, with a line of progress per step on stderr."""
    config = EvaluationConfig(
        volumes=tuple(args.volumes), output=args.output, tracks=tuple(args.tracks),
        noise_indices=tuple(args.noise_indices), doses=tuple(args.doses), slices_per_patient=args.slices,
        classical=tuple(args.classical), models=None if args.models is None else tuple(args.models),
        device=args.device, seed=args.seed,
    )
    return evaluate(config, lambda done, total, what: print(f"[{done}/{total}] {what}", file=sys.stderr, flush=True))


def _simulation_device(device: str) -> str:
    """The simulation runs where the networks do, but only CUDA gains anything over the CPU."""
    from .inference import choose_device

    chosen = choose_device(device)
    return str(chosen) if chosen.type == "cuda" else "cpu"
