"""What the slice views show of a candidate set: the current image, what was removed, or two candidates side by side."""

from __future__ import annotations

import slicer

from LDCTDenoiseLib import sliceplane
from LDCTDenoiseLib.scene import SOURCE_ROLE
from LDCTDenoiseLib.sidebyside import SideBySide


class CandidateViews:
    """Changes only views that show an image of the set, and only their background: zoom and position stay.

    Attributes:
        current: the volume with the image that the slider stands at; None without a set.
    """

    def __init__(self, logic) -> None:
        self._logic = logic
        self._set = None
        self._own: set[str] = set()
        self._difference = None
        self._sideBySide = SideBySide()
        self._latest = None
        self._before: dict[str, str | None] = {}
        self.current = None

    @property
    def difference(self) -> bool:
        """Whether what was removed takes the place of the image."""
        return self._difference is not None

    @property
    def sideBySide(self) -> bool:
        return self._sideBySide.on

    def setSet(self, candidates) -> None:
        """Take the set (vtkMRMLSequenceNode, or None) as the one to show; changes no view but those of the last one."""
        self.setSideBySide(None)
        self.setDifference(None)
        self._own = set()
        self._set = candidates
        self.current = None if candidates is None else self._logic.proxyVolume(candidates)
        self._know(self.current)

    def showFirst(self) -> None:
        """Let views show the set that show its source or nothing, or else all views."""
        source = self._set.GetNodeReference(SOURCE_ROLE)
        self._know(self.current)
        for composite in self._views({"", *([source.GetID()] if source is not None else [])}) or (
                slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")):
            self._put(composite)

    def show(self, volume) -> None:
        """Show ``volume``, an image of the set, in the place of the one before."""
        views = self._views()
        self.current = volume
        self._know(volume)
        for composite in views:
            self._put(composite)

    def setDifference(self, volume) -> None:
        """Show ``volume``, what was removed, in the place of the image; None: the image again."""
        if volume is self._difference:
            return
        views = self._views()
        self._difference = volume
        self._know(volume)
        for composite in views:
            self._put(composite)

    def setSideBySide(self, left) -> None:
        """Show the volume ``left`` on the left and the current image on the right; None: the views as they were."""
        if left is None:
            self._sideBySide.stop()
        elif self.sideBySide:
            self._sideBySide.left().SetBackgroundVolumeID(left.GetID())
        else:
            self._sideBySide.start(left.GetID(), self._wanted().GetID())

    def close(self) -> None:
        """End side by side without handling events: the panel or the scene is about to go, or a scene to be read."""
        self._sideBySide.stop(letResize=False)

    def setLatest(self, volume, source=None) -> None:
        """Show ``volume``, which a run fills with what it finished last, in the place of ``source`` and of the set.

        None: what these views showed before, or the user has them show now.
        """
        if volume is self._latest:
            return
        for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
            before = self._before.get(composite.GetID())
            if (self._latest is not None and composite.GetBackgroundVolumeID() == self._latest.GetID()
                    and slicer.mrmlScene.GetNodeByID(before or "") is not None):
                composite.SetBackgroundVolumeID(before)
        if self._latest is not None:
            self._own.discard(self._latest.GetID())
        self._latest, self._before = volume, {}
        if volume is not None:
            for composite in self._views({source.GetID()}):
                if _hasPlaceFor(composite, volume):
                    self._before[composite.GetID()] = composite.GetBackgroundVolumeID()
                    composite.SetBackgroundVolumeID(volume.GetID())
            self._know(volume)

    def check(self) -> bool:
        """Return whether the image was removed from the scene. Views that lost it, or what was removed of the input,
        show the current candidate; they are empty now.
        """
        lost = [volume for volume in (self.current, self._difference)
                if volume is not None and volume.GetScene() is None]
        if not lost:
            return False
        if self._difference in lost:
            self._difference = None
        imageIsGone = self.current in lost
        if imageIsGone:
            self.current = self._logic.proxyVolume(self._set)
        for composite in self._views({""}):
            self._put(composite)
        return imageIsGone

    def visibleSlice(self) -> int | None:
        """Return the slice of the set's volumes that a view shows as it was acquired, or None."""
        for composite in self._views():
            node = _sliceNode(composite)
            if node is not None and node.IsMappedInLayout():
                try:
                    return sliceplane.shown_slice(self.current, node)
                except ValueError:
                    continue
        return None

    def _wanted(self):
        return self._difference or self.current

    def _know(self, volume) -> None:
        if volume is not None:
            self._own.add(volume.GetID())

    def _views(self, others: frozenset[str] | set[str] = frozenset()) -> list:
        """Return the composite nodes that show an image of the set, or a volume with an ID among ``others``."""
        # The left view shows what the user compares with, whatever the others do.
        fixed = self._sideBySide.left() if self.sideBySide else None
        return [composite for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
                if (composite.GetBackgroundVolumeID() or "") in self._own | others and composite is not fixed]

    def _put(self, composite) -> None:
        wanted = self._wanted()
        if wanted is not None and wanted.GetScene() is not None and _hasPlaceFor(composite, wanted):
            composite.SetBackgroundVolumeID(wanted.GetID())


def _sliceNode(composite):
    return slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{composite.GetLayoutName()}")


def _hasPlaceFor(composite, volume) -> bool:
    """Return whether the view can show ``volume``: a preview has nothing for other planes."""
    return volume.GetImageData().GetDimensions()[2] > 1 or _shows(composite, volume)


def _shows(composite, volume) -> bool:
    node = _sliceNode(composite)
    try:
        return node is not None and sliceplane.shown_slice(volume, node) == 0
    except ValueError:
        return False
