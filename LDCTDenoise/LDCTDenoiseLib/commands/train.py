"""``ldct train``: train a network as a configuration file says."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import Report
from .progressbar import ProgressBar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``ldct train``."""
    parser.add_argument("config", metavar="CONFIG", type=Path, help="configuration (.toml)")
    parser.add_argument("--output", metavar="DIR", type=Path, required=True, help="folder for checkpoints and weights")
    parser.add_argument("--resume", action="store_true", help="continue the run in DIR")
    parser.add_argument("--data", metavar="ROOT", type=Path, help="folder of the data (default: as CONFIG says)")
    parser.add_argument("--device", default="auto", help="auto, cuda, cuda:N, mps or cpu (default: auto)")


def run(args: argparse.Namespace) -> Report:
    """Train; see :mod:`..cli` for errors."""
    from ..training.run import run_training

    with ProgressBar("noise bank") as bank, ProgressBar(args.config.stem) as bar:
        weights = run_training(
            args.config, args.output, resume=args.resume, root=args.data, device=args.device, bank_progress=bank,
            progress=lambda done, total, loss, remaining: bar(done, total, remaining, f"loss {loss:.3g}"))
    return Report(f"{weights}: the best weights", {"output": str(args.output), "weights": str(weights)})
