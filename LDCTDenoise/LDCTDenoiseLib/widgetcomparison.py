"""Before and after in the slice views: one in the place of the other, side by side, or what was removed."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from . import scene
from .sidebyside import SideBySide


class Comparison:
    """Shows a result and its source in the slice views.

    Only views that show one of the two are changed, and only their background: zoom, position and window stay.

    Attributes:
        after: whether the views show the result (or the difference in its place), not the source.
        difference: whether what was removed takes the place of the result.
    """

    def __init__(self) -> None:
        self.source = self.result = None
        self.after = True
        self.difference = False
        self._sideBySide = SideBySide()
        self._temporary = None

    @property
    def available(self) -> bool:
        """Whether there is a result to compare."""
        return self.result is not None and all(
            volume.GetScene() is not None and volume.GetImageData() is not None
            for volume in (self.result, self.source))

    @property
    def sideBySide(self) -> bool:
        return self._sideBySide.on

    def setResult(self, result) -> bool:
        """Compare ``result`` (None: nothing) with the volume that it was made from; return whether that is another."""
        source = None if result is None else result.GetNodeReference(scene.SOURCE_ROLE)
        result = None if source is None else result
        if (result, source) == (self.result, self.source):
            return False
        self.stop()
        self.result, self.source = result, source
        self.after = self._showsAfter()
        return True

    def show(self) -> None:
        """Show the result, which is new, where its source is to be seen, or in all views if that is nowhere."""
        self.after = True
        if self._temporary is not None:
            self._fillTemporary()
        views = self._views() or slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
        for composite in views:
            composite.SetBackgroundVolumeID(self._wanted().GetID())

    def flip(self) -> None:
        """Change between before and after, whichever the views show now: the user may have changed that elsewhere."""
        views = self._views()
        self.after = not self._showsAfter()
        self._update(views)

    def setDifference(self, on: bool) -> None:
        """Let what was removed take the place of the result in the views, or no longer.

        Raises ValueError when source and result no longer fit together.
        """
        if on == self.difference:
            return
        before, after = (volume.GetImageData().GetDimensions() for volume in (self.source, self.result))
        if on and before != after:
            raise ValueError(_("'{source}' and '{result}' no longer have the same size: run again.").format(
                source=self.source.GetName(), result=self.result.GetName()))
        views = self._views()
        self.difference, self.after = on, True
        self._update(views)
        if not on:
            self._removeTemporary()

    def setSideBySide(self, on: bool) -> None:
        """Show before on the left and after on the right, linked; or let the views be as they were before."""
        if on == self.sideBySide:
            return
        self.after = True
        if on:
            self._sideBySide.start(self.source.GetID(), self._wanted().GetID())
        else:
            self._sideBySide.stop()
            self._update(self._views())

    def leave(self) -> None:
        """Undo what only the panel can undo, side by side and difference; before or after stays: both are volumes."""
        if self.available:
            self.setSideBySide(False)
            self.setDifference(False)

    def stop(self) -> None:
        """Undo what was asked for: side by side, difference, before."""
        if self.available:
            self.setSideBySide(False)
            self.setDifference(False)
            if not self.after:
                self.flip()
        else:
            self._sideBySide.stop()
            self.difference, self.after = False, True
        self._removeTemporary()

    def close(self) -> None:
        """Do the same without handling events: the panel or the scene is about to go, or a scene to be read."""
        self._sideBySide.stop(letResize=False)
        self.stop()

    def _wanted(self):
        if not self.after:
            return self.source
        return self._differenceVolume() if self.difference else self.result

    def _views(self) -> list:
        """Return the composite nodes whose background changes between before and after."""
        shown = {node.GetID() for node in (self.source, self.result, self._temporary, self._keptNoise())
                 if node is not None and node.GetScene() is not None}
        found = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
        # The left view shows what was before, whatever the others do.
        fixed = self._sideBySide.left() if self.sideBySide else None
        return [view for view in found if view.GetBackgroundVolumeID() in shown and view is not fixed]

    def _showsAfter(self) -> bool:
        """Return whether a view shows the result or the difference, or none the source."""
        views = self._views()
        return not views or any(view.GetBackgroundVolumeID() != self.source.GetID() for view in views)

    def _update(self, views) -> None:
        identifier = self._wanted().GetID()
        for composite in views:
            composite.SetBackgroundVolumeID(identifier)

    def _keptNoise(self):
        return None if self.result is None else self.result.GetNodeReference(scene.REMOVED_NOISE_ROLE)

    def _differenceVolume(self):
        """Return the volume of what was removed: the one that the run kept, or a temporary one."""
        kept = self._keptNoise()
        if kept is not None:
            return kept
        if self._temporary is None:
            self._temporary = scene.add_temporary_volume(slicer.mrmlScene, _("Difference"))
            self._temporary.CopyOrientation(self.source)
            self._temporary.SetAndObserveTransformNodeID(self.source.GetTransformNodeID())
            self._fillTemporary()
        return self._temporary

    def _fillTemporary(self) -> None:
        before, after = (slicer.util.arrayFromVolume(volume) for volume in (self.source, self.result))
        slicer.util.updateVolumeFromArray(self._temporary, scene.removed_noise(before, after))
        scene.show_noise(self._temporary)

    def _removeTemporary(self) -> None:
        if self._temporary is not None and self._temporary.GetScene() is not None:
            slicer.mrmlScene.RemoveNode(self._temporary)
        self._temporary = None
