"""A real MRML scene with Slicer's application logic, from the slicer-core wheel, without the application.

Of what the application's Qt side does, only one thing is made up for: volumes get an item in the subject hierarchy when
they are added, and lose it when they are removed.
slicer is imported only by the tests that use the fixture.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import slicerstandins

MODULE_LOGICS = {
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Sequences": "vtkSlicerSequencesLogic",
    # Removes the display and storage nodes of a removed node
    "Data": "vtkSlicerDataModuleLogic",
}


class SlicerScene:
    """``slicer.mrmlScene`` with what reads and writes its files; ``messages`` collects VTK's errors and warnings."""

    def __init__(self, folder: str):
        import slicer
        import vtk

        slicerstandins.complete_slicer()
        self.messages: list[tuple[str, str]] = []
        self._listen(vtk)

        os.makedirs(os.path.join(folder, "share", "ColorFiles"), exist_ok=True)
        self.application = slicer.vtkSlicerApplicationLogic()
        self.application.SetTemporaryPath(folder)
        self.application.SetHomeDirectory(folder)
        self.application.SetShareDirectory("share")
        self.scene = slicer.vtkMRMLScene()
        self.scene.SetRootDirectory(folder)
        self.application.SetMRMLScene(self.scene)
        self._remote = slicer.vtkMRMLRemoteIOLogic()
        cache = self._remote.GetCacheManager()
        cache.CreateSentinelFileInDirectory(folder)
        cache.SetRemoteCacheDirectory(folder)
        self._data_io = slicer.vtkDataIOManagerLogic()
        self._data_io.SetMRMLApplicationLogic(self.application)
        self.application.SetMRMLSceneDataIO(self.scene, self._remote, self._data_io)
        self.application.SetSliceLogics(vtk.vtkCollection())
        self.application.SetViewLogics(vtk.vtkCollection())
        color = self._module_logic("Colors", slicer.vtkSlicerColorLogic)  # the application holds it
        self.application.SetColorLogic(color)
        color.AddDefaultColorNodes()
        self._logics = {name: self._module_logic(name, getattr(slicer, cls)) for name, cls in MODULE_LOGICS.items()}
        self._keep_hierarchy(slicer, vtk)
        slicer.mrmlScene = self.scene

    def _listen(self, vtk) -> None:
        vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)
        self._window = vtk.vtkStringOutputWindow()
        vtk.vtkOutputWindow.SetInstance(self._window)

        def note(window, event, text):
            self.messages.append((event, text))

        note.CallDataType = "string0"
        self._window.AddObserver("ErrorEvent", note)
        self._window.AddObserver("WarningEvent", note)

    def _keep_hierarchy(self, slicer, vtk) -> None:
        def added(scene, event, node):
            if node.IsA("vtkMRMLScalarVolumeNode") and not scene.IsImporting():
                self.hierarchy.CreateItem(self.hierarchy.GetSceneItemID(), node)

        def removed(scene, event, node):
            item = self.hierarchy.GetItemByDataNode(node) if not scene.IsClosing() else 0
            if item:
                self.hierarchy.RemoveItem(item, False, False)

        added.CallDataType = removed.CallDataType = vtk.VTK_OBJECT
        self._observers = [self.scene.AddObserver(slicer.vtkMRMLScene.NodeAddedEvent, added),
                           self.scene.AddObserver(slicer.vtkMRMLScene.NodeAboutToBeRemovedEvent, removed)]

    def _module_logic(self, name: str, logic_class):
        logic = logic_class()
        logic.SetMRMLApplicationLogic(self.application)
        logic.SetMRMLScene(self.scene)
        self.application.SetModuleLogic(name, logic)
        return logic

    def logic(self, module: str):
        """Return the logic of one of the MODULE_LOGICS."""
        return self._logics[module]

    def close(self) -> None:
        """Empty the scene, and no longer react to what becomes of it."""
        self.scene.Clear(True)
        for tag in self._observers:
            self.scene.RemoveObserver(tag)

    @property
    def hierarchy(self):
        import slicer

        return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self.scene)

    def add_volume(self, array, affine=None, name="CT", window=(400.0, 40.0)):
        """Add a scalar volume with a fixed (window, level); ``affine`` is IJK to RAS."""
        import slicer

        volume = slicer.util.addVolumeFromArray(array, ijkToRAS=np.eye(4) if affine is None else affine, name=name)
        display = volume.GetDisplayNode()
        display.SetAutoWindowLevel(False)
        display.SetWindowLevel(*window)
        return volume

    def load_volume(self, path, name: str):
        """Add the scalar volume in the file ``path`` (.nrrd, .nii.gz, .mha)."""
        volume = self._logics["Volumes"].AddArchetypeVolume(str(path), name, 0)
        if volume is None:
            raise OSError(f"No volume could be read from {path}")
        return volume

    def load_sequence(self, path):
        """Add the sequence in the file ``path`` (.seq.nrrd)."""
        sequence = self._logics["Sequences"].AddSequence(str(path))
        if sequence is None:
            raise OSError(f"No sequence could be read from {path}")
        return sequence

    def node_ids(self) -> list[str]:
        """Return the ID of every node, in the order of the scene."""
        return [self.scene.GetNthNode(n).GetID() for n in range(self.scene.GetNumberOfNodes())]

    def save(self, path) -> None:
        """Write the scene with all its data to ``path`` (.mrb)."""
        if not self.scene.WriteToMRB(str(path)):
            raise OSError(f"The scene could not be written to {path}")

    def reload(self, path) -> None:
        """Save the scene as ``path`` (.mrb), clear it and read it back."""
        self.save(path)
        self.scene.Clear(False)
        if not self.scene.ReadFromMRB(str(path)):
            raise OSError(f"The scene could not be read from {path}")


@pytest.fixture
def mrml(tmp_path):
    """A real, empty MRML scene. The test fails if VTK reported an error or a warning."""
    slicer_scene = SlicerScene(str(tmp_path / "slicer"))
    yield slicer_scene
    # With the messages spelt out: pytest explains the assertions of test files only.
    assert not slicer_scene.messages, slicer_scene.messages
    slicer_scene.close()
