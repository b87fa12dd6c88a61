"""What was measured on one candidate, in numbers and in words; needs nothing but the standard library."""

from __future__ import annotations

from dataclasses import asdict, dataclass

MAX_SLICES = 16
"""Of a volume at most this many evenly spaced slices are measured, which is plenty for every number."""
SOFT_TISSUE_CONTRAST_HU = 300.0
"""The strongest edges within soft tissue."""


@dataclass(frozen=True)
class Measurements:
    """What is measured on one candidate. Numbers that cannot be had are None.

    Attributes:
        kind, method, iteration, seconds, position: as of the candidate.
        noise_sd_hu: noise SD in flat soft tissue or in the user's region; see :class:`.noiseprobe.NoiseProbe`.
        gnl_hu: global noise level; see :mod:`LDCTDenoiseLib.noiselevel`.
        noise_share: noise SD over the input's.
        edges_kept: slope of the edges over the input's; see :mod:`.edges`. To be compared within a set only: the edges
            are those of its smoothest candidate, so that the same image has another number in another set.
        bias_hu: mean difference from the input in lung, fat, soft tissue and bone; None where a tissue is absent.
        cnr: contrast-to-noise ratio of the two regions by the definitions of the two papers, {"did": ..., "seed": ...}
            (see :mod:`LDCTDenoiseLib.metrics.contrast`); None without two regions, or infinite.
        rmse_to_reference_hu: in the body; None without a reference.
        distance_to_input_hu, distance_to_smoothest_hu: root mean square difference in the body.
        edge_contrast_hu: median contrast of the edges behind ``edges_kept``; above 300 HU they are those of bone or
            air, for want of edges within soft tissue, and say little about it.
        flicker_hu: how much the mean of a slice jumps along z, to be compared with the input's; see
            :class:`.flicker.FlickerProbe`. None for fewer than three slices.
    """

    kind: str
    method: str
    iteration: int
    seconds: float
    position: float
    noise_sd_hu: float
    gnl_hu: float
    noise_share: float
    edges_kept: float | None
    bias_hu: dict[str, float | None]
    cnr: dict[str, float | None] | None
    rmse_to_reference_hu: float | None
    distance_to_input_hu: float
    distance_to_smoothest_hu: float
    edge_contrast_hu: float | None = None
    flicker_hu: float | None = None

    def as_dict(self) -> dict:
        """Return all numbers, ready for JSON."""
        return asdict(self)

    def sentence(self) -> str:
        """Return the trade-off in words, such as "noise 11 HU, 62 % of the original; edges 94 %".

        With two regions, their CNR by the definition of the DID paper is added.
        """
        digits = 0 if self.noise_sd_hu >= 9.95 else 1
        if self.edges_kept is None:
            edges = "no edges to judge by"
        else:
            only = "bone and air " if (self.edge_contrast_hu or 0) > SOFT_TISSUE_CONTRAST_HU else ""
            edges = f"{only}edges {100 * self.edges_kept:.0f} %"
        contrast = (self.cnr or {}).get("did")
        cnr = "" if contrast is None else f"; CNR {contrast:.1f}"
        return f"noise {self.noise_sd_hu:.{digits}f} HU, {100 * self.noise_share:.0f} % of the original; {edges}{cnr}"
