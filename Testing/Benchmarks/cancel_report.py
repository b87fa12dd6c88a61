"""Time how long runs take to stop when they are cancelled; write the table to Testing/Benchmarks/cancel.

    python Testing/Benchmarks/cancel_report.py [--cancels 10]

Denoising of the shipped sample (six slices of 512 x 512) and the candidates of one of its slices, each by the real
worker process on the processor with the default network. A run is left alone once, to know how long it takes, and
then begun again and again and cancelled at moments evenly spread over that time, or over its first minute if it takes
longer. Takes about ten minutes on one core.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "LDCTDenoise"), str(ROOT / "DIDInteractive")]

from DIDInteractiveLib.didengine import CandidateRequest  # noqa: E402
from DIDInteractiveLib.didworkerengine import WorkerDIDEngine  # noqa: E402
from DIDInteractiveLib.settings import CandidateSettings  # noqa: E402
from LDCTDenoiseLib.engine import Cancelled, DenoiseRequest  # noqa: E402
from LDCTDenoiseLib.volumeio import read_volume  # noqa: E402
from LDCTDenoiseLib.workerclient import POLL_SECONDS, Call, Listener, WorkerClient  # noqa: E402
from LDCTDenoiseLib.workerengine import WorkerEngine  # noqa: E402
from LDCTDenoiseLib.workerprocess import SubprocessWorker  # noqa: E402
from LDCTDenoiseLib.workerprotocol import GRACE_SECONDS  # noqa: E402

SAMPLE = ROOT / "LDCTDenoise" / "Resources" / "SampleData" / "ldct_sample_quarter_dose.nrrd"
CANDIDATES = 5
SPAN_SECONDS = 60.0
"""Of a run that takes longer, only the beginning is cancelled; it goes on with the same steps."""
PAGE = """# How long a run takes to stop

Made by `{command}`; nothing is typed in by hand.

Seconds from *Cancel* until the run has ended and another one can begin. The runs were cancelled at moments evenly
spread over the time that they take when left alone, or over its first {span:.0f} s; every one ended without a result.
The worker listens between the steps of its work, one of which is the gradient of a slice; where a step takes longer
than {grace} s, it ends its own process, and the next run starts a new one.

| run | left alone | cancelled | median | largest | ended with its process |
|---|---|---|---|---|---|
{rows}

Measured with {versions},
on a computer of {cores} CPU cores that does other things as well. A run that was done before its moment came is not
counted.
"""


@dataclass(frozen=True)
class Kind:
    """A kind of run: its name in the table, and what begins it."""

    name: str
    begin: Callable[[Listener], Call]


class Ending:
    """Listens to one run, for its last word only."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def started(self) -> None:
        pass

    def progressed(self, *values) -> None:
        pass

    def partial(self, value) -> None:
        pass

    def finished(self, value, error: BaseException | None) -> None:
        self.error = error


def wait(client: WorkerClient, call: Call, seconds: float = float("inf")) -> float:
    """Let the run go on until it has ended, for at most ``seconds``; return how long that was."""
    start = time.monotonic()
    while not call.done and time.monotonic() < start + seconds:
        client.poll(min(POLL_SECONDS, max(0.0, start + seconds - time.monotonic())))
    return time.monotonic() - start


def undisturbed(client: WorkerClient, kind: Kind) -> float:
    """Return how long a run takes that is left alone, or raise its error."""
    ending = Ending()
    seconds = wait(client, kind.begin(ending))
    if ending.error is not None:
        raise ending.error
    return seconds


def stop_after(client: WorkerClient, kind: Kind, seconds: float) -> float | None:
    """Begin a run, cancel it after ``seconds`` and return how long it took to stop; None where it was done before.

    Raises RuntimeError when it ends otherwise than cancelled.
    """
    ending = Ending()
    call = kind.begin(ending)
    wait(client, call, seconds)
    if call.done:
        return None
    call.cancel()
    taken = wait(client, call)
    if not isinstance(ending.error, Cancelled):
        raise RuntimeError(f"{kind.name}: a cancelled run ended with {ending.error!r}.")
    return taken


def measure(kind_of: Callable[[WorkerClient], Kind], cancels: int) -> str:
    """Return the row of one kind of run, which begins on the client that ``kind_of`` is given."""
    started = []
    client = WorkerClient(lambda: started.append(True) or SubprocessWorker())
    try:
        kind = kind_of(client)
        whole = undisturbed(client, kind)
        processes = len(started)
        moments = [(number + 0.5) / cancels * min(whole, SPAN_SECONDS) for number in range(cancels)]
        taken = [stop_after(client, kind, moment) for moment in moments]
        WorkerEngine(client).devices()  # starts another process where the last run has ended its own
        return row(kind.name, whole, [seconds for seconds in taken if seconds is not None], len(started) - processes)
    finally:
        client.close()


def row(name: str, whole: float, taken: list[float], ended: int) -> str:
    """The line of the table: ``taken`` in seconds, by the runs that were cancelled in time."""
    cells = [name, f"{whole:.0f} s", f"{len(taken)} times", f"{median(taken):.2f} s", f"{max(taken):.2f} s",
             f"{ended} times"]
    return "| " + " | ".join(cells) + " |"


def kinds() -> list[Callable[[WorkerClient], Kind]]:
    """What is measured: the kinds of run, each for the client that it is to begin on."""
    volume = read_volume(SAMPLE)
    denoising = DenoiseRequest(volume.array, device="cpu", spacing=volume.spacing)
    middle = len(volume.array) // 2
    candidates = CandidateRequest(volume.array[middle:middle + 1], volume.spacing, device="cpu",
                                  settings=CandidateSettings(count=CANDIDATES))
    size = " x ".join(map(str, volume.array.shape[1:]))
    return [
        lambda client: Kind(f"denoising {len(volume.array)} slices of {size}",
                            lambda listener: WorkerEngine(client).start_denoise(denoising, listener)),
        lambda client: Kind(f"{CANDIDATES} candidates of a slice of {size}",
                            lambda listener: WorkerDIDEngine(client).start_generate(candidates, listener))]


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--cancels", type=int, default=10, help="of each kind of run (default: 10)")
    parser.add_argument("--output", type=Path, default=HERE / "cancel")
    given = parser.parse_args(arguments)
    rows = []
    for kind_of in kinds():
        rows.append(measure(kind_of, given.cancels))
        print(rows[-1], flush=True)
    versions = ", ".join([f"Python {platform.python_version()}", f"torch {version('torch')}"])
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "README.md").write_text(PAGE.format(
        command="python Testing/Benchmarks/cancel_report.py", rows="\n".join(rows), versions=versions,
        cores=os.cpu_count(), span=SPAN_SECONDS, grace=GRACE_SECONDS), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
