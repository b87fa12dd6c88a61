"""What the report looks at: sizes, counts, patients. A test runs the same parts with a smaller plan."""

from __future__ import annotations

from dataclasses import dataclass

from didreport.plan import CRLM, SIIM
from LDCTDenoiseLib.kernels import Kernel

PARTS = ("scores", "rods", "disks", "grid", "mismatch", "real", "small", "robust")
SOFT, STANDARD, SHARP = Kernel(0.35, 3.0), Kernel(0.49, 4.0), Kernel(0.70, 4.0)
KERNELS = {"soft": SOFT, "standard": STANDARD, "sharp": SHARP}


@dataclass(frozen=True)
class Anatomy:
    """One slice: ``file`` in the data folder, ``patient`` its number there, ``slice`` its number in the file."""

    name: str
    file: str
    patient: int
    slice: int


ABDOMEN = Anatomy("abdomen", CRLM, 0, 29)
BOWEL = Anatomy("bowel", CRLM, 0, 7)
CHEST = Anatomy("chest", SIIM, 2, 3)
SPINE = Anatomy("lumbar spine", CRLM, 0, 7)
THIN = Anatomy("thin slices, chest", "real_noise/lidc_0314_chest_philips_raw1mm_subset.nii.gz", 0, 18)
HEAD = Anatomy("plastic head, bone kernel", "phantom/phantom_head_philips_bone1mm.nii.gz", 0, 15)


@dataclass(frozen=True)
class Plan:
    """The whole report.

    Attributes:
        models, filters: names of the registry and of classical.FILTERS.
        square, pixel: side in pixels, and pixel size in mm, of the squares of water.
        realisations: noise images of rods and of lesions; rods see each with both signs.
        noise: SD in HU of the squares' noise in the rods' part; lesion_noise: in the other one.
        noise_share: the share of the noise SD that "half the noise" leaves.
        disk_crop: side in pixels of the middle of the scanned disks that is used.
        anatomies, doses, pixels, grid_side: the grid; full dose comes on top of ``doses``.
        sizes: of the small patient, relative to the real one; small: whose slices.
        noise_index, dose: of the small patient and of the slices that are reconstructed again.
        mismatch: slices that are reconstructed again; real_slices: slices of each scan with real noise.
        metal, vessels: slices that get rods of metal at ``metal_mm`` (y, x from the middle of the body, the first rod
            left of the second), and vessels; thin, head: slices that are taken as they are.
        head_side: pixels of the simulated head.
    """

    models: tuple[str, ...] = ("hrnet", "unet", "plain")
    filters: tuple[str, ...] = ("gaussian", "nlm", "tv")
    square: int = 160
    pixel: float = 0.8
    realisations: int = 50
    noise: tuple[float, ...] = (15.0, 30.0)
    lesion_noise: float = 30.0
    noise_share: float = 0.5
    disk_crop: int = 128
    anatomies: tuple[Anatomy, ...] = (ABDOMEN, BOWEL, CHEST)
    doses: tuple[float, ...] = (0.5, 0.25, 0.125, 0.0625)
    pixels: tuple[float, ...] = (0.5, 0.75, 1.0)
    grid_side: int = 160
    mismatch: tuple[Anatomy, ...] = (ABDOMEN, CHEST)
    noise_index: float = 15.0
    dose: float = 0.25
    sizes: tuple[float, ...] = (1.0, 0.7, 0.45)
    small: tuple[Anatomy, ...] = (ABDOMEN, CHEST)
    real: tuple[str, ...] = ("real_noise/cptac_pda_C3L-00189_abdomen_ge_LUNGKERNEL.nii.gz",
                             THIN.file)
    real_slices: int = 2
    metal: Anatomy = SPINE
    metal_mm: tuple[tuple[float, float], ...] = ((36.0, -20.0), (36.0, 20.0))
    vessels: Anatomy = ABDOMEN
    thin: Anatomy = THIN
    head: Anatomy = HEAD
    head_side: int = 400
