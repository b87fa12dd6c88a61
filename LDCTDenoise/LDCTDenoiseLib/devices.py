"""The devices that networks can run on. Needs torch."""

from __future__ import annotations

import contextlib
import os
import platform

import torch

from .engine import Device
from .inference import choose_device


def list_devices() -> list[Device]:
    """Return the devices that can be used on this computer, "auto" first, then the CPU."""
    devices = [Device("cpu", f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads",
                      physical_memory())]
    for number in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(number)
        devices.append(Device(f"cuda:{number}", properties.name, properties.total_memory))
    with contextlib.suppress(ValueError):
        choose_device("mps")
        # It has the memory of the computer.
        devices.append(Device("mps", "Apple GPU", physical_memory()))
    kind = choose_device("auto").type
    best = next(device for device in devices if device.name.partition(":")[0] == kind)
    return [Device("auto", best.title, best.memory_bytes), *devices]


def physical_memory() -> int | None:
    """Return the bytes of memory that the computer has, or None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None
