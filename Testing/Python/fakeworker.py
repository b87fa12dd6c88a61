"""A worker without a process, for tests of what surrounds it, and a listener that notes what it is told."""

from __future__ import annotations

import collections

from LDCTDenoiseLib.workerprocess import WorkerProcess
from LDCTDenoiseLib.workerprotocol import decode, encode


class FakeProcess(WorkerProcess):
    """Notes what it is sent; the test says what it answers. Everything is delivered by ``poll``, in order.

    ``answer``, if given, is called with this object and each message that it is sent.
    """

    def __init__(self, answer=None):
        super().__init__()
        self.answer = answer
        self.messages = []
        self.input_closed = self.killed = False
        self._to_deliver = collections.deque()

    def start(self, program, arguments, environment, folder):
        self.folder = folder

    def write(self, data):
        for line in data.splitlines():
            message = decode(line)
            self.messages.append(message)
            if self.answer is not None:
                self.answer(self, message)

    def poll(self, seconds):
        while self._to_deliver:
            deliver, what = self._to_deliver.popleft()
            deliver(what)

    def close_input(self):
        self.input_closed = True
        self.end("exit status 0")

    def kill(self):
        self.killed = True
        self.end("exit status -9")

    def say(self, event, number=1, **fields):
        """Send the message ``event`` about the request ``number``."""
        self.print(encode({"id": number, "event": event, **fields}))

    def print(self, piece: bytes):
        """Send these bytes."""
        self._to_deliver.append((self._said, piece))

    def log(self, piece: bytes):
        self._to_deliver.append((self._logged, piece))

    def end(self, how):
        self._to_deliver.append((self._ended, how))


class Recorder:
    """A listener that notes what it is told, as tuples in ``told``."""

    def __init__(self):
        self.told = []
        self.value = self.error = None

    def started(self):
        self.told.append(("started",))

    def progressed(self, *values):
        self.told.append(("progress", *values))

    def partial(self, value):
        self.told.append(("partial", value))

    def finished(self, value, error):
        self.told.append(("finished",))
        self.value, self.error = value, error
