"""The page that leads to the parts of the report."""

from __future__ import annotations

from .context import Context
from .phantompart import DISKS
from .plan import PARTS, Figures
from .tables import table, write_page

TITLES = {
    "range": "are the candidates in order of noise and of sharpness, how far do they reach, do volumes flicker, how "
             "far does the paper's own descent get",
    "matched": "the descents against blending and weight interpolation at the same noise SD: error, noise texture, "
               "resolution, low contrast",
    "figures": "the figures of the DID paper on this project's data, and real noise",
    "timing": "what steps and candidates cost, and how long the slider takes",
}

NEEDS = [
    ["package matplotlib (`pip install .[evaluate]`)", "all figures", "the command ends"],
    ["DATA/validation/, from `ldct fetch DATA`", "everything", "the command ends"],
    ["the disks of doi:10.5281/zenodo.7996580, by hand: " + ", ".join(f"DATA/{file}" for file in DISKS.values()),
     "matched, low contrast", "left out"],
    ["scans of the Cancer Imaging Archive, by hand: " + ", ".join(f"DATA/{file}" for file, *_ in Figures().real),
     "figures, real noise", "left out"],
    ["networks for one dose each, once, before the report: `python Testing/Benchmarks/did_report.py --data DATA "
     "--train-doses` leaves them in `runs/dose`. It needs DATA/train/ and the noise bank `runs/bank` of "
     "configs/hrnet.toml, which it simulates first where it is missing", "figures 5, 7 and S1",
     "7 left out, the others with the shipped network"],
    ["package scikit-image", "timing, the conventional default", "left out"],
    ["packages slicer-core and pytest", "timing, the slider", "left out"]]


def write_index(context: Context) -> None:
    """Write README.md with a link to every part that is there, and what the command needs."""
    there = [part for part in PARTS if (context.output / f"{part}.md").is_file()]
    write_page(context.output / "README.md", [
        "# Candidates, measured", "",
        "Written by `python Testing/Benchmarks/did_report.py --data DATA`; every number and figure was measured by it "
        "on simulated low dose, phantoms and scans of the data folder. Not for clinical use.", "",
        *(f"- [{part}]({part}.md): {TITLES[part]}" for part in there), "",
        "## What the command needs beforehand", "",
        *table(["what", "for", "without it (the page then says so)"], NEEDS)])
