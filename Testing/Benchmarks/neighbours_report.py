"""What neighbouring slices as further input (2.5-D) are worth: Testing/Benchmarks/recipes/neighbours.md.

    python Testing/Benchmarks/neighbours_report.py --data DATA --train
    python Testing/Benchmarks/neighbours_report.py --data DATA

DATA holds the public CT data as ``ldct fetch`` leaves it. The first command trains for half an hour on one CPU core;
stopped, it goes on where it was. The second judges what is there, by a validation patient. Needs the extra
"evaluate".
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "LDCTDenoise")]

from LDCTDenoiseLib.networks.multiplyadds import multiply_adds  # noqa: E402
from LDCTDenoiseLib.training.config import TrainingConfig, read_config  # noqa: E402
from LDCTDenoiseLib.training.run import samplers  # noqa: E402
from neighboursreport.judging import scenes, scores, stacks  # noqa: E402
from neighboursreport.network import OneSliceSeenAsAll  # noqa: E402
from neighboursreport.page import judged_words, trained_words, write_report  # noqa: E402
from neighboursreport.stacks import StackSampler, inner_slices  # noqa: E402
from neighboursreport.training import ARMS, SEEDS, finished, folder_of, train  # noqa: E402
from recipesreport.judging import CONDITIONS  # noqa: E402
from reportcommand import command, parsed, say  # noqa: E402

RECIPE = ROOT / "configs" / "experiments" / "base.toml"
VALIDATION = "validation/crlm_1006_cap_ge.nii.gz"


def train_all(config: TrainingConfig, data: Path, runs: Path) -> None:
    """Train what is missing; the noise bank is that of the recipes."""
    bank = samplers(config, data)[0].bank
    inner = inner_slices(config.data, data)
    if inner.count != len(bank):
        raise ValueError(f"The noise bank {config.data.bank} holds {len(bank)} slices, the training files "
                         f"{inner.count}; delete it to have it made again.")
    for seed in SEEDS:
        for arm in ARMS:
            folder = folder_of(runs, arm, seed)
            say(f"{folder.name} ...")
            train(arm, replace(config, seed=seed),
                  StackSampler(bank, inner.slices, config.sampling, arm.overlap, seed), folder)


def main(arguments=None) -> int:
    parser = command(__doc__, "recipes")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "neighbours", help="folder of trained networks")
    parser.add_argument("--train", action="store_true", help="train what is missing, nothing else")
    given = parsed(parser, arguments)
    config = read_config(RECIPE)
    if given.train:
        train_all(config, given.data, given.runs)
        return 0
    runs = finished(given.runs, config)
    if not runs:
        parser.error(f"{given.runs} holds no finished training; train first (--train)")
    patients = stacks(given.data / VALIDATION)
    shown = list(scenes(patients, CONDITIONS))
    rows = []
    for run in runs:
        say(f"{run.arm.name}, seed {run.seed}")
        cost = multiply_adds(OneSliceSeenAsAll(run.network))
        rows += [{"input": run.arm.name, "seed": run.seed, "noise": noise, "steps": run.steps,
                  "seconds": round(run.seconds), "multiply_adds": cost, **found}
                 for noise, found in scores(run.network, shown).items()]
    write_report(rows, given.output, judged_words(patients, VALIDATION, CONDITIONS, config.data, given.data),
                 trained_words(config.data, inner_slices(config.data, given.data).left_out))
    print(json.dumps({"trainings": len(runs), "scenes": len(shown)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
