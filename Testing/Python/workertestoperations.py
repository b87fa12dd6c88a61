"""Operations of a worker for the tests of everything around them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np

from LDCTDenoiseLib.engine import Cancelled

ECHO = "import sys; sys.stdout.write('from a child\\n{\"id\": 1}\\n')"


def echo(arguments, context):
    return arguments


def steps(arguments, context):
    """Reports ``count`` steps and hands over an array after each."""
    for step in range(arguments["count"]):
        context.progress(step + 1, arguments["count"], np.float32(0.5))
        context.partial({"step": step, "array": np.full((2, 3), step, np.int16)})
    return "all"


def endless(arguments, context):
    """Goes on until it is cancelled."""
    context.progress(0)
    while not context.cancelled():
        time.sleep(0.005)
    raise Cancelled("stopped")


def stubborn(arguments, context):
    """Does not listen."""
    context.progress(0)
    time.sleep(600)


def noisy(arguments, context):
    """Prints in every way there is, also what looks like a message."""
    print('{"id": 1, "event": "done", "value": "not this"}')
    os.write(1, b"from C\n")
    sys.__stdout__.write("through the original object\n")
    sys.__stdout__.flush()
    subprocess.run([sys.executable, "-c", ECHO], check=True)
    return sys.stdin.read() + os.read(0, 10).decode()


def dies(arguments, context):
    os.kill(os.getpid(), signal.SIGKILL)


def fails(arguments, context):
    raise {"ValueError": ValueError, "KeyError": KeyError, "MemoryError": MemoryError, "SystemExit": SystemExit}[
        arguments["kind"]](arguments["text"])


def says_nonsense(arguments, context):
    return {"what JSON cannot say": object()}


def about(arguments, context):
    """Tells of the process."""
    return {"pid": os.getpid(), "path": sys.path[0], "folder": os.getcwd(), "torch": "torch" in sys.modules,
            "environment": dict(os.environ), "threads": threading.active_count(),
            "descriptors": len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0,
            "memory": _resident_bytes()}


def fills_the_disk(arguments, context):
    """Returns more than the limit on files that it sets for this process, and says what it left behind."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (arguments["limit"], resource.RLIM_INFINITY))
    return np.zeros(arguments["limit"], np.uint8)


def writes_to_its_input(arguments, context):
    arguments["array"][0] = 1


def _resident_bytes() -> int:
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


OPERATIONS = {function.__name__: function for function in (
    echo, steps, endless, stubborn, noisy, dies, fails, says_nonsense, about, fills_the_disk, writes_to_its_input)}
