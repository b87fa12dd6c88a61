"""The page that leads to the parts of the report."""

from __future__ import annotations

from .context import Context
from .plan import PARTS
from .tables import write_page

TITLES = {
    "range": "are the candidates in order of noise and of sharpness, how far do they reach, do volumes flicker",
    "matched": "the descents against blending and weight interpolation at the same noise SD: error, noise texture, "
               "resolution, low contrast",
    "figures": "the figures of the DID paper on this project's data, and real noise",
    "timing": "what candidates cost, and how long the slider takes",
}


def write_index(context: Context) -> None:
    """Write README.md with a link to every part that is there."""
    there = [part for part in PARTS if (context.output / f"{part}.md").is_file()]
    write_page(context.output / "README.md", [
        "# Candidates, measured", "",
        "Written by `python Testing/Benchmarks/did_report.py --data DATA`; every number and figure was measured by it "
        "on simulated low dose, phantoms and scans of the data folder. Not for clinical use.", "",
        *(f"- [{part}]({part}.md): {TITLES[part]}" for part in there)])
