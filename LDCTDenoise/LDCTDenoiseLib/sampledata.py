"""The sample CT that is installed with the module, as an entry of Slicer's module Sample Data; needs no network.

Sample Data "downloads" the files from file:// addresses into its cache and loads them from there, so that the installed
files are never the ones that a user works on. Resources/SampleData/ATTRIBUTION.md says where they come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

RESOURCES = Path(__file__).resolve().parents[1] / "Resources"
CATEGORY = "LDCTDenoise"


@dataclass(frozen=True)
class Sample:
    """``name`` is what Sample Data shows and scripts ask for; ``node`` names the volume that is loaded."""

    name: str
    node: str
    file: str
    sha256: str

    @property
    def path(self) -> Path:
        return RESOURCES / "SampleData" / self.file

    @property
    def thumbnail(self) -> Path:
        return RESOURCES / "Icons" / f"{self.name}.png"


SAMPLES = (
    Sample("LDCTQuarterDose", "CT quarter dose", "ldct_sample_quarter_dose.nrrd",
           "0ccfe8fba1d3151fc981719b0b1e59f1507bb5936c0464f69a62e7b7431787cc"),
    Sample("LDCTFullDose", "CT full dose", "ldct_sample_reference.nrrd",
           "2d38cfc9efb270c219196b25b188385f9409d44bd1424bbaaa3c5d62066ed381"),
)


def register_sample_data(logic, title: str) -> None:
    """Add the samples to Sample Data; those already there are not added again.

    ``logic``: the class ``SampleData.SampleDataLogic`` of Slicer. ``title``: what the category is called on screen, in
    Slicer 5.12 and later.
    """
    if hasattr(logic, "registerCustomSampleDataCategory"):
        logic.registerCustomSampleDataCategory(CATEGORY, title)
    for sample in SAMPLES:
        logic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=sample.name,
            thumbnailFileName=str(sample.thumbnail),
            uris=sample.path.as_uri(),
            fileNames=sample.file,
            checksums=f"SHA256:{sample.sha256}",
            nodeNames=sample.node,
        )
