"""The paper's Figure 7: another scanner geometry and other reconstruction filters than any network was trained with.

As there, the slices are projected along a fan beam, given noise and reconstructed by a filtered backprojection of our
own on pixels of 1 mm; here the noise-free projections are reconstructed alike and give a reference.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from didreport.cache import digest_of_arrays, digest_of_files
from LDCTDenoiseLib.evaluationcases import Case, Condition, Patient
from LDCTDenoiseLib.fanbeam import FanBeamGeometry, backproject, filter_sinogram
from LDCTDenoiseLib.hu import FLOOR_HU, round_to_dtype
from LDCTDenoiseLib.kernels import Kernel
from LDCTDenoiseLib.metrics import body_mask, rmse, ssim, tissue_classes
from LDCTDenoiseLib.simulation import MU_WATER, Scan, SliceSimulator, body_centre
from scipy import ndimage

from .cases import CODE
from .context import Context
from .scoring import LOW_DOSE

PIXEL_MM = 1.0
SCAN = Scan(FanBeamGeometry(views=984, channels=888, channel_pitch=1.0239, source_isocentre=541.0,
                            source_detector=949.0))
FILTERS = {"bare ramp": None, "soft": Kernel(0.35, 2.0)}
"""The first colours the noise more sharply than the image; see :class:`LDCTDenoiseLib.kernels.Kernel`."""


def other_scan(context: Context, filter_name: str, noise_index: float) -> Case:
    """The plan's slices of the first patient, scanned again at the first dose; the track is named after the filter."""
    patient = context.cases.patients(context.plan.slices)[0]
    dose = context.plan.doses[0]
    numbers = context.plan.other_scan
    target = np.stack([patient.target[patient.slices.index(number)] for number in numbers])
    key = {"patient": patient.fingerprint, "slices": list(numbers), "filter": str(FILTERS[filter_name]),
           "noise_index": noise_index, "dose": dose, "scan": str((SCAN, PIXEL_MM)),
           "code": digest_of_files((*CODE, Path(__file__)))}
    made = context.cache.arrays(
        f"other scan {filter_name} NI {noise_index:g}", key,
        lambda: scanned(target, patient.spacing[1:], FILTERS[filter_name], noise_index, dose))
    spacing = (patient.spacing[0], PIXEL_MM, PIXEL_MM)
    body = body_mask(made["reference"])
    own = Patient(patient.name, numbers, made["reference"], None, spacing, patient.kernel, body,
                  tissue_classes(made["reference"], spacing, body))
    noise = made["low_dose"].astype(np.float32) - made["reference"]
    return Case(own, Condition("matched", noise_index, dose), made["low_dose"], noise)


def scanned(target: np.ndarray, pixel, kernel: Kernel | None, noise_index: float, dose: float
            ) -> dict[str, np.ndarray]:
    """Reference and low dose (K, J, I) in HU, int16, on pixels of 1 mm, of slices with ``pixel`` (row, column) mm."""
    images = ndimage.zoom(target.astype(np.float32), (1, *(p / PIXEL_MM for p in pixel)), order=1)
    shape, spacing = images.shape[1:], (PIXEL_MM, PIXEL_MM)
    simulator = SliceSimulator(shape, spacing, kernel, SCAN)
    integrals = simulator.line_integrals(images)
    filtered = filter_sinogram(integrals, simulator.geometry, kernel)
    attenuation = backproject(filtered, shape, spacing, simulator.geometry)
    exact = attenuation.cpu().numpy() * (1000 / MU_WATER) - 1000
    photons = simulator.full_dose_photons(integrals, [body_centre(one, spacing) for one in images], noise_index)
    noise = simulator.added_noise(integrals, photons, dose, range(len(images))).cpu().numpy()
    return {name: round_to_dtype(np.maximum(one, FLOOR_HU), np.dtype(np.int16))
            for name, one in (("reference", exact), ("low_dose", exact + noise))}


def other_scan_rows(context: Context) -> list[dict]:
    """RMSE and SSIM of every filter, noise index, method and slice."""
    rows = []
    for name in FILTERS:
        for noise_index in context.plan.noise_indices:
            case = other_scan(context, name, noise_index)
            for method in (LOW_DOSE, *context.networks):
                key = {"case": digest_of_arrays(case.low_dose, case.reference, case.patient.body),
                       "method": method.identity, "code": digest_of_files([Path(__file__)])}
                rows += context.cache.data(f"other scan {name} {noise_index:g} {method.key}", key,
                                           lambda: _scored(case, method, name))
    return rows


def _scored(case: Case, method, name: str) -> list[dict]:
    result = method(case).array
    return [{"patient": case.patient.name, "filter": name, "noise_index": case.condition.noise_index,
             "dose": case.condition.dose, "slice": number, "method": method.key, "rmse": rmse(image, reference, body),
             "ssim": ssim(image, reference, body)}
            for number, image, reference, body in zip(case.patient.slices, result, case.reference, case.patient.body)]
