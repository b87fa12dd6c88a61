"""What the training saw little or nothing of: metal, contrast medium, heads, thin slices; each at every dose."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from didreport.cache import digest_of_arrays
from LDCTDenoiseLib.evaluationcases import Patient
from LDCTDenoiseLib.kernels import Kernel
from LDCTDenoiseLib.noiselevel import global_noise_level
from LDCTDenoiseLib.simulation import SliceSimulator, body_centre

from . import rescan, squares
from .context import Context
from .plan import STANDARD, Anatomy
from .realrods import flat_places

SIDE = 320
"""Pixels of a patient's slice that are judged, around the middle of the body."""
METAL_RADIUS_MM, METAL_HU, METAL_SHOWN_HU, HIGHEST_HU = 5.0, 10000.0, 3000.0, 3071
"""Rays meet about titanium (NIST XCOM at the simulation's energy); 12 bits, as most scanners store, end at 3071 HU."""
NEAR_MM, CLEAR_MM, EDGE_PIXELS = 20.0, 6.0, 8
"""At the metal is nearer than this to a rod's edge; tissues keep the second distance from it; and how far the rod at
the image's edge is from that."""
VESSEL_MM, VESSEL_HU, ARTERY_MM, ARTERY_HU = 8.0, 300.0, 1.5, 250.0
HEAD_MM, HEAD_NOISE_HU = 200.0, 5.0
"""Side of the head's image, and noise of its full dose."""
SKULL_MM, BRAIN_MM, CORTEX_MM = 80.0, 73.0, 4.0
SKULL_HU, WHITE_HU, GREY_HU = 900.0, 28.0, 37.0
SPOTS = {"nucleus": (0.0, 26.0, 8.0, GREY_HU), "ventricle": (-6.0, -11.0, 7.0, 8.0),
         "oedema": (38.0, -20.0, 8.0, 22.0), "bleeding": (-38.0, 22.0, 6.0, 65.0)}
"""In the white matter: y, x, radius in mm, HU."""
NO_BLUR = Kernel(math.inf, 1.0)


@dataclass(frozen=True)
class Probe:
    """A known object: its contrast is the mean of ``inside`` less that of ``around``, both bool (J, I)."""

    name: str
    inside: np.ndarray
    around: np.ndarray

    def contrast(self, image: np.ndarray) -> float:
        return float(image[self.inside].mean(dtype=float) - image[self.around].mean(dtype=float))


@dataclass(frozen=True)
class Scene:
    """``images`` (1 + doses, J, I) int16: full dose and below; ``regions``: parts of it that are judged, bool (J, I).

    ``tissue``: bool (J, I), where tissue is judged, or None for everywhere. ``thickness`` of the slice in mm, None in
    a simulated phantom, which has no ``file`` either; ``words`` tell what it is; ``window`` in HU is for figures.
    """

    name: str
    words: str
    images: np.ndarray
    pixel: float
    kernel: Kernel
    thickness: float | None
    file: str | None
    regions: dict[str, np.ndarray] = field(default_factory=dict)
    tissue: np.ndarray | None = None
    probes: tuple[Probe, ...] = ()
    window: tuple[float, float] = (-160.0, 240.0)

    @property
    def spacing(self) -> tuple[float, float, float]:
        return 1.0, self.pixel, self.pixel

    def patients(self) -> list[Patient]:
        """One patient for each region, whose body ends where that does."""
        whole = rescan.as_patient(self.name, self.images[0], self.pixel, self.kernel)
        regions = self.regions or {"": np.ones(self.images.shape[1:], bool)}
        found = []
        for name, region in regions.items():
            tissue = region if self.tissue is None else region & self.tissue
            if (whole.body & region).any():
                found.append(Patient(f"{self.name}, {name}" if name else self.name, (0,), whole.target, None,
                                     whole.spacing, self.kernel, whole.body & region,
                                     {t: mask & tissue for t, mask in whole.classes.items()}))
        return found


def scenes(context: Context) -> list[Scene]:
    """All scenes whose files the data folder holds."""
    plan = context.plan
    found = [head(context)]
    for anatomy, make in ((plan.metal, metal), (plan.vessels, vessels), (plan.thin, as_it_is),
                          (plan.head, as_it_is)):
        if (context.data / anatomy.file).is_file():
            made = make(context, anatomy)
            found += made if isinstance(made, list) else [made]
    return found


def _scanned(context: Context, name: str, target: np.ndarray, seen: np.ndarray, exposed: np.ndarray, pixel: float,
             kernel: Kernel, noise_index: float) -> np.ndarray:
    """The target (J, I) HU at full dose and at lower and lower ones, (1 + doses, J, I) int16.

    Rays meet what is in ``seen``; the exposure is the one that gives ``exposed`` the noise index in HU.
    """
    plan = context.plan
    key = {"target": digest_of_arrays(target, seen, exposed), "pixel": pixel, "kernel": [kernel.f50, kernel.power],
           "noise_index": noise_index, "doses": plan.doses}

    def make() -> dict[str, np.ndarray]:
        simulator = SliceSimulator(target.shape, (pixel, pixel), kernel)
        centre = [body_centre(exposed, (pixel, pixel))]
        integrals = simulator.line_integrals(seen[None])
        before = integrals if seen is exposed else simulator.line_integrals(exposed[None])
        photons = simulator.full_dose_photons(before, centre, noise_index)
        stack = [target] + [target + simulator.added_noise(integrals, photons, dose, [seed])[0].numpy()
                            for seed, dose in enumerate(plan.doses)]
        return {"images": np.stack([np.minimum(rescan.stored(image), HIGHEST_HU) for image in stack])}

    return context.simulated(f"robust {name}", key, "robustscenes.py", make)["images"]


def as_it_is(context: Context, anatomy: Anatomy) -> Scene:
    """A slice at its own dose and below it."""
    patient = context.patient(anatomy)
    pixel, whole = patient.spacing[1], rescan.filled(patient)
    images = _scanned(context, anatomy.name, patient.target[0], whole, whole, pixel, patient.kernel,
                      global_noise_level(patient.target[0], patient.spacing))
    window = rescan.middle(patient, SIDE * pixel)
    return Scene(anatomy.name, f"slice {anatomy.slice} of {anatomy.file}, {patient.spacing[0]:g} mm thick, as it is",
                 images[(..., *window)], pixel, patient.kernel, patient.spacing[0], anatomy.file)


def metal(context: Context, anatomy: Anatomy) -> list[Scene]:
    """Two rods of metal in a slice: its middle, and a smaller part of it whose edge passes close to one of them."""
    patient = context.patient(anatomy)
    size, pixel, plain = patient.target.shape[1], patient.spacing[1], rescan.filled(patient)
    centre = body_centre(patient.target[0], patient.spacing[1:])[::-1]
    places = [(centre[0] + y, centre[1] + x) for y, x in context.plan.metal_mm]

    def rods(kernel: Kernel, contrast: float) -> np.ndarray:
        return squares.square("metal", kernel, size, pixel, [(*p, METAL_RADIUS_MM, contrast) for p in places]).image

    target = np.minimum(patient.target[0] + rods(patient.kernel, METAL_SHOWN_HU), HIGHEST_HU)
    level = global_noise_level(patient.target[0], patient.spacing)
    images = _scanned(context, f"metal in {anatomy.name}", target, plain + rods(NO_BLUR, METAL_HU), plain, pixel,
                      patient.kernel, level)
    distance = _distance(size, pixel, places)
    ring = (distance > METAL_RADIUS_MM + CLEAR_MM) & (distance < METAL_RADIUS_MM + CLEAR_MM + 6)
    probe = Probe("rod of metal", distance < METAL_RADIUS_MM - 3, ring)
    near = distance < METAL_RADIUS_MM + NEAR_MM
    words = (f"slice {anatomy.slice} of {anatomy.file} with two rods, {2 * METAL_RADIUS_MM:g} mm wide, that attenuate "
             f"like {METAL_HU:g} HU (about titanium) and are shown with {METAL_SHOWN_HU:g} HU more than their place")
    column = (size - 1) / 2 + places[0][1] / pixel
    first = int(np.clip(column - METAL_RADIUS_MM / pixel - EDGE_PIXELS, 0, size - 1))
    rows = rescan.middle(patient, SIDE * pixel)[0]
    found = []
    for name, how, window, regions in (
            (f"metal in the {anatomy.name}", "", rescan.middle(patient, SIDE * pixel),
             {"away from it": ~near, "at it": near}),
            (f"metal at the edge, {anatomy.name}", f"; the image is cut {EDGE_PIXELS} pixels beside a rod",
             (rows, slice(first, first + SIDE // 2)), {})):
        cut = Probe(probe.name, probe.inside[window], probe.around[window])
        found.append(Scene(name, words + how, images[(..., *window)], pixel, patient.kernel, patient.spacing[0],
                           anatomy.file, {key: region[window] for key, region in regions.items()},
                           (distance > METAL_RADIUS_MM + CLEAR_MM)[window], (cut,), (-300.0, 500.0)))
    return found


def vessels(context: Context, anatomy: Anatomy) -> Scene:
    """A slice with a wide vessel and narrow ones, as full of contrast medium as in an arterial phase."""
    patient = context.patient(anatomy)
    size, pixel = patient.target.shape[1], patient.spacing[1]
    window = rescan.middle(patient, SIDE * pixel)
    soft = np.zeros((size, size), bool)
    soft[window] = patient.classes["soft"][0][window]
    places = [tuple((n - (size - 1) / 2) * pixel for n in place)
              for place in flat_places(patient.target[0], soft, pixel)]
    disks = [(*p, *((ARTERY_MM, ARTERY_HU) if n else (VESSEL_MM, VESSEL_HU))) for n, p in enumerate(places)]
    shown, seen = (squares.square("vessels", kernel, size, pixel, disks).image for kernel in (patient.kernel, NO_BLUR))
    plain = rescan.filled(patient)
    images = _scanned(context, f"vessels in {anatomy.name}", patient.target[0] + shown, plain + seen, plain, pixel,
                      patient.kernel, global_noise_level(patient.target[0], patient.spacing))
    probes = []
    for name, radius, own in ((f"vessel, {2 * VESSEL_MM:g} mm", VESSEL_MM, places[:1]),
                              (f"arteries, {2 * ARTERY_MM:g} mm", ARTERY_MM, places[1:])):
        if own:
            distance = _distance(size, pixel, own)[window]
            around = (distance > radius + 3) & (distance < radius + 5)
            probes.append(Probe(name, distance < max(radius - 3, 1.0), around))
    return Scene(f"contrast medium, {anatomy.name}",
                 f"slice {anatomy.slice} of {anatomy.file} with a vessel of {VESSEL_HU:g} HU, {2 * VESSEL_MM:g} mm "
                 f"wide, and {max(0, len(places) - 1)} arteries of {ARTERY_HU:g} HU, {2 * ARTERY_MM:g} mm wide, above "
                 "the soft tissue around them", images[(..., *window)], pixel, patient.kernel, patient.spacing[0],
                 anatomy.file, probes=tuple(probes), window=(-100.0, 400.0))


def head(context: Context) -> Scene:
    """A round skull with brain, whose full dose has noise of its own."""
    size = context.plan.head_side
    pixel = HEAD_MM / size
    disks = [(0.0, 0.0, SKULL_MM, SKULL_HU + 1000), (0.0, 0.0, BRAIN_MM, GREY_HU - SKULL_HU),
             (0.0, 0.0, BRAIN_MM - CORTEX_MM, WHITE_HU - GREY_HU)]
    disks += [(y, x, radius, hu - WHITE_HU) for y, x, radius, hu in SPOTS.values()]
    image, seen = (squares.square("head", kernel, size, pixel, disks).image - 1000 for kernel in (STANDARD, NO_BLUR))
    noisy = _own_noise(context, image, seen, pixel)
    images = _scanned(context, "head", noisy, seen, seen, pixel, STANDARD, HEAD_NOISE_HU)
    probes = []
    for name, (y, x, radius, _) in SPOTS.items():
        distance = _distance(size, pixel, [(y, x)])
        probes.append(Probe(f"{name}, {2 * radius:g} mm", distance < radius - 2,
                            (distance > radius + 2) & (distance < radius + 6)))
    return Scene("head, simulated", f"a skull of {SKULL_HU:g} HU around grey ({GREY_HU:g} HU) and white matter "
                 f"({WHITE_HU:g} HU) with known spots; the full dose has {HEAD_NOISE_HU:g} HU of noise in its "
                 "middle", images, pixel, STANDARD, None, None, probes=tuple(probes), window=(-20.0, 80.0))


def _own_noise(context: Context, image: np.ndarray, seen: np.ndarray, pixel: float) -> np.ndarray:
    """The image with the noise of a full dose: half the dose of a scan without noise holds the noise index in all."""
    key = {"image": digest_of_arrays(image, seen), "pixel": pixel, "noise_index": HEAD_NOISE_HU}

    def make() -> dict[str, np.ndarray]:
        simulator = SliceSimulator(image.shape, (pixel, pixel), STANDARD)
        integrals = simulator.line_integrals(seen[None])
        photons = simulator.full_dose_photons(integrals, [(0.0, 0.0)], HEAD_NOISE_HU)
        return {"image": rescan.stored(image + simulator.added_noise(integrals, photons, 0.5, [1000])[0].numpy())}

    return context.simulated("robust head, full dose", key, "robustscenes.py", make)["image"]


def _distance(size: int, pixel: float, places) -> np.ndarray:
    """Distance in mm of every pixel from the nearest of ``places`` (y, x in mm from the image's centre)."""
    position = (np.arange(size) - (size - 1) / 2) * pixel
    return np.min([np.hypot(position[:, None] - y, position[None, :] - x) for y, x in places], axis=0)
