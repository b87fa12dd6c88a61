"""The console command ``ldct``.

Exit status: 0, or 1 if the run failed or was stopped, or 2 for bad arguments or input, with one line on stderr that
says why. With ``--json`` a successful run prints one JSON object on stdout and nothing else there.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence

from . import __version__
from .commands import Report
from .engine import NO_TORCH

FAILED, BAD_INPUT = 1, 2
_NOTHING = "nothing was written"
_AGAIN = "the same command goes on where it stopped"
COMMANDS = {
    "denoise": (".commands.denoise", "denoise a CT volume", _NOTHING),
    "candidates": (".commands.candidates", "make candidates from smooth to sharp of a CT volume", _NOTHING),
    "simulate": (".commands.simulate", "simulate a lower dose on a CT volume", _NOTHING),
    "train": (".commands.train", "train a network", "the same command with --resume goes on from the last checkpoint"),
    "evaluate": (".evaluation", "compare the models with classical filters on simulated low dose", _AGAIN),
    "models": (".commands.models", "list the models and what they were trained for", _NOTHING),
    "fetch": (".training.fetch", "fetch the public training data", _AGAIN),
}
"""Name: (module with ``add_arguments(parser)`` and ``run(args)``, what it does, what to know when Ctrl-C stopped it).

Only the module asked for is imported.
"""


class _BadArguments(ValueError):
    """Arguments that argparse refuses."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        raise _BadArguments(f"{message} (see '{self.prog} --help')")

    def _print_message(self, message: str, file=None) -> None:
        # Help and version; errors never come here.
        _print(message, end="")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that ``arguments`` (default: those of the process) ask for and return its exit status."""
    if arguments is None:
        arguments = sys.argv[1:]
        signal.signal(signal.SIGTERM, _interrupt)
    arguments = list(arguments)
    name = next((argument for argument in arguments if not argument.startswith("-")), None)
    program = f"ldct {name}" if name in COMMANDS else "ldct"
    try:
        args = _parser(name).parse_args(arguments)
        result = args.run(args)
        report = result if isinstance(result, Report) else Report(str(result), {"output": str(result)})
        _print(json.dumps(report.values, default=str) if args.json else report.text)
        return 0
    except KeyboardInterrupt:
        return _say(program, f"stopped; {COMMANDS[name][2] if name in COMMANDS else _NOTHING}", FAILED)
    except ModuleNotFoundError as error:
        return _say(program, NO_TORCH if error.name == "torch" else str(error), FAILED)
    except ValueError as error:
        return _say(program, str(error), BAD_INPUT)
    except Exception as error:
        # Errors that name no cause of their own, such as KeyError, say little without their type.
        known = isinstance(error, (OSError, RuntimeError, ImportError, FloatingPointError))
        return _say(program, str(error) if known else f"{type(error).__name__}: {error}", FAILED)


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    """Return the parser, with the arguments of the ``chosen`` command only: the other modules need not be imported."""
    parser = _Parser(prog="ldct", description="Denoise low-dose CT volumes. Not for clinical use.",
                     epilog="Set LDCT_DEBUG=1 to see where an error comes from.")
    parser.add_argument("--version", action="version", version=f"LDCTDenoise {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (module, what, _) in COMMANDS.items():
        command = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
        if name == chosen:
            module = importlib.import_module(module, __package__)
            module.add_arguments(command)
            command.add_argument("--json", action="store_true", help="print one JSON object")
            command.set_defaults(run=module.run)
    return parser


def _interrupt(*_):
    """A polite request to end is treated like Ctrl-C: it leaves no half-written file."""
    raise KeyboardInterrupt


def _print(text: str, end: str = "\n") -> None:
    """Print to stdout; that its reader wants no more of it, as ``head`` does, is no failure of the run."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        # What is still buffered would raise the error again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(program: str, message: str, status: int) -> int:
    if os.environ.get("LDCT_DEBUG"):
        traceback.print_exc()
    lines = message.strip().splitlines() or ["failed without a message"]
    print(f"{program}: {lines[0]}", file=sys.stderr)
    return status
