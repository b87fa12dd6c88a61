"""Stand-ins for what the Slicer application brings and the slicer-core wheel does not: Qt, its widgets, ``slicer.app``.

They are made of PySide6, and refuse what PythonQt, Slicer's own Python interface to Qt, would refuse. ``slicerpackage``
holds the modules that Slicer keeps in its package ``slicer``. See :mod:`.session` for how a test gets all of them.
"""

import os
from pathlib import Path

PACKAGE_VARIABLE = "LDCT_SLICER_PACKAGE"
"""Names a folder whose modules are to be used in place of ``slicerpackage``: Slicer's own Base/Python/slicer."""


def slicer_package() -> Path:
    """Return the folder of the modules below ``slicer``."""
    return Path(os.environ.get(PACKAGE_VARIABLE) or Path(__file__).with_name("slicerpackage"))


def complete_slicer() -> None:
    """Let the package ``slicer`` of slicer-core find the modules that only Slicer has.

    Raises:
        ImportError: there is no package ``slicer``.
    """
    import slicer

    folder = str(slicer_package())
    if folder not in slicer.__path__:
        slicer.__path__.append(folder)
