"""Recipes and what their runs left."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from LDCTDenoiseLib.networks import build
from LDCTDenoiseLib.training.config import NetworkConfig, TrainingConfig, parse_config


@dataclass(frozen=True)
class Recipe:
    """A configuration file; ``change`` is its first line, a comment that says what it changes in the base recipe."""

    name: str
    path: Path
    change: str


@dataclass(frozen=True)
class Run:
    """One finished training of a recipe."""

    recipe: Recipe
    seed: int
    config: NetworkConfig
    folder: Path
    steps: int
    seconds: float

    def network(self) -> torch.nn.Module:
        """Return the trained network, by its averaged weights of the best validation."""
        network = build(self.config.architecture, self.config.widths, self.config.form, **self.config.options)
        network.load_state_dict(torch.load(self.folder / "best.pt", map_location="cpu", weights_only=True))
        return network.eval()


def read_recipes(folder: Path) -> list[Recipe]:
    """Return the recipes of a folder, ``base`` first, then by name.

    Raises:
        ValueError: no base.toml, or a file that does not begin with a comment.
    """
    recipes = []
    for path in sorted(Path(folder).glob("*.toml"), key=lambda path: (path.stem != "base", path.stem)):
        first = path.read_text(encoding="utf-8").split("\n", 1)[0]
        if not first.startswith("# "):
            raise ValueError(f"The first line of {path} must be a comment that says what the recipe changes.")
        recipes.append(Recipe(path.stem, path, first[2:]))
    if not recipes or recipes[0].name != "base":
        raise ValueError(f"{folder} holds no base.toml, which all recipes are compared with.")
    return recipes


def seconds_of(folder: Path, config: TrainingConfig) -> float | None:
    """How long the training of ``config`` in ``folder`` took; None where it did not come to its last step.

    Raises:
        ValueError: the folder holds the training of another configuration.
    """
    if not (folder / "log.csv").is_file() or not (folder / "best.pt").is_file():
        return None
    if parse_config(json.loads((folder / "config.json").read_text(encoding="utf-8")), folder.name) != config:
        raise ValueError(f"{folder} holds a training of another configuration; delete it, and train again.")
    with open(folder / "log.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    finished = rows and int(rows[-1]["iteration"]) == config.optimiser.iterations
    return float(rows[-1]["seconds"]) if finished else None
