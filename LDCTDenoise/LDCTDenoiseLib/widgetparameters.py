"""What the panel keeps in the scene, and is saved and restored with it."""

from typing import Annotated

import slicer
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper


@parameterNodeWrapper
class PanelParameters:
    """
    inputVolume - the volume to denoise.
    allFrames - whether to denoise all frames of the sequence that the input belongs to.
    model - name of the network.
    strength - share of the removed noise, in percent.
    outputVolume - the volume that receives the result; None: a new one.
    removedNoise - whether to keep the removed noise as a volume.
    region - the region in which noise is measured; None: soft tissue.
    """

    inputVolume: slicer.vtkMRMLScalarVolumeNode
    allFrames: bool = False
    model: str = "hrnet"
    strength: Annotated[float, WithinRange(0, 100)] = 100.0
    outputVolume: slicer.vtkMRMLScalarVolumeNode
    removedNoise: bool = False
    region: slicer.vtkMRMLMarkupsROINode
