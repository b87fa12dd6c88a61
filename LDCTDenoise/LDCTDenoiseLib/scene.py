"""Volumes of the MRML scene: what can be denoised, and how voxels become a node.

Nodes are made or changed only when a complete result is at hand, so that a run that fails or is stopped leaves the
scene as it was. Arrays are (slice, row, column) in HU.
"""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _
from vtk.util.numpy_support import numpy_to_vtk

from . import provenance
from .ctvolume import VolumeError, check_axial
from .region import ijk_to_ras

SOURCE_ROLE = "LDCTDenoise.Source"
"""Node reference from a result to the volume it was made from."""
REMOVED_NOISE_ROLE = "LDCTDenoise.RemovedNoise"
"""Node reference from a result to the volume of what was removed."""
REMOVED_NOISE_ATTRIBUTE = "LDCTDenoise.RemovedNoise"
"""Set on volumes of what was removed, which outlive the result: they are no images."""
CANDIDATE_ATTRIBUTE = "DIDInteractive.Kind"
"""Volumes with it are candidates of the other module; one of the kind "input" is the untouched input."""


def check_input(volume) -> np.ndarray:
    """Return a view of the voxels of ``volume``; raise ValueError when it is no CT volume that can be denoised."""
    if volume is None:
        raise ValueError(_("There is no input volume: choose the CT to denoise."))
    check_kind(volume, "input")
    name = volume.GetName()
    if volume.GetScene() is None:
        raise ValueError(_("The input volume '{name}' is not in the scene: add it first.").format(name=name))
    image = volume.GetImageData()
    if image is None or image.GetNumberOfPoints() == 0:
        raise ValueError(_("The input volume '{name}' holds no image: load it again.").format(name=name))
    if image.GetNumberOfScalarComponents() != 1:
        raise ValueError(_("The input volume '{name}' has {count} values a voxel: choose a CT volume, which has "
                           "one.").format(name=name, count=image.GetNumberOfScalarComponents()))
    array = slicer.util.arrayFromVolume(volume)
    if array.dtype.kind == "f":
        for k, plane in enumerate(array):
            if not np.isfinite(plane).all():
                raise ValueError(_("The input volume '{name}' holds values that are not finite numbers, first in slice "
                                   "{number}: replace them, for example by -1024.").format(name=name, number=k))
    return array


def check_node(node) -> None:
    """Raise ValueError when ``node`` is no vtkMRMLNode, such as the name of one, or None."""
    if not isinstance(node, slicer.vtkMRMLNode):
        raise ValueError(_("A node of the scene was expected, not a value of type {type}: pass the node itself, "
                           "as slicer.util.getNode returns it for a name.").format(type=type(node).__name__))


def check_kind(volume, purpose: str) -> None:
    """Raise ValueError when ``volume`` is no scalar volume; ``purpose``, "input" or "output", is for the message."""
    check_node(volume)
    # By exact class: label maps, vector and tensor volumes are subclasses of the scalar volume.
    if not volume.IsA("vtkMRMLScalarVolumeNode") or volume.GetClassName() != "vtkMRMLScalarVolumeNode":
        texts = {"input": _("The input '{name}' is a {kind}, not a scalar volume: choose a CT volume."),
                 "output": _("The output '{name}' is a {kind}, not a scalar volume: choose another output or none.")}
        raise ValueError(texts[purpose].format(name=volume.GetName(), kind=volume.GetNodeTagName()))


def input_warnings(volume) -> list[str]:
    """Return why ``volume`` itself, whatever the network, may be no good input; usually nothing."""
    said = {**provenance.of_node(volume), "kind": volume.GetAttribute(CANDIDATE_ATTRIBUTE)}
    again = None if volume.GetAttribute(REMOVED_NOISE_ATTRIBUTE) else provenance.denoised_before(said)
    return [warning for warning in (again, stacking_warning(volume)) if warning]


def stacking_warning(volume) -> str | None:
    """Return a warning when directions or pixel sizes tell that the I-J planes are not the acquired slices, else None.

    The networks work on the slices that the scanner reconstructs. The command refuses sagittal and coronal ones; here
    they are only pointed out, as the user sees what was chosen.
    CT pixels are square within a slice. Where the sizes along I and J differ and K shares one of them, the volume has
    probably been turned.
    """
    try:
        check_axial(ijk_to_ras(volume), f"'{volume.GetName()}'")
    except VolumeError as error:
        return str(error)
    i, j, k = volume.GetSpacing()
    if np.isclose(i, j, rtol=1e-3) or not (np.isclose(i, k, rtol=1e-3) or np.isclose(j, k, rtol=1e-3)):
        return None
    axis = "I" if np.isclose(j, k, rtol=1e-3) else "J"
    return _("The slices of '{name}' seem to be stacked along {axis}, but are denoised in the I-J plane: load the "
             "original slices if you have them.").format(name=volume.GetName(), axis=axis)


def check_unchanged(source, voxels: np.ndarray) -> None:
    """Raise RuntimeError when ``source`` left the scene or no longer holds ``voxels``."""
    check_still_there(source)
    image = source.GetImageData()
    if image is None or not np.array_equal(slicer.util.arrayFromVolume(source), voxels):
        raise RuntimeError(_("The volume '{name}' was changed while it was denoised, and the result discarded: run "
                             "again.").format(name=source.GetName()))


def check_still_there(volume) -> None:
    """Raise RuntimeError when ``volume`` left the scene."""
    if volume.GetScene() is None:
        raise RuntimeError(_("The volume '{name}' was deleted during the run, and the result discarded.").format(
            name=volume.GetName()))


def browser_of(volume):
    """Return the browser of sequences that ``volume`` shows an item for, or None."""
    modules = getattr(slicer, "modules", None)
    if volume is None or not hasattr(modules, "sequences"):
        return None
    return modules.sequences.logic().GetFirstBrowserNodeForProxyNode(volume)


def add_volume(source, name: str):
    """Return a new empty scalar volume in the scene of ``source``, with a unique form of ``name``."""
    return add_node(source.GetScene(), "vtkMRMLScalarVolumeNode", name)


def add_node(scene, node_class: str, name: str):
    """Return a new node of ``scene`` with a unique form of ``name``."""
    # The scene counts a name on even when its node is long gone.
    free = name if scene.GetFirstNodeByName(name) is None else scene.GenerateUniqueName(name)
    return scene.AddNewNodeByClass(node_class, free)


def add_temporary_volume(scene, name: str):
    """Return a new scalar volume that is in no list and no saved scene."""
    volume = scene.CreateNodeByClass("vtkMRMLScalarVolumeNode")
    volume.UnRegister(None)
    # Before it is added: later, the subject hierarchy would already show it.
    volume.SetHideFromEditors(True)
    volume.SetSaveWithScene(False)
    volume.SetName(name)
    return scene.AddNode(volume)


def removed_noise(source: np.ndarray, result: np.ndarray) -> np.ndarray:
    """Return ``source - result``: float as it is, integers as int16, or as int32 where that cannot hold them."""
    if source.dtype.kind == "f":
        return source - result
    wide = np.subtract(source, result, dtype=np.int32 if source.dtype.itemsize <= 2 else np.int64)
    limits = np.iinfo(np.int16)
    fits = limits.min <= wide.min() and wide.max() <= limits.max
    return wide.astype(np.int16 if fits else np.int32)


def write_volume(volume, array: np.ndarray, source, provenance: dict[str, str]) -> None:
    """Make ``volume`` hold ``array`` in the place of ``source``: geometry, parent transform, units, subject hierarchy.

    ``array`` becomes the memory of the volume; the caller lets go of it. Attributes of ``provenance`` and a reference
    to the source are set. Those that tie a volume to DICOM files are removed: these voxels are in no file.
    """
    with slicer.util.NodeModify(volume):
        volume.CopyOrientation(source)
        volume.SetAndObserveTransformNodeID(source.GetTransformNodeID())
        volume.SetAndObserveImageData(image_of(array))
        set_units(volume, source)
        for attribute in [name for name in volume.GetAttributeNames() if name.startswith("DICOM.")]:
            volume.RemoveAttribute(attribute)
        for attribute, value in provenance.items():
            volume.SetAttribute(attribute, value)
        volume.SetNodeReferenceID(SOURCE_ROLE, source.GetID())
    place_beside(volume, source)
    free_unused_arrays()


def image_of(array: np.ndarray):
    """Return a vtkImageData whose memory is ``array`` (slice, row, column); the caller lets go of it."""
    image = vtk.vtkImageData()
    image.SetDimensions(array.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(array).ravel(), deep=False))
    return image


def free_unused_arrays() -> None:
    """Free the memory of images from :func:`image_of` that are gone.

    VTK keeps what Python said about an object, here whose memory it uses, until after the object's end: until it next
    has to keep something of the kind. Without this call, that might be a deleted set of large volumes.
    """
    holder = vtk.vtkFieldData()
    holder.AddArray(numpy_to_vtk(np.zeros(1), deep=False))


def set_units(volume, source) -> None:
    """Give the values of ``volume`` the quantity and units of ``source``, or else Hounsfield units."""
    quantity, units = source.GetVoxelValueQuantity(), source.GetVoxelValueUnits()
    volume.SetVoxelValueQuantity(quantity or _coded_entry("112031", "DCM", "Attenuation Coefficient"))
    volume.SetVoxelValueUnits(units or _coded_entry("[hnsf'U]", "UCUM", "Hounsfield unit"))


def _coded_entry(value: str, scheme: str, meaning: str):
    entry = slicer.vtkCodedEntry()
    entry.SetValueSchemeMeaning(value, scheme, meaning)
    return entry


def place_beside(node, source) -> None:
    """Put ``node`` under the subject hierarchy parent of ``source``, unless somebody has put it elsewhere."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(source.GetScene())
    if hierarchy is None:
        return
    top = hierarchy.GetSceneItemID()
    source_item = hierarchy.GetItemByDataNode(source)
    parent = hierarchy.GetItemParent(source_item) if source_item else top
    item = hierarchy.GetItemByDataNode(node)
    if not item:
        hierarchy.CreateItem(parent, node)
    elif hierarchy.GetItemParent(item) == top:
        hierarchy.SetItemParent(item, parent)


def show_like(volume, source) -> None:
    """Give ``volume`` the colours, window and level of ``source``; where that has no display, the default ones."""
    display = display_of(volume)
    pattern = source.GetDisplayNode()
    if pattern is None:
        return
    display.CopyContent(pattern)
    # An automatic window would follow the voxels of the result, and the two pictures would no longer compare.
    set_window(display, pattern.GetWindow(), pattern.GetLevel())


def show_noise(volume) -> None:
    """Show ``volume`` about 0 HU, with a window that holds all but the strongest hundredth of its non-zero voxels."""
    array = slicer.util.arrayFromVolume(volume)
    changed = np.abs(array[array != 0])
    reach = float(np.percentile(changed, 99)) if changed.size else 1.0
    set_window(display_of(volume), 2 * max(reach, 1.0), 0.0)


def display_of(volume):
    """Return the display node of ``volume``, made if need be."""
    if volume.GetDisplayNode() is None:
        volume.CreateDefaultDisplayNodes()
    return volume.GetDisplayNode()


def set_window(display, window: float, level: float) -> None:
    """Fix window and level in HU: an automatic window would follow the voxels."""
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(window, level)
