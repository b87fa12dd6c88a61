"""Stand-ins for what the Slicer application brings and the slicer-core wheel does not: Qt, its widgets, ``slicer.app``.

They are made of PySide6, and refuse what PythonQt, Slicer's own Python interface to Qt, would refuse. ``slicerpackage``
holds the modules that Slicer keeps in its package ``slicer``. See :mod:`.session` for how a test gets all of them.
"""

import os
from pathlib import Path

SOURCE_VARIABLE = "SLICER_SOURCE"


def slicer_package() -> Path:
    """Return the folder of the modules below ``slicer``: the stand-ins, or those of the checkout in SLICER_SOURCE."""
    checkout = os.environ.get(SOURCE_VARIABLE)
    return Path(checkout) / "Base" / "Python" / "slicer" if checkout else Path(__file__).with_name("slicerpackage")
