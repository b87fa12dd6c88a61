"""What the commands of the reports read in their tests: a phantom for CT data, a network that was fitted to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from didfactory import WIDTHS, fitted
from networkfactory import add_user_model, phantom

FILE = "validation/phantom.nii.gz"
"""The phantom in the data folder."""


def write_data(folder: Path, slices: int, pixel: float = 0.8) -> Path:
    """Make ``folder`` a data folder with a noisy phantom, pixels ``pixel`` mm wide, slices of 5 mm; return it."""
    (folder / FILE).parent.mkdir(parents=True)
    image = sitk.GetImageFromArray(phantom((slices, 96, 96), noise=8.0).astype(np.int16))
    image.SetSpacing((pixel, pixel, 5.0))
    sitk.WriteImage(image, str(folder / FILE))
    return folder


def add_fitted_model(folder: Path) -> None:
    """Write the fitted plain network and its entry, "tiny", into ``folder``."""
    add_user_model(folder, "tiny", "plain", fitted("plain").network, version="1", widths=list(WIDTHS["plain"]),
                   title="Fitted to a phantom")
