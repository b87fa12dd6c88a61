"""A job goes through its states in order, ends idle whatever happens, and says once why there is no result."""

import gc
import logging
import weakref

import numpy as np
import pytest

from LDCTDenoiseLib.engine import Cancelled
from LDCTDenoiseLib.job import CANCELLING, FAILED, IDLE, IMPORTING, PARTIAL, PROGRESS, RUNNING, STARTING, STATE, Job


class FakeCall:
    """What is under way elsewhere; counts how often it was told to stop."""

    def __init__(self):
        self.cancelled = 0

    def cancel(self):
        self.cancelled += 1

    def wait(self, cancelled=None):
        pass


def started_job(import_result=lambda value: value, call=None, **callbacks):
    """Return a job that is starting, and the list of what it tells."""
    job = Job(import_result, **callbacks)
    told = []
    job.add_observer(lambda job, event, value: told.append((event, value)))
    job.start(lambda job: call or FakeCall())
    return job, told


def states(told):
    return [value for event, value in told if event == STATE]


def test_a_run_goes_from_idle_to_its_result_and_idle_again():
    job, told = started_job(lambda value: value * 2)
    assert job.busy
    job.started()
    job.progressed(1, 2, 0.5)
    job.partial("candidate")
    job.finished("ab", None)
    assert told == [(STATE, STARTING), (STATE, RUNNING), (PROGRESS, (1, 2, 0.5)), (PARTIAL, "candidate"),
                    (STATE, IMPORTING), (STATE, IDLE)]
    assert (job.wait(), job.progress, job.error, job.busy) == ("abab", (1, 2, 0.5), None, False)


def raises(error):
    def raise_it(*arguments):
        raise error

    return raise_it


@pytest.mark.parametrize("until", [STARTING, RUNNING])
def test_a_failure_is_told_once_and_leaves_it_idle(until):
    job, told = started_job()
    if until == RUNNING:
        job.started()
    error = RuntimeError("out of memory")
    job.finished(None, error)
    assert states(told)[-2:] == [FAILED, IDLE]
    assert states(told).count(FAILED) == 1
    assert (job.error, job.cancelled, job.result) == (error, False, None)
    with pytest.raises(RuntimeError, match="out of memory"):
        job.wait()


def test_a_run_that_cannot_begin_has_failed():
    job = Job(lambda value: value)
    job.start(raises(RuntimeError("no Python")))
    assert job.state == IDLE
    with pytest.raises(RuntimeError, match="no Python"):
        job.wait()
    assert "in raise_it" in job.details


def test_a_result_that_cannot_be_imported_is_a_failure():
    job, told = started_job(raises(ValueError("the volume is gone")))
    job.started()
    job.finished("value", None)
    assert states(told) == [STARTING, RUNNING, IMPORTING, FAILED, IDLE]
    assert job.result is None
    with pytest.raises(ValueError, match="gone"):
        job.wait()


@pytest.mark.parametrize("end", [("a result all the same", None), (None, Cancelled("stopped")),
                                 (None, RuntimeError("the process ended"))], ids=["result", "cancelled", "failure"])
@pytest.mark.parametrize("from_state", [STARTING, RUNNING])
def test_a_cancelled_run_has_no_result_and_no_failure_whatever_comes(from_state, end):
    imported = []
    call = FakeCall()
    job, told = started_job(imported.append, call=call)
    if from_state == RUNNING:
        job.started()
    job.cancel()
    assert (job.state, job.stopping, call.cancelled) == (CANCELLING, True, 1)
    job.started()
    job.progressed(1, 2, 3)
    job.partial("candidate")
    assert job.state == CANCELLING
    job.finished(*end)
    assert states(told)[-2:] == [CANCELLING, IDLE]
    assert (imported, job.cancelled) == ([], True)
    assert {event for event, _ in told} == {STATE}
    with pytest.raises(Cancelled):
        job.wait()


def test_saying_cancel_again_hastens_the_end_and_saying_it_later_does_nothing():
    call = FakeCall()
    job, told = started_job(call=call)
    job.cancel()
    job.cancel()
    assert call.cancelled == 2
    job.finished(None, Cancelled("stopped"))
    job.cancel()
    assert call.cancelled == 2
    assert states(told) == [STARTING, CANCELLING, IDLE]


def test_a_job_that_was_never_started_is_idle_and_can_be_cancelled():
    job = Job(lambda value: value)
    job.cancel()
    assert (job.state, job.wait()) == (IDLE, None)


def test_cancelling_while_the_result_is_imported_comes_too_late():
    job, told = started_job(lambda value: (job.cancel(), value)[1])
    job.started()
    job.finished("value", None)
    assert job.wait() == "value"
    assert CANCELLING not in states(told)


@pytest.mark.parametrize("callback", ["progress", "partial"])
def test_an_error_of_a_callback_stops_the_run_and_is_its_failure(callback):
    call = FakeCall()
    job, told = started_job(call=call, **{callback: raises(RuntimeError("deleted during the run"))})
    job.started()
    job.progressed(1, 2, 3)
    job.partial("candidate")
    assert (job.state, call.cancelled) == (CANCELLING, 1)
    job.finished(None, Cancelled("stopped"))
    assert states(told)[-3:] == [CANCELLING, FAILED, IDLE]
    with pytest.raises(RuntimeError, match="deleted during the run"):
        job.wait()


def test_an_observer_that_fails_is_logged_and_stops_nothing(caplog):
    job = Job(lambda value: value)
    seen = []
    job.add_observer(raises(ZeroDivisionError()))
    job.add_observer(lambda job, event, value: seen.append(value))
    with caplog.at_level(logging.ERROR):
        job.start(lambda job: FakeCall())
    job.finished("value", None)
    assert seen == [STARTING, IMPORTING, IDLE]
    assert job.wait() == "value"
    assert "ZeroDivisionError" in caplog.text


def test_an_observer_that_is_told_of_the_end_finds_everything_in_place():
    job = Job(lambda value: value)
    found = []
    job.add_observer(lambda job, event, value: found.append((value, job.busy, job.result)))
    job.start(lambda job: FakeCall())
    job.finished("value", None)
    assert found[-1] == (IDLE, False, "value")


def test_what_is_computed_here_and_now_has_the_same_states():
    job = Job(lambda value: value + 1)
    told = []
    job.add_observer(lambda job, event, value: told.append(value))
    job.compute(lambda stopped: 1)
    assert told == [STARTING, RUNNING, IMPORTING, IDLE]
    assert job.wait() == 2


@pytest.mark.parametrize("error", [ValueError("unknown model"), KeyboardInterrupt()])
def test_what_is_computed_here_may_fail(error):
    job = Job(lambda value: value)
    job.compute(raises(error))
    with pytest.raises(type(error)):
        job.wait()


def test_what_is_computed_here_can_be_cancelled_from_a_callback():
    job = Job(lambda value: value)

    def function(stopped):
        assert not stopped()
        job.cancel()
        assert stopped()
        raise Cancelled("stopped")

    job.compute(function)
    assert job.cancelled


class Array(np.ndarray):
    """One that can be referred to weakly."""


def test_a_job_that_has_ended_keeps_alive_neither_what_was_computed_nor_what_it_was_imported_with():
    value, held = (np.zeros(3).view(Array) for _ in range(2))
    references = [weakref.ref(value), weakref.ref(held)]
    job, _ = started_job(lambda value, held=held: value.size)
    job.finished(value, None)
    assert job.result == 3
    del value, held
    gc.collect()
    assert [reference() is None for reference in references] == [True, True]


def test_where_an_import_failed_can_be_shown_and_keeps_no_result_alive():
    value = np.zeros(3).view(Array)
    reference = weakref.ref(value)

    def import_result(value):
        local = value
        raise RuntimeError(f"cannot be imported: {local.size}")

    job, _ = started_job(import_result)
    job.finished(value, None)
    del value
    gc.collect()
    assert reference() is None
    assert "in import_result" in job.details
    assert str(job.error) == "cannot be imported: 3"
