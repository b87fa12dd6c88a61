"""Two volumes in two linked slice views, and the way back to what the views showed before."""

from __future__ import annotations

from dataclasses import dataclass

import slicer
import vtk
from slicer.i18n import tr as _

LEFT, RIGHT = "Red", "Yellow"
"""The slice views of Slicer's layout "side by side"."""


@dataclass
class _ViewState:
    background: str | None
    linked: int
    hotLinked: int
    sliceToRAS: vtk.vtkMatrix4x4
    fieldOfView: tuple[float, float, float]
    origin: tuple[float, float, float]


class SideBySide:
    """The layout "side by side" for as long as it is wanted."""

    def __init__(self) -> None:
        self.on = False
        self._layout = None
        self._views: dict[str, _ViewState] = {}

    def start(self, left: str, right: str) -> None:
        """Show the volumes with these IDs, both as the left view (Red) shows its own now.

        Raises ValueError where there are no views, as without a main window.
        """
        layout = _layoutNode()
        if layout is None:
            raise ValueError(_("There are no views to show volumes side by side in: open the main window of Slicer."))
        self._layout = layout.GetViewArrangement()
        self._views = {name: _stateOf(name) for name in (LEFT, RIGHT)}
        layout.SetViewArrangement(layout.SlicerLayoutSideBySideView)
        _letViewsResize()
        pattern = _sliceNode(LEFT)
        right_view = _sliceNode(RIGHT)
        right_view.GetSliceToRAS().DeepCopy(pattern.GetSliceToRAS())
        right_view.UpdateMatrices()
        right_view.SetFieldOfView(*pattern.GetFieldOfView())
        right_view.SetXYZOrigin(*pattern.GetXYZOrigin())
        for name, identifier in ((LEFT, left), (RIGHT, right)):
            composite = _composite(name)
            composite.SetBackgroundVolumeID(identifier)
            composite.SetLinkedControl(True)
            composite.SetHotLinkedControl(True)
        self.on = True

    def stop(self, letResize: bool = True) -> None:
        """Let the views be as they were; if the user has chosen another layout meanwhile, that stays.

        ``letResize`` False: no events are handled, as a panel or a scene is about to go, where what a worker has to
        say would come at a bad moment. The views then keep their zoom.
        """
        if not self.on:
            return
        self.on = False
        layout = _layoutNode()
        ours = layout.GetViewArrangement() == layout.SlicerLayoutSideBySideView
        if ours:
            layout.SetViewArrangement(self._layout)
            if letResize:
                _letViewsResize()
        for name, state in self._views.items():
            node, composite = _sliceNode(name), _composite(name)
            if node is None or composite is None:
                continue
            composite.SetLinkedControl(state.linked)
            composite.SetHotLinkedControl(state.hotLinked)
            if state.background is None or slicer.mrmlScene.GetNodeByID(state.background) is not None:
                composite.SetBackgroundVolumeID(state.background)
            node.GetSliceToRAS().DeepCopy(state.sliceToRAS)
            node.UpdateMatrices()
            if ours and letResize:  # else the view has another size than it had
                node.SetFieldOfView(*state.fieldOfView)
                node.SetXYZOrigin(*state.origin)

    def left(self):
        """Return the composite node of the left view."""
        return _composite(LEFT)


def _stateOf(name: str) -> _ViewState:
    node, composite = _sliceNode(name), _composite(name)
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(node.GetSliceToRAS())
    return _ViewState(composite.GetBackgroundVolumeID(), composite.GetLinkedControl(),
                      composite.GetHotLinkedControl(), matrix, node.GetFieldOfView(), node.GetXYZOrigin())


def _letViewsResize() -> None:
    """Until this, views of another layout have their old size. Clicks have to wait: a module may be about to close."""
    import qt  # is there where views are

    slicer.app.processEvents(qt.QEventLoop.ExcludeUserInputEvents)


def _layoutNode():
    return slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")


def _sliceNode(name: str):
    return slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{name}")


def _composite(name: str):
    return slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceCompositeNode{name}")
