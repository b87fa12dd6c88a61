"""The report on tasks: own scans of the MITA disk beside the public slices."""

import csv
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk

from LDCTDenoiseLib.kernels import Kernel

BENCHMARKS = Path(__file__).resolve().parents[1] / "Benchmarks"
sys.path.append(str(BENCHMARKS))

from didreport.cache import Cache  # noqa: E402
from didreport.phantompart import DISK_RODS, DISKS, WITHOUT  # noqa: E402
from taskreport import context as contexts, mitapart, ownscans, squares  # noqa: E402
from taskreport.context import Context  # noqa: E402
from taskreport.diskspart import write_disks  # noqa: E402
from taskreport.plan import Plan  # noqa: E402

KERNEL = Kernel(0.35, 2.0)
SIZE = 128
DOSE = "dose 1.00"


def test_own_scans_hold_the_noise_of_the_file_on_the_ring_whatever_electronic_noise_adds():
    """At 75 HU an index of 75 would leave a sixth more."""
    images = ownscans.own_scans(KERNEL, 75.0, SIZE, np.arange(6))
    assert images.shape == (6, SIZE, SIZE) and images.dtype == np.int16
    assert ownscans.ring_noise(images[:3]) == pytest.approx(75.0, rel=0.05)
    assert ownscans.ring_noise(images[3:]) == pytest.approx(75.0, rel=0.05)


def test_the_rods_of_the_disk_have_the_contrast_that_their_names_tell():
    for rod, (_, _, radius) in DISK_RODS.items():
        image = ownscans.disk(KERNEL, SIZE, (rod,)).image.astype(float)
        contrast, width = float(rod.split(" HU")[0]), float(rod.split(", ")[1].split()[0])
        assert width == 2 * radius
        # A kernel moves a rod's contrast, but keeps its sum.
        area = math.pi * radius ** 2 / mitapart.DISK_PIXEL_MM ** 2
        assert image.sum() == pytest.approx(contrast * area, rel=0.05)


def rows(found: dict[str, float]) -> list[dict]:
    """FBP's d' of every task +/- .3: 1 or what is ``found`` on own scans, 1 on public slices."""
    return [{"group": f"{group}, half the noise", "task": task.name, "level": "FBP", "d": d, "d_low": d - 0.3,
             "d_high": d + 0.3, "ratio": None}
            for own, group in ((True, "own"), (False, "public")) for task in mitapart._TASKS
            for d in [found.get(task.name, 1.0) if own else 1.0]]


def test_the_page_says_where_own_scans_and_public_slices_disagree():
    stacks = [SimpleNamespace(dose=DOSE, own=own, group="own" if own else "public", kernel=KERNEL, noise=20.0)
              for own in (True, False)]
    near = "\n".join(mitapart.disk_lines(stacks, rows({mitapart.ANY: 1.4})))
    assert "+0.40 (-0.02 .. +0.82) | yes |" in near and "outside the interval in none" in near
    apart = "\n".join(mitapart.disk_lines(stacks, rows({mitapart.ANY: 1.5, "3 HU, 10 mm": 1.6})))
    # All rods hold the single ones, and are not counted beside them.
    assert "| NO |" in apart and "(5 comparisons;" in apart
    assert "outside the interval in 1: dose 1.00: 3 HU, 10 mm (+0.60); of 5 intervals of 95%" in apart


def test_the_page_tells_that_the_two_rods_share_the_product_of_contrast_and_diameter_and_not_the_sum():
    shown = ownscans.disk(KERNEL, SIZE, mitapart.LIKE[:1]).image, ownscans.disk(KERNEL, SIZE, mitapart.LIKE[1:]).image
    seven, five = (image.sum(dtype=float) * ownscans.DISK_PIXEL_MM ** 2 for image in shown)
    assert seven == pytest.approx(137, rel=0.05) and five == pytest.approx(192, rel=0.05)
    assert mitapart.sums_words() == ("7 HU, 5 mm: contrast x diameter 35 HU mm, contrast x area 137 HU mm^2; "
                                     "5 HU, 7 mm: contrast x diameter 35 HU mm, contrast x area 192 HU mm^2")


def test_scans_are_made_anew_when_any_file_that_describes_them_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(contexts, "PACKAGE", tmp_path)
    made = []

    def images() -> dict[str, np.ndarray]:
        made.append(1)
        return {"images": np.zeros(1)}

    for first, second in (("a", "b"), ("a", "b"), ("A", "b"), ("A", "B")):
        (tmp_path / "one.py").write_text(first)
        (tmp_path / "two.py").write_text(second)
        context = Context(Plan(), tmp_path, tmp_path, (), Cache(tmp_path / "cache"), [])
        context.simulated("disk", {}, "one.py", images, "two.py")
    assert len(made) == 3


class Blend:
    """A stand-in for a network: leaves four tenths of everything."""

    key, label, kind, identity = "blend", "blend 1", "network", {}

    def run(self, scans, share):
        return (scans.images * 0.4).round().astype(np.int16), math.nan


def test_aims_stand_on_the_own_scans_and_public_slices_in_the_tables_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(ownscans, "PILOTS", 1)
    monkeypatch.setattr(ownscans, "PILOT_SCANS", 2)
    slices = [squares.scans(ownscans.disk(KERNEL, SIZE, rods), 5.0, 1000 + np.arange(WITHOUT) + start)
              for start, rods in ((0, ()), (100, tuple(DISK_RODS)))]
    file = tmp_path / "data" / DISKS[DOSE]
    file.parent.mkdir(parents=True)
    sitk.WriteImage(sitk.GetImageFromArray(np.concatenate(slices)), str(file))
    (tmp_path / "disks").mkdir()
    plan = Plan(models=(), filters=(), square=96, pixel=1.34, realisations=3)
    context = Context(plan, tmp_path / "data", tmp_path / "disks", (), Cache(tmp_path / "cache"), [Blend()],
                      lambda words: None)
    cases = [aim.case for aim in write_disks(context)]
    assert any(case.startswith(f"MITA, own scans like {DOSE}, full strength, 3 realisations of 50") for case in cases)
    assert not any(case.startswith(f"MITA, {DOSE}") for case in cases)
    with (tmp_path / "disks" / "disks.csv").open(newline="") as stream:
        found = {row["group"].rsplit(", ", 1)[0]: float(row["d"]) for row in csv.DictReader(stream)
                 if row["task"] == mitapart.ANY and row["level"] == "FBP"}
    assert found.keys() == {f"MITA, own scans like {DOSE}", f"MITA, {DOSE}"}
    assert max(found.values()) < 1.5 * min(found.values())
    page = (tmp_path / "disks" / "disks.md").read_text()
    assert f"## MITA, own scans like {DOSE}, half the noise" in page and f"## MITA, {DOSE}, full strength" in page
    assert "all rods lies above 0; all do." in page
