"""Simulation of a lower dose on an existing CT volume.

The image is projected, the noise that a lower dose would add is drawn in the sinogram, the noise alone is reconstructed
and added, so that the image keeps its own resolution (Yu et al., doi:10.1097/RCT.0b013e3182517cba; Zeng et al.,
doi:10.1118/1.4923410 for the noise in the projections).

Dose fraction ``f`` is relative to the image at hand. The noise index (NI) is the SD in HU that quantum noise alone has
in the body centre at full dose, so the quantum noise *added* there has the SD NI * sqrt(1/f - 1). Electronic noise
comes on top, and where rays are starved it is more than that or less; the result says how much was measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from scipy import linalg, ndimage
from torch.nn import functional

from .fanbeam import FanBeamGeometry, backproject, filter_sinogram, image_radius, point_variance, project
from .hu import FLOOR_HU, round_to_dtype
from .kernels import Kernel, estimate_kernel, extrapolated
from .scanfield import outside_scan_field

MU_WATER = 0.0192
"""Linear attenuation of water at an effective energy of about 71 keV, per mm (NIST XCOM, doi:10.18434/T48G6X)."""
STARVED_COUNTS = 5.0
"""Rays with fewer expected photons get the noise of this many; see :class:`Scan`."""
_BATCH = 16
_CENTRE_MM = 25.0
"""Radius around the body centre in which the added noise is measured."""
_CONTINUED_MM = 50.0
"""Anatomy that the image cuts off goes on for this far beyond its edges; it attenuates, but is not reconstructed."""


@dataclass(frozen=True)
class Scan:
    """Physics of the simulated scan.

    Attributes:
        geometry: views, detector and distances; widened where the image needs it.
        electronic_variance: variance of the detector's electronic noise, in photons squared.
        bowtie: attenuation (natural log) of the bowtie filter at 25 degrees from the central ray, growing with the
            square of the angle. A middle value: the phantom of Testing/Benchmarks/simulation is fitted best by 1, but
            nearly as well by anything from 0 to 3.

    Noise of a ray with L expected photons at the fraction f of the dose, and electronic variance E: the variance
    (1 - f) / L + (1 - f^2) E / L^2 is added. The image already holds f / L + f^2 E / L^2 from its own, full dose.

    Starvation rule: that noise is (L - N) / L with N drawn from a Poisson law, the linear term of -ln(N / L). It has no
    bias and the variance 1 / L, while the logarithm itself is biased by 1 / (2 L) and diverges without photons;
    scanners correct the former and filter the latter before reconstruction. In their place, rays with fewer than
    ``STARVED_COUNTS`` expected photons at the low dose are given the noise of that many, so the SD then grows more
    slowly than the noise index says.
    """

    geometry: FanBeamGeometry = field(default_factory=FanBeamGeometry)
    electronic_variance: float = 10.0
    bowtie: float = 1.0

    def bowtie_transmission(self, geometry: FanBeamGeometry, device="cpu") -> torch.Tensor:
        """Return the relative photon number (channels,) behind the bowtie."""
        return torch.exp(-self.bowtie * (geometry.fan_angles(device) / math.radians(25)) ** 2)


@dataclass(frozen=True)
class SimulationResult:
    """Low-dose volume (K, J, I) in the input's dtype, the added noise (float32, HU) and what was done.

    In ``info``, ``added_sd_hu`` is the SD that the quantum noise has by the noise index, ``measured_sd_hu`` that of all
    added noise within 25 mm of the body centre (None where nothing of that was measured), before values are clipped and
    rounded, and ``starved_share`` the share of rays under the starvation rule of :class:`Scan`.
    """

    array: np.ndarray
    noise: np.ndarray
    info: dict


class SliceSimulator:
    """Draws the noise that a lower dose adds to 2-D slices of one size; :func:`simulate_low_dose` is for volumes.

    Args:
        shape: (rows, columns); spacing: (row, column) in mm.
        kernel: colours the noise; None for the bare ramp.
        radius: of the circle that gets noise, in mm around the image centre; None for the whole image.
    """

    def __init__(self, shape, spacing, kernel: Kernel | None, scan: Scan | None = None, device="cpu", radius=None):
        self.shape, self.spacing, self.kernel = tuple(shape), tuple(spacing), kernel
        self.scan = scan or Scan()
        self.device = torch.device(device)
        if self.device.type not in ("cpu", "cuda"):
            raise ValueError(f"The simulation runs on the CPU or on a CUDA device, not on {device!r}; choose 'cpu'.")
        self.radius = image_radius(shape, spacing) if radius is None else min(radius, image_radius(shape, spacing))
        self.geometry = self.scan.geometry.covering(self.radius)
        self.bowtie = self.scan.bowtie_transmission(self.geometry, self.device)

    def line_integrals(self, slices: np.ndarray) -> torch.Tensor:
        """Return the sinograms (batch, views, channels) of slices (batch, rows, columns) in HU."""
        attenuation = MU_WATER * (1 + torch.as_tensor(slices, dtype=torch.float32, device=self.device) / 1000)
        rows, columns = (math.ceil(_CONTINUED_MM / s) for s in self.spacing)
        attenuation = functional.pad(attenuation[:, None], (columns, columns, rows, rows), mode="replicate")[:, 0]
        return project(attenuation.clamp(min=0), self.spacing, self.geometry)

    def full_dose_photons(self, integrals: torch.Tensor, centres, noise_index: float) -> torch.Tensor:
        """Return the photons (batch,) per central ray in air that give ``noise_index`` HU at ``centres`` (x, y in mm).
        """
        variance = [point_variance(torch.exp(integral)[None] / self.bowtie, centre, self.geometry, self.kernel)
                    for integral, centre in zip(integrals, centres)]
        return torch.cat(variance) * (1000 / MU_WATER / noise_index) ** 2

    def starved_rays(self, integrals: torch.Tensor, photons: torch.Tensor, dose: float) -> int:
        """Return for how many rays the starvation rule of :class:`Scan` holds; arguments as :meth:`added_noise`."""
        return sum(int((self._counts(integral, dose * photon) < STARVED_COUNTS).sum())
                   for integral, photon in zip(integrals, photons))

    def _counts(self, integral: torch.Tensor, photons: torch.Tensor) -> torch.Tensor:
        return photons * self.bowtie * torch.exp(-integral)

    def added_noise(self, integrals: torch.Tensor, photons: torch.Tensor, dose: float, seeds) -> torch.Tensor:
        """Return the noise images (batch, rows, columns) in HU; ``photons`` from :meth:`full_dose_photons`."""
        noise = torch.empty_like(integrals)
        for index, seed in enumerate(seeds):
            random = torch.Generator(self.device).manual_seed(int(seed))
            # Slice by slice: a last digit that depends on the batch would send the random numbers another way.
            expected = self._counts(integrals[index], dose * photons[index]).clamp(min=STARVED_COUNTS)
            quantum = torch.poisson(expected, generator=random) - expected
            electronic = torch.randn(expected.shape, generator=random, device=self.device)
            electronic *= math.sqrt(self.scan.electronic_variance)
            # The image already holds the full dose's noise; only the difference of the variances is added.
            noise[index] = -(quantum * math.sqrt(1 - dose) + electronic * math.sqrt(1 - dose ** 2)) / expected
        filtered = filter_sinogram(noise, self.geometry, self.kernel)
        return backproject(filtered, self.shape, self.spacing, self.geometry, self.radius) * (1000 / MU_WATER)


def body_centre(image: np.ndarray, spacing) -> tuple[float, float]:
    """Return x and y in mm, from the image centre, of the centroid of everything denser than -500 HU."""
    rows, columns = image.shape
    weight = image > -500
    if not weight.any():
        return 0.0, 0.0
    row, column = ndimage.center_of_mass(weight)
    return (column - (columns - 1) / 2) * spacing[1], (row - (rows - 1) / 2) * spacing[0]


def simulate_low_dose(array: np.ndarray, spacing: Sequence[float], *, noise_index: float, dose: float,
                      kernel: str | Kernel = "matched", seed: int = 0, scan: Scan | None = None,
                      padding: np.ndarray | None = None, slice_thickness: float | None = None, device="cpu",
                      progress=None) -> SimulationResult:
    """Return what ``array`` would look like at the fraction ``dose`` of its dose.

    Inside the scan field the result is at least -1024 HU, as scanners clip after reconstruction. Integers are rounded,
    floating types are not. Outside the scan field, and everywhere at dose 1, the result is the input bit for bit.

    Args:
        array: (K, J, I) in HU, of a floating or signed integer type.
        spacing: (slice, row, column) in mm.
        noise_index: SD of the quantum noise in the body centre at full dose, HU.
        dose: fraction of the full dose, 0 < dose <= 1.
        kernel: ``"matched"`` gives the noise the colour of the image's own noise, ``"sharp"`` that of the bare ramp:
            only for images that were themselves reconstructed so sharply, or that went through
            :func:`~LDCTDenoiseLib.kernels.resharpen`; or a :class:`Kernel`.
        seed: not negative; a slice's random numbers follow from the seed and the slice's position.
        slice_thickness: in mm; where it exceeds the slice distance, slices m apart share noise with the correlation
            1 - m distance / thickness, as overlapping reconstructions do. None: slices are independent.
        device: "cpu" or a CUDA device; the two draw different random numbers.
        progress: called with (slices done, slices in all).

    Raises:
        ValueError: a dose or noise index out of range, an array that is no CT volume, an image without a readable
            kernel (:class:`~LDCTDenoiseLib.kernels.KernelError`).
    """
    array = np.asarray(array)
    spacing = _checked(array, spacing, noise_index, dose, kernel, seed, slice_thickness)
    if kernel == "matched":
        kernel = estimate_kernel(array, spacing[1:])
    elif kernel == "sharp":
        kernel = None
    outside = outside_scan_field(array, padding)
    noise = np.zeros(array.shape, np.float32)
    photons = np.full(len(array), math.nan)
    centres, starved, rays = [], 0, 0
    radius = _measured_radius(outside, spacing[1:])
    simulator = SliceSimulator(array.shape[1:], spacing[1:], kernel, scan, device, radius)
    overlap = 1.0 if slice_thickness is None else max(1.0, slice_thickness / spacing[0])
    if dose < 1:
        for start in range(0, len(array), _BATCH):
            part = slice(start, min(start + _BATCH, len(array)))
            filled = extrapolated(array[part], outside[part])
            integrals = simulator.line_integrals(filled)
            centres += [body_centre(s, spacing[1:]) for s in filled]
            flux = simulator.full_dose_photons(integrals, centres[part], noise_index)
            starved, rays = starved + simulator.starved_rays(integrals, flux, dose), rays + integrals.numel()
            seeds = [np.random.SeedSequence([seed, k]).generate_state(1, np.uint64)[0] >> 1
                     for k in range(part.start, part.stop)]
            noise[part] = simulator.added_noise(integrals, flux, dose, seeds).cpu().numpy()
            photons[part] = flux.cpu().numpy()
            if progress:
                progress(part.stop, len(array))
        _share_along_z(noise, overlap)
        noise[outside] = 0
    low = array.copy()
    if dose < 1:
        low[~outside] = round_to_dtype(np.maximum(array + noise, FLOOR_HU)[~outside], array.dtype)
    info = {"noise_index_hu": noise_index, "dose": dose, "added_sd_hu": noise_index * math.sqrt(1 / dose - 1),
            "kernel": "ramp" if kernel is None else asdict(kernel), "seed": seed, "slice_overlap": overlap,
            "electronic_variance": simulator.scan.electronic_variance, "bowtie": simulator.scan.bowtie,
            "starved_counts": STARVED_COUNTS, "starved_share": starved / rays if rays else 0.0,
            "measured_sd_hu": _sd_at(centres, noise, outside, spacing[1:]), "geometry": asdict(simulator.geometry),
            "photons_per_ray": None if dose == 1 else float(np.nanmedian(photons))}
    return SimulationResult(low, noise, info)


def _checked(array, spacing, noise_index, dose, kernel, seed, slice_thickness) -> tuple[float, float, float]:
    """Raise ValueError for arguments that make no sense; return the spacing as floats."""
    if array.ndim != 3 or array.size == 0:
        raise ValueError(f"Expected a volume (slices, rows, columns), got an array of shape {array.shape}.")
    if array.dtype.kind not in "if" or array.dtype.kind == "i" and np.iinfo(array.dtype).min > FLOOR_HU:
        raise ValueError(f"Values of type {array.dtype} cannot hold HU, which go down to {FLOOR_HU:.0f}; "
                         "apply the rescale intercept and convert to int16 or float32.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError("The volume holds NaN or infinite values; replace them before simulating a dose.")
    spacing = tuple(float(s) for s in spacing)
    if len(spacing) != 3 or not all(math.isfinite(s) and s > 0 for s in spacing):
        raise ValueError(f"The spacing must be three positive numbers in mm (slice, row, column), not {spacing}.")
    if not 0 < dose <= 1:
        raise ValueError(f"The dose is a fraction of the full dose, above 0 and at most 1, not {dose}.")
    if not 0 < noise_index <= 500:
        raise ValueError(f"The noise index is an SD in HU, above 0 and at most 500, not {noise_index}.")
    if isinstance(kernel, str) and kernel not in ("matched", "sharp"):
        raise ValueError(f"Unknown kernel {kernel!r}; choose 'matched' or 'sharp'.")
    if seed < 0:
        raise ValueError(f"The seed must not be negative, but it is {seed}.")
    if slice_thickness is not None and not 0 < slice_thickness < math.inf:
        raise ValueError(f"The slice thickness must be a positive length in mm, not {slice_thickness}.")
    return spacing


def _measured_radius(outside: np.ndarray, spacing) -> float | None:
    """Distance in mm of the farthest measured pixel from the image centre; None if nothing was measured."""
    measured = ~outside.all(axis=0)
    row, column = (np.abs(np.arange(n) - (n - 1) / 2) * s for n, s in zip(measured.shape, spacing))
    return float(np.hypot(row[:, None], column)[measured].max()) if measured.any() else None


def _sd_at(centres, noise: np.ndarray, outside: np.ndarray, spacing) -> float | None:
    """SD of the noise around each slice's centre (x, y in mm), over all slices; 0 without centres."""
    if not centres:
        return 0.0
    y, x = ((np.arange(n) - (n - 1) / 2) * s for n, s in zip(noise.shape[1:], spacing))
    values = np.concatenate([
        image[(np.hypot(x - centre[0], y[:, None] - centre[1]) < _CENTRE_MM) & ~mask]
        for image, mask, centre in zip(noise, outside, centres)])
    return float(np.sqrt(np.mean(values ** 2, dtype=np.float64))) if values.size else None


def _share_along_z(noise: np.ndarray, overlap: float) -> None:
    """Correlate slices m apart by max(0, 1 - m / overlap), in place; every slice keeps its SD.

    That is the overlap of two boxes ``overlap`` slice distances thick. The Cholesky factor of the correlations keeps
    the SD at the ends too, where a moving mean has too few neighbours.
    """
    if overlap <= 1:
        return
    count = len(noise)
    factor = linalg.cholesky(linalg.toeplitz(np.maximum(0, 1 - np.arange(count) / overlap)), lower=True)
    reach = math.ceil(overlap)
    # From the last slice back: each mixes itself with slices below, which are still untouched.
    for k in range(count - 1, -1, -1):
        first = max(0, k - reach + 1)
        noise[k] = np.tensordot(factor[k, first:k + 1].astype(np.float32), noise[first:k + 1], 1)
