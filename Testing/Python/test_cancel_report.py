"""The report on cancelled runs cancels them while they work, and says when a run did not end as cancelled."""

import sys

import pytest
from panelfixtures import ROOT
from workerfixtures import MODULES

from LDCTDenoiseLib.workerclient import WorkerClient
from LDCTDenoiseLib.workerprotocol import GRACE_SECONDS

sys.path.insert(0, str(ROOT / "Testing" / "Benchmarks"))

import cancel_report  # noqa: E402
from cancel_report import Kind  # noqa: E402


@pytest.fixture(scope="module")
def client():
    client = WorkerClient(modules=MODULES)
    yield client
    client.close()


def runs_of(client, operation, **arguments):
    begun = []

    def begin(listener):
        begun.append(client.request(operation, arguments, listener))
        return begun[-1]

    return Kind(operation, begin), begun


def test_a_run_under_way_is_cancelled_and_its_end_awaited(client):
    kind, begun = runs_of(client, "endless")
    assert cancel_report.stop_after(client, kind, 0.2) > 0
    assert begun[0].done


def test_a_run_that_was_done_before_is_not_counted(client):
    kind, begun = runs_of(client, "echo")
    assert cancel_report.stop_after(client, kind, 60.0) is None
    assert not begun[0].cancelling


def test_a_run_that_fails_is_no_measurement(client):
    kind, _ = runs_of(client, "fails", kind="ValueError", text="no such network")
    with pytest.raises(ValueError, match="no such network"):
        cancel_report.undisturbed(client, kind)


def test_the_table_has_the_median_and_the_largest():
    assert cancel_report.row("denoising", 8.4, [0.02, 1.5, 0.04], 1) == (
        "| denoising | 8 s | 3 times | 0.04 s | 1.50 s | 1 times |")


def test_the_committed_report_is_of_the_grace_that_is_given_now_and_every_run_stopped_within_two_seconds():
    page = (ROOT / "Testing" / "Benchmarks" / "cancel" / "README.md").read_text(encoding="utf-8")
    assert f"than {GRACE_SECONDS} s, it ends its own process" in " ".join(page.split())
    largest = [float(line.split("|")[5].removesuffix(" s ")) for line in page.splitlines() if " times | " in line]
    assert len(largest) == 2 and max(largest) <= 2
