"""The worker process as Slicer has it: Qt's QProcess, which delivers while the application's event loop runs."""

from __future__ import annotations

from collections.abc import Callable

import qt
import slicer

from .workerprocess import WorkerProcess

START_MS = 10_000


def call_at_quit(function: Callable[[], None]) -> None:
    """Call ``function`` when the application is about to quit, while its event loop and Python still work."""
    slicer.app.connect("aboutToQuit()", function)


def _bytes(array) -> bytes:
    """The content of a QByteArray, which PythonQt gives as bytes or, for Qt 5, as text."""
    data = array.data()
    return data.encode("utf-8", "surrogateescape") if isinstance(data, str) else bytes(data or b"")


class QProcessWorker(WorkerProcess):
    """See :class:`~.workerprocess.WorkerProcess`."""

    _previous: QProcessWorker | None = None
    """The one that ended last: Qt may still be telling of its end, and must not lose the object while it does."""

    def __init__(self) -> None:
        super().__init__()
        self._process = qt.QProcess()
        self._process.setProcessChannelMode(qt.QProcess.SeparateChannels)
        self._process.readyReadStandardOutput.connect(self._read_output)
        self._process.readyReadStandardError.connect(self._read_log)
        self._process.finished.connect(self._see_end)

    def start(self, program: str, arguments: list[str], environment: dict[str, str], folder: str) -> None:
        variables = qt.QProcessEnvironment()
        for name, value in environment.items():
            variables.insert(name, value)
        self._process.setProcessEnvironment(variables)
        self._process.setWorkingDirectory(folder)
        self._process.start(program, arguments)
        if not self._process.waitForStarted(START_MS):
            raise RuntimeError(f"{program} could not be started: {self._process.errorString()}.")

    def write(self, data: bytes) -> None:
        if self._runs():
            self._process.write(data)

    def poll(self, seconds: float) -> None:
        if self._runs():
            self._process.waitForReadyRead(int(seconds * 1000))
        # Qt does not tell once more what it is just telling, as it is when this is called by what it told.
        self._read_output()
        self._read_log()
        if not self._runs():
            self._see_end()

    def close_input(self) -> None:
        self._process.closeWriteChannel()

    def kill(self) -> None:
        # PythonSlicer only launches the real Python, which ends when its input closes.
        self._process.closeWriteChannel()
        self._process.kill()

    def _runs(self) -> bool:
        return self._process.state() != qt.QProcess.NotRunning

    def _read_output(self) -> None:
        self._said(_bytes(self._process.readAllStandardOutput()))

    def _read_log(self) -> None:
        self._logged(_bytes(self._process.readAllStandardError()))

    def _see_end(self, *_) -> None:
        if QProcessWorker._previous is self:
            return
        QProcessWorker._previous = self
        self._read_output()
        self._read_log()
        crashed = self._process.exitStatus() == qt.QProcess.CrashExit
        self._ended(f"{'crash' if crashed else 'exit status'} {self._process.exitCode()}")
