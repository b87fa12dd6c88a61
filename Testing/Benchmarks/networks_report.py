"""Measure the networks as the HRNet paper does (doi:10.2991/jaims.d.210428.001), and write Testing/Benchmarks/networks.

    python Testing/Benchmarks/networks_report.py --data DATA [--parts slices showcases noise failures]
        [--models hrnet unet plain] [--extra-weights redcnn=runs/redcnn/best.pt ...] [--slices 8] [--doses 0.25]

DATA holds the public CT data as ``ldct fetch`` leaves it; only its validation patients are used. Networks that are not
shipped take part where weights of an ``ldct train`` are given (checkpoint.pt, best.pt or weights.pt, beside their
config.json). Scores and simulated slices are kept in a cache folder under the pixels, weights, settings and code that
they come from: a stopped run goes on where it was, and another network adds only its own work. Runs on the CPU, on one
thread unless told otherwise. Needs the extra "evaluate".
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "LDCTDenoise")]

from didreport.cache import Cache  # noqa: E402
from networksreport.cases import Cases  # noqa: E402
from networksreport.context import Context  # noqa: E402
from networksreport.failurespart import write_failures  # noqa: E402
from networksreport.nets import build_networks  # noqa: E402
from networksreport.noisepart import write_noise  # noqa: E402
from networksreport.page import write_readme  # noqa: E402
from networksreport.plan import PARTS, Plan  # noqa: E402
from networksreport.scoring import Scores  # noqa: E402
from networksreport.showcasespart import write_showcases  # noqa: E402
from networksreport.slicespart import write_slices  # noqa: E402
from reportcommand import (  # noqa: E402
    add_extra_weights, command_of_parts, parsed, say, shown_extra_weights, write_parts)

WRITERS = dict(zip(PARTS, (write_slices, write_showcases, write_noise, write_failures), strict=True))


def shown_options(given, plan: Plan) -> str:
    """Those options of a command that numbers depend on and that are not the plan's; led by a blank each."""
    words = []
    if tuple(given.models) != tuple(plan.models):
        words += ["--models", *given.models]
    if given.slices != plan.slices:
        words += ["--slices", str(given.slices)]
    if tuple(given.doses) != tuple(plan.doses):
        words += ["--doses", *(f"{dose:g}" for dose in given.doses)]
    return "".join(f" {word}" for word in (*words, *shown_extra_weights(given.extra_weights)))


def build(context: Context, parts) -> None:
    """Write the parts of the report that are asked for, and the page that leads to all of them."""
    write_parts(parts, lambda part: WRITERS[part](context), context.output)
    write_readme(context)


def main(arguments=None, plan: Plan | None = None) -> int:
    plan = plan or Plan()
    parser = command_of_parts(__doc__, "networks", PARTS)
    parser.add_argument("--models", nargs="*", default=plan.models, help="networks of the registry")
    add_extra_weights(parser)
    parser.add_argument("--slices", type=int, default=plan.slices, help="of each patient at the first dose, at most")
    parser.add_argument("--doses", nargs="+", type=float, default=plan.doses, metavar="FRACTION",
                        help="the figures are of the first; some networks take part at all")
    given = parsed(parser, arguments)
    if given.slices < 1:
        parser.error("--slices must be at least 1")
    options = shown_options(given, plan)
    plan = replace(plan, doses=tuple(given.doses), slices=given.slices,
                   other_slices=min(plan.other_slices, given.slices))
    cache = Cache(given.cache)
    try:
        networks = build_networks(given.models, given.extra_weights, given.cache / "weights")
    except ValueError as error:
        parser.error(str(error))
    cases = Cases(given.data, plan, cache)
    build(Context(plan, cases, Scores(cases, networks, plan, cache, say), networks, cache, given.output, say, options),
          given.parts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
