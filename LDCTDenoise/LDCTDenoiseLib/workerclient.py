"""The application's side of the worker: starts it when it is needed, sends requests, tells their listeners what comes.

Everything happens in one thread: listeners are told while an event loop runs (in Slicer), or in :meth:`Call.wait`.
"""

from __future__ import annotations

import atexit
import itertools
import logging
import os
import time
from collections.abc import Callable
from typing import Any, Protocol

from . import exchangefolder, modelregistry, workerenvironment
from .engine import Cancelled
from .workerprocess import SubprocessWorker, WorkerProcess
from .workerprotocol import GRACE_SECONDS, decode, encode, error_of, pack, unpack

MODULES = ("LDCTDenoiseLib.workeroperations", "DIDInteractiveLib.didoperations")
POLL_SECONDS = 0.05
END_SECONDS = 5.0
"""How long to wait for a process that was told to end, before going on without it."""
_LOG = logging.getLogger(__name__)


def _as_it_is(value: Any) -> Any:
    return value


class Listener(Protocol):
    """Who is told about a request. None of these may raise."""

    def started(self) -> None:
        """The worker begins with it; nothing else waits before it."""

    def progressed(self, *values: Any) -> None:
        """See the operation for what the values are."""

    def partial(self, value: Any) -> None:
        """A part of the result is there."""

    def finished(self, value: Any, error: BaseException | None) -> None:
        """The last word: the result, or why there is none (Cancelled if it was cancelled)."""


class Call:
    """A request under way; made by :meth:`WorkerClient.request`."""

    def __init__(self, client: WorkerClient, number: int, operation: str, arguments: dict, listener: Listener,
                 read: Callable[[Any], Any], read_partial: Callable[[Any], Any]) -> None:
        self._client = client
        self.number = number
        self.operation = operation
        self.arguments = arguments
        """Kept until the worker has begun: should it end before, another one gets them."""
        self.listener = listener
        self.read, self.read_partial = read, read_partial
        self.started = self.cancelling = self.done = False

    def cancel(self) -> None:
        """Stop it; if that has been said before, end the process, unless that works for somebody else."""
        if self.done:
            return
        if not self.cancelling:
            self.cancelling = True
            self._client.send({"cancel": self.number})
        elif self.started or not self._client.serves():
            self._client.kill()

    def wait(self, cancelled: Callable[[], bool] | None = None) -> None:
        """Return when its listener has been told that it is finished; ``cancelled()`` true stops it."""
        try:
            while not (self.done or self.cancelling):
                self._client.poll(POLL_SECONDS)
                if cancelled is not None and not self.done and cancelled():
                    self.cancel()
        except BaseException:  # such as Ctrl-C: nobody waits for it any more
            if not self.cancelling:
                self.cancel()
            raise
        finally:
            self._see_it_stop()

    def _see_it_stop(self) -> None:
        # The worker ends by itself what does not stop; the deadline is for one that cannot even do that.
        deadline = time.monotonic() + 2 * GRACE_SECONDS
        while not self.done and time.monotonic() < deadline:
            self._client.poll(POLL_SECONDS)
        if not self.done:
            self._client.kill()


class WorkerClient:
    """One worker process at a time, started by the first request and again after it ended.

    Args:
        make_process: returns a new process, not started.
        modules: where the worker has its operations from.
    """

    def __init__(self, make_process: Callable[[], WorkerProcess] = SubprocessWorker, modules=MODULES) -> None:
        self._make_process = make_process
        self._modules = tuple(modules)
        self._process: WorkerProcess | None = None
        self._folder: exchangefolder.ExchangeFolder | None = None
        self._calls: dict[int, Call] = {}
        self._numbers = itertools.count(1)
        self._last_words = ""

    def request(self, operation: str, arguments: dict, listener: Listener, *, read: Callable[[Any], Any] = _as_it_is,
                read_partial: Callable[[Any], Any] = _as_it_is) -> Call:
        """Ask for ``operation`` and return at once; requests are worked off in turn.

        ``arguments`` may hold arrays; they are not changed. ``read`` and ``read_partial`` make of the value that
        arrives, or of a part of it, what the listener is told. Raises RuntimeError when the worker cannot be started
        or the arrays not be handed over; the listener is then not told anything.
        """
        call = Call(self, next(self._numbers), operation, arguments, listener, read, read_partial)
        self._calls[call.number] = call
        try:
            self._submit(call)
        except BaseException:
            self._forget(call)
            raise
        return call

    def serves(self) -> bool:
        """Return whether the worker is in the middle of a request."""
        return any(call.started for call in self._calls.values())

    def send(self, message: dict) -> None:
        """Send a message to the worker if it runs."""
        if self._process is not None:
            self._process.write(encode(message))

    def poll(self, seconds: float) -> None:
        """Tell the listeners what has arrived, and wait for something to arrive, at most ``seconds``."""
        if self._process is not None:
            self._process.poll(seconds)

    def kill(self) -> None:
        """End the worker process at once; what it was doing fails, or is cancelled if it was being cancelled."""
        process = self._process
        if process is not None:
            process.kill()
            if not self._ends_in_time(process):
                process.on_line = process.on_log = process.on_finished = lambda what: None
                self._on_finished("it could not be stopped")

    def close(self) -> None:
        """End the worker process; what is under way is cancelled. A later request starts another one."""
        for call in self._calls.values():
            call.cancelling = True
        process = self._process
        if process is not None:
            process.close_input()
            if not self._ends_in_time(process):
                self.kill()

    def _ends_in_time(self, process: WorkerProcess) -> bool:
        deadline = time.monotonic() + END_SECONDS
        while self._process is process and time.monotonic() < deadline:
            process.poll(POLL_SECONDS)
        return self._process is not process

    def _submit(self, call: Call) -> None:
        if self._process is None:
            self._start()
        numbers = itertools.count()
        arguments = pack(call.arguments,
                         lambda array: self._folder.store(array, f"{call.number}-in-{next(numbers)}.npy"))
        self.send({"id": call.number, "operation": call.operation, "arguments": arguments,
                   "models": os.path.abspath(modelregistry.user_folder())})

    def _start(self) -> None:
        exchangefolder.remove_stale()
        program = workerenvironment.program()
        folder = exchangefolder.create()
        process = self._make_process()
        process.on_line = self._on_line
        process.on_log = self._on_log
        process.on_finished = self._on_finished
        try:
            process.start(program, workerenvironment.arguments(folder.path, self._modules),
                          workerenvironment.environment(self._modules), str(folder.path))
        except BaseException:
            folder.remove()
            raise
        self._process, self._folder, self._last_words = process, folder, ""

    def _on_line(self, line: bytes) -> None:
        message = decode(line) or {}
        number = message.get("id")
        call = self._calls.get(number) if isinstance(number, int) else None
        if call is None:
            # Noise, or the late word of a request that has been given up.
            _LOG.debug("ignored a line of %d bytes from the worker", len(line))
            return
        try:
            tell = self._heard(call, message)
        except (KeyError, TypeError, ValueError, OSError) as error:
            _LOG.debug("an answer that cannot be read", exc_info=True)
            self.send({"cancel": call.number})
            failure = RuntimeError(f"The answer of the worker process cannot be read ({type(error).__name__}): "
                                   "run again.")
            self._end(call, None, failure)
        else:
            tell()

    def _heard(self, call: Call, message: dict) -> Callable[[], None]:
        """Return what to do about ``message``. Raises what a malformed one or a damaged file gives rise to."""
        event = message.get("event")
        if event == "started":
            call.started, call.arguments = True, {}
            return call.listener.started
        if event == "progress":
            values = list(message["values"])
            return lambda: call.listener.progressed(*values)
        if event == "failed":
            error = error_of(message)
            return lambda: self._end(call, None, error)
        value = unpack(message["value"], self._folder.take)
        if event == "partial":
            part = call.read_partial(value)
            return lambda: call.listener.partial(part)
        if event == "done":
            result = call.read(value)
            return lambda: self._end(call, result, None)
        raise ValueError(f"There is no event {event!r}.")

    def _on_log(self, line: str) -> None:
        _LOG.info("%s", line[:1000])
        self._last_words = line[:200].strip() or self._last_words

    def _on_finished(self, how: str) -> None:
        self._process = None
        self._folder.remove()
        calls = list(self._calls.values())
        began = self.serves()
        stopped = any(call.started and call.cancelling for call in calls)
        # If the process was ended to stop another run, those that had only waited for that get another process.
        waiting = [call for call in calls if stopped and not call.started and not call.cancelling]
        if began:
            failure = (f"The worker process ended unexpectedly ({how}), perhaps for lack of memory, and the run with "
                       "it: close other programs, or run again.")
        else:
            failure = f"The worker process did not start ({how}: {self._last_words or 'it said nothing'})."
        ended = {call: Cancelled("The run was stopped.") if call.cancelling else RuntimeError(failure)
                 for call in calls if call not in waiting}
        for call in waiting:
            try:
                self._submit(call)
            except RuntimeError as error:
                ended[call] = error
        for call, error in ended.items():
            self._end(call, None, error)

    def _end(self, call: Call, value: Any, error: BaseException | None) -> None:
        self._forget(call)
        call.listener.finished(value, error)

    def _forget(self, call: Call) -> None:
        self._calls.pop(call.number, None)
        call.done = True
        call.arguments = {}
        if self._folder is not None:
            self._folder.discard(call.number)


_shared: WorkerClient | None = None


def shared_client() -> WorkerClient:
    """Return the client of this process, so that its modules and scripts share one worker and its loaded network."""
    global _shared
    if _shared is None:
        if workerenvironment.in_slicer():
            from .workerqprocess import QProcessWorker, call_at_quit

            _shared = WorkerClient(QProcessWorker)
            call_at_quit(_shared.close)
        else:
            _shared = WorkerClient()
        atexit.register(_shared.close)
    return _shared


def close_shared_client() -> None:
    """End the shared worker, for when the code of this package is about to be loaded anew."""
    global _shared
    if _shared is not None:
        _shared.close()
        _shared = None
