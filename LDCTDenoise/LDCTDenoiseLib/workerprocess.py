"""A child process spoken to in lines, whatever starts it: the interface, and Python's own subprocess."""

from __future__ import annotations

import abc
import collections
import contextlib
import os
import queue
import subprocess
import threading
from collections.abc import Callable

from .workerprotocol import LineSplitter


class WorkerProcess(abc.ABC):
    """A child process that is started once. All that it says arrives in the thread that owns this object.

    Attributes:
        on_line: called with each line of its standard output, without the end of the line.
        on_log: called with each line of its standard error, a text.
        on_finished: called once, with how it ended, in words such as "exit status 1".
    """

    def __init__(self) -> None:
        self.on_line: Callable[[bytes], None] = lambda line: None
        self.on_log: Callable[[str], None] = lambda text: None
        self.on_finished: Callable[[str], None] = lambda how: None
        self._lines, self._log_lines = LineSplitter(), LineSplitter()
        self._unread: collections.deque[bytes] = collections.deque()
        self._finished = False

    @abc.abstractmethod
    def start(self, program: str, arguments: list[str], environment: dict[str, str], folder: str) -> None:
        """Start ``program`` in the working folder ``folder``. Raises RuntimeError if that cannot be done."""

    @abc.abstractmethod
    def write(self, data: bytes) -> None:
        """Send ``data`` to its standard input; nothing happens if it has ended."""

    @abc.abstractmethod
    def poll(self, seconds: float) -> None:
        """Deliver what has arrived; if nothing has, wait for it, at most ``seconds``.

        Where there is an event loop, that delivers too.
        """

    @abc.abstractmethod
    def close_input(self) -> None:
        """Close its standard input, which tells it to end."""

    @abc.abstractmethod
    def kill(self) -> None:
        """End it at once; ``on_finished`` is called later, as after any other end."""

    def _said(self, piece: bytes) -> None:
        self._unread.extend(self._lines.feed(piece))
        # What is called may poll again, and then finds the next line here: the order stays.
        while self._unread:
            self.on_line(self._unread.popleft())

    def _logged(self, piece: bytes) -> None:
        for line in self._log_lines.feed(piece):
            self.on_log(line.decode("utf-8", errors="replace"))

    def _ended(self, how: str) -> None:
        self._said(b"")
        if not self._finished:
            self._finished = True
            self.on_finished(how)


class SubprocessWorker(WorkerProcess):
    """A worker process for scripts, the command line and tests: it delivers in :meth:`poll` only."""

    def __init__(self) -> None:
        super().__init__()
        self._process: subprocess.Popen | None = None
        self._arrived: queue.SimpleQueue[tuple[Callable, bytes | str]] = queue.SimpleQueue()

    def start(self, program: str, arguments: list[str], environment: dict[str, str], folder: str) -> None:
        try:
            self._process = subprocess.Popen(
                [program, *arguments], env=environment, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, bufsize=0, creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0))
        except OSError as error:
            raise RuntimeError(f"{program} could not be started: {error.strerror or error}.") from error
        readers = [threading.Thread(target=self._forward, args=pair, daemon=True)
                   for pair in ((self._process.stdout, self._said), (self._process.stderr, self._logged))]
        for reader in readers:
            reader.start()
        threading.Thread(target=self._wait, args=(readers,), daemon=True).start()

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        with contextlib.suppress(OSError, ValueError):  # it has ended, or its input was closed
            while rest:
                rest = rest[self._process.stdin.write(rest):]

    def poll(self, seconds: float) -> None:
        with contextlib.suppress(queue.Empty):
            deliver, what = self._arrived.get(timeout=seconds)
            while True:
                deliver(what)
                deliver, what = self._arrived.get_nowait()

    def close_input(self) -> None:
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def kill(self) -> None:
        self._process.kill()

    def _forward(self, stream, deliver: Callable[[bytes], None]) -> None:
        while piece := os.read(stream.fileno(), 65536):
            self._arrived.put((deliver, piece))
        stream.close()

    def _wait(self, readers: list[threading.Thread]) -> None:
        status = self._process.wait()
        # PythonSlicer only launches the real Python, which ends when its input closes.
        self.close_input()
        for reader in readers:
            reader.join()
        self._arrived.put((self._ended, f"exit status {status}"))
