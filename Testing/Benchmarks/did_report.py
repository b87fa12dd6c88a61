"""Measure the candidates of DIDInteractive on validation data and phantoms, and write Testing/Benchmarks/did.

    python Testing/Benchmarks/did_report.py --data DATA [--parts range matched figures timing]
    python Testing/Benchmarks/did_report.py --data DATA --train-doses

DATA holds the public CT data as ``ldct fetch`` leaves it (validation/, and train/ for --train-doses), and phantom/ and
real_noise/, which ``ldct fetch`` does not bring and without which what needs them is left out. Sets of candidates are
kept in a cache folder: a stopped run goes on where it was, and a part that is made again costs little. Runs on the CPU,
on one thread unless told otherwise. Needs the extra "evaluate".
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "LDCTDenoise"), str(ROOT / "DIDInteractive"), str(HERE.parent / "Python")]

from didreport import doses  # noqa: E402
from didreport.cache import Cache  # noqa: E402
from didreport.context import Context  # noqa: E402
from didreport.figurespart import write_figures  # noqa: E402
from didreport.matchedpart import write_matched  # noqa: E402
from didreport.page import write_index  # noqa: E402
from didreport.plan import PARTS, Plan  # noqa: E402
from didreport.rangepart import write_range  # noqa: E402
from didreport.scenes import Scenes  # noqa: E402
from didreport.sets import Sets  # noqa: E402
from didreport.timingpart import write_timing  # noqa: E402
from reportcommand import command_of_parts, parsed, say, write_parts  # noqa: E402

WRITERS = dict(zip(PARTS, (write_range, write_matched, write_figures, write_timing), strict=True))


def build(context: Context, parts) -> None:
    """Write the parts of the report that are asked for, and the page that leads to all of them."""
    write_parts(parts, lambda part: WRITERS[part](context), context.output)
    write_index(context)


def main(arguments=None, plan: Plan | None = None) -> int:
    parser = command_of_parts(__doc__, "did", PARTS)
    parser.add_argument("--dose-networks", type=Path, default=ROOT / "runs" / "dose", metavar="FOLDER",
                        help="where --train-doses leaves its networks")
    parser.add_argument("--train-doses", action="store_true", help="train the networks for one dose each, nothing else")
    parser.add_argument("--iterations", type=int, help="with --train-doses: in place of the configurations' number")
    parser.add_argument("--device", default="cpu", help="what the part timing measures: cpu (default), cuda, mps")
    given = parsed(parser, arguments)
    if given.train_doses:
        doses.train(given.dose_networks, given.data, given.iterations, say)
        return 0
    cache = Cache(given.cache)
    build(Context(plan or Plan(), Scenes(given.data, cache), Sets(cache, say), given.output, given.dose_networks,
                  given.device), given.parts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
