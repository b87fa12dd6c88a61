import io
import sys

import pytest

from LDCTDenoiseLib.commands import progressbar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_bar_shows_what_is_done_and_the_time_that_is_left(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(progressbar, "_LEAST_INTERVAL", 0)
    with progressbar.ProgressBar("hrnet") as bar:
        bar(10, 40, 95.0, "loss 0.1")
        bar(40, 40, 0.0)
    first, last, cleared = sys.stderr.getvalue().split("\r")[1:4]
    assert first.startswith("hrnet [#######.......................] 10/40  1:35 left  loss 0.1")
    assert last.startswith(f"hrnet [{'#' * 30}] 40/40  0:00 left")
    assert cleared.strip() == ""


def test_the_bar_is_redrawn_ten_times_a_second_at_most_but_for_the_end(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(progressbar, "_LEAST_INTERVAL", 1e6)
    with progressbar.ProgressBar("x") as bar:
        for done in range(1, 1001):
            bar(done, 1000)
    assert sys.stderr.getvalue().count("/1000") <= 2


@pytest.mark.parametrize("seconds,text", [(0, "0:00"), (59.6, "1:00"), (125, "2:05"), (3600 * 27 + 61, "27:01:01")])
def test_durations_are_readable(seconds, text):
    assert progressbar.duration(seconds) == text
