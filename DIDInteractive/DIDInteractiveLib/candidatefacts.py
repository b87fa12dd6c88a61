"""What the scene says about each candidate: index value, attributes, a table row, and the exact numbers as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from LDCTDenoiseLib import __version__
from LDCTDenoiseLib.provenance import PREFIX as PROVENANCE

from .candidatedocument import document_of
from .didengine import CandidateReply

PREFIX = "DIDInteractive."
INDEX_NAME, INDEX_UNIT = "noise", "HU"
TOLERANCE_HU = 0.001
"""Sequences take index values that are closer than this for one and the same."""

NOISE_COLUMN, SHARPNESS_COLUMN, WORDS_COLUMN = "Noise SD (HU)", "Edges kept", "In words"
"""Table columns that the plot shows; the second is 1 for the input's own edges."""
SOFT_TISSUE = "soft"
"""The tissue whose bias stands in the table; the JSON has all of them."""


@dataclass(frozen=True)
class SetContent:
    """All that is written to the scene about a set. The sequences run from the smoothest candidate to the input."""

    arrays: tuple[np.ndarray, ...]
    """(slice, row, column) in HU, one shape and dtype."""
    index_values: tuple[str, ...]
    item_attributes: tuple[dict[str, str], ...]
    set_attributes: dict[str, str]
    rows: tuple[dict[str, float | int | str], ...]
    """Rows of the table, column name to value; a number that could not be measured is NaN."""
    document: str
    """JSON with the exact numbers."""
    default: int
    """Index of the network's own result."""


def content_of(reply: CandidateReply, source_name: str, arrays: Sequence[np.ndarray], region: dict | None,
               fewer: str | None = None, default_image: str | None = None) -> SetContent:
    """Put together what the scene shows of a ``reply``.

    ``arrays`` are the candidates' voxels as they are to be shown, ``region`` the part of the source that they cover, as
    {"slice": [first, last], "row": ..., "column": ...}, or None for all of it. ``fewer``: why there are fewer
    candidates than were asked for. ``default_image``: the image of another denoiser that the network was
    fitted to, if any.
    """
    pairs = list(zip(reply.candidates, reply.measurements, strict=True))
    values = index_values([measured.noise_sd_hu for _, measured in pairs])
    origin = {PROVENANCE + "SourceVolume": source_name, PROVENANCE + "SoftwareVersion": __version__}
    network = {PROVENANCE + name: value for name, value in (
        ("Model", reply.model), ("Version", reply.version), ("WeightsSHA256", reply.weights_sha256),
        ("Device", reply.device), ("Precision", reply.precision))}
    items = []
    for candidate, measured in pairs:
        # The untouched input was made by no network.
        made_by = {} if candidate.kind == "input" else network
        items.append(origin | made_by | _attributes(candidate, measured))
    document = document_of(reply, source_name, [{"index": value} for value in values], region=region,
                           default_image=default_image, notes=[fewer] if fewer else [])
    return SetContent(
        arrays=tuple(arrays), index_values=tuple(values), item_attributes=tuple(items),
        set_attributes=origin | network | {
            PREFIX + "Method": reply.settings.method, PREFIX + "Default": str(reply.default)},
        rows=tuple(_row(*pair) for pair in pairs), document=json.dumps(document, indent=1),
        default=reply.default)


def index_values(noise: Sequence[float]) -> list[str]:
    """Return an index value for every noise SD in HU: two decimals, strictly rising by at least a hundredth.

    The order of the candidates is theirs, not that of rounded or repeated measurements: a value that does not rise is
    put one hundredth above the one before. The JSON of the set has the exact numbers.
    """
    hundredths: list[int] = []
    for value in noise:
        if not math.isfinite(value):
            raise RuntimeError(f"The engine measured a noise SD of {value} HU, by which nothing can be ordered.")
        lowest = hundredths[-1] + 1 if hundredths else 0
        hundredths.append(max(round(100 * value), lowest))
    return [f"{value // 100}.{value % 100:02d}" for value in hundredths]


def number(attributes, name: str) -> float:
    """Return the attribute ``DIDInteractive.<name>`` of a node as a number, NaN where it is missing."""
    text = attributes.GetAttribute(PREFIX + name)
    return float(text) if text else math.nan


def _attributes(candidate, measured) -> dict[str, str]:
    numbers = {
        "Position": candidate.position, "Iteration": candidate.iteration, "Seconds": round(candidate.seconds, 3),
        "NoiseSD": measured.noise_sd_hu, "NoiseShare": measured.noise_share, "Sharpness": measured.edges_kept,
        "HUBias": measured.bias_hu.get(SOFT_TISSUE)}
    texts = {"Kind": candidate.kind, "Method": candidate.method, "Description": measured.sentence()}
    # str of a float is the shortest text that gives the same number back
    known = {name: str(value) for name, value in numbers.items() if value is not None and math.isfinite(value)}
    return {PREFIX + name: text for name, text in (known | texts).items()}


def _row(candidate, measured) -> dict[str, float | int | str]:
    def number_or_nan(value, factor=1.0):
        return math.nan if value is None else factor * float(value)

    return {
        NOISE_COLUMN: number_or_nan(measured.noise_sd_hu),
        "Noise kept (%)": number_or_nan(measured.noise_share, 100),
        SHARPNESS_COLUMN: number_or_nan(measured.edges_kept),
        "Bias of soft tissue (HU)": number_or_nan(measured.bias_hu.get(SOFT_TISSUE)),
        "GNL (HU)": number_or_nan(measured.gnl_hu),
        "CNR": number_or_nan((measured.cnr or {}).get("did")),
        "RMSE to reference (HU)": number_or_nan(measured.rmse_to_reference_hu),
        "Position": float(candidate.position),
        "Kind": candidate.kind,
        "Method": candidate.method,
        "Step": int(candidate.iteration),
        "Time (s)": float(candidate.seconds),
        WORDS_COLUMN: measured.sentence(),
    }
