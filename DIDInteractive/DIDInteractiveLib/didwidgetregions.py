"""The part of the panel with the boxes (vtkMRMLMarkupsROINode): what to work on, and where to measure."""

from __future__ import annotations

from LDCTDenoiseLib.region import place_new, roi_from_ijk
from LDCTDenoiseLib.widgetregion import RegionWatch


class Regions:
    """Places new boxes where they can be seen, and says what a run would take when one was moved."""

    SELECTORS = ("regionSelector", "statisticsSelector", "backgroundSelector")

    def __init__(self, panel) -> None:
        self.panel = panel
        self._watch = RegionWatch(panel.run.update)
        for name in self.SELECTORS:
            getattr(panel.ui, name).connect("nodeAddedByUser(vtkMRMLNode*)", self.onAdded)

    def follow(self) -> None:
        """Follow the boxes that are chosen now."""
        self._watch.follow(*self._chosen())

    def onAdded(self, added) -> None:
        """The user wants a new box: place it where the Red view shows the input, to be dragged from there."""
        parameters = self.panel.parameters
        if parameters is None or parameters.inputVolume is None:
            return  # there is nothing to place it in
        try:
            source = self.panel.logic.sourceVolume(parameters.inputVolume)
        except ValueError:
            return  # the source of a candidate is gone, as the panel says
        if source.GetImageData() is not None:
            place_new(added, source)
            self.panel.run.update()

    def problem(self, source) -> str | None:
        """Return why a chosen box cannot be brought together with the volume ``source``, or None; quick.

        Whether it holds voxels is not looked at.
        """
        try:
            for region in self._chosen():
                if region is not None:
                    roi_from_ijk(region, source)
        except ValueError as error:
            return str(error)
        return None

    def close(self) -> None:
        self._watch.close()

    def _chosen(self) -> tuple:
        parameters = self.panel.parameters
        return () if parameters is None else (
            parameters.regionROI, parameters.statisticsROI, parameters.backgroundROI)
