"""Real noise, of which nothing is known: noise drop, edges, inserted rods, and structure in what was removed."""

from __future__ import annotations

import numpy as np
from DIDInteractiveLib.edges import EdgeProbe
from didreport.tables import table, text, write_csv, write_page
from LDCTDenoiseLib.evaluationcases import evenly_spaced
from LDCTDenoiseLib.kernels import Kernel, body_kernel
from LDCTDenoiseLib.metrics import body_mask, tissue_classes
from LDCTDenoiseLib.noiselevel import global_noise_level
from LDCTDenoiseLib.simulation import body_centre
from LDCTDenoiseLib.volumeio import read_volume
from networksreport.trainingdata import stem
from scipy import ndimage

from .context import Context
from .drawing import Panel, draw_panels
from .geometry import middle_window
from .methods import NO_BM3D, Scans
from .realrods import CONTRASTS_HU, RADIUS_MM, measured, with_rods
from .statistics import CONFIDENCE, Aim, Estimate
from .trainedon import trained_words

SIDE = 288
SHOWN = 200
DETAIL_MM, GRAIN_MM = 1.5, 3.0
"""Detail is what a Gaussian of this sigma takes away; local energies are means over the other one."""


def write_real(context: Context) -> list[Aim]:
    """Write real.md, real.csv, real-rods.csv and real.png, and return the aims."""
    rows, rods, pictures = [], [], []
    files = [f for f in context.plan.real if (context.data / f).is_file()]
    for file in files:
        name = stem(file)
        images, spacing, kernel = _slices(context, file)
        scans = Scans(images, spacing)
        made = {m.label: context.denoised(f"real {name}", scans, m)[0] for m in context.methods}
        guide = np.mean([made[m.label] for m in context.networks], axis=0)
        probe = EdgeProbe(images, guide, spacing)
        body = body_mask(images)
        soft = tissue_classes(guide, spacing, body)["soft"]
        before = [global_noise_level(one, spacing) for one in images]
        for label, denoised in made.items():
            after = [global_noise_level(one, spacing) for one in denoised]
            rows.append({"scan": name, "method": label, "gnl_before_hu": float(np.mean(before)),
                         "gnl_after_hu": float(np.mean(after)), "edges_kept": probe.kept(denoised),
                         "edge_contrast_hu": probe.contrast,
                         "detail_correlation": _detail(images, denoised, guide, body, spacing),
                         "edge_energy": _edge_energy(images, denoised, guide, soft, spacing),
                         "shift_soft_hu": float(np.mean(denoised[soft].astype(float) - images[soft]))})
        rods += _rods(context, name, images, spacing, kernel)
        cut = middle_window(images.shape[1:], SHOWN)
        shown = [*(m.label for m in context.networks[:2]), context.methods[-1].label]
        pictures.append([Panel(images[0][cut], f"scan {len(pictures) + 1}", "input")] + [
            panel for label in shown for panel in (
                Panel(made[label][0][cut], label, "denoised"),
                Panel((images[0] - made[label][0].astype(float))[cut], label, "removed, +/- 100 HU",
                      window=(-100.0, 100.0)))])
    if rows:
        write_csv(context.output / "real.csv", rows)
        draw_panels(context.output / "real.png", pictures, SHOWN)
    if rods:
        write_csv(context.output / "real-rods.csv", rods)
    write_page(context.output / "real.md", _page(context, rows, rods))
    names = {m.label for m in context.networks}
    return [Aim("real", "noise level falls (ratio of GNL)", r["method"], r["scan"], "at most", 1.0,
                Estimate(r["gnl_after_hu"] / r["gnl_before_hu"])) for r in rows if r["method"] in names] + [
        Aim("real", "HU shift of soft tissue", r["method"], r["scan"], "within", 1.0, Estimate(r["shift_soft_hu"]))
        for r in rows if r["method"] in names]


def _rods(context: Context, name: str, images: np.ndarray, spacing, kernel: Kernel) -> list[dict]:
    """TTF50 of rods in the scan, for the plan's networks and filters; none where no place is flat enough."""
    soft = tissue_classes(images, spacing, body_mask(images))["soft"]
    scans = with_rods(images, soft, spacing[1], kernel)
    if not scans.count:
        return []
    # The slices without rods come first: a filter's parameter is chosen on them.
    stack, count = np.concatenate([images, scans.images]), len(images)
    rows = []
    for method in context.methods:
        if method.key in (*context.plan.models, *context.plan.filters):
            after = context.denoised(f"real rods {name}", Scans(stack, spacing), method)[0]
            rows += [{"scan": name, "method": method.label, "kernel_f50_per_mm": kernel.f50, **found}
                     for found in measured(scans, (images, scans.images), (after[:count], after[count:]))]
    return rows


def _slices(context: Context, file: str) -> tuple[np.ndarray, tuple[float, float, float], Kernel]:
    """Evenly spaced slices (K, J, I) int16, their part around the middle of the body, the spacing and the kernel."""
    volume = read_volume(context.data / file)
    parts = []
    for k in evenly_spaced(len(volume.array), context.plan.real_slices):
        image = volume.array[k]
        centre = body_centre(image, volume.spacing[1:])
        side = min(SIDE, *image.shape)
        first = [int(np.clip((n - side) / 2 + c / s, 0, n - side))
                 for n, c, s in zip(image.shape, centre[::-1], volume.spacing[1:])]
        parts.append(image[first[0]:first[0] + side, first[1]:first[1] + side])
    return (np.stack(parts).round().astype(np.int16), tuple(float(s) for s in volume.spacing),
            body_kernel(volume.array, volume.spacing[1:]))


def _detail(images, denoised, guide, body, spacing) -> float:
    """Correlation, in the body, of what was removed with the detail of the guide; 0 for noise, above for structure."""
    sigma = (0, DETAIL_MM / spacing[1], DETAIL_MM / spacing[2])
    detail = guide - ndimage.gaussian_filter(guide, sigma)
    removed = images - denoised.astype(float)
    return float(np.corrcoef(removed[body], detail[body])[0, 1])


def _edge_energy(images, denoised, guide, soft, spacing) -> float:
    """Energy removed in the steepest tenth of the soft tissue over that in its flattest half; 1 for even noise."""
    sigma = [GRAIN_MM / 2 / s for s in spacing[1:]]
    slope = np.stack([ndimage.gaussian_gradient_magnitude(one, sigma) for one in guide])[soft]
    removed = (images - denoised.astype(float))[soft] ** 2
    return float(removed[slope >= np.quantile(slope, 0.9)].mean() / removed[slope <= np.median(slope)].mean())


def _page(context: Context, rows: list[dict], rods: list[dict]) -> list[str]:
    lines = ["# Real noise without a reference", ""]
    if not rows:
        return [*lines, "Left out: the data folder has no real_noise/."]
    scans = dict.fromkeys(r["scan"] for r in rows)
    known = trained_words(context, [file for file in context.plan.real if stem(file) in scans])
    lines += [
        f"{context.plan.real_slices} slices of each scan, the middle {SIDE} x {SIDE} pixels, as they were scanned. "
        f"Scans of patients that the shipped networks were trained on: {known}. Nothing here says whether a method is "
        "right; it says what it did. Classical filters have the weakest parameter that leaves at most "
        f"half the noise level. {NO_BM3D}", "",
        "- Edges kept: slope of soft-tissue edges relative to the input's, as DIDInteractive measures it on every "
        f"candidate (DIDInteractiveLib/edges.py). Their median contrast is {_span(rows)} HU, by scan: what is kept of "
        "them says nothing of edges that are much fainter.",
        "- Detail removed: correlation of what was removed with the detail that all networks together leave. Noise "
        "gives 0, structure that is taken away more; filters see the same anatomy through the same guide, which "
        "favours the networks that made it.",
        "- Energy at edges: removed energy in the steepest tenth of the soft tissue over that in its flattest half; 1 "
        "for even noise.",
        f"- TTF50 of rods: {2 * RADIUS_MM:g} mm wide and put into the flattest soft tissue with the edges of the "
        "scan's own kernel, brighter and darker; what a method shows of them is its output with rods less its output "
        f"without, so that patient and noise cancel. Relative to the inserted rods' own TTF50, with its "
        f"{CONFIDENCE:.0%} interval (bootstrap over places); contrast kept: their mean away from the edge. At full "
        "strength, so the noise that is left differs between methods; the aims for TTF50 hold at half the noise, in "
        "[rods](rods.md), and there is no verdict here. Real noise is one realisation at each place."
        f"{_without_rods(context, rods)}", ""]
    for scan in scans:
        own = [r for r in rows if r["scan"] == scan]
        lines += [f"## {scan}", "", f"Median contrast of the edges {own[0]['edge_contrast_hu']:.0f} HU.", "", *table(
            ["method", "GNL before", "GNL after", "edges kept", "detail removed", "energy at edges", "shift HU"],
            [[r["method"], text(r["gnl_before_hu"]), text(r["gnl_after_hu"]), text(r["edges_kept"], 2),
              text(r["detail_correlation"], 3), text(r["edge_energy"], 2), text(r["shift_soft_hu"], 2)] for r in own]),
                  *_rod_lines([r for r in rods if r["scan"] == scan])]
    listed = "; ".join(f"{n} {scan}" for n, scan in enumerate(scans, 1))
    lines += [f"The first slice of each, W/L [-160, 240]. Scans: {listed}.", "", "![real noise](real.png)"]
    return lines


def _span(rows: list[dict]) -> str:
    """The least and the most contrast of the edges of any scan."""
    found = [f"{r['edge_contrast_hu']:.0f}" for r in sorted(rows, key=lambda r: r["edge_contrast_hu"])]
    return " to ".join(dict.fromkeys((found[0], found[-1])))


def _without_rods(context: Context, rods: list[dict]) -> str:
    """Which methods have no rows of rods though others have."""
    absent = [m.label for m in context.methods if m.label not in {r["method"] for r in rods}]
    return f" Left out of the rods: {', '.join(absent)}." if rods and absent else ""


def _rod_lines(rods: list[dict]) -> list[str]:
    if not rods:
        return ["No place is flat enough for a rod.", ""]
    body = []
    for method in dict.fromkeys(r["method"] for r in rods):
        own = [next(r for r in rods if (r["method"], r["contrast_hu"]) == (method, c)) for c in CONTRASTS_HU]
        body.append([method, *(f"{text(r['ratio'], 2)} ({text(r['low'], 2)} .. {text(r['high'], 2)})" for r in own),
                     *(text(r["contrast_kept"], 2) for r in own)])
    inserted = ", ".join(f"{r['ttf50_inserted_per_mm']:.3f}" for r in rods if r["method"] == rods[0]["method"])
    return [f"Rods at {rods[0]['places']} places; TTF50 of the inserted ones {inserted} per mm.", "", *table(
        ["method", *(f"TTF50 {c:g} HU" for c in CONTRASTS_HU), *(f"contrast kept {c:g} HU" for c in CONTRASTS_HU)],
        body)]
