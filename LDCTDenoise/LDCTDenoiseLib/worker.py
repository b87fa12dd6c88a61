"""The worker process: ``python -m LDCTDenoiseLib.worker FOLDER MODULE...``, spoken to as :mod:`.workerprotocol` says.

It works off one request after the other, in the main thread. A second thread reads the commands, so that a run can be
cancelled, and ends the process when its standard input closes: no worker outlives the application, however that ended.
FOLDER is the exchange folder; each MODULE has a table ``OPERATIONS`` of names and functions, see
:mod:`.workeroperations`. Only messages go to the standard output; logs and whatever libraries print go to stderr.
"""

from __future__ import annotations

import importlib
import itertools
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

from .engine import Cancelled
from .exchangefolder import ExchangeFolder, join
from .workerprotocol import GRACE_SECONDS, LineSplitter, decode, encode, failure, pack, unpack

EXIT_STUCK = 3
"""The exit status after an operation that did not stop when it was told to."""
_LOG = logging.getLogger(f"{__package__}.worker")


class Task:
    """A request: its number, the message that asks for it, and whether it was cancelled."""

    def __init__(self, number: int, request: dict) -> None:
        self.number = number
        self.request = request
        self.cancelled = threading.Event()
        self.patience: threading.Timer | None = None
        """Runs from the cancellation to the end of the operation."""


class Context:
    """What an operation may say and ask while it runs."""

    def __init__(self, task: Task, send: Callable[..., None], store: Callable) -> None:
        self._task, self._send, self._store = task, send, store

    def cancelled(self) -> bool:
        """Return whether to stop: the operation then raises :class:`~.engine.Cancelled`, within a second."""
        return self._task.cancelled.is_set()

    def progress(self, *values: float | str) -> None:
        """Tell how far the operation got, in the numbers and texts that it is known by."""
        self._send(self._task, "progress", values=pack(values, self._store))

    def partial(self, value: Any) -> None:
        """Hand over a part of the result ahead of the rest."""
        self._send(self._task, "partial", value=pack(value, self._store))


class Worker:
    """Answers at the descriptor ``sink`` the requests that arrive at ``source``."""

    def __init__(self, source: int, sink: int, folder: ExchangeFolder, modules: Sequence[str]) -> None:
        self._source, self._sink = source, sink
        self._folder = folder
        self._modules = modules
        self._queue: queue.SimpleQueue[Task] = queue.SimpleQueue()
        self._waiting: dict[int, Task] = {}
        self._current: Task | None = None
        self._tasks_lock = threading.Lock()
        """Held to look at or change what waits and what is current."""
        self._sink_lock = threading.Lock()

    def run(self) -> None:
        """Work until the standard input closes; never returns."""
        threading.Thread(target=self._read, name="commands", daemon=True).start()
        operations = load_operations(self._modules)
        while True:
            task = self._queue.get()
            with self._tasks_lock:
                if self._waiting.pop(task.number, None) is None:
                    continue  # cancelled meanwhile
                self._current = task
            self._send(task, "started")
            # In a function of its own, so that the arrays of the request are gone when its end is told.
            end = self._carry_out(task, operations)
            with self._tasks_lock:
                self._current = None
                if task.patience is not None:
                    task.patience.cancel()
            self._send(task, **end)

    def _carry_out(self, task: Task, operations: dict[str, Callable[[dict, Context], Any]]) -> dict:
        """Return the fields of the message that ends ``task``."""
        numbers = itertools.count()

        def store(array):
            return self._folder.store(array, f"{task.number}-out-{next(numbers)}.npy")

        name = task.request.get("operation")
        try:
            if name not in operations:
                raise ValueError(f"The worker has no operation {name!r}.")
            if "models" in task.request:
                os.environ["LDCT_MODELS"] = task.request["models"]
            arguments = unpack(task.request.get("arguments"), self._folder.map)
            value = operations[name](arguments, Context(task, self._send, store))
            end = {"event": "done", "value": pack(value, store)}
            encode(end)
        except BaseException as error:
            if not isinstance(error, (ValueError, Cancelled)):
                _LOG.exception("%s failed", name)
            end = {"event": "failed", **failure(error)}
        return end

    def _read(self) -> None:
        lines = LineSplitter()
        while piece := self._next_piece():
            for line in lines.feed(piece):
                self._obey(decode(line) or {})
        self._leave()

    def _next_piece(self) -> bytes:
        try:
            return os.read(self._source, 65536)
        except OSError:
            return b""

    def _obey(self, message: dict) -> None:
        number = message.get("cancel", message.get("id"))
        if not isinstance(number, int):
            _LOG.warning("ignored a line that is no message")
        elif "cancel" in message:
            self._cancel(number)
        else:
            task = Task(number, message)
            with self._tasks_lock:
                self._waiting[number] = task
            self._queue.put(task)

    def _cancel(self, number: int) -> None:
        with self._tasks_lock:
            task = self._waiting.pop(number, None)
            current = self._current
            if current is not None and current.number == number and not current.cancelled.is_set():
                current.cancelled.set()
                current.patience = threading.Timer(GRACE_SECONDS, self._give_up, [current])
                current.patience.daemon = True
                current.patience.start()
        if task is not None:
            self._send(task, "failed", **failure(Cancelled("The run was stopped before it began.")))

    def _give_up(self, task: Task) -> None:
        with self._tasks_lock:
            if self._current is task:
                _LOG.warning("the operation did not stop; the process ends")
                os._exit(EXIT_STUCK)

    def _send(self, task: Task, event: str, **fields: Any) -> None:
        line = memoryview(encode({"id": task.number, "event": event, **fields}))
        with self._sink_lock:
            try:
                while line:
                    line = line[os.write(self._sink, line):]
            except OSError:
                self._leave()

    def _leave(self) -> None:
        """End the process at once, as nobody listens any more, with nothing left behind."""
        self._folder.remove()
        os._exit(0)


def load_operations(modules: Sequence[str]) -> dict[str, Callable[[dict, Context], Any]]:
    """Return the operations of those of ``modules`` that are installed."""
    operations = {}
    for name in modules:
        try:
            operations.update(importlib.import_module(name).OPERATIONS)
        except ModuleNotFoundError as error:
            if error.name not in (name, name.partition(".")[0]):
                raise
    return operations


def take_descriptors() -> tuple[int, int]:
    """Return descriptors of the standard input and output that only the caller knows.

    Whatever reads the input afterwards finds it empty, and whatever is printed, be it from C, goes to stderr.
    """
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return source, sink


def main(arguments: Sequence[str]) -> None:
    """Run the worker. ``arguments``: the exchange folder and the modules of operations."""
    source, sink = take_descriptors()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(name)s: %(message)s")
    # Ctrl-C in a terminal reaches all its processes; what it means here is for the parent to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    folder = join(arguments[0])
    # The folder was the working folder, so that no file of the user's is imported; Windows could not remove it then.
    os.chdir(folder.path.parent)
    Worker(source, sink, folder, arguments[1:]).run()


if __name__ == "__main__":
    main(sys.argv[1:])
