"""The report on tasks: what several of its parts and pages share."""

import sys
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[1] / "Benchmarks"
sys.path.append(str(BENCHMARKS))

from taskreport import geometry, gridpart, rodspart  # noqa: E402


def test_the_table_of_verdicts_counts_what_cells_break():
    cells = [{"method": method, "broken": broken, "ratio": 0.9, "anatomy": "chest", "kernel": "soft", "pixel_mm": 0.5,
              "dose": 0.5} for method, broken in (("net", ""), ("net", "es"), ("net", "s"), ("other", ""))]
    head, _, net, other, _ = gridpart.verdict_table(cells)
    assert head.startswith("| method | cells that break nothing | error (e) | noise (n) | soft (s) | lung (l) |")
    assert net.startswith("| net | 1 of 3 | 1 | 0 | 2 | 0 | ")
    assert other.startswith("| other | 1 of 1 | 0 | 0 | 0 | 0 | ")


def test_what_is_published_relative_to_fbp_follows_from_what_is_printed():
    assert rodspart.PUBLISHED == {100.0: 0.842, 50.0: 0.711, 20.0: 0.474}


def test_the_middle_of_an_image_is_all_of_a_side_that_is_too_short():
    assert geometry.middle_window((10, 7), 4) == (slice(3, 7), slice(1, 5))
    assert geometry.middle_window((10, 3), 4) == (slice(3, 7), slice(0, 3))
