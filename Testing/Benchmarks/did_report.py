"""Measure the candidates of DIDInteractive on validation data and phantoms, and write Testing/Benchmarks/did.

    python Testing/Benchmarks/did_report.py --data DATA [--parts range matched figures timing]
    python Testing/Benchmarks/did_report.py --data DATA --train-doses

DATA holds the public CT data as ``ldct fetch`` leaves it (validation/, and train/ for --train-doses), and phantom/ and
real_noise/, which ``ldct fetch`` does not bring and without which what needs them is left out. Sets of candidates are
kept in a cache folder: a stopped run goes on where it was, and a part that is made again costs little. Runs on the CPU,
on one thread unless told otherwise. Needs the extra "evaluate".
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "LDCTDenoise"), str(ROOT / "DIDInteractive"), str(HERE.parent / "Python")]

import torch  # noqa: E402
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

WRITERS = dict(zip(PARTS, (write_range, write_matched, write_figures, write_timing), strict=True))


def say(message: str) -> None:
    print(message, flush=True)


def build(context: Context, parts) -> None:
    """Write the parts of the report that are asked for, and the page that leads to all of them."""
    context.output.mkdir(parents=True, exist_ok=True)
    for part in parts:
        start, busy = time.monotonic(), time.process_time()
        say(f"{part} ...")
        WRITERS[part](context)
        say(f"{part}: {time.monotonic() - start:.0f} s, {time.process_time() - busy:.0f} s of them on the CPU")
    write_index(context)


def main(arguments=None, plan: Plan | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the CT data")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--output", type=Path, default=HERE / "did")
    parser.add_argument("--cache", type=Path, default=ROOT / "runs" / "did-report", help="folder of finished work")
    parser.add_argument("--dose-networks", type=Path, default=ROOT / "runs" / "dose", metavar="FOLDER",
                        help="where --train-doses leaves its networks")
    parser.add_argument("--train-doses", action="store_true", help="train the networks for one dose each, nothing else")
    parser.add_argument("--iterations", type=int, help="with --train-doses: in place of the configurations' number")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    given = parser.parse_args(arguments)
    if not (given.data / "validation").is_dir():
        parser.error(f"{given.data} has no folder validation/; give the folder that holds the public CT data")
    torch.set_num_threads(given.threads)
    if given.train_doses:
        doses.train(given.dose_networks, given.data, given.iterations, say)
        return 0
    cache = Cache(given.cache)
    build(Context(plan or Plan(), Scenes(given.data, cache), Sets(cache, say), given.output, given.dose_networks),
          given.parts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
