"""The page with the verdict on every aim, and the table of aims behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from didreport.tables import read_csv, table, write_csv, write_page
from networksreport.verdictspart import tried

from .origin import origin_lines
from .plan import PARTS
from .robustpart import least_kept
from .rodspart import LEVELS, sharpest_words
from .statistics import CONFIDENCE, Aim

TITLES = {
    "scores": "RMSE, SSIM, PSNR, VIF, bias and cost of all methods on validation patients; do no harm",
    "rods": "TTF50 of rods of 100, 50 and 20 HU, noise power spectra and bias, at half the noise and at full strength",
    "disks": "d' for detection and characterisation, on lesions in water and on the MITA disks",
    "grid": "dose x kernel x pixel size x anatomy",
    "mismatch": "a different reconstruction at test time: other geometry, other filter",
    "real": "real noise without a reference: noise, edges, inserted rods, structure in what was removed",
    "small": "small patients",
    "robust": "metal, contrast medium, heads, thin slices; what was trained on, tested on, and not",
}
FILE = "aims.csv"
VERDICTS = ("met", "open", "missed", "not measured")
"""From good to bad."""
NEAR = 0.01
TEXTURE = {"peak_ratio": "frequency of the peak", "mean_ratio": "mean frequency", "height_ratio": "height of the peak",
           "height_at_equal_noise": "height at equal variance"}


def keep_aims(folder: Path, part: str, aims: Sequence[Aim]) -> None:
    """Put the aims of a part in place of its earlier ones in aims.csv."""
    rows = [row for row in read_csv(folder / FILE) if row["part"] != part]
    rows += [{"part": a.part, "aim": a.aim, "method": a.method, "case": a.case, "value": a.found.value,
              "low": a.found.low, "high": a.found.high, "sense": a.sense, "limit": a.limit, "verdict": a.verdict,
              "margin": a.shortfall} for a in aims]
    if rows:
        write_csv(folder / FILE, sorted(rows, key=lambda row: PARTS.index(row["part"])))


def write_index(folder: Path) -> None:
    """Write README.md: the verdict on every aim for every method, and links to the parts."""
    rows = read_csv(folder / FILE)
    there = [part for part in PARTS if (folder / f"{part}.md").is_file()]
    counts = Counter(row["verdict"] for row in rows)
    lines = [
        "# Tasks and generalisation, measured", "",
        "Every number, verdict and figure was measured by Testing/Benchmarks/task_report.py. Not for clinical use.", "",
        *(f"- [{part}]({part}.md): {TITLES[part]}" for part in there), "",
        *origin_lines(folder, there), "## Verdict on every aim", "",
        f"met / missed: by the value itself; open: the limit lies inside the value's {CONFIDENCE:.0%} interval, where "
        "there is one; not measured: it could not be, as where a slice holds no lung. A cell holds the verdict on its "
        "worst measured case, which it names, and, where an aim has several cases, how many of them have "
        "that verdict. A case that stands for many scans or cells says how many of them lie beyond the limit. Of all "
        f"{len(rows)} verdicts, which are in [{FILE}]({FILE}), "
        + ", ".join(f"{counts[v]} {v}" for v in VERDICTS) + ".", ""]
    for part in there:
        own = [row for row in rows if row["part"] == part]
        methods = list(dict.fromkeys(row["method"] for row in own))
        aims = list(dict.fromkeys((row["aim"], row["sense"], row["limit"]) for row in own))
        if own:
            lines += [f"### {part}", "", *table(["aim", "limit", *methods], [
                [aim.replace("|", "\\|"), f"{sense} {limit}",
                 *(_cell([row for row in own if (row["aim"], row["method"]) == (aim, method)]) for method in methods)]
                for aim, sense, limit in aims])]
        if part == "rods":
            lines += sharpest_words(read_csv(folder / "rods.csv"))
            lines += _texture(read_csv(folder / "texture.csv"), methods)
        if part == "mismatch":
            lines += ["The same is asked of other slices in [Another reconstruction]"
                      "(../networks/README.md#another-reconstruction): read both before a conclusion.", ""]
        if part == "robust":
            lines += least_kept(read_csv(folder / "probes.csv"))
    lines += _missed(folder, rows)
    write_page(folder / "README.md", lines)


def _cell(rows: list[dict]) -> str:
    """The verdict on the worst of one method's cases of one aim that could be measured."""
    if not rows:
        return "-"
    measured = [row for row in rows if row["verdict"] != "not measured"]
    worst = max(measured or rows, key=lambda row: (VERDICTS.index(row["verdict"]), float(row["margin"] or 0)))
    verdict = worst["verdict"]
    if verdict == "not measured":
        return verdict
    by = f" by {float(worst['margin']):.2g}" if verdict == "missed" else ""
    share = ""
    if len(rows) > 1:
        unknown = f", {len(rows) - len(measured)} not measured" if len(measured) < len(rows) else ""
        share = f"{sum(row['verdict'] == verdict for row in rows)} of {len(rows)}{unknown}; "
    return f"**{verdict}**{by}: {share}{_measured(worst)}, {worst['case']}"


def _texture(rows: list[dict], methods: Sequence[str]) -> list[str]:
    """Noise power spectra relative to FBP's, of which the project limits none."""
    body = []
    for noise, level in dict.fromkeys((r["noise_hu"], r["level"]) for r in rows if r["level"] in LEVELS):
        for name, words in TEXTURE.items():
            cells = []
            for method in methods:
                own = [r for r in rows if (r["noise_hu"], r["level"], r["method"]) == (noise, level, method)]
                cells += [f"{float(r[name]):.2g}" for r in own] or ["-"]
            body.append([f"noise {float(noise):g} HU, {level}", words, *cells])
    if not body:
        return []
    return ["Noise power spectrum relative to FBP's, for which no limit is set; 1 keeps FBP's texture, and the height "
            "falls with the noise. Intervals are in [rods](rods.md).", "",
            *table(["noise", "of the spectrum", *methods], body)]


def _missed(folder: Path, rows: list[dict]) -> list[str]:
    """Which aims are missed somewhere, and where to read what was tried against that."""
    missed = {}
    for row in rows:
        if row["verdict"] == "missed":
            methods = missed.setdefault((row["part"], row["aim"]), [])
            methods += [row["method"]] * (row["method"] not in methods)
    if not missed:
        return []
    body = [[part, aim.replace("|", "\\|"), ", ".join(methods)] for (part, aim), methods in missed.items()]
    return ["## Missed, and what was tried", "", *table(["part", "missed in at least one case", "by"], body),
            f"{tried(folder)} {_untried(missed)}What a lower strength keeps, half the noise instead of all that can "
            "go, [rods](rods.md) and [disks](disks.md) show side by side."]


def _untried(missed: Iterable[tuple[str, str]]) -> str:
    """What is missed though no recipe was judged by it."""
    aims = [aim for _, aim in missed]
    words = [name for name, mark in (("TTF50", "TTF50"), ("d'", "d' "), ("bias in bone", " bone")) if any(
        mark in aim for aim in aims)]
    if not words:
        return ""
    return ("Recipes were judged by RMSE and by the bias in soft tissue alone; against misses of "
            f"{', '.join(words)} nothing was tried in training beyond the stages that the shipped networks' cards "
            "name. ")


def _measured(row: dict) -> str:
    """Value and interval, with as many digits as are kept where three could not tell one of them from the limit."""
    limit = float(row["limit"])
    numbers = [float(row[name]) for name in ("value", "low", "high") if row[name]]
    digits = 5 if any(0 < abs(abs(number) - limit) < NEAR for number in numbers) else 3
    value, *ends = (f"{number:.{digits}g}" for number in numbers)
    return value + (f" ({' .. '.join(ends)})" if ends else "")
