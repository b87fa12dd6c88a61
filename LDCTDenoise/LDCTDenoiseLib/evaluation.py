"""``ldct evaluate``: the networks against the low-dose image and classical filters, on simulated low dose.

Every volume is given the noise of every track, noise index and dose; every method denoises the same slices and is
judged in the same regions. Tables and curves follow Table 1 and Figure 6 of the seed (doi:10.2991/jaims.d.210428.001).
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from . import __version__
from .classical import FILTERS
from .evaluationcases import TRACKS, Condition, load_patients, simulate
from .evaluationchecks import COMPARED_DOSE, checks
from .evaluationmethods import build_methods
from .evaluationreport import write_report
from .evaluationscores import PatientScore, SliceScore, as_data, from_data, patient_score, score_slices
from .evaluationstore import ScoreStore, source_digest
from .safewrite import complete_or_absent

Progress = Callable[[int, int, str], None]
"""Called before every step as progress(done steps, all steps, what comes next)."""
SCORED_BY = ("simulation", "fanbeam", "kernels", "hu", "scanfield", "noiselevel", "metrics", "evaluationcases",
             "evaluationscores")
"""Modules that every score depends on."""


@dataclass(frozen=True)
class EvaluationConfig:
    """What is evaluated.

    ``volumes``: target-dose volumes, any format that read_volume takes; ``output``: a folder that does not exist or is
    empty; ``noise_indices`` in HU at full dose; ``doses`` fractions; ``classical`` keys of classical.FILTERS (BM3D is
    skipped where it is not installed); ``models``: names of the registry, None for all; ``scores``: folder of finished
    scores, "<output>-scores" by default; ``tuning_slices``: slices of each case on which a classical filter's best
    parameter is sought.
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
    scores: Path | None = None
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

    The report appears complete or not at all. Scores are kept as soon as they are known, and those that are kept already
    are not computed again: a stopped run goes on where it was, and a run with another output and the same ``scores``
    adds networks to the classical filters of an earlier one. Raises ValueError for bad input (unknown track, filter or model, a
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
    twice = [name for name, count in Counter(p.name for p in patients).items() if count > 1]
    if twice:
        raise ValueError(f"Two patients are called {twice[0]!r}, after their files; rename one of the files.")
    store = ScoreStore(config.scores or output.with_name(output.name + "-scores"))
    device = _simulation_device(config.device)
    steps = len(patients) * len(conditions) * len(methods)
    done = 0

    def tell(what: str) -> None:
        if progress:
            progress(done, steps, what)

    found: dict[tuple[Condition, str, str], tuple[list[SliceScore], PatientScore]] = {}
    # The dose on which methods are compared comes first: an interrupted run then has what matters most.
    for condition, patient in sorted(itertools.product(conditions, patients),
                                     key=lambda pair: pair[0].dose != COMPARED_DOSE):
        case = None
        for method in methods:
            tell(f"{patient.name}, {condition}: {method.label}")
            title = f"{patient.name} {condition} {method.key}"
            key = {"patient": patient.fingerprint, "condition": asdict(condition), "seed": config.seed,
                   "device": device, "method": method.identity, "source": source_digest(*SCORED_BY)}
            score = store.get(title, key)
            if score is None:
                case = case or simulate(patient, condition, config.seed, device)
                result = method(case)
                slices = score_slices(case, method, result)
                score = as_data(slices, patient_score(slices, method, result))
                store.put(title, key, score)
            found[condition, patient.name, method.key] = from_data(score)
            done += 1
    order = itertools.product(conditions, (p.name for p in patients), (m.key for m in methods))
    in_order = [found[place] for place in order]
    slice_scores = [s for slices, _ in in_order for s in slices]
    patient_scores = [p for _, p in in_order]

    settings = {**asdict(config), "volumes": [Path(v).name for v in config.volumes], "software_version": __version__,
                "methods": [m.label for m in methods],
                "patients": [{"name": p.name, "slices": p.slices, "kernel": asdict(p.kernel),
                              "target_noise_hu": {t: p.target_noise[t] for t in config.tracks}} for p in patients]}
    del settings["output"], settings["user_folder"], settings["scores"]
    with complete_or_absent(output) as temporary:
        temporary.mkdir()
        write_report(temporary, slice_scores, patient_scores, checks(slice_scores, patient_scores), settings)
    tell("done")
    return output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``ldct evaluate``."""
    defaults = EvaluationConfig
    parser.add_argument("volumes", nargs="+", type=Path, help="target-dose CT volumes: DICOM folders or image files")
    parser.add_argument("--output", required=True, type=Path, help="folder for the report; must not hold anything")
    parser.add_argument("--scores", type=Path, metavar="FOLDER",
                        help="finished scores are kept here, one small file for each patient, condition and method, "
                             "and not computed again: start a stopped run again and it goes on; give the same folder "
                             "to a later run with other models or doses, and only what is new is computed; delete it "
                             "at any time (default: <output>-scores)")
    parser.add_argument("--tracks", nargs="+", choices=TRACKS, default=defaults.tracks)
    parser.add_argument("--noise-indices", nargs="+", type=float, default=defaults.noise_indices, metavar="HU")
    parser.add_argument("--doses", nargs="+", type=float, default=defaults.doses, metavar="FRACTION")
    parser.add_argument("--slices", type=int, default=defaults.slices_per_patient, help="per patient, evenly spaced")
    parser.add_argument("--classical", nargs="*", choices=tuple(FILTERS), default=defaults.classical)
    parser.add_argument("--models", nargs="*", default=None, help="names of the registry (default: all; none after a bare --models)")
    parser.add_argument("--device", default=defaults.device)
    parser.add_argument("--seed", type=int, default=defaults.seed)


def run(args: argparse.Namespace) -> Path:
    """Evaluate what the arguments of :func:`add_arguments` say, with a line of progress per step on stderr."""
    config = EvaluationConfig(
        volumes=tuple(args.volumes), output=args.output, tracks=tuple(args.tracks),
        noise_indices=tuple(args.noise_indices), doses=tuple(args.doses), slices_per_patient=args.slices,
        classical=tuple(args.classical), models=None if args.models is None else tuple(args.models),
        scores=args.scores, device=args.device, seed=args.seed,
    )
    return evaluate(config, lambda done, total, what: print(f"[{done}/{total}] {what}", file=sys.stderr, flush=True))


def _simulation_device(device: str) -> str:
    """The simulation runs where the networks do, but only CUDA gains anything over the CPU."""
    from .inference import choose_device

    chosen = choose_device(device)
    return str(chosen) if chosen.type == "cuda" else "cpu"
