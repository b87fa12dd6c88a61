"""What the report looks at: slices, doses, lesions. A test runs the same parts with a smaller plan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from LDCTDenoiseLib.evaluationcases import TRACKS

CRLM = "crlm_1006_cap_ge"
MAIN, RIVAL, FULL_RIVAL = "hrnet", "unet", "unet_full"
"""HRNet is to beat both U-Nets, one of equal multiply-adds, one of the paper's widths."""
ROOT = Path(__file__).resolve().parents[3]
CONFIGS = ROOT / "configs"
FULL_RECIPE = CONFIGS / "equal" / "unet_full.toml"
"""What trains the last of them."""
PARTS = ("slices", "showcases", "noise", "failures")
EQUAL, REDCNN, BEFORE = "hrnet_equal", "redcnn", "hrnet_before"


EXPECTED = {
    EQUAL: "equal/hrnet.toml", "unet_equal": "equal/unet.toml", FULL_RIVAL: f"equal/{FULL_RECIPE.name}",
    REDCNN: "equal/redcnn.toml", "plain_equal": "equal/plain.toml", BEFORE: "",
    "hrnet_literal": "literal/hrnet.toml", "unet_literal": "literal/unet.toml", "plain_literal": "literal/plain.toml",
}
"""Networks that are not shipped and take part where their weights are given, with the recipes in configs/ that train
them; ``BEFORE`` was left by the trainings of the shipped HRNet."""
LIKE_THE_PAPER = ((EQUAL, "unet_equal"), (EQUAL, FULL_RIVAL), (MAIN, RIVAL), (MAIN, FULL_RIVAL),
                  ("hrnet_literal", "unet_literal"))
"""Pairs of an HRNet and a U-Net that stand beside the paper's."""


@dataclass(frozen=True)
class Zoom:
    """A square of the file that is magnified: centre and half side in pixels, and its frame's colour."""

    row: int
    column: int
    half: int
    colour: str = "lime"


@dataclass(frozen=True)
class Showcase:
    """A slice that is shown: a figure of the paper, a patient of the validation set and its slice in the file."""

    figure: str
    title: str
    patient: str
    slice: int
    zooms: tuple[Zoom, ...]


@dataclass(frozen=True)
class Lesion:
    """A disk to insert: centre in pixels of the file, diameter at half its contrast."""

    row: float
    column: float
    diameter_mm: float
    contrast_hu: float


SHOWCASES = (
    Showcase("2", "abdomen", CRLM, 13, (Zoom(225, 215, 45), Zoom(330, 265, 45, "yellow"))),
    Showcase("3", "liver", CRLM, 28, (Zoom(230, 190, 50),)),
    Showcase("4", "lung", "siim_tcga_single_slices-3", 3, (Zoom(335, 150, 45),)),
    Showcase("5", "low-contrast lesions", CRLM, 31, (Zoom(243, 172, 82),)),
)
LESIONS = (
    Lesion(207, 124, 14, -10), Lesion(186, 160, 14, -20), Lesion(272, 116, 14, -30), Lesion(301, 142, 14, -40),
    Lesion(243, 196, 8, -10), Lesion(253, 232, 8, -20), Lesion(284, 196, 8, -30), Lesion(184, 202, 8, -40),
)
"""In the liver of showcase 5, away from its larger vessels and from one another."""


@dataclass(frozen=True)
class Plan:
    """The whole report.

    Attributes:
        files: of the data folder; models: of the registry, hrnet and unet are compared with each other.
        first: so many slices of each patient come first, those of ``ldct evaluate --slices`` of the same number, so
            that its cases come out the same; slices: so many at the first of ``doses``, other_slices: at the others.
        dose_models: take part at every dose, all others at the first only; lesion_models, noise_models, scan_models: in
            the lesions, in what is removed, and in the other scan.
        shown: what figures show, of tracks and noise indices; columns: and of which networks.
        lesion_seeds: noise realisations of the slice with lesions.
        other_scan: slices of the first patient that are scanned again, and which of them is shown.
    """

    files: tuple[str, ...] = (f"validation/{CRLM}.nii.gz", "validation/siim_tcga_single_slices.nii.gz")
    models: tuple[str, ...] = ("hrnet", "unet", "plain")
    tracks: tuple[str, ...] = TRACKS
    noise_indices: tuple[float, ...] = (15.0, 30.0)
    doses: tuple[float, ...] = (0.25, 0.5, 0.125)
    first: int = 4
    slices: int = 51
    other_slices: int = 4
    dose_models: tuple[str, ...] = (MAIN, RIVAL, FULL_RIVAL, EQUAL, "unet_equal", REDCNN)
    lesion_models: tuple[str, ...] = (MAIN, RIVAL, "plain", REDCNN, EQUAL)
    noise_models: tuple[str, ...] = (MAIN, RIVAL, "plain", REDCNN, "hrnet_literal", "unet_literal")
    scan_models: tuple[str, ...] = (MAIN, RIVAL, "plain", REDCNN, EQUAL, "unet_equal")
    shown: tuple[str, float] = ("sharp", 30.0)
    columns: tuple[str, ...] = ("unet", "hrnet", "redcnn")
    showcases: tuple[Showcase, ...] = SHOWCASES
    lesions: tuple[Lesion, ...] = LESIONS
    lesion_seeds: int = 10
    other_scan: tuple[int, ...] = (10, 20, 30, 40)
    other_scan_shown: int = 20
    failures: int = 4
