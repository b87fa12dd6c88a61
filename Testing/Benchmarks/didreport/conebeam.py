"""A scan as a cone-beam imager on a linear accelerator might show it, made from a CT slice.

What is imitated: large pixels (1 mm) and a soft image, the cupping that scatter leaves, and noise of that geometry: a
source 1000 mm from the axis and a detector at 1500 mm, few views, a smooth kernel, more electronic noise. What is not:
cone-beam and motion artefacts, truncation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from LDCTDenoiseLib.fanbeam import FanBeamGeometry
from LDCTDenoiseLib.kernels import Kernel
from LDCTDenoiseLib.metrics import body_mask, tissue_classes
from LDCTDenoiseLib.simulation import Scan, simulate_low_dose
from scipy import ndimage

from .plan import Choice
from .scenes import Scene, Scenes, window_of

PIXEL_MM = 1.0
BLUR_MM = 0.8
CUPPING_HU = 80.0
"""How much the deepest part of the body is too dark."""
KERNEL = Kernel(0.32, 2.0)
SCAN = Scan(FanBeamGeometry(views=656, channels=512, channel_pitch=0.776, source_isocentre=1000.0,
                            source_detector=1500.0), electronic_variance=100.0)
NOISE_INDEX = 20.0


def cone_beam(scenes: Scenes, choice: Choice, exposure: float) -> Scene:
    """Return the scene of one slice at a fraction of the exposure; the reference is the same image at full exposure."""
    key = {"cone beam": str(choice), "exposure": exposure, "noise_index": NOISE_INDEX,
           "scan": str((SCAN, KERNEL, PIXEL_MM, BLUR_MM, CUPPING_HU)), "with": "even"}

    def make() -> dict[str, np.ndarray]:
        patient = scenes.target(choice)
        even = softened(patient.target[:1], patient.spacing[1:])
        target = cupped(even)
        spacing = (patient.spacing[0], PIXEL_MM, PIXEL_MM)
        low = simulate_low_dose(target, spacing, noise_index=NOISE_INDEX, dose=exposure, kernel=KERNEL, scan=SCAN)
        return {"noisy": low.array, "reference": target, "even": even, "spacing": np.array(spacing)}

    found = scenes.made(f"cone beam {exposure:g}", key, make)
    spacing = tuple(float(s) for s in found["spacing"])
    body = body_mask(found["even"])
    window, corner = window_of(body, choice)
    # Cupping moves soft tissue out of its usual range and bone into it, so classes come from the image without it.
    masks = {**tissue_classes(found["even"], spacing, body), "body": body}
    return Scene(f"cone beam, exposure {exposure:g}", choice.name, NOISE_INDEX, found["noisy"][window],
                 found["reference"][window], spacing, {n: m[window] for n, m in masks.items()}, 1, corner)


def softened(slices: np.ndarray, pixel: Sequence[float]) -> np.ndarray:
    """Return slices (K, J, I) in HU, with pixels of (row, column) mm, on 1 mm pixels and softer; float32."""
    exact = ndimage.gaussian_filter(slices.astype(np.float32), (0, *(BLUR_MM / p for p in pixel)))
    return ndimage.zoom(exact, (1, *(p / PIXEL_MM for p in pixel)), order=1)


def cupped(slices: np.ndarray) -> np.ndarray:
    """Return slices (K, J, I) in HU that are darker the deeper in the body; int16."""
    exact = slices.copy()
    for image, inside in zip(exact, body_mask(slices)):
        depth = ndimage.distance_transform_edt(inside)
        if inside.any():
            image -= CUPPING_HU * np.sqrt(depth / depth.max()) * inside
    return np.maximum(exact, -1024).round().astype(np.int16)
