"""A set that does not fit into memory is made smaller, or refused, before the work."""

import ctypes
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from DIDInteractiveLib import freememory
from DIDInteractiveLib.freememory import free_memory
from DIDInteractiveLib.memoryestimate import estimate_memory, fit_into_memory
from DIDInteractiveLib.settings import CandidateSettings

SHAPE = (400, 512, 512)
VOXELS = 400 * 512 * 512
BLEND = CandidateSettings(method="blend", count=11)


def test_candidates_and_proxy_take_their_voxels():
    memory = estimate_memory(SHAPE, np.int16, BLEND)
    assert memory.candidates == 11 * 2 * VOXELS
    assert memory.proxy == 2 * VOXELS
    assert memory.total == memory.candidates + memory.proxy + memory.engine


def test_a_worker_process_holds_the_candidates_once_more():
    here, handed_over = (estimate_memory(SHAPE, np.int16, BLEND, worker) for worker in (False, True))
    assert handed_over.engine - here.engine == here.candidates == handed_over.candidates
    assert estimate_memory(SHAPE, np.int16, BLEND) == handed_over


def test_float_voxels_take_twice_the_memory_of_short_ones():
    memory = estimate_memory(SHAPE, np.int16, BLEND)
    assert estimate_memory(SHAPE, np.float32, BLEND).candidates == 2 * memory.candidates


def test_tuning_takes_memory_that_does_not_grow_with_the_number_of_slices():
    blend, tuned = (estimate_memory(SHAPE, np.int16, CandidateSettings(method=m)).engine for m in ("blend", "did"))
    one_blend, one_tuned = (estimate_memory((1, 512, 512), np.int16, CandidateSettings(method=m)).engine
                            for m in ("blend", "did"))
    assert tuned - blend == one_tuned - one_blend > 10**8


def test_what_fits_is_left_as_it_is():
    assert fit_into_memory(SHAPE, np.int16, BLEND, free=10**11) == (BLEND, None)


@pytest.mark.parametrize("worker,free", [(False, int(4.5e9)), (True, int(6.5e9))])
def test_what_does_not_fit_is_reduced_to_the_largest_number_that_does(worker, free):
    settings, message = fit_into_memory(SHAPE, np.int16, BLEND, free, worker)
    assert 3 <= settings.count < 11 and settings.method == "blend"
    assert estimate_memory(SHAPE, np.int16, settings, worker).total <= 0.9 * free
    one_more = CandidateSettings(method="blend", count=settings.count + 1)
    assert estimate_memory(SHAPE, np.int16, one_more, worker).total > 0.9 * free
    assert "11 candidates" in message and f"{free / 1e9:.1f} GB are free" in message
    assert f"{settings.count} are made" in message
    assert "\n" not in message


def test_what_does_not_fit_at_all_is_refused_with_one_message():
    with pytest.raises(ValueError, match=r"need 7\.\d GB, but 1\.0 GB are free.*choose a region"):
        fit_into_memory(SHAPE, np.int16, BLEND, free=10**9)


def test_little_memory_is_told_in_megabytes():
    with pytest.raises(ValueError, match=r"need 2\.1 MB, but 0\.5 MB are free"):
        fit_into_memory((1, 200, 200), np.int16, BLEND, free=500_000, worker=False)


def test_a_computer_that_does_not_tell_is_trusted(monkeypatch):
    monkeypatch.setattr("DIDInteractiveLib.memoryestimate.free_memory", lambda: None)
    assert fit_into_memory(SHAPE, np.int16, BLEND) == (BLEND, None)


def test_this_computer_tells_a_likely_amount():
    assert 10**7 < free_memory() < 10**14


@pytest.fixture
def linux(tmp_path, monkeypatch):
    """Stand-ins for the files in which Linux tells about memory; none exists yet."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(freememory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(freememory, "_CGROUPS", ((tmp_path / "max", tmp_path / "current"),))
    return tmp_path


def test_linux_tells_what_is_available(linux):
    (linux / "meminfo").write_text("MemTotal: 8000 kB\nMemFree: 1000 kB\nMemAvailable:    5000 kB\n")
    assert free_memory() == 5000 * 1024


def test_a_container_leaves_no_more_than_its_limit(linux):
    (linux / "meminfo").write_text("MemAvailable: 5000 kB\n")
    (linux / "max").write_text("3000000\n")
    (linux / "current").write_text("1000000\n")
    assert free_memory() == 2_000_000
    (linux / "max").write_text("max\n")
    assert free_memory() == 5000 * 1024


def test_where_only_the_size_is_known_half_of_it_counts_as_free(linux, monkeypatch):
    pages = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 1000}
    monkeypatch.setattr(freememory.os, "sysconf", pages.__getitem__, raising=False)
    assert free_memory() == 4096 * 500


def test_where_nothing_is_known_it_says_so(linux, monkeypatch):
    def unknown(name):
        raise ValueError(name)

    monkeypatch.setattr(freememory.os, "sysconf", unknown, raising=False)
    assert free_memory() is None


@pytest.mark.parametrize("answers,expected", [(1, 7_000_000), (0, None)])
def test_windows_is_asked_through_its_api(monkeypatch, answers, expected):
    def status(pointer):
        pointer._obj.available = 7_000_000
        assert pointer._obj.length == ctypes.sizeof(pointer._obj) and ctypes.sizeof(pointer._obj) % 8 == 0
        return answers

    monkeypatch.setattr(sys, "platform", "win32")
    kernel = SimpleNamespace(GlobalMemoryStatusEx=status)
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel), raising=False)
    assert free_memory() == expected
