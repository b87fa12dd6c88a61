"""One run, from the request to the result in the scene: a state, progress, and one end.

    idle -> starting -> running -> importing -> idle        the result is there
            starting, running -> cancelling -> idle         there is none, as it was stopped
            any of these -> failed -> idle                  there is none, and one error says why

A job is driven by whoever computes, through the methods of :class:`~.workerclient.Listener`, and watched by observers.

Texts from here, from the engines and from the worker, such as progress, errors and messages, are English in every
language, as all of these run without Slicer; what the scene and the panels say themselves is translated.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any, Protocol

from .engine import Cancelled

IDLE, STARTING, RUNNING, CANCELLING, IMPORTING, FAILED = (
    "idle", "starting", "running", "cancelling", "importing", "failed")
"""The states. Before its start and after its end, however that came, a job is idle."""
STATE, PROGRESS, PARTIAL = "state", "progress", "partial"
"""What observers are told of: another state, further progress, another part of the result."""
_LOG = logging.getLogger(__name__)


class Stoppable(Protocol):
    """What is under way elsewhere: a :class:`~.workerclient.Call`."""

    def cancel(self) -> None: ...

    def wait(self, cancelled: Callable[[], bool] | None = None) -> None: ...


class Job:
    """A run.

    Args:
        import_result: turns what was computed into the result; what it raises is the failure of the job.
        progress: called with every progress; what it raises stops the run and is its failure.
        partial: the same for every part of the result.

    Attributes:
        state: one of the states above.
        progress: the values of the last progress, as the operation knows them; empty before the first.
        result: what ``import_result`` returned; None until then.
        error: why there is no result: :class:`~.engine.Cancelled` or the failure; None until then.
        details: where in this process the error came up, as Python prints it; empty if elsewhere.
        messages: what the user should know of a run that succeeded; ``import_result`` sets it.
        seconds: how long the network worked on all of it, without any start; None unless ``import_result`` sets it.
    """

    def __init__(self, import_result: Callable[[Any], Any], progress: Callable[..., None] | None = None,
                 partial: Callable[[Any], None] | None = None) -> None:
        self._import_result = import_result
        self._on_progress, self._on_partial = progress, partial
        self._observers: list[Callable[[Job, str, Any], None]] = []
        self._call: Stoppable | None = None
        self._reason: BaseException | None = None
        self.state = IDLE
        self.progress: tuple = ()
        self.result: Any = None
        self.error: BaseException | None = None
        self.details = ""
        self.messages: tuple[str, ...] = ()
        self.seconds: float | None = None

    @property
    def cancelled(self) -> bool:
        """Whether it ended without a result because it was told to."""
        return isinstance(self.error, Cancelled)

    def add_observer(self, observer: Callable[[Job, str, Any], None]) -> None:
        """Call ``observer(job, event, value)`` from now on. Events and their values:

        STATE: the state; the end is IDLE, after FAILED if there is an error to show, which there is once.
        PROGRESS: the tuple that ``progress`` holds then. PARTIAL: a part of the result.
        """
        self._observers.append(observer)

    @property
    def busy(self) -> bool:
        """Whether it is under way."""
        return self.state != IDLE

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop and has not yet."""
        return self.state == CANCELLING

    def start(self, begin: Callable[[Job], Stoppable | None]) -> None:
        """Let ``begin(self)`` start the computation, which tells this job what happens; it returns how to stop it.

        What it raises is the failure of the job.
        """
        self._change(STARTING)
        call, error = _attempt(begin, self)
        if error is not None:
            self.finished(None, error)
        elif self.busy:
            self._call = call

    def compute(self, function: Callable[[Callable[[], bool]], Any]) -> None:
        """Compute here and now: ``function(stopped)`` returns what there is to import; ``stopped()``: it need not."""
        def begin(job: Job) -> None:
            self.started()
            self.finished(function(lambda: self.stopping), None)

        self.start(begin)

    def cancel(self) -> None:
        """Stop it. No result will come, though the end may take a moment; saying so again hastens that."""
        if self.state in (STARTING, RUNNING):
            self._change(CANCELLING)
            if self._call is not None:
                self._call.cancel()
        elif self.state == CANCELLING and self._call is not None:
            self._call.cancel()

    def wait(self, cancelled: Callable[[], bool] | None = None) -> Any:
        """Return the result when it is there, or raise the error. ``cancelled``: asked now and then whether to stop."""
        if self._call is not None:
            self._call.wait(cancelled)
        if self.error is not None:
            raise self.error
        return self.result

    def started(self) -> None:
        """The computation begins."""
        if self.state == STARTING:
            self._change(RUNNING)

    def progressed(self, *values: Any) -> None:
        """The computation got on."""
        if self.state == RUNNING:
            self.progress = values
            self._pass_on(self._on_progress, values, PROGRESS, values)

    def partial(self, value: Any) -> None:
        """A part of the result is there."""
        if self.state == RUNNING:
            self._pass_on(self._on_partial, (value,), PARTIAL, value)

    def finished(self, value: Any, error: BaseException | None) -> None:
        """The computation has ended."""
        if self.state == CANCELLING:
            # A result that came all the same is not wanted any more.
            error = self._reason or Cancelled("The run was stopped.")
        if error is None:
            self._change(IMPORTING)
            self.result, error = _attempt(self._import_result, value)
        self.error = error
        if error is not None:
            self.details = _without_frames(error)
        self._call = self._import_result = self._on_progress = self._on_partial = None
        if error is not None and not self.cancelled:
            self._change(FAILED)
        self._change(IDLE)

    def _pass_on(self, callback: Callable[..., None] | None, arguments: tuple, event: str, value: Any) -> None:
        try:
            if callback is not None:
                callback(*arguments)
        except BaseException as error:
            self._reason = error
            self.cancel()
        else:
            self._tell(event, value)

    def _change(self, state: str) -> None:
        self.state = state
        self._tell(STATE, state)

    def _tell(self, event: str, value: Any) -> None:
        for observer in list(self._observers):
            try:
                observer(self, event, value)
            except Exception:
                _LOG.exception("an observer of a job failed")


def _attempt(function: Callable[..., Any], *arguments: Any) -> tuple[Any, BaseException | None]:
    try:
        return function(*arguments), None
    except BaseException as error:
        return None, error


def _without_frames(error: BaseException) -> str:
    """Take the traceback from ``error`` and return it as text, of which the error keeps a note (Python 3.11).

    Its frames would keep every volume in them alive for as long as somebody keeps the job.
    """
    if error.__traceback__ is None:
        return ""
    details = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__context__
    if hasattr(error, "add_note"):
        error.add_note(details)
    return details
