"""What the commands of the reports that are measured on the public CT data have in common."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RUNS = ROOT / "runs"


def say(message: str) -> None:
    print(message, flush=True)


def command(documentation: str, report: str) -> argparse.ArgumentParser:
    """A command that reads CT data and writes into the folder ``report``; ``documentation`` begins with its aim."""
    parser = argparse.ArgumentParser(description=documentation.split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the CT data")
    parser.add_argument("--output", type=Path, default=HERE / report)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    return parser


def command_of_parts(documentation: str, report: str, parts: Sequence[str]) -> argparse.ArgumentParser:
    """The same for a report in ``parts`` that keeps finished work."""
    parser = command(documentation, report)
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--cache", type=Path, default=RUNS / f"{report}-report", help="folder of finished work")
    return parser


def add_extra_weights(parser: argparse.ArgumentParser) -> None:
    """Add the option that lets networks take part which are not shipped: pairs of name and path."""
    parser.add_argument("--extra-weights", nargs="*", type=named_file, default=[], metavar="NAME=FILE",
                        help="further networks: checkpoint.pt, best.pt or weights.pt in the folder of an 'ldct train'")


def shown_extra_weights(pairs: Sequence[tuple[str, Path]]) -> list[str]:
    """That option and its values as a page shows them; no words without values."""
    return ["--extra-weights", *(f"{name}={shown_path(path)}" for name, path in pairs)] if pairs else []


def named_file(text: str) -> tuple[str, Path]:
    """Split the value NAME=FILE of an option."""
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=FILE")
    return name, Path(path)


def shown_path(path: Path) -> str:
    """A path inside the repository as seen from it; of any other the file and its folder."""
    whole = path.resolve()
    return whole.relative_to(ROOT).as_posix() if whole.is_relative_to(ROOT) else "/".join(whole.parts[-2:])


def parsed(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments, with which torch has its number of threads; ends the program where the data are missing."""
    given = parser.parse_args(arguments)
    if not (given.data / "validation").is_dir():
        parser.error(f"{given.data} has no folder validation/; give the folder that holds the public CT data")
    torch.set_num_threads(given.threads)
    return given


def write_parts(parts: Sequence[str], write: Callable[[str], None], output: Path) -> None:
    """Write one part after the other into ``output``, and say how long each took."""
    output.mkdir(parents=True, exist_ok=True)
    for part in parts:
        start, busy = time.monotonic(), time.process_time()
        say(f"{part} ...")
        write(part)
        say(f"{part}: {time.monotonic() - start:.0f} s, {time.process_time() - busy:.0f} s of them on the CPU")
