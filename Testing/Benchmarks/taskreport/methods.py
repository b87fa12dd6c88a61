"""What is compared: networks of the registry, further weights, and classical filters, on stacks of scans."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from didreport.cache import digest_of_files
from LDCTDenoiseLib import classical
from LDCTDenoiseLib.classical import FILTERS, Noise
from LDCTDenoiseLib.evaluationprobe import fingerprint
from LDCTDenoiseLib.hu import round_to_dtype
from LDCTDenoiseLib.modelregistry import ModelCard, find_model
from LDCTDenoiseLib.noiselevel import global_noise_level
from networksreport.nets import ReportNetwork

TUNED_ON = 2
"""Scans on which a filter's parameter is chosen."""
OPPONENT = "redcnn"
"""The architecture that HRNet is to be at least as good as."""
NO_BM3D = ("BM3D, which has its rows in [scores](scores.md), takes no part here: it takes the longest of all filters "
           "(its cost is told there), and its package is for non-commercial research only.")


@dataclass(frozen=True)
class Scans:
    """Slices (N, J, I) int16 HU of one kind; ``flat``: bool (J, I), uniform tissue, or None where there is none."""

    images: np.ndarray
    spacing: tuple[float, float, float]
    flat: np.ndarray | None = None

    def noise(self, image: np.ndarray) -> float:
        """Noise SD of one image in HU: in the flat part, or else its global noise level."""
        return float(image[self.flat].std()) if self.flat is not None else global_noise_level(image, self.spacing)


class Method(Protocol):
    """``kind`` is "classical" or "network"; ``identity`` JSON data on which results depend besides the scans."""

    key: str
    label: str
    kind: str
    identity: dict

    def run(self, scans: Scans, share: float) -> tuple[np.ndarray, float]:
        """Return the denoised images (N, J, I) int16 and the parameter that was used, NaN if there is none.

        ``share`` is the part of the noise SD that is to be left at most; networks do what they do.
        """


class NetworkMethod:
    """A network at full strength, as ``ldct denoise`` runs it."""

    kind = "network"

    def __init__(self, model: str | ModelCard):
        self.network = ReportNetwork(find_model(model) if isinstance(model, str) else model)
        self.key, self.label = self.network.key, self.network.label
        # What the code makes of a small case, not the code itself: most changes of it change no result.
        self.identity = {**self.network.identity, "probe": fingerprint(self.network, "cpu")}

    def run(self, scans: Scans, share: float) -> tuple[np.ndarray, float]:
        return self.network.denoise(scans.images, scans.spacing), float("nan")


class FilterMethod:
    """A classical filter with the weakest of its parameters that leaves at most the wanted share of the noise."""

    kind = "classical"

    def __init__(self, key: str):
        self.key, self.filter = key, FILTERS[key]
        self.label = self.filter.label
        self.identity = {"key": key, "parameters": list(self.filter.parameters), "package": self.filter.package_version,
                         "code": digest_of_files([Path(classical.__file__)]), "parameter": "weakest sufficient"}

    def run(self, scans: Scans, share: float) -> tuple[np.ndarray, float]:
        few = [(image.astype(np.float32), scans.noise(image)) for image in scans.images[:TUNED_ON]]
        for parameter in self.filter.parameters:
            left = [scans.noise(self.filter.apply(image, parameter, Noise(sd))) / sd for image, sd in few]
            if np.mean(left) <= share:
                break
        known = Noise(float(np.mean([sd for _, sd in few])))
        made = [round_to_dtype(self.filter.apply(image, parameter, known), image.dtype) for image in scans.images]
        return np.stack(made), parameter


def digest(scans: Scans) -> str:
    """Digest of all that is in a stack of scans."""
    found = hashlib.sha256(str((scans.images.shape, scans.images.dtype.str, scans.spacing)).encode())
    for array in (scans.images, scans.flat):
        found.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def seconds(call) -> tuple[object, float]:
    """Result and duration of a call without arguments."""
    start = time.monotonic()
    return call(), time.monotonic() - start
