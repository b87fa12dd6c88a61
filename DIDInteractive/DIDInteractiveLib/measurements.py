"""What each candidate tells: noise, sharpness, CT numbers, contrast, distances and flicker.

The DID paper (arXiv 2011.14873, discussion) leaves it as future work to "quantify the noise-resolution tradeoff ...
with some simple and understandable metrics".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from LDCTDenoiseLib.engine import Cancelled
from LDCTDenoiseLib.metrics import bias_per_class, body_mask, cnr_did, cnr_seed, rmse, tissue_classes
from LDCTDenoiseLib.noiselevel import global_noise_level
from LDCTDenoiseLib.scanfield import outside_scan_field

from .candidate import Candidate
from .edges import EdgeProbe
from .flicker import FlickerProbe
from .measurement import MAX_SLICES, Measurements
from .noiseprobe import NoiseProbe
from .progressmeter import Progress, ProgressMeter


def measure_candidates(candidates: Sequence[Candidate], input_array: np.ndarray, spacing: Sequence[float], *,
                       padding: np.ndarray | None = None, roi: np.ndarray | None = None,
                       background_roi: np.ndarray | None = None, reference: np.ndarray | None = None,
                       progress: Progress | None = None,
                       cancelled: Callable[[], bool] | None = None) -> list[Measurements]:
    """Measure all candidates in the same pixels, so that their numbers can be compared.

    Args:
        candidates: smoothest first; one of them is of the kind "default".
        input_array: (K, J, I) in HU, as the candidates' arrays.
        spacing: (slice, row, column) in mm.
        padding: bool (K, J, I), voxels known to be no measurement.
        roi: bool (K, J, I), where noise is measured; None: flat soft tissue. With ``background_roi`` also the
            foreground of the contrast-to-noise ratio.
        background_roi: bool (K, J, I).
        reference: (K, J, I) in HU, for instance a scan at full dose.
        progress: called with (fraction 0..1, text, remaining seconds).
        cancelled: asked several times per candidate.

    Edges are sought on the smoothest candidate. Tissue classes come from the reference or, without one, from the
    smoothest candidate, both smoothed: chosen on the noisy input, a class would end where the noise does, and the
    candidates would look biased. So numbers on edges and, without a reference, on tissues are comparable within a set
    only: in a set with another smoothest candidate the same image has slightly different ones.

    Raises:
        ValueError: nothing to measure, arrays that do not fit, a region that is empty or too small, no tissue.
        Cancelled: ``cancelled`` said so.
    """
    _check(candidates, input_array, roi, background_roi, reference, padding)

    def stop_if_cancelled() -> None:
        if cancelled and cancelled():
            raise Cancelled("Measuring was stopped.")

    meter = ProgressMeter(progress, {"regions": 1, "candidates": len(candidates)})
    meter.report("regions", 0.0, "Measuring")
    ruler = _Ruler(candidates, input_array, spacing, padding, roi, background_roi, reference, stop_if_cancelled)
    meter.report("regions", 1.0, "Measuring")
    found = []
    for number, candidate in enumerate(candidates, 1):
        found.append(ruler.measure(candidate))
        meter.report("candidates", number / len(candidates), "Measuring")
    return found


class _Ruler:
    """What is common to all candidates: slices, masks, edges and the values of the input."""

    def __init__(self, candidates, array, spacing, padding, roi, background_roi, reference, stop_if_cancelled):
        self.stop, self.spacing = stop_if_cancelled, spacing
        self.slices = _evenly(np.arange(len(array)))
        noise_slices = self.slices if roi is None else _evenly(np.flatnonzero(roi.any(axis=(1, 2))))
        default = next(one for one in candidates if one.kind == "default").array

        def outside(slices):
            return outside_scan_field(array[slices], None if padding is None else padding[slices])

        self.noise_slices = noise_slices
        self.probe = NoiseProbe(array[noise_slices], default[noise_slices], spacing, outside(noise_slices),
                                None if roi is None else roi[noise_slices])
        self.input_noise = self.probe.sd(array[noise_slices])
        stop_if_cancelled()

        self.input, self.smoothest = array[self.slices], candidates[0].array[self.slices]
        self.reference = None if reference is None else reference[self.slices]
        pattern = self.smoothest if reference is None else self.reference
        not_scanned = outside(self.slices)
        self.body = body_mask(pattern, not_scanned)
        if not self.body.any():
            self.body = ~not_scanned
        self.classes = tissue_classes(pattern, spacing, self.body)
        stop_if_cancelled()
        self.edges = EdgeProbe(self.input, self.smoothest, spacing, not_scanned)
        self.flicker = _flicker_probe(default, spacing, padding)
        self.regions = None if roi is None or background_roi is None else (roi, background_roi)

    def measure(self, candidate: Candidate) -> Measurements:
        self.stop()
        image = candidate.array[self.slices]
        noise = self.probe.sd(candidate.array[self.noise_slices])
        bias = bias_per_class(image, self.input, self.classes)
        self.stop()
        cnr = None
        if self.regions:
            cnr = {"did": _finite(cnr_did(candidate.array, *self.regions)),
                   "seed": _finite(cnr_seed(candidate.array, *self.regions))}
        return Measurements(
            kind=candidate.kind, method=candidate.method, iteration=candidate.iteration, seconds=candidate.seconds,
            position=candidate.position, noise_sd_hu=noise,
            gnl_hu=global_noise_level(image, self.spacing, self.stop),
            noise_share=noise / self.input_noise if self.input_noise > 0 else 1.0,
            edges_kept=_finite(self.edges.kept(image)), edge_contrast_hu=_finite(self.edges.contrast),
            bias_hu={name: _finite(value) for name, value in bias.items()},
            cnr=cnr,
            rmse_to_reference_hu=None if self.reference is None else rmse(image, self.reference, self.body),
            distance_to_input_hu=rmse(image, self.input, self.body),
            distance_to_smoothest_hu=rmse(image, self.smoothest, self.body),
            flicker_hu=self.flicker.sd(candidate.array) if self.flicker else None)


def _flicker_probe(default, spacing, padding) -> FlickerProbe | None:
    """The probe, or None where there are too few slices or too little soft tissue for it."""
    try:
        return FlickerProbe(default, spacing, padding)
    except ValueError:
        return None


def _check(candidates, input_array, roi, background_roi, reference, padding) -> None:
    if not any(one.kind == "default" for one in candidates):
        raise ValueError("There is no default candidate, so nothing can be measured; give the whole set.")
    given = [("candidate", one.array) for one in candidates]
    given += [("region of interest", roi), ("background region", background_roi), ("reference", reference),
              ("padding", padding)]
    for name, array in given:
        if array is not None and array.shape != input_array.shape:
            raise ValueError(f"The {name} has the shape {array.shape}, but the input {input_array.shape}; they must "
                             "agree.")
    if background_roi is not None and roi is None:
        raise ValueError("A background region alone gives no contrast; give the region of interest too.")
    for name, mask in (("region of interest", roi), ("background region", background_roi)):
        if mask is not None and not mask.any():
            raise ValueError(f"The {name} is empty; draw it inside the volume.")


def _evenly(numbers: np.ndarray) -> np.ndarray:
    """At most :data:`MAX_SLICES` of the slice numbers, evenly spaced."""
    count = min(len(numbers), MAX_SLICES)
    return numbers[np.unique(np.linspace(0, len(numbers) - 1, count).round().astype(int))]


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
