"""Build the reports again, one after the other, from the shipped weights and the public CT data.

    python Testing/Benchmarks/build_reports.py --data DATA [--only validation networks ...]
        [--extra-weights redcnn=runs/redcnn/best.pt ...]

Runs ``ldct evaluate`` and the scripts beside this file with the settings that the committed reports have; README.md
lists them. A report of ``ldct evaluate`` takes the place of the one before when it is finished. The scores and other
finished work of each report are kept in runs/, so that a stopped run goes on where it was. Ends at the first report
that fails. ``opening``, ``recipes`` and ``neighbours`` are not among them: the first needs a checkout of the Extensions
Index, the others need trainings. Takes hours on one core.

``networks`` and ``task`` are written without the networks that are not shipped unless --extra-weights names their
weights, even where the pages before had them; --only with other names leaves both as they are.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PATIENTS = ("crlm_1006_cap_ge.nii.gz", "siim_tcga_single_slices.nii.gz")
DOSES = {"validation": ("0.25",), "validation-doses": ("0.5", "0.125")}
SCRIPTS = {"simulation": (), "segmentation": None, "networks": ("--slices", "12"), "task": (), "did": (),
           "tutorial": None, "cancel": None}
"""Settings of the reports with a script of their own; None where the script takes no data."""
FURTHER = ("networks", "task")
"""Take part of networks that are not shipped."""


def say(message: str) -> None:
    print(message, flush=True)


def evaluation(data: Path, report: str, output: Path) -> list[str]:
    """The command that writes a report of ``ldct evaluate`` into ``output``."""
    return [sys.executable, "-m", "LDCTDenoiseLib", "evaluate", *(str(data / "validation" / p) for p in PATIENTS),
            "--doses", *DOSES[report], "--slices", "4", "--device", "cpu", "--output", str(output),
            "--scores", str(ROOT / "runs" / "validation-scores")]


def script(data: Path, report: str, extra_weights: list[str]) -> list[str]:
    """The command that writes a report with a script of its own."""
    options = SCRIPTS[report]
    command = [sys.executable, str(HERE / f"{report}_report.py")]
    command += [] if options is None else ["--data", str(data), *options]
    return command + (["--extra-weights", *extra_weights] if extra_weights and report in FURTHER else [])


def build(data: Path, report: str, extra_weights: list[str]) -> int:
    """Build one report; return the exit status of its command."""
    if report not in DOSES:
        return subprocess.run(script(data, report, extra_weights), cwd=ROOT).returncode
    fresh = HERE / f".{report}-new"
    shutil.rmtree(fresh, ignore_errors=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "LDCTDenoise")}
    status = subprocess.run(evaluation(data, report, fresh), cwd=ROOT, env=environment).returncode
    if status == 0:
        shutil.rmtree(HERE / report, ignore_errors=True)
        fresh.rename(HERE / report)
    return status


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the CT data")
    parser.add_argument("--only", nargs="+", choices=(*DOSES, *SCRIPTS), default=(*DOSES, *SCRIPTS), metavar="REPORT",
                        help=f"some of {', '.join((*DOSES, *SCRIPTS))}")
    parser.add_argument("--extra-weights", nargs="+", default=[], metavar="NAME=FILE",
                        help=f"networks that are not shipped, for {' and '.join(FURTHER)}; these are written without "
                             "them otherwise")
    given = parser.parse_args(arguments)
    data = given.data.resolve()
    missing = [name for name in PATIENTS if not (data / "validation" / name).is_file()]
    if missing:
        parser.error(f"{given.data} has no validation/{missing[0]}; give the folder that holds the public CT data")
    for report in given.only:
        start = time.monotonic()
        say(f"== {report}")
        status = build(data, report, given.extra_weights)
        if status:
            say(f"== {report} failed; the reports after it were not built")
            return status
        say(f"== {report}: {(time.monotonic() - start) / 60:.0f} min")
    return 0


if __name__ == "__main__":
    sys.exit(main())
