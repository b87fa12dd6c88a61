"""Nodes and numbers that scripts pass to the Logic: whether they are any, told before they reach VTK or NumPy.

What VTK says of a name in place of a node, or of 1.0 in place of 1, names neither the argument nor what to do.
"""

from __future__ import annotations

from numbers import Integral, Real

from LDCTDenoiseLib.scene import check_node


def check_nodes(*nodes) -> None:
    """Raise ValueError when one of ``nodes`` is neither a vtkMRMLNode nor None, such as the name of one."""
    for node in nodes:
        if node is not None:
            check_node(node)


def whole_number(value) -> int | None:
    """Return ``value`` as an int, or None where it is no whole number, such as 1.0, True or "1"."""
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else None


def real_number(value) -> float | None:
    """Return ``value`` as a float, or None where it is no number, such as True or "1"."""
    return float(value) if isinstance(value, Real) and not isinstance(value, bool) else None
