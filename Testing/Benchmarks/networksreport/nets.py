"""The networks of the report: those of the registry, and others from a training's folder."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Sequence
from pathlib import Path

import torch
from LDCTDenoiseLib.evaluationnetwork import Network
from LDCTDenoiseLib.modelregistry import ModelCard, find_model, load_model, save_weights
from LDCTDenoiseLib.networks import build
from LDCTDenoiseLib.networks.multiplyadds import multiply_adds
from LDCTDenoiseLib.training.config import NetworkConfig


class ReportNetwork(Network):
    """A network with what is known of its making; ``card`` is its entry in the registry or one made for it."""

    def __init__(self, card: ModelCard):
        super().__init__(card, "cpu")
        self.card = card

    @property
    def recipe(self) -> str:
        """Steps, batch size and hours of the training, as far as the card tells them."""
        known = self.card.details.get("training", {})
        words = []
        if "iterations" in known:
            total = known["iterations"] + known.get("first_half", {}).get("iterations", 0)
            words.append(f"{total:,} steps of {known.get('batch_size', '?')}")
        if known.get("hours"):
            words.append(f"{known['hours'] + known.get('first_half', {}).get('hours', 0):.1f} h, "
                         f"{known.get('device', 'device not told')}")
        return ", ".join(words) or "not told"


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
    if "iteration" in content:
        recipe.update(iterations=content["iteration"], hours=content.get("seconds", 0) / 3600,
                      batch_size=settings["optimiser"]["batch_size"])
    card = ModelCard(name, digest[:8], architecture, widths, form, network.get("options", {}), file, digest,
                     {"training": recipe})
    load_model(card)  # says so now if the weights belong to another architecture
    return card


def size(config: NetworkConfig) -> tuple[int, int]:
    """Return the parameters, and the multiply-adds for 512 x 512, of a network that need not have been trained."""
    with torch.device("meta"):  # shapes without values
        network = build(config.architecture, config.widths, config.form, **config.options)
    return sum(parameter.numel() for parameter in network.parameters()), multiply_adds(network)
