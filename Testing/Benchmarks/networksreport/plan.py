"""What the report looks at: slices, doses, lesions. A test runs the same parts with a smaller plan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from LDCTDenoiseLib.evaluationcases import TRACKS

CRLM = "crlm_1006_cap_ge"
MAIN, RIVAL, FULL_RIVAL = "hrnet", "unet", "unet_full"
"""The networks with aims to meet: the first is to beat both others, one of equal cost, one of the paper's widths."""
FULL_RECIPE = Path(__file__).resolve().parents[3] / "configs" / "equal" / "unet_full.toml"
"""What trains the last of them."""
PARTS = ("slices", "showcases", "noise", "failures")
EXPECTED = {
    "hrnet_equal": "HRNet, trained for the same steps on the same patches as the next four",
    "unet_equal": "U-Net of equal cost, trained as hrnet_equal",
    "redcnn": "RED-CNN, trained as hrnet_equal",
    "plain_equal": "the plain network, trained as hrnet_equal",
    FULL_RIVAL: "U-Net of the paper's widths in the form that is shipped, trained as hrnet_equal for this table alone",
    "hrnet_literal": "HRNet as the paper prints it, by its recipe",
    "unet_literal": "U-Net as the paper prints it, by its recipe",
    "plain_literal": "the plain network in the literal form, by the paper's recipe",
}
"""Networks that are not shipped and take part where their weights are given."""
LIKE_THE_PAPER = ((MAIN, RIVAL), (MAIN, FULL_RIVAL), ("hrnet_equal", "unet_equal"), ("hrnet_literal", "unet_literal"))
"""Pairs of an HRNet and a U-Net that stand beside the paper's."""
ALIKE = (("hrnet_equal", "unet_equal"), ("hrnet_equal", FULL_RIVAL), ("hrnet_equal", "redcnn"),
         ("hrnet_literal", "unet_literal"))
"""Pairs that were trained alike; the shipped HRNet is compared with every other network besides."""


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
        dose_models: take part at every dose, all others at the first only.
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
    other_slices: int = 16
    dose_models: tuple[str, ...] = (MAIN, RIVAL, FULL_RIVAL)
    shown: tuple[str, float] = ("sharp", 30.0)
    columns: tuple[str, ...] = ("unet", "hrnet", "redcnn")
    showcases: tuple[Showcase, ...] = SHOWCASES
    lesions: tuple[Lesion, ...] = LESIONS
    lesion_seeds: int = 10
    other_scan: tuple[int, ...] = (10, 20, 30, 40)
    other_scan_shown: int = 20
    failures: int = 4
