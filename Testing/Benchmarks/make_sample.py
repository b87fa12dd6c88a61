"""Make the shipped sample: a few slices of a real CT at simulated quarter dose, and their reference.

    python Testing/Benchmarks/make_sample.py DATA

DATA is the folder that ``ldct fetch`` fills. The patient is a validation patient: no shipped network was trained on it.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "LDCTDenoise"))

from LDCTDenoiseLib.ctvolume import CTVolume  # noqa: E402
from LDCTDenoiseLib.sampledata import SAMPLES  # noqa: E402
from LDCTDenoiseLib.simulation import simulate_low_dose  # noqa: E402
from LDCTDenoiseLib.volumeio import read_volume  # noqa: E402

SOURCE = "validation/crlm_1006_cap_ge.nii.gz"
SLICES = slice(28, 34)
NOISE_INDEX, DOSE, SEED = 25.0, 0.25, 0
REGION = {"slice": 4, "row": 262, "column": 162}
"""Centre of the region that the demo magnifies, in the indices of the sample: a liver with a small dark lesion."""

WINDOW_HU = (-160.0, 240.0)
THUMBNAIL = 280
"""Pixels on a side."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder filled by ldct fetch")
    volume = read_volume(parser.parse_args().data / SOURCE)
    # The kernel is read from the whole volume, not from the few slices that are kept.
    result = simulate_low_dose(volume.array, volume.spacing, noise_index=NOISE_INDEX, dose=DOSE, seed=SEED)
    folder = REPOSITORY / "LDCTDenoise" / "Resources" / "SampleData"
    write(volume, volume.array, folder / "ldct_sample_reference.nrrd")
    write(volume, result.array, folder / "ldct_sample_quarter_dose.nrrd")
    for sample in SAMPLES:
        draw_thumbnail(sample.path, sample.thumbnail)
    record = {"source": Path(SOURCE).name, "slices": [SLICES.start, SLICES.stop], **result.info, "region": REGION}
    (folder / "ldct_sample.json").write_text(json.dumps(record, indent=1) + "\n")


def write(volume: CTVolume, array: np.ndarray, path: Path) -> None:
    image = sitk.GetImageFromArray(array)
    affine = volume.affine
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    sitk.WriteImage(image[:, :, SLICES], str(path), useCompression=True)


def draw_thumbnail(volume: Path, target: Path) -> None:
    """Draw the slice with the lesion of the file ``volume`` as a square PNG, as Sample Data shows it on its button."""
    image = sitk.ReadImage(str(volume))
    size, spacing, length = image.GetSize(), image.GetSpacing(), 0.8 * image.GetSize()[0]
    origin = [0.1 * size[0], 0.1 * size[1], REGION["slice"]]
    step = length / THUMBNAIL
    square = sitk.Resample(image, [THUMBNAIL, THUMBNAIL, 1], sitk.Transform(), sitk.sitkLinear,
                           image.TransformContinuousIndexToPhysicalPoint(origin),
                           [step * spacing[0], step * spacing[1], spacing[2]], image.GetDirection())
    grey = sitk.Cast(sitk.IntensityWindowing(square[:, :, 0], *WINDOW_HU, 0, 255), sitk.sitkUInt8)
    sitk.WriteImage(grey, str(target), useCompression=True)


if __name__ == "__main__":
    main()
