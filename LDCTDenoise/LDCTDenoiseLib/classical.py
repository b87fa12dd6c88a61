"""Classical filters: the yardsticks that a network has to beat.

Each is a function (slice in HU, parameter, noise) -> slice in HU, float64. Where it makes sense the parameter is in
units of the noise, so that one grid of parameters serves every dose.

Gaussian needs scipy only. Non-local means and total variation come from scikit-image (the "evaluate" extra). BM3D comes
from the package ``bm3d``, whose licence allows non-commercial use only: it is never required and never shipped.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .metrics.nps import NoisePowerSpectrum


class MissingFilterError(ImportError):
    """The package behind a filter is not installed."""


@dataclass(frozen=True)
class Noise:
    """What a filter may know about the noise: ``sd`` in HU and, for BM3D, its power spectrum (None: white)."""

    sd: float
    spectrum: NoisePowerSpectrum | None = None


def gaussian(image: np.ndarray, sigma: float, noise: Noise) -> np.ndarray:
    """Gaussian blur; ``sigma`` in pixels, the noise is not used."""
    return ndimage.gaussian_filter(image.astype(np.float64), sigma)


def non_local_means(image: np.ndarray, strength: float, noise: Noise) -> np.ndarray:
    """Non-local means (Buades et al. 2005, doi:10.1109/CVPR.2005.38) with h = ``strength`` x noise SD."""
    restoration = _package("skimage.restoration", "scikit-image", "Non-local means")
    return restoration.denoise_nl_means(
        image.astype(np.float64), patch_size=5, patch_distance=6, h=strength * noise.sd, fast_mode=True,
        preserve_range=True,
    )


def total_variation(image: np.ndarray, strength: float, noise: Noise) -> np.ndarray:
    """Total variation (Chambolle 2004, doi:10.1023/B:JMIV.0000011325.36760.1e), weight = ``strength`` x noise SD."""
    restoration = _package("skimage.restoration", "scikit-image", "Total variation")
    return restoration.denoise_tv_chambolle(image.astype(np.float64), weight=strength * noise.sd)


def bm3d(image: np.ndarray, strength: float, noise: Noise) -> np.ndarray:
    """BM3D for correlated noise (Makinen et al. 2020, doi:10.1109/TIP.2020.3014721).

    The noise's power spectrum, or white noise where there is none, enters with its SD multiplied by ``strength``.
    """
    package = _package("bm3d", "bm3d", "BM3D")
    if noise.spectrum is None:
        power = np.full(image.shape, noise.sd**2 * image.size)
    else:
        power = noise.spectrum.expected_dft_power(image.shape)
        power *= noise.sd**2 / (power.sum() / image.size**2)
    with _numpy_trapz():
        return np.asarray(package.bm3d(image.astype(np.float64), power * strength**2), dtype=np.float64).squeeze()


@dataclass(frozen=True)
class ClassicalFilter:
    """A filter under its table name, with the parameters among which the best is sought, from weak to strong.

    ``package`` is what it needs to import, under that or another name of its ``distribution``; ``tuning_share`` the
    part of the body's rows and columns on which to seek the parameter, below 1 for filters that take seconds.
    """

    label: str
    apply: Callable[[np.ndarray, float, Noise], np.ndarray]
    parameters: tuple[float, ...]
    package: str | None = None
    distribution: str | None = None
    tuning_share: float = 1.0

    @property
    def available(self) -> bool:
        """Whether the package behind the filter is installed."""
        return self.package is None or importlib.util.find_spec(self.package) is not None

    @property
    def package_version(self) -> str | None:
        """Version of the package behind the filter; None if it needs none."""
        return None if self.distribution is None else importlib.metadata.version(self.distribution)


FILTERS: dict[str, ClassicalFilter] = {
    "gaussian": ClassicalFilter("Gaussian", gaussian, (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.2, 1.5)),
    "nlm": ClassicalFilter("Non-local means", non_local_means, (0.2, 0.4, 0.6, 0.8, 1.0, 1.3, 1.7), "skimage",
                           "scikit-image"),
    "tv": ClassicalFilter("Total variation", total_variation, (0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.1, 1.5), "skimage",
                          "scikit-image"),
    "bm3d": ClassicalFilter("BM3D", bm3d, (0.6, 0.8, 1.0, 1.3, 1.7), "bm3d", "bm3d", 0.5),
}


def _package(module: str, distribution: str, what: str):
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingFilterError(f"{what} needs the package {distribution}; install it with "
                                 f"'pip install {distribution}' or leave the filter out.") from error


@contextlib.contextmanager
def _numpy_trapz():
    """Lend numpy the name ``trapz`` while BM3D runs: bm3d 4.0.3 calls it, and numpy 2.4 has only ``trapezoid``."""
    if hasattr(np, "trapz"):
        yield
        return
    np.trapz = np.trapezoid
    try:
        yield
    finally:
        del np.trapz
