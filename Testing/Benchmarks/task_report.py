"""Measure resolution, noise texture, detectability and generalisation, and write Testing/Benchmarks/task.

    python Testing/Benchmarks/task_report.py --data DATA [--parts scores rods disks grid mismatch real small robust]
    python Testing/Benchmarks/task_report.py --data DATA --extra-weights redcnn=runs/redcnn/best.pt

DATA holds the public CT data as ``ldct fetch`` leaves it (validation/), and phantom/ and real_noise/, which ``ldct
fetch`` does not bring and without which what needs them is left out. Scans and what methods make of them are kept in a
cache folder: a stopped run goes on where it was, and a part that is made again costs little. Runs on the CPU, on one
thread unless told otherwise. Needs the extra "evaluate". Networks that are not shipped take part in scores, rods,
disks and real, RED-CNN in grid, mismatch and small too.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "LDCTDenoise"), str(ROOT / "DIDInteractive")]

from didreport.cache import Cache  # noqa: E402
from networksreport.nets import extra_cards  # noqa: E402
from reportcommand import (  # noqa: E402
    add_extra_weights, command_of_parts, parsed, say, shown_extra_weights, shown_path, write_parts)
from taskreport.aims import keep_aims, write_index  # noqa: E402
from taskreport.context import Context  # noqa: E402
from taskreport.diskspart import write_disks  # noqa: E402
from taskreport.gridpart import write_grid  # noqa: E402
from taskreport.methods import FilterMethod, NetworkMethod  # noqa: E402
from taskreport.mismatchpart import write_mismatch  # noqa: E402
from taskreport.origin import keep_origin  # noqa: E402
from taskreport.plan import PARTS, Plan  # noqa: E402
from taskreport.realpart import write_real  # noqa: E402
from taskreport.robustpart import write_robust  # noqa: E402
from taskreport.rodspart import write_rods  # noqa: E402
from taskreport.scorespart import write_scores  # noqa: E402
from taskreport.smallpart import write_small  # noqa: E402

WRITERS = dict(zip(PARTS, (write_scores, write_rods, write_disks, write_grid, write_mismatch, write_real, write_small,
                           write_robust), strict=True))

VALIDATION = [HERE / "validation", HERE / "validation-doses"]
"""Reports of ldct evaluate that the part on scores builds on."""


def build(context: Context, parts) -> None:
    """Write the parts of the report that are asked for, and the page with all verdicts."""
    def write(part: str) -> None:
        keep_aims(context.output, part, WRITERS[part](context))
        keep_origin(context, part)

    write_parts(parts, write, context.output)
    write_index(context.output)


def command(given: argparse.Namespace) -> str:
    """The command that was given, without the parts and without folders of this machine."""
    words = ["python Testing/Benchmarks/task_report.py --data DATA", *shown_extra_weights(given.extra_weights)]
    if given.validation != VALIDATION:
        words += ["--validation", *map(shown_path, given.validation)]
    return " ".join(words)


def main(arguments=None, plan: Plan | None = None) -> int:
    parser = command_of_parts(__doc__, "task", PARTS)
    add_extra_weights(parser)
    parser.add_argument("--validation", type=Path, nargs="+", default=VALIDATION, metavar="FOLDER",
                        help="reports of ldct evaluate, whose scores are not computed again")
    given = parsed(parser, arguments)
    for folder in given.validation if "scores" in given.parts else ():
        if not (folder / "settings.json").is_file():
            parser.error(f"{folder} holds no report of ldct evaluate; name others with --validation, or leave out the "
                         "part 'scores'")
    plan = plan or Plan()
    try:
        extra = [NetworkMethod(card) for card in extra_cards(plan.models, given.extra_weights, given.cache / "weights")]
    except ValueError as error:
        parser.error(str(error))
    methods = [*map(NetworkMethod, plan.models), *extra, *map(FilterMethod, plan.filters)]
    build(Context(plan, given.data, given.output, tuple(given.validation), Cache(given.cache), methods, say,
                  command(given)), given.parts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
