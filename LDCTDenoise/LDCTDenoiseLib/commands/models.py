"""``ldct models``: the models there are, and what they were trained for."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from ..modelregistry import ModelCard, list_models, read_weights
from . import Report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``ldct models``."""
    parser.add_argument("--check", action="store_true", help="also compare the weights with their SHA-256")


def run(args: argparse.Namespace) -> Report:
    """List the models; see :mod:`..cli` for errors."""
    problems: list[str] = []
    cards = list_models(problems=problems)
    if args.check:
        for card in cards:
            read_weights(card)
    rows = [("NAME", "VERSION", "TITLE", "NOISE HU", "SLICES MM")]
    rows += [(card.name, card.version, str(card.details.get("title", "")), _trained_for(card, "noise_added_hu"),
              _trained_for(card, "slice_thickness_mm")) for card in cards]
    widths = [max(map(len, column)) for column in zip(*rows)]
    text = "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)
    values = [{**card.details, **{name: value for name, value in asdict(card).items() if name != "details"},
               "weights": str(card.weights)} for card in cards]
    return Report("\n".join([text, *problems]), {"models": values, "warnings": problems})


def _trained_for(card: ModelCard, what: str) -> str:
    """Return the range that the model was trained for, as its card says, or "unknown"."""
    limits = card.details.get("trained_for", {}).get(what)
    return "{:g} to {:g}".format(*limits) if limits else "unknown"
