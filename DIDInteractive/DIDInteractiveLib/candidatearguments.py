"""Nodes and numbers that scripts pass to the Logic: whether they are any, told before they reach VTK or NumPy.

What VTK says of a name in place of a node, or of 1.0 in place of 1, names neither the argument nor what to do.
"""

from __future__ import annotations

from numbers import Integral, Real

import slicer
from slicer.i18n import tr as _


def check_nodes(*nodes) -> None:
    """Raise ValueError when one of ``nodes`` is neither a vtkMRMLNode nor None, such as the name of one."""
    for node in nodes:
        if node is not None and not isinstance(node, slicer.vtkMRMLNode):
            raise ValueError(_("A node of the scene was expected, not a value of type {type}: pass the node itself, "
                               "as slicer.util.getNode returns it for a name.").format(type=type(node).__name__))


def whole_number(value) -> int | None:
    """Return ``value`` as an int, or None where it is no whole number, such as 1.0, True or "1"."""
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else None


def real_number(value) -> float | None:
    """Return ``value`` as a float, or None where it is no number, such as True or "1"."""
    return float(value) if isinstance(value, Real) and not isinstance(value, bool) else None
