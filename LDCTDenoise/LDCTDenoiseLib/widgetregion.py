"""Follows boxes (vtkMRMLMarkupsROINode) that the user draws, for the panels of both modules."""

from __future__ import annotations

from collections.abc import Callable

import qt
import slicer
import vtk


class RegionWatch:
    """Calls ``changed()`` when a followed box was moved or resized.

    :param changed: called without arguments when the boxes have rested for a moment, not at every step of a drag.
    """

    PAUSE_MS = 250

    def __init__(self, changed: Callable[[], None]) -> None:
        self._followed: tuple = ()
        self._tags: list[tuple] = []
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(self.PAUSE_MS)
        self._timer.connect("timeout()", changed)

    def follow(self, *regions) -> None:
        """Follow ``regions``, boxes or None, and no others."""
        if regions == self._followed:
            return
        for region, tag in self._tags:
            region.RemoveObserver(tag)
        self._followed = regions
        self._tags = [(region, region.AddObserver(event, lambda caller, event: self._timer.start()))
                      for region in set(regions) - {None}
                      for event in (vtk.vtkCommand.ModifiedEvent, slicer.vtkMRMLMarkupsNode.PointModifiedEvent)]

    def close(self) -> None:
        """Follow nothing any more."""
        self.follow()
        self._timer.stop()
