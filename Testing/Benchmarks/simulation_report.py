"""Measure the dose simulation against known answers and real noise, and write Testing/Benchmarks/simulation/README.md.

    python Testing/Benchmarks/simulation_report.py [--data FOLDER]

FOLDER holds the public CT data (train/, as ``ldct fetch`` leaves it); without it only the parts that need no data run.
The comparison with a scanned phantom also needs FOLDER/phantom, which ``ldct fetch`` does not bring, and is left out
without it. Takes a few minutes on two cores. Needs the extra "evaluate".
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "LDCTDenoise")]

import matplotlib  # noqa: E402

matplotlib.use("Agg")

import simulationchecks  # noqa: E402
import simulationdatachecks  # noqa: E402
import simulationparallel  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, help="folder with train/ and phantom/")
    parser.add_argument("--output", type=Path, default=HERE / "simulation")
    arguments = parser.parse_args()
    if arguments.data is not None and not (arguments.data / "train").is_dir():
        parser.error(f"{arguments.data} has no folder train/; give the folder that holds the public CT data")
    arguments.output.mkdir(parents=True, exist_ok=True)
    steps = [(check, ()) for check in (*simulationchecks.CHECKS, simulationparallel.independent)]
    if arguments.data is not None:
        steps += [(check, (arguments.data,)) for check in simulationdatachecks.checks(arguments.data)]
    lines = ["# Dose simulation, measured", "",
             "Written by `Testing/Benchmarks/simulation_report.py`; every number and figure below was measured by "
             "it. Simulated noise is seeded, so the numbers come out the same again. SD are in HU; ± is one standard "
             "error of the mean over slices.", ""]
    for check, further in steps:
        start = time.monotonic()
        lines += check(arguments.output, *further) + [""]
        print(f"{check.__name__}: {time.monotonic() - start:.0f} s", flush=True)
    if arguments.data is None:
        lines += ["Parts that compare with real CT were left out: no `--data` was given.", ""]
    target = arguments.output / "README.md"
    temporary = target.with_suffix(".part")
    temporary.write_text("\n".join(lines), encoding="utf-8")
    temporary.replace(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
