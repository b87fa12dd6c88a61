"""``ldct evaluate``: the networks against the low-dose image and classical filters, on simulated low dose.

Every volume is given the noise of every track, noise index and dose; every method denoises the same slices and is
judged in the same regions. Tables and curves follow Table 1 and Figure 6 of the seed (doi:10.2991/jaims.d.210428.001).
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import itertools
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import __version__
from .classical import FILTERS
from .evaluationcases import TRACKS, Condition, load_patients, simulate
from .evaluationchecks import COMPARED_DOSE, checks
from .evaluationharm import Finding, HarmPlan, Task, harm_checks, harm_tasks
from .evaluationharmreport import write_harm
from .evaluationmethods import build_methods
from .evaluationprobe import fingerprint
from .evaluationreport import write_report
from .evaluationscores import PatientScore, SliceScore, as_data, from_data, score
from .evaluationstore import ScoreStore
from .safewrite import complete_or_absent

Progress = Callable[[int, int, str], None]
"""Called before every step as progress(done steps, all steps, what comes next)."""


@dataclass(frozen=True)
class EvaluationConfig:
    """What is evaluated.

    ``volumes``: target-dose volumes, any format that read_volume takes; ``output``: a folder that does not exist or is
    empty; ``noise_indices`` in HU at full dose; ``doses`` fractions; ``classical`` keys of classical.FILTERS (BM3D is
    skipped where it is not installed); ``models``: names of the registry, None for all; ``scores``: folder of finished
    scores, "<output>-scores" by default; ``tuning_slices``: slices of each case on which a classical filter's best
    parameter is sought; ``harm``: the phantom scans on which networks must do no harm.
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
    harm: HarmPlan = HarmPlan()
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.volumes or not self.tracks or not self.noise_indices or not self.doses:
            raise ValueError("An evaluation needs at least one volume, track, noise index and dose.")
        if self.slices_per_patient < 1 or self.tuning_slices < 1:
            raise ValueError("Slices per patient and tuning slices must be at least 1.")


def evaluate(config: EvaluationConfig, progress: Progress | None = None) -> Path:
    """Run the evaluation and return the folder with its report; see :mod:`.evaluationreport` for the files.

    The report appears complete or not at all. Scores are kept as soon as they are known, and those that are kept
    already are not computed again: a stopped run goes on where it was, and a run with another output and the same
    ``scores`` adds networks to the classical filters of an earlier one. Raises ValueError for bad input (unknown track,
    filter or model, a volume without a body, two volumes of one name, an output folder that is not empty) and
    ImportError where the "evaluate" extra is missing.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError("ldct evaluate draws with matplotlib; install the 'evaluate' extra.")
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
    networks = [m for m in methods if m.kind == "network"]
    tasks = list(harm_tasks(patients, config.tracks, config.harm, device))
    steps = _Steps(progress, len(patients) * len(conditions) * len(methods) + len(tasks) * len(networks))
    identities = {m.key: {**m.identity, "probe": fingerprint(m, device)} for m in methods}
    scores = _case_scores(conditions, patients, methods, identities, config.seed, device, store, steps)
    harm = _harm_findings(tasks, networks, identities, store, steps)

    slice_scores = [s for slices, _ in scores for s in slices]
    patient_scores = [p for _, p in scores]
    found = checks(slice_scores, patient_scores)
    for name, findings in harm.items():
        found += harm_checks(name, findings)
    settings = {**asdict(config), "volumes": [Path(v).name for v in config.volumes], "software_version": __version__,
                "methods": [m.label for m in methods],
                "patients": [{"name": p.name, "slices": p.slices, "kernel": asdict(p.kernel),
                              "target_noise_hu": {t: p.target_noise[t] for t in config.tracks}} for p in patients]}
    del settings["output"], settings["user_folder"], settings["scores"]
    with complete_or_absent(output) as temporary:
        temporary.mkdir()
        write_report(temporary, slice_scores, patient_scores, found, settings)
        if harm:
            write_harm(temporary, harm, config.harm)
    steps.tell("done")
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
    parser.add_argument("--classical", nargs="*", choices=tuple(FILTERS), default=defaults.classical,
                        help="filters to compare with; bm3d, whose licence is non-commercial, only if it is installed")
    parser.add_argument("--models", nargs="*", default=None,
                        help="names of the registry (default: all; none after a bare --models)")
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


class _Steps:
    """Counts the steps of an evaluation and reports them."""

    def __init__(self, progress: Progress | None, total: int):
        self.progress, self.total, self.done = progress, total, 0

    def tell(self, what: str) -> None:
        if self.progress:
            self.progress(self.done, self.total, what)

    def take(self, what: str, store: ScoreStore, title: str, key: dict, make: Callable[[], Any]) -> Any:
        """Return the finished score, or that of ``make()``, which is then kept."""
        self.tell(what)
        data = store.get(title, key)
        if data is None:
            data = make()
            store.put(title, key, data)
        self.done += 1
        return data


def _case_scores(conditions, patients, methods, identities, seed: int, device: str, store: ScoreStore, steps: _Steps
                 ) -> list[tuple[list[SliceScore], PatientScore]]:
    """Scores of all methods on all cases, by condition, then patient, then method."""
    found = {}
    # The dose on which methods are compared comes first: a stopped run then has what matters most.
    for condition, patient in sorted(itertools.product(conditions, patients),
                                     key=lambda pair: pair[0].dose != COMPARED_DOSE):
        scanned = functools.cache(functools.partial(simulate, patient, condition, seed, device))
        for method in methods:
            key = {"patient": patient.fingerprint, "condition": asdict(condition), "seed": seed, "device": device,
                   "method": identities[method.key]}
            data = steps.take(f"{patient.name}, {condition}: {method.label}", store,
                              f"{patient.name} {condition} {method.key}", key,
                              lambda: as_data(*score(scanned(), method)))
            found[condition, patient.name, method.key] = from_data(data)
    return [found[c, p.name, m.key] for c, p, m in itertools.product(conditions, patients, methods)]


def _harm_findings(tasks: Sequence[Task], networks, identities, store: ScoreStore, steps: _Steps
                   ) -> dict[str, list[Finding]]:
    """Findings of every network under its name."""
    found = {network.key: [] for network in networks}
    for task, network in itertools.product(tasks, networks):
        key = {"task": task.key, "method": identities[network.key]}
        data = steps.take(f"{task.title}: {network.label}", store, f"{task.title} {network.key}", key,
                          lambda: [asdict(finding) for finding in task.run(network)])
        found[network.key] += [Finding(**finding) for finding in data]
    return found


def _simulation_device(device: str) -> str:
    """The simulation runs where the networks do, but only CUDA gains anything over the CPU."""
    from .inference import choose_device

    chosen = choose_device(device)
    return str(chosen) if chosen.type == "cuda" else "cpu"
