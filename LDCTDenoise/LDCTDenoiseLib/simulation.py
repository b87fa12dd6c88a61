"""Simulation of a lower dose on an existing CT volume.

The image is projected, the noise that a lower dose would add is drawn in the sinogram, the noise alone is reconstructed
and added, so that the image keeps its own resolution (Yu et al., doi:10.1097/RCT.0b013e3182517cba; Zeng et al.,
doi:10.1118/1.4923410 for the noise in the projections).

Dose fraction ``f`` is relative to the image at hand. The noise index (NI) is the SD in HU that quantum noise alone has
in the body centre at full dose, so the SD *added* there is NI * sqrt(1/f - 1) without electronic noise.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from scipy import ndimage

from .fanbeam import FanBeamGeometry, filter_sinogram, backproject, image_radius, point_variance, project
from .hu import FLOOR_HU
from .kernels import Kernel, estimate_kernel
from .scanfield import outside_scan_field

MU_WATER = 0.0192
"""Linear attenuation of water at an effective energy of 70 keV, per mm (NIST XCOM)."""
STARVED_COUNTS = 5.0
"""Rays with fewer expected photons get the noise of this many; see :class:`Scan`."""
_BATCH = 16


@dataclass(frozen=True)
class Scan:
    """Physics of the simulated scan.

    Attributes:
        geometry: views, detector and distances; widened where the image needs it.
        electronic_variance: variance of the detector's electronic noise, in photons squared.
        bowtie: attenuation (natural log) of the bowtie filter at 25 degrees from the central ray, growing with the
            square of the angle.

    Starvation rule: the noise of a ray with L expected photons is (N - L) / L with N drawn from a Poisson law, the
    linear term of -ln(N / L). It has no bias and the variance 1 / L, while the logarithm itself is biased by
    1 / (2 L) and diverges without photons; scanners correct the former and filter the latter before reconstruction.
    In their place, rays with fewer than ``STARVED_COUNTS`` expected photons are given the noise of that many.
    """

    geometry: FanBeamGeometry = field(default_factory=FanBeamGeometry)
    electronic_variance: float = 10.0
    bowtie: float = 1.0

    def bowtie_transmission(self, geometry: FanBeamGeometry, device="cpu") -> torch.Tensor:
        """Return the relative photon number (channels,) behind the bowtie."""
        return torch.exp(-self.bowtie * (geometry.fan_angles(device) / math.radians(25)) ** 2)


@dataclass(frozen=True)
class SimulationResult:
    """Low-dose volume (K, J, I) in the input's dtype, the added noise (float32, HU) and what was done."""

    array: np.ndarray
    noise: np.ndarray
    info: dict


class SliceSimulator:
    """Draws the noise that a lower dose adds to 2-D slices of one size; see :func:`simulate_low_dose` for whole volumes.

    Args:
        shape: (rows, columns); spacing: (row, column) in mm.
        kernel: colours the noise; None for the bare ramp.
    """

    def __init__(self, shape, spacing, kernel: Kernel | None, scan: Scan | None = None, device="cpu"):
        self.shape, self.spacing, self.kernel = tuple(shape), tuple(spacing), kernel
        self.scan = scan or Scan()
        self.device = torch.device(device)
        self.geometry = self.scan.geometry.covering(image_radius(shape, spacing))
        self.bowtie = self.scan.bowtie_transmission(self.geometry, self.device)

    def line_integrals(self, slices: np.ndarray) -> torch.Tensor:
        """Return the sinograms (batch, views, channels) of slices (batch, rows, columns) in HU."""
        attenuation = MU_WATER * (1 + torch.as_tensor(slices, dtype=torch.float32, device=self.device) / 1000)
        return project(attenuation.clamp(min=0), self.spacing, self.geometry)

    def full_dose_photons(self, integrals: torch.Tensor, centres, noise_index: float) -> torch.Tensor:
        """Return the photons per central ray (batch,) in air that give ``noise_index`` HU at ``centres`` (x, y in mm)."""
        relative = torch.exp(integrals) / self.bowtie
        variance = torch.cat([point_variance(r[None], c, self.geometry, self.kernel) for r, c in zip(relative, centres)])
        return variance * (1000 / MU_WATER / noise_index) ** 2

    def added_noise(self, integrals: torch.Tensor, photons: torch.Tensor, dose: float, seeds) -> torch.Tensor:
        """Return the noise images (batch, rows, columns) in HU; ``photons`` from :meth:`full_dose_photons`."""
        counts = (dose * photons[:, None, None] * self.bowtie * torch.exp(-integrals)).clamp(min=STARVED_COUNTS)
        noise = torch.empty_like(counts)
        for index, seed in enumerate(seeds):
            random = torch.Generator(self.device).manual_seed(int(seed))
            expected = counts[index]
            quantum = torch.poisson(expected, generator=random) - expected
            electronic = torch.randn(expected.shape, generator=random, device=self.device)
            electronic *= math.sqrt(self.scan.electronic_variance)
            # The image already holds the full dose's noise; only the difference of the variances is added.
            noise[index] = -(quantum * math.sqrt(1 - dose) + electronic * math.sqrt(1 - dose ** 2)) / expected
        filtered = filter_sinogram(noise, self.geometry, self.kernel)
        return backproject(filtered, self.shape, self.spacing, self.geometry) * (1000 / MU_WATER)


def extrapolated(slices: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Fill what lies outside the scan field with the nearest measured value, so that cut anatomy goes on."""
    filled = slices.astype(np.float32)
    for image, mask in zip(filled, outside):
        if mask.any() and not mask.all():
            nearest = ndimage.distance_transform_edt(mask, return_distances=False, return_indices=True)
            image[:] = image[tuple(nearest)]
    return filled


def body_centre(image: np.ndarray, spacing) -> tuple[float, float]:
    """Return x and y in mm, from the image centre, of the centroid of everything denser than -500 HU."""
    rows, columns = image.shape
    weight = image > -500
    if not weight.any():
        return 0.0, 0.0
    row, column = ndimage.center_of_mass(weight)
    return (column - (columns - 1) / 2) * spacing[1], (row - (rows - 1) / 2) * spacing[0]


def simulate_low_dose(array: np.ndarray, spacing, *, noise_index: float, dose: float, kernel: str | Kernel = "matched",
                      seed: int = 0, scan: Scan | None = None, padding: np.ndarray | None = None,
                      slice_thickness: float | None = None, device="cpu", progress=None) -> SimulationResult:
    """Return what ``array`` would look like at the fraction ``dose`` of its dose.

    Args:
        array: (K, J, I) in HU.
        spacing: (slice, row, column) in mm.
        noise_index: SD of the quantum noise in the body centre at full dose, HU.
        dose: fraction of the full dose, 0 < dose <= 1.
        kernel: ``"matched"`` gives the noise the colour of the image's own noise, ``"sharp"`` that of the bare ramp:
            only for images that were themselves reconstructed so sharply; or a :class:`Kernel`.
        slice_thickness: in mm; where it exceeds the slice distance, neighbouring slices share noise as overlapping
            reconstructions do. None: slices are independent.
        progress: called with (slices done, slices in all).

    Raises:
        ValueError: a dose or noise index out of range, an array that is not 3-D, an image without a readable kernel.
    """
    array = np.asarray(array)
    if array.ndim != 3:
        raise ValueError(f"Expected a volume (slices, rows, columns), got an array of shape {array.shape}.")
    if not 0 < dose <= 1:
        raise ValueError(f"The dose is a fraction of the full dose, above 0 and at most 1, not {dose}.")
    if not 0 < noise_index <= 500:
        raise ValueError(f"The noise index is an SD in HU, above 0 and at most 500, not {noise_index}.")
    if isinstance(kernel, str) and kernel not in ("matched", "sharp"):
        raise ValueError(f"Unknown kernel {kernel!r}; choose 'matched' or 'sharp'.")
    in_plane = tuple(float(s) for s in spacing[1:])
    if kernel == "matched":
        kernel = estimate_kernel(array, in_plane)
    elif kernel == "sharp":
        kernel = None
    outside = outside_scan_field(array, padding)
    noise = np.zeros(array.shape, np.float32)
    photons = np.full(len(array), math.nan)
    simulator = SliceSimulator(array.shape[1:], in_plane, kernel, scan, device)
    overlap = 1 if slice_thickness is None else max(1, round(slice_thickness / float(spacing[0])))
    if dose < 1:
        for start in range(0, len(array), _BATCH):
            part = slice(start, min(start + _BATCH, len(array)))
            filled = extrapolated(array[part], outside[part])
            integrals = simulator.line_integrals(filled)
            flux = simulator.full_dose_photons(integrals, [body_centre(s, in_plane) for s in filled], noise_index)
            seeds = [np.random.SeedSequence([seed, k]).generate_state(1, np.uint64)[0] >> 1 for k in range(len(array))[part]]
            noise[part] = simulator.added_noise(integrals, flux, dose, seeds).cpu().numpy()
            photons[part] = flux.cpu().numpy()
            if progress:
                progress(part.stop, len(array))
    if overlap > 1:
        # The mean of `overlap` neighbouring thin slices, rescaled to keep the SD; the ends reflect.
        noise = ndimage.uniform_filter1d(noise, min(overlap, len(noise)), axis=0, mode="reflect") * math.sqrt(overlap)
    noise[outside] = 0
    low = np.where(outside, array, np.maximum(np.rint(array + noise), FLOOR_HU)).astype(array.dtype)
    info = {"noise_index_hu": noise_index, "dose": dose, "added_sd_hu": noise_index * math.sqrt(1 / dose - 1),
            "kernel": "ramp" if kernel is None else asdict(kernel), "seed": seed, "overlapping_slices": overlap,
            "electronic_variance": simulator.scan.electronic_variance, "bowtie": simulator.scan.bowtie,
            "geometry": asdict(simulator.geometry),
            "photons_per_ray": None if dose == 1 else float(np.nanmedian(photons))}
    return SimulationResult(low, noise, info)
