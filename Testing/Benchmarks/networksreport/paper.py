"""What the HRNet paper prints (Bai et al. 2021, doi:10.2991/jaims.d.210428.001): Table 1, section 3 and Figure 5."""

from __future__ import annotations

import math

from LDCTDenoiseLib.metrics import NoiseAnalysis

DATASET = "Dataset"
RMSE = {
    "LDCT": {"2": 115.49, "3": 124.67, "4": 120.90, "5": 164.52, DATASET: 113.80},
    "U-Net": {"2": 61.08, "3": 63.84, "4": 66.65, "5": 82.32, DATASET: 59.87},
    "HRNet": {"2": 56.10, "3": 60.55, "4": 61.01, "5": 76.94, DATASET: 55.24},
}
"""HU, for the showcases by their figure and for all 1136 validation slices."""
SSIM = {
    "LDCT": {"2": 0.571, "3": 0.516, "4": 0.588, "5": 0.451, DATASET: 0.550},
    "U-Net": {"2": 0.734, "3": 0.666, "4": 0.727, "5": 0.584, DATASET: 0.712},
    "HRNet": {"2": 0.766, "3": 0.702, "4": 0.761, "5": 0.620, DATASET: 0.745},
}
CNR = {"LDCT": 0.32, "U-Net": 2.45, "HRNet": 2.70, "NDCT": 0.90}
NOISE = NoiseAnalysis(removed_added=0.9, removed_target=0.3, target_added=-0.08, removed_on_added=0.7846,
                      removed_on_target=0.6131, remaining_energy=0.1137)
"""Of one patient's slices, for its HRNet; the three correlations are 'around' these."""
DOSE = 0.25
TARGET_TO_ADDED = 1 / math.sqrt(1 / DOSE - 1)
"""SD of the full dose's own noise over that of the noise added to it, by the dose."""


def ratio(network: str, to: str = "LDCT", where: str = DATASET) -> float:
    """RMSE of a network over that of the low-dose image or of another network."""
    return RMSE[network][where] / RMSE[to][where]
