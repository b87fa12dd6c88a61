"""What the panel keeps in the scene, and is saved and restored with it."""

from typing import Annotated

import slicer
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper


@parameterNodeWrapper
class CandidateParameters:
    """
    inputVolume - the volume to make candidates of.
    model - name of the network.
    method - how the candidates beside the default one are made.
    count - how many candidates, the default and the input among them.
    regionROI - the part of the volume to work on; None: all of it.
    statisticsROI - where noise is measured; None: flat soft tissue.
    backgroundROI - the second region of the contrast-to-noise ratio; None: that is not measured.
    repetitions - how often the network is applied for the smooth end.
    extrapolation - how far beyond that the smooth end lies, in percent of its distance from the default.
    tuned - what of the network is changed.
    defaultFilter - the classical filter whose result is the default image; "": the network's own result is.
    perSlice - whether every slice is tuned on its own.
    referenceVolume - the volume against which errors are measured; None: they are not.
    candidates - the set that is browsed.
    """

    inputVolume: slicer.vtkMRMLScalarVolumeNode
    model: str = "hrnet"
    method: str = "did-ordered"
    count: Annotated[int, WithinRange(3, 31)] = 9
    regionROI: slicer.vtkMRMLMarkupsROINode
    statisticsROI: slicer.vtkMRMLMarkupsROINode
    backgroundROI: slicer.vtkMRMLMarkupsROINode
    repetitions: Annotated[int, WithinRange(1, 10)] = 3
    extrapolation: Annotated[int, WithinRange(0, 500)] = 0
    tuned: str = "all"
    defaultFilter: str = ""
    perSlice: bool = False
    referenceVolume: slicer.vtkMRMLScalarVolumeNode
    candidates: slicer.vtkMRMLSequenceNode
