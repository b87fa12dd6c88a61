"""The networks of the report: those of the registry, and others from a training's folder."""

from __future__ import annotations

import hashlib
import json
import math
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from didreport.tables import read_csv
from LDCTDenoiseLib.evaluationnetwork import Network
from LDCTDenoiseLib.modelregistry import ModelCard, find_model, load_model, save_weights
from LDCTDenoiseLib.networks import build
from LDCTDenoiseLib.networks.multiplyadds import multiply_adds
from LDCTDenoiseLib.training.config import NetworkConfig, TrainingConfig


class ReportNetwork(Network):
    """A network with what is known of its making; ``card`` is its entry in the registry or one made for it."""

    def __init__(self, card: ModelCard):
        super().__init__(card, "cpu")
        self.card = card

    @property
    def training(self) -> dict:
        """What the card tells of the training."""
        return self.card.details.get("training", {})

    @property
    def stages(self) -> list[Stage]:
        """The stages of the training, the first one first, as far as the card tells them."""
        return stages(self.training)

    @property
    def schedule(self) -> str:
        """Steps and patches of the training in words."""
        known = self.stages
        if len({stage.sample for stage in known}) == 1:
            known = [replace(known[0], iterations=sum(stage.iterations for stage in known))]
        words = ", then ".join(map(str, known)) or "steps not told"
        more = self.training.get("initial_weights") and len(self.stages) == 1
        return words + (" from earlier weights" if more else "")

    @property
    def rate(self) -> float | None:
        """The highest learning rate of any stage of the training, None where the card tells none."""
        return max(values(self.training, "rate"), default=None)

    @property
    def recipe(self) -> str:
        """Steps, patches, highest rate, hours and device of the training, as far as the card tells them."""
        known = self.training
        words = [self.schedule]
        if self.rate is not None:
            words.append(f"rate {self.rate:g}")
        if "precision" in known:
            words.append(known["precision"])
        if known.get("hours"):
            words.append(f"{sum(values(known, 'hours')):.1f} h" + (f", {known['device']}" if "device" in known else ""))
        return ", ".join(words)


@dataclass(frozen=True)
class Stage:
    """One run of a training: its steps, and what each of them sees, such as "8 x 128 x 128"."""

    iterations: int
    sample: str

    def __str__(self) -> str:
        return f"{self.iterations:,} steps of {self.sample}"


def stages(training: dict) -> list[Stage]:
    """The stages that a card's entry tells: those in tables of their own came before the one around them."""
    found = [stage for value in training.values() if isinstance(value, dict) for stage in stages(value)]
    if "iterations" in training:
        patch, batch = training.get("sampling", {}).get("patch"), training.get("batch_size", "?")
        whole = "whole slice" if batch == 1 else "whole slices"
        size = f"{patch} x {patch}" if patch else whole if "sampling" in training else "patches"
        found.append(Stage(training["iterations"], f"{batch} x {size}" if patch else f"{batch} {size}"))
    return found


def planned(config: TrainingConfig) -> str:
    """Steps and patches of a recipe in the words of :attr:`ReportNetwork.schedule`."""
    stage, = stages({"iterations": config.optimiser.iterations, "batch_size": config.optimiser.batch_size,
                     "sampling": vars(config.slices or config.sampling)})
    return str(stage)


def values(training: dict, name: str) -> list:
    """The values of that name in an entry and the tables in it."""
    inner = [found for value in training.values() if isinstance(value, dict) for found in values(value, name)]
    return inner + ([training[name]] if name in training else [])


def build_networks(models: Sequence[str], extra: Sequence[tuple[str, Path]], folder: Path) -> list[ReportNetwork]:
    """Load models of the registry and, under the names given, weights of training folders.

    ``folder`` receives the latter in the registry's half precision. Raises ValueError for unknown models, weights that
    cannot be used, and a name that is used twice.
    """
    return [ReportNetwork(find_model(name)) for name in models] + [
        ReportNetwork(card) for card in extra_cards(models, extra, folder)]


def extra_cards(models: Sequence[str], extra: Sequence[tuple[str, Path]], folder: Path) -> list[ModelCard]:
    """Return cards for weights of training folders under names of their own; raises and writes as build_networks."""
    names = [*models, *(name for name, _ in extra)]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"Two networks are called {twice[0]!r}; give the extra one another name.")
    return [trained(name, path, folder) for name, path in extra]


def trained(name: str, path: Path, folder: Path) -> ModelCard:
    """Return a card for weights that ``ldct train`` wrote: checkpoint.pt, best.pt or weights.pt beside config.json.

    Raises ValueError where there are no such files or they do not fit each other.
    """
    config = path.with_name("config.json")
    for needed in (path, config):
        if not needed.is_file():
            raise ValueError(f"{name}: there is no {needed}; give a file of weights in the folder of an 'ldct train'.")
    try:
        settings = json.loads(config.read_text(encoding="utf-8"))
        network = settings["network"]
        architecture, widths, form = network["architecture"], tuple(network["widths"]), network["form"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{name}: {config} describes no network; give a file of weights in the folder of an 'ldct "
                         "train'.") from error
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        state = content.get("average", content)  # a checkpoint's averaged weights are what becomes of it
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{name}-{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}.pt"
        digest = save_weights(state, file)
    except (pickle.UnpicklingError, EOFError, RuntimeError, AttributeError, KeyError) as error:
        raise ValueError(f"{name}: {path} holds no weights ({type(error).__name__}); give a checkpoint.pt, best.pt or "
                         "weights.pt.") from error
    entry = path.with_name("entry.json")
    details = json.loads(entry.read_text(encoding="utf-8")) if entry.is_file() else {}
    recipe = dict(details.get("training", {}))
    recipe.setdefault("sampling", settings.get("slices") or settings.get("sampling") or {})
    recipe.setdefault("data", [{"file": source["path"]} for source in settings.get("data", {}).get("train", ())])
    for known in ("rate", "precision"):
        if known in settings.get("optimiser", {}):
            recipe.setdefault(known, settings["optimiser"][known])
    if settings.get("initial_weights"):
        recipe.setdefault("initial_weights", settings["initial_weights"])
    if "iteration" in content:
        recipe.update(iterations=content["iteration"], hours=content.get("seconds", 0) / 3600,
                      batch_size=settings["optimiser"]["batch_size"])
    if path.name == "best.pt":
        recipe.update(chosen_state(path.with_name("log.csv")))
    card = ModelCard(name, digest[:8], architecture, widths, form, network.get("options", {}), file, digest,
                     {"training": recipe})
    load_model(card)  # says so now if the weights belong to another architecture
    return card


def chosen_state(log: Path) -> dict[str, int]:
    """The step of a training's best state by its validation, and its last step; nothing where the log tells none."""
    told = [(float(row["validation_ratio"]), int(row["iteration"])) for row in read_csv(log)]
    told = [(ratio, step) for ratio, step in told if math.isfinite(ratio)]
    return {"best_step": min(told)[1], "last_step": told[-1][1]} if told else {}


def size(config: NetworkConfig) -> tuple[int, int]:
    """Return the parameters, and the multiply-adds for 512 x 512, of a network that need not have been trained."""
    with torch.device("meta"):  # shapes without values
        network = build(config.architecture, config.widths, config.form, **config.options)
    return sum(parameter.numel() for parameter in network.parameters()), multiply_adds(network)
