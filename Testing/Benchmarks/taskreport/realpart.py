"""Real noise, of which nothing is known: noise drop, edges, and structure in what was removed."""

from __future__ import annotations

import numpy as np
from DIDInteractiveLib.edges import EdgeProbe
from didreport.tables import table, text, write_csv, write_page
from LDCTDenoiseLib.evaluationcases import evenly_spaced
from LDCTDenoiseLib.metrics import body_mask, tissue_classes
from LDCTDenoiseLib.noiselevel import global_noise_level
from LDCTDenoiseLib.simulation import body_centre
from LDCTDenoiseLib.volumeio import read_volume
from scipy import ndimage

from .context import Context
from .drawing import Panel, draw_panels
from .methods import Scans
from .statistics import Aim, Estimate

SIDE = 288
SHOWN = 200
DETAIL_MM, GRAIN_MM = 1.5, 3.0
"""Detail is what a Gaussian of this sigma takes away; local energies are means over the other one."""


def write_real(context: Context) -> list[Aim]:
    """Write real.md, real.csv and real.png, and return the aims."""
    rows, pictures = [], []
    files = [f for f in context.plan.real if (context.data / f).is_file()]
    for file in files:
        name = file.split("/")[-1].split(".")[0]
        images, spacing = _slices(context, file)
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
        first = context.networks[0].label
        cut = tuple(slice((n - SHOWN) // 2, (n - SHOWN) // 2 + SHOWN) for n in images.shape[1:])
        pictures.append([Panel(images[0][cut], name[:34], "input")] + [
            panel for label in (first, context.methods[-1].label) for panel in (
                Panel(made[label][0][cut], label, "denoised"),
                Panel((images[0] - made[label][0].astype(float))[cut], label, "removed, +/- 100 HU",
                      window=(-100.0, 100.0)))])
    if rows:
        write_csv(context.output / "real.csv", rows)
        draw_panels(context.output / "real.png", pictures, SHOWN)
    write_page(context.output / "real.md", _page(context, rows))
    names = {m.label for m in context.networks}
    return [Aim("real", "noise level falls (ratio of GNL)", r["method"], r["scan"], "at most", 1.0,
                Estimate(r["gnl_after_hu"] / r["gnl_before_hu"])) for r in rows if r["method"] in names] + [
        Aim("real", "HU shift of soft tissue", r["method"], r["scan"], "within", 1.0, Estimate(r["shift_soft_hu"]))
        for r in rows if r["method"] in names]


def _slices(context: Context, file: str) -> tuple[np.ndarray, tuple[float, float, float]]:
    """Evenly spaced slices (K, J, I) int16, their part around the middle of the body, and the spacing."""
    volume = read_volume(context.data / file)
    parts = []
    for k in evenly_spaced(len(volume.array), context.plan.real_slices):
        image = volume.array[k]
        centre = body_centre(image, volume.spacing[1:])
        side = min(SIDE, *image.shape)
        first = [int(np.clip((n - side) / 2 + c / s, 0, n - side))
                 for n, c, s in zip(image.shape, centre[::-1], volume.spacing[1:])]
        parts.append(image[first[0]:first[0] + side, first[1]:first[1] + side])
    return np.stack(parts).round().astype(np.int16), tuple(float(s) for s in volume.spacing)


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


def _page(context: Context, rows: list[dict]) -> list[str]:
    lines = ["# Real noise without a reference", ""]
    if not rows:
        return [*lines, "Left out: the data folder has no real_noise/."]
    lines += [
        f"{context.plan.real_slices} slices of each scan, the middle {SIDE} x {SIDE} pixels, as they were scanned. One "
        "of them (LIDC) is of a training patient, at another slice thickness. Nothing here says whether a method is "
        "right; it says what it did. Classical filters have the weakest parameter that leaves half the noise level.",
        "",
        "- Edges kept: slope of soft-tissue edges relative to the input's, as DIDInteractive measures it on every "
        "candidate (DIDInteractiveLib/edges.py); no disk of known shape is in a patient, so there is no TTF.",
        "- Detail removed: correlation of what was removed with the detail that all networks together leave. Noise "
        "gives 0, structure that is taken away more; filters see the same anatomy through the same guide, which "
        "favours the networks that made it.",
        "- Energy at edges: removed energy in the steepest tenth of the soft tissue over that in its flattest half; 1 "
        "for even noise.", ""]
    for scan in dict.fromkeys(r["scan"] for r in rows):
        own = [r for r in rows if r["scan"] == scan]
        lines += [f"## {scan}", "", f"Median contrast of the edges {own[0]['edge_contrast_hu']:.0f} HU.", "", *table(
            ["method", "GNL before", "GNL after", "edges kept", "detail removed", "energy at edges", "shift HU"],
            [[r["method"], text(r["gnl_before_hu"]), text(r["gnl_after_hu"]), text(r["edges_kept"], 2),
              text(r["detail_correlation"], 3), text(r["edge_energy"], 2), text(r["shift_soft_hu"], 2)] for r in own])]
    lines += ["The first slice of each, W/L [-160, 240]:", "", "![real noise](real.png)"]
    return lines
