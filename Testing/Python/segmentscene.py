"""Segmentation nodes in the scene of slicerscene, handled as the Segment Editor handles them, without its widgets."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

_LOGICS = WeakKeyDictionary()
"""The segmentations logic of each scene: a second one would register the node classes again."""


def _logic_of(slicer_scene):
    import slicer

    if slicer_scene not in _LOGICS:
        logic = slicer.vtkSlicerSegmentationsModuleLogic()
        logic.SetMRMLApplicationLogic(slicer_scene.application)
        logic.SetMRMLScene(slicer_scene.scene)
        _LOGICS[slicer_scene] = logic
    return _LOGICS[slicer_scene]


class Segments:
    """A segmentation whose geometry is that of ``volume``, as after choosing it in the Segment Editor."""

    def __init__(self, slicer_scene, volume):
        self.scene, self._logic = slicer_scene.scene, _logic_of(slicer_scene)
        self.volume = volume
        self.node = self.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{volume.GetName()} segments")
        self.node.CreateDefaultDisplayNodes()
        # The transform first: the geometry is written down in the coordinates of the segmentation node.
        self.node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
        self.node.SetReferenceImageGeometryParameterFromVolumeNode(volume)

    def geometry(self) -> str:
        """Return the reference geometry: matrix and extent as Slicer writes them down."""
        import slicer

        return self.node.GetSegmentation().GetConversionParameter(
            slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName())

    def set(self, name: str, mask: np.ndarray) -> None:
        """Make a segment of ``mask``, bool (K,J,I) on the voxels of the volume."""
        import slicer
        import vtk

        labels = self._labelmap()
        labels.CopyOrientation(self.volume)
        labels.SetAndObserveTransformNodeID(self.volume.GetTransformNodeID())
        slicer.util.updateVolumeFromArray(labels, mask.astype(np.uint8))
        identity = vtk.vtkStringArray()
        identity.InsertNextValue(self.node.GetSegmentation().AddEmptySegment(name, name))
        done = self._logic.ImportLabelmapToSegmentationNode(labels, self.node, identity)
        self._remove(labels)
        if not done:
            raise RuntimeError(f"The segment {name} could not be made.")

    def get(self, name: str, volume=None) -> np.ndarray:
        """Return the segment as bool (K,J,I) on the voxels of ``volume``, by default those that it was made on."""
        import slicer
        import vtk

        labels, identity = self._labelmap(), vtk.vtkStringArray()
        identity.InsertNextValue(name)
        done = self._logic.ExportSegmentsToLabelmapNode(self.node, identity, labels, volume or self.volume)
        mask = slicer.util.arrayFromVolume(labels) > 0 if done else None
        self._remove(labels)
        if mask is None:
            raise RuntimeError(f"The segment {name} could not be exported.")
        return mask

    def surface_volume(self, name: str) -> float:
        """Return the volume in mm3 that the closed surface of the segment encloses."""
        import vtk

        if not self.node.CreateClosedSurfaceRepresentation():
            raise RuntimeError("The closed surfaces could not be made.")
        surface = vtk.vtkPolyData()
        self.node.GetClosedSurfaceRepresentation(name, surface)
        triangles, properties = vtk.vtkTriangleFilter(), vtk.vtkMassProperties()
        triangles.SetInputData(surface)
        properties.SetInputConnection(triangles.GetOutputPort())
        return properties.GetVolume()

    def _labelmap(self):
        return self.scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")

    def _remove(self, labels) -> None:
        display = labels.GetDisplayNode()
        if display and display.GetColorNode() and display.GetColorNode().GetName().startswith("labels"):
            self.scene.RemoveNode(display.GetColorNode())
        self.scene.RemoveNode(labels)
