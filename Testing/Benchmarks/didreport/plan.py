"""What the report looks at: patients, sizes, counts. A test runs the same parts with a smaller plan."""

from __future__ import annotations

from dataclasses import dataclass, field

CRLM = "validation/crlm_1006_cap_ge.nii.gz"
SIIM = "validation/siim_tcga_single_slices.nii.gz"
PARTS = ("range", "matched", "figures", "timing")


@dataclass(frozen=True)
class Choice:
    """Slices of one patient, and the square of them that is looked at.

    ``file`` in the data folder; ``patient``: its number there, 0 unless the file is a table of several; ``slices``:
    their numbers in the file; ``crop``: side of the square in pixels, ``centre`` its (row, column) in the file, None:
    the middle of the body.
    """

    name: str
    file: str
    patient: int
    slices: tuple[int, ...]
    crop: int
    centre: tuple[int, int] | None = None


LIVER = Choice("liver", CRLM, 0, (12, 20, 36), 160, (256, 190))
CHEST = Choice("chest", SIIM, 2, (3,), 192, (360, 110))
HEART = Choice("heart", SIIM, 0, (0,), 192, (335, 256))
ABDOMEN = Choice("abdomen", SIIM, 4, (5,), 160)


@dataclass(frozen=True)
class Figures:
    """What the figures show. Squares and discs are (row, column, half side or radius) in pixels of the file.

    Attributes:
        low_contrast: of these slices number ``low_contrast_slice``, with a ``lesion`` in the ``liver``, is shown, and
            magnified the squares ``low_zoom`` and ``low_detail``.
        high_contrast: shown, with the square ``high_zoom`` magnified.
        other: for other amounts of noise, as it is and with so much added that the SDs are ``noise_totals`` in HU.
        cone_beam: for the cone-beam-like scan, at fractions ``exposures`` of its exposure.
        real: (file, slice, centre, what it is) of scans with real noise.
        crop: side in pixels of what is shown of ``other``, ``cone_beam`` and ``real``; count: candidates of their sets.
    """

    low_contrast: Choice = LIVER
    low_contrast_slice: int = 1
    lesion: tuple[int, int, int] = (303, 133, 6)
    liver: tuple[int, int, int] = (281, 150, 8)
    low_zoom: tuple[int, int, int] = (300, 142, 30)
    low_detail: tuple[int, int, int] = (222, 190, 30)
    high_contrast: Choice = HEART
    high_zoom: tuple[int, int, int] = (345, 250, 40)
    other: Choice = Choice("upper abdomen", CRLM, 0, (24,), 160, (256, 205))
    cone_beam: Choice = Choice("kidneys", CRLM, 0, (12,), 160, (262, 256))
    noise_totals: tuple[float, ...] = (14.0, 20.0, 30.0, 40.0)
    exposures: tuple[float, ...] = (0.5, 0.25, 0.125)
    real: tuple[tuple[str, int, tuple[int, int], str], ...] = (
        ("real_noise/cptac_pda_C3L-00189_abdomen_ge_LUNGKERNEL.nii.gz", 12, (300, 210),
         "a sharp kernel on a GE scanner"),
        ("real_noise/lidc_0314_chest_philips_raw1mm_subset.nii.gz", 12, (300, 230),
         "slices of 1 mm on a Philips scanner"))
    crop: int = 160
    count: int = 7


@dataclass(frozen=True)
class Plan:
    """The whole report.

    ``patients`` are judged at matched noise with the network ``models[0]``, those of them in ``all_models`` also with
    the other networks; ``pair_noise`` is the noise index in HU at which all methods take part. ``volume`` holds
    neighbouring slices, ``whole`` uncut ones to take the time of. ``rods_*`` and ``slider_*`` are sizes in pixels, a
    pixel in mm, pairs of images, slices. ``fit_steps``: of the fit to a conventional default; None: as many as usual.
    """

    models: tuple[str, ...] = ("hrnet", "unet", "plain")
    patients: tuple[Choice, ...] = (LIVER, CHEST, HEART, ABDOMEN)
    all_models: tuple[Choice, ...] = (LIVER, HEART)
    noise_indices: tuple[float, ...] = (15.0, 30.0)
    pair_noise: float = 30.0
    dose: float = 0.25
    count: int = 13
    volume: Choice = Choice("dome of the liver", CRLM, 0, tuple(range(30, 38)), 128, (240, 190))
    whole: Choice = Choice("whole slices", CRLM, 0, (12, 20, 36), 512)
    rods_size: int = 208
    rods_pixel: float = 1.0
    rods_pairs: int = 4
    slider_size: int = 512
    slider_slices: int = 100
    fit_steps: int | None = None
    figures: Figures = field(default_factory=Figures)
