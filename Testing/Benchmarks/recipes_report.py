"""Train the recipes of configs/experiments, each for a few minutes, and compare them: Testing/Benchmarks/recipes.

    python Testing/Benchmarks/recipes_report.py --data DATA --train
    python Testing/Benchmarks/recipes_report.py --data DATA

DATA holds the public CT data as ``ldct fetch`` leaves it. Every recipe changes one thing in
configs/experiments/base.toml and is trained with each of the seeds. The first command takes some hours on one CPU core;
stopped, it goes on where it was. The second judges what is there, by the validation patients. Needs the extra
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
from LDCTDenoiseLib.training.config import read_config  # noqa: E402
from LDCTDenoiseLib.training.run import samplers  # noqa: E402
from LDCTDenoiseLib.training.trainer import Trainer  # noqa: E402
from recipesreport.judging import Judge  # noqa: E402
from recipesreport.page import write_report  # noqa: E402
from recipesreport.recipe import Recipe, Run, read_recipes, seconds_of  # noqa: E402
from reportcommand import command, parsed, say  # noqa: E402

SEEDS = (1, 2)
VALIDATION = ("crlm_1006_cap_ge.nii.gz", "siim_tcga_single_slices.nii.gz")


def train(recipes: list[Recipe], runs: Path, data: Path, seeds=SEEDS, stop_after: int | None = None) -> None:
    """Train every recipe with every seed into ``runs``/<recipe>-<seed>, or what is missing of it."""
    for seed in seeds:
        for recipe in recipes:
            folder = runs / f"{recipe.name}-{seed}"
            config = replace(read_config(recipe.path), seed=seed)
            sampler, validation = samplers(config, data)
            trainer = Trainer(config, sampler, validation, folder)
            say(f"{folder.name} ...")
            trainer.run(resume=(folder / "checkpoint.pt").exists(), stop_after=stop_after)


def finished_runs(recipes: list[Recipe], runs: Path, seeds=SEEDS) -> list[Run]:
    """The runs that went on to their last step and left weights."""
    found = []
    for recipe in recipes:
        for seed in seeds:
            folder = runs / f"{recipe.name}-{seed}"
            config = replace(read_config(recipe.path), seed=seed)
            seconds = seconds_of(folder, config)
            if seconds is not None:
                found.append(Run(recipe, seed, config.network, folder, config.optimiser.iterations, seconds))
    return found


def main(arguments=None) -> int:
    parser = command(__doc__, "recipes")
    parser.add_argument("--recipes", type=Path, default=ROOT / "configs" / "experiments", help="folder of recipes")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "recipes", help="folder of the trained networks")
    parser.add_argument("--train", action="store_true", help="train what is missing, nothing else")
    parser.add_argument("--stop-after", type=int, help="with --train: stop every run at this step")
    given = parsed(parser, arguments)
    recipes = read_recipes(given.recipes)
    if given.train:
        train(recipes, given.runs, given.data, stop_after=given.stop_after)
        return 0
    runs = finished_runs(recipes, given.runs)
    if not any(run.recipe.name == "base" for run in runs):
        parser.error(f"{given.runs} holds no finished run of the base recipe; train first (--train)")
    judge = Judge([given.data / "validation" / name for name in VALIDATION], given.runs / "scores")
    rows = []
    for run in runs:
        say(f"{run.recipe.name}, seed {run.seed}")
        rows.append({"recipe": run.recipe.name, "seed": run.seed, "steps": run.steps, "seconds": round(run.seconds),
                     "multiply_adds": multiply_adds(run.network()), **judge.scores(run)})
    write_report(rows, recipes, given.output)
    print(json.dumps({"recipes": len(recipes), "runs": len(rows)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
