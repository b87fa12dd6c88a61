"""Where the public training data comes from: collections of The Cancer Imaging Archive (TCIA), licences, SHA-256.

Digests are those of the converted voxels, int16 little endian in the order slice, row, column, after clipping at
-1024 HU. They decide whether what was fetched is what the shipped networks were trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

TCIA_CITATION = ("Clark K et al. The Cancer Imaging Archive (TCIA): Maintaining and Operating a Public Information "
                 "Repository. J Digit Imaging 2013;26:1045-1057. https://doi.org/10.1007/s10278-013-9622-7")
USAGE_POLICY = "https://www.cancerimagingarchive.net/data-usage-policies-and-restrictions/"
_CC_BY_3 = ("CC BY 3.0", "https://creativecommons.org/licenses/by/3.0/")
_CC_BY_4 = ("CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/")
COLLECTIONS = {
    "Colorectal-Liver-Metastases": (*_CC_BY_4, "10.7937/QXK2-QG03"),
    "TCGA-OV": (*_CC_BY_3, "10.7937/K9/TCIA.2016.NDO1MDFQ"),
    "CPTAC-PDA": (*_CC_BY_3, "10.7937/K9/TCIA.2018.SC20FO18"),
    "LIDC-IDRI": (*_CC_BY_3, "10.7937/K9/TCIA.2015.LO9QL9SX"),
    "TCGA-THCA": (*_CC_BY_3, "10.7937/K9/TCIA.2016.9ZFRVF1B"),
    "CPTAC-LSCC": (*_CC_BY_3, "10.7937/K9/TCIA.2018.6EMUB5L2"),
    "TCGA-LUAD": (*_CC_BY_3, "10.7937/K9/TCIA.2016.JGNIHEP5"),
    "TCGA-LUSC": (*_CC_BY_3, "10.7937/K9/TCIA.2016.TYGKKFMQ"),
}
"""Licence, its address and the data citation's DOI of each collection."""


@dataclass(frozen=True)
class VolumeSource:
    """One volume, cut from one series of one patient.

    Attributes:
        path: below the data folder, with forward slashes.
        collection, patient: at TCIA.
        slices: how many; spacing, origin: of the converted volume, (x, y, z) in mm, LPS, slices foot to head.
        mean_of: each slice is the mean of so many neighbours, rounded to even; its position is the mean of theirs.
        sha256: of the converted voxels.
    """

    path: str
    collection: str
    patient: str
    slices: int
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    mean_of: int
    sha256: str

    @property
    def collections(self) -> tuple[str, ...]:
        return (self.collection,)


@dataclass(frozen=True)
class SliceSource:
    """A stack of unrelated slices with a table of their pixel sizes beside it.

    Attributes:
        path, sha256: as for :class:`VolumeSource`.
        members: (collection, patient, pixel size in mm, first 16 digits of the slice's SHA-256), in order; some slices
            occur twice.
    """

    path: str
    sha256: str
    members: tuple[tuple[str, str, float, str], ...]

    @property
    def collections(self) -> tuple[str, ...]:
        return tuple(sorted({member[0] for member in self.members}))


def attribution(path: str) -> dict:
    """Return file name, collections, licences and DOIs of a data file, as far as it is known here."""
    for source in SOURCES:
        if PurePosixPath(source.path).name == PurePosixPath(path).name:
            return {"file": PurePosixPath(path).name, "from": [
                {"collection": name, "licence": COLLECTIONS[name][0], "doi": COLLECTIONS[name][2]}
                for name in source.collections]}
    return {"file": PurePosixPath(path).name}


SOURCES = (
    VolumeSource("train/crlm_1004_cap_ge.nii.gz", "Colorectal-Liver-Metastases", "CRLM-CT-1004", 41,
                 (0.796875, 0.796875, 5.0), (-198.2, -204.0, -375.0), 1,
                 "e29fe1f9a76afa859fc3398a39e17bcf1c00ce27c6931f6353680f986e152efc"),
    VolumeSource("train/tcga_ov_09-2043_abdomen_toshiba.nii.gz", "TCGA-OV", "TCGA-09-2043", 80,
                 (1.03, 1.03, 6.0), (-276.3671, -263.6718, 1055.0), 1,
                 "bff5958a8fbee4d477e1d009766b271103458329c6e9cc3f7ca09ce61a584e52"),
    VolumeSource("train/cptac_pda_C3N-00249_chestabd_siemens.nii.gz", "CPTAC-PDA", "C3N-00249", 102,
                 (0.8828125, 0.8828125, 3.0), (-231.5586, -386.5586, -266.5), 1,
                 "53df260f0fc22213856639e96cd8a3731670a7d870c780959f0d4754155f0b3f"),
    VolumeSource("train/lidc_0314_chest_philips_avg3.nii.gz", "LIDC-IDRI", "LIDC-IDRI-0314", 91,
                 (0.78125, 0.78125, 3.0), (-201.0, -59.0, -678.8), 3,
                 "66761e2cb156cf8b3dcf3463d5814282a7fe8c39c3cc759fb3afac2798e39b0f"),
    VolumeSource("train/tcga_thca_E3-A3E5_neckthorax_philips_avg2.nii.gz", "TCGA-THCA", "TCGA-E3-A3E5", 43,
                 (0.515625, 0.515625, 3.0), (-120.0, 0.0, 348.25), 2,
                 "cc07ce67d21c19217e5c585c577ac027cc8228fd1fa8a2b148cdfe0bb172c4ba"),
    VolumeSource("train/cptac_lscc_C3N-04457_brain_toshiba.nii.gz", "CPTAC-LSCC", "C3N-04457", 25,
                 (0.527, 0.527, 3.0), (-135.0, -135.0, -907.5), 1,
                 "79222880b640860788db8f1f3f578d0b911efbd4ac7bb2c0882eb1d977dd352f"),
    VolumeSource("validation/crlm_1006_cap_ge.nii.gz", "Colorectal-Liver-Metastases", "CRLM-CT-1006", 51,
                 (0.804688, 0.804688, 5.0), (-191.0, -167.2, -376.44), 1,
                 "5e07725de8517284e7a43c59761730417ade08ddc7d0cb4141d553bce6ebe929"),
    SliceSource("train/siim_tcga_single_slices.nii.gz",
                "2933c384ef53b93402c212c1c6dc921a87111649ab641a80cc8547541bbf692e", (
        ("TCGA-LUAD", "TCGA-17-Z034", 0.78125, "374544941355fcdf"),
        ("TCGA-LUAD", "TCGA-17-Z011", 0.6445312, "0ff396863b458efc"),
        ("TCGA-LUAD", "TCGA-17-Z054", 0.6484375, "1d749ea925f3241d"),
        ("TCGA-LUAD", "TCGA-17-Z045", 0.6367188, "ddfb1c9ec2123794"),
        ("TCGA-LUAD", "TCGA-17-Z054", 0.6484375, "1d749ea925f3241d"),
        ("TCGA-LUAD", "TCGA-17-Z058", 0.703125, "57d1618a9c58ef28"),
        ("TCGA-LUAD", "TCGA-17-Z021", 0.7382812, "63f8ab50b70b09f7"),
        ("TCGA-LUAD", "TCGA-17-Z034", 0.7421875, "707e6b56e41b3f43"),
        ("TCGA-LUAD", "TCGA-17-Z058", 0.703125, "57d1618a9c58ef28"),
        ("TCGA-LUSC", "TCGA-51-6867", 0.65625, "35ac039e42f04d2e"),
        ("TCGA-LUAD", "TCGA-17-Z050", 0.6757812, "e857d2396ae1af8c"),
        ("TCGA-LUAD", "TCGA-17-Z052", 0.59375, "b1258e09746f60f1"),
        ("TCGA-LUAD", "TCGA-17-Z059", 0.7421875, "0ed7fc96cd33ebb2"),
        ("TCGA-LUAD", "TCGA-17-Z058", 0.65234375, "3e9e7266946f57eb"),
        ("TCGA-LUSC", "TCGA-51-6867", 0.65625, "9904d572f0ff9500"),
        ("TCGA-LUSC", "TCGA-60-2716", 0.613281, "c1298f13b719b994"),
        ("TCGA-LUAD", "TCGA-17-Z043", 0.65625, "41a7eda052766fbe"),
        ("TCGA-LUAD", "TCGA-17-Z028", 0.6679688, "c0c761502db4033b"),
        ("TCGA-LUAD", "TCGA-17-Z043", 0.65625, "41a7eda052766fbe"),
        ("TCGA-LUSC", "TCGA-92-7341", 0.693359375, "1f19e3ea31913622"),
        ("TCGA-LUSC", "TCGA-92-7340", 0.76953125, "b432e8f7953daa02"),
        ("TCGA-LUAD", "TCGA-17-Z036", 0.6972656, "0a9b7f0b08e7b5f5"),
        ("TCGA-LUAD", "TCGA-17-Z036", 0.6972656, "f7378ada5f88569c"),
        ("TCGA-LUAD", "TCGA-17-Z017", 0.6074219, "81a2f7976a666590"),
        ("TCGA-LUAD", "TCGA-17-Z021", 0.6679688, "44ef3a03a379e770"),
        ("TCGA-LUAD", "TCGA-50-6591", 0.748047, "53e9d087b0e4990d"),
        ("TCGA-LUAD", "TCGA-50-5044", 0.9375, "170e72d2106adff0"),
        ("TCGA-LUAD", "TCGA-17-Z013", 0.5703125, "2bd6facb2969f4fb"),
        ("TCGA-LUAD", "TCGA-17-Z028", 0.7539062, "528f3d0ea37b418a"),
        ("TCGA-LUAD", "TCGA-17-Z051", 0.55078125, "aa2f1b7a5b609d4a"),
        ("TCGA-LUSC", "TCGA-34-A5IX", 0.707031, "af3164915ce9d149"),
        ("TCGA-LUSC", "TCGA-92-8064", 0.623046875, "466dc685b6f33af1"),
        ("TCGA-LUAD", "TCGA-17-Z058", 0.9765625, "97a63cd70107d292"),
        ("TCGA-LUSC", "TCGA-51-6867", 0.9765625, "25e67a5800cdebf7"),
        ("TCGA-LUAD", "TCGA-17-Z051", 0.9765625, "5297b51ed387dae5"),
        ("TCGA-LUAD", "TCGA-17-Z058", 0.6464844, "ec11612c77e21efd"),
        ("TCGA-LUAD", "TCGA-17-Z062", 0.9765625, "ad417927f77f59cb"),
        ("TCGA-LUAD", "TCGA-17-Z013", 0.5703125, "456ad14c599d9d9f"),
        ("TCGA-LUAD", "TCGA-17-Z050", 0.9765625, "f4540501002f34d9"),
        ("TCGA-LUAD", "TCGA-17-Z050", 0.9765625, "f4540501002f34d9"),
        ("TCGA-LUAD", "TCGA-17-Z058", 0.6464844, "ea85cfe11b50813f"),
        ("TCGA-LUAD", "TCGA-17-Z059", 0.7421875, "7043a380a5ed8e5a"),
        ("TCGA-LUAD", "TCGA-17-Z059", 0.7421875, "7043a380a5ed8e5a"),
    )),
    SliceSource("validation/siim_tcga_single_slices.nii.gz",
                "0b21e8481f8ad76361f41e81d73f6ce524cc131b6846f0c8e795503f5bf64a69", (
        ("TCGA-LUAD", "TCGA-17-Z053", 0.64453125, "e3191670778eb786"),
        ("TCGA-LUSC", "TCGA-92-8065", 0.68359375, "3636ee167cd99d3a"),
        ("TCGA-LUSC", "TCGA-92-8065", 0.7421875, "f945cd0904b48475"),
        ("TCGA-LUAD", "TCGA-17-Z019", 0.6875, "e0f0b687397c1fb1"),
        ("TCGA-LUSC", "TCGA-51-4079", 0.9765625, "3b60246cce25c3ce"),
        ("TCGA-LUSC", "TCGA-51-4080", 0.9765625, "3c8bdc4e7fa6c786"),
        ("TCGA-LUAD", "TCGA-17-Z053", 0.9765625, "8cf02adc2443df01"),
        ("TCGA-LUSC", "TCGA-60-2724", 0.9765625, "59a8fe0135c3f743"),
    )),
)
