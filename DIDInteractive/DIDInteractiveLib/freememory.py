"""How much memory this computer can still give, without packages that Slicer does not bring."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_CGROUPS = ((Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
            (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")))
"""Limit and use of a container, in the second and in the first version of Linux's control groups."""
UNKNOWN_SHARE = 0.5
"""Share of the physical memory that is taken as free where only its size can be learnt (macOS)."""


def free_memory() -> int | None:
    """Return the bytes that programs can still get without swapping, as a guide; None where it cannot be learnt.

    Linux: MemAvailable, or what a container's limit leaves if that is less. Windows: the available physical memory.
    Elsewhere: half of the physical memory.
    """
    if sys.platform == "win32":
        return _windows()
    free = [bytes_ for bytes_ in (_available(), _left_in_container()) if bytes_ is not None]
    return min(free) if free else _half_of_physical()


def _available() -> int | None:
    try:
        lines = _MEMINFO.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return None


def _left_in_container() -> int | None:
    for limit, used in _CGROUPS:
        try:
            # Without a limit the file holds "max" or a number beyond all memory.
            return max(int(limit.read_text()) - int(used.read_text()), 0)
        except (OSError, ValueError):
            continue
    return None


def _half_of_physical() -> int | None:
    try:
        return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * UNKNOWN_SHARE)
    except (AttributeError, OSError, ValueError):
        return None


def _windows() -> int | None:
    import ctypes

    class Status(ctypes.Structure):
        """MEMORYSTATUSEX of the Windows API."""

        _fields_ = [("length", ctypes.c_uint32), ("load", ctypes.c_uint32),
                    *((name, ctypes.c_uint64) for name in ("physical", "available", "pagefile", "pagefile_available",
                                                              "virtual", "virtual_available", "extended"))]

    status = Status(length=ctypes.sizeof(Status))
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None
    return int(status.available)
