"""One denoised slice over the view that shows it, for as long as the user wants to see it."""

from __future__ import annotations

import numpy as np
import slicer
from slicer.i18n import tr as _

from . import scene, sliceplane
from .engine import DenoiseReply, DenoiseRequest
from .hu import round_to_dtype

VIEW = "Red"


class SlicePreview:
    """The slice of a volume that the Red view shows, denoised, as a temporary foreground.

    The network is run once, in full; the strength is applied here, so that it can be changed at once. ``shown`` is
    None while there is no preview, else the temporary volume.
    """

    def __init__(self) -> None:
        self.shown = None
        self._before = None
        self._source = None
        self._slice = None
        self._denoised = None

    def request(self, volume, model: str, device: str, precision: str) -> DenoiseRequest:
        """Return what to ask of the engine; raises ValueError when the view shows no slice of ``volume``."""
        node = slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{VIEW}")
        if node is None or not node.IsMappedInLayout():
            raise ValueError(_("The {view} view is not in this layout: choose a layout that shows it.").format(
                view=VIEW))
        voxels = scene.check_input(volume)
        self._source, k = volume, sliceplane.shown_slice(volume, node)
        self._slice = (k, voxels[k:k + 1].copy())
        return DenoiseRequest(self._slice[1], model=model, strength=1.0, device=device, precision=precision,
                              spacing=volume.GetSpacing()[::-1])

    def show(self, reply: DenoiseReply, strength: float):
        """Show the slice that came of :meth:`request`; returns the temporary volume.

        Raises RuntimeError when the volume or its voxels are no longer what they were.
        """
        k, before = self._slice
        scene.check_still_there(self._source)
        voxels = slicer.util.arrayFromVolume(self._source)
        if k >= len(voxels) or not np.array_equal(voxels[k:k + 1], before):
            raise RuntimeError(_("'{volume}' was changed during the preview: run it again.").format(
                volume=self._source.GetName()))
        self.remove()
        self._denoised = reply.array
        volume = scene.add_temporary_volume(slicer.mrmlScene, _("Preview"))
        sliceplane.place_slice(volume, self._source, k)
        self.shown = volume
        self.setStrength(strength)
        scene.show_like(volume, self._source)
        composite = self._composite()
        self._before = (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID(),
                        composite.GetForegroundOpacity())
        with slicer.util.NodeModify(composite):
            composite.SetBackgroundVolumeID(self._source.GetID())
            composite.SetForegroundVolumeID(volume.GetID())
            composite.SetForegroundOpacity(1.0)
        return volume

    def setStrength(self, strength: float) -> None:
        """Show the preview at this strength (0 to 1)."""
        if self.shown is None:
            return
        before = self._slice[1]
        # The engine's own rule: linear between the input and the network's output.
        blend = before + np.float32(strength) * (self._denoised.astype(np.float32) - before)
        slicer.util.updateVolumeFromArray(self.shown, round_to_dtype(blend, before.dtype))

    def flip(self) -> bool:
        """Hide the preview or show it again, for comparison; returns whether it is to be seen."""
        composite = self._composite()
        visible = composite.GetForegroundOpacity() < 0.5
        composite.SetForegroundOpacity(1.0 if visible else 0.0)
        return visible

    def remove(self) -> None:
        """Take the preview away; the view shows what it showed before."""
        volume, before = self.shown, self._before
        self.shown = self._before = self._denoised = None
        if volume is None or volume.GetScene() is None:
            return
        composite = self._composite()
        if composite is not None and composite.GetForegroundVolumeID() == volume.GetID():
            background, foreground, opacity = before
            with slicer.util.NodeModify(composite):
                # What was shown before may have been deleted meanwhile.
                if background is None or slicer.mrmlScene.GetNodeByID(background) is not None:
                    composite.SetBackgroundVolumeID(background)
                gone = foreground is not None and slicer.mrmlScene.GetNodeByID(foreground) is None
                composite.SetForegroundVolumeID(None if gone else foreground)
                composite.SetForegroundOpacity(opacity)
        slicer.mrmlScene.RemoveNode(volume)

    @staticmethod
    def _composite():
        return slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceCompositeNode{VIEW}")
