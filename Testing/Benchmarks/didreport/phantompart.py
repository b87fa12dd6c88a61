"""Resolution of rods in water and contrast-to-noise of low-contrast disks, at matched noise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from DIDInteractiveLib.candidates import CandidateSet
from DIDInteractiveLib.settings import CandidateSettings
from LDCTDenoiseLib.evaluationphantoms import Phantom, PhantomScanner, rods_in_water
from LDCTDenoiseLib.hu import round_to_dtype
from LDCTDenoiseLib.kernels import Kernel
from LDCTDenoiseLib.metrics import task_transfer_function
from LDCTDenoiseLib.volumeio import read_volume
from scipy import ndimage

from .context import Context
from .matching import SIDES, curve, noise_at, positions, strictly_rising, summary
from .scenes import Scene
from .sets import network
from .tables import table, text, write_csv

KERNEL = Kernel(0.4, 4.0)
"""A soft body kernel, well below the Nyquist frequency of the rods' pixels."""
CONTRASTS = (1000.0, 100.0, 50.0)
EDGE_MM = 4.0
PER_SIDE = 5

DISKS = {f"dose {dose / 100:.2f}": f"phantom/sim_lcdct_cct189_fbp_dose{dose:03d}.nii.gz" for dose in (10, 55, 100)}
DISK_PIXEL_MM = 220 / 256
"""The files say 1 mm; the 200 mm phantom is 232.7 pixels wide, 220 mm on 256 pixels."""
DISK_RING_MM = 40.0
DISK_RODS = {"14 HU, 3 mm": (-1, 1, 1.5), "7 HU, 5 mm": (-1, -1, 2.5), "5 HU, 7 mm": (1, -1, 3.5),
             "3 HU, 10 mm": (1, 1, 5.0)}
"""Rods at 45 degrees on a ring: sign of row and column from the middle, radius in mm (phantom CCT189, as in
doi:10.5281/zenodo.7996580)."""
DISK_CROP = 128
LEAST_CNR = 0.2
"""Of blending: a ratio to less than that is noise over noise."""
WITHOUT = 10
"""The first slices of each file hold no rods, the other ones do."""


def phantoms(context: Context, methods: dict[str, CandidateSettings], blend: CandidateSettings
             ) -> tuple[list[dict], list[str]]:
    """Write phantoms.csv and return its rows, and the lines on them."""
    rows = _resolution_rows(context, {"blend": blend, **methods})
    lines = ["## Resolution at matched noise: rods in water", "",
             f"TTF50 per mm of rods of {', '.join(f'{c:g}' for c in CONTRASTS)} HU contrast (for the lower two the "
             f"mean of a brighter and a darker rod) in {2 * context.plan.rods_pairs} images at a noise index of "
             f"{context.plan.pair_noise:g} HU and {context.plan.dose:g} of the dose, half of them with the negative "
             "noise of the others, on three of which weights were tuned; the edge profile is taken from the mean of "
             "all. Noise SD in the water.", "",
             *_ratio_table(rows), *order_table(rows)]
    found, inputs = [], {}
    for level, file in DISKS.items():
        if (context.scenes.data / file).is_file():
            found += _contrast_rows(context, {"blend": blend, **methods}, level, inputs)
    lines += ["## Low contrast at matched noise: simulated MITA disks", ""]
    if found:
        lines += ["CNR as the DID paper defines it, 2 |difference| / (sum of the SDs), of the four rods at each "
                  "of the doses there are; the difference is the mean over the ten slices with rods less that over "
                  "the ten without, the SDs are means over slices. The noise in these differences is much the same for "
                  "all methods, so the ratios are steadier than the values; where blending has a CNR below "
                  f"{LEAST_CNR:g} there is none.", "", evidence(found, inputs), "",
                  *_ratio_table(found, {task: f"{text(mean)} ± {text(error)}"
                                        for task, (mean, error) in inputs.items()})]
    else:
        lines += ["Left out: the data folder has no phantom/sim_lcdct_*.", ""]
    write_csv(context.output / "phantoms.csv", rows + found)
    return rows + found, lines


def resolution_order(context: Context, methods: dict[str, CandidateSettings]) -> list[str]:
    """Lines that say whether the resolution of rods in water rises with the noise, a measure that places nothing."""
    return order_table(_resolution_rows(context, methods))


def _resolution_rows(context: Context, methods: dict[str, CandidateSettings]) -> list[dict]:
    phantom = rods_in_water(KERNEL, context.plan.rods_size, context.plan.rods_pixel)
    scene, water = _rods_scene(context, phantom)

    def noise(images: np.ndarray) -> float:
        return float(np.sqrt(np.mean([one[water].var(dtype=np.float64) for one in images])))

    def resolution(contrast: float) -> Callable[[np.ndarray], float]:
        rods = [rod for rod in phantom.rods if abs(rod.contrast) == contrast]

        def ttf50(images: np.ndarray) -> float:
            mean = images.mean(axis=0, dtype=np.float64)
            found = [task_transfer_function(mean, rod.centre, rod.radius_mm, phantom.spacing).frequency_at(0.5)
                     for rod in rods]
            return float(np.mean(found))
        return ttf50

    tasks = {f"TTF50, {contrast:g} HU": resolution(contrast) for contrast in CONTRASTS}
    roi = np.broadcast_to(water, scene.noisy.shape)
    return _rows(context, scene, methods, roi, noise, tasks)


def _rods_scene(context: Context, phantom: Phantom) -> tuple[Scene, np.ndarray]:
    plan = context.plan

    def make() -> dict[str, np.ndarray]:
        scanner = PhantomScanner(phantom)
        noise = scanner.noise(plan.pair_noise, plan.dose, range(plan.rods_pairs))
        scans = np.concatenate([scanner.scan(noise), scanner.scan(-noise)])
        return {"noisy": round_to_dtype(scans, np.dtype(np.int16))}

    key = {"phantom": "rods", "size": plan.rods_size, "pixel": plan.rods_pixel, "noise_index": plan.pair_noise,
           "dose": plan.dose, "pairs": plan.rods_pairs, "kernel": [KERNEL.f50, KERNEL.power]}
    noisy = context.scenes.made("rods", key, make)["noisy"]
    water = ndimage.binary_erosion(phantom.body, iterations=round(EDGE_MM / phantom.pixel))
    for rod in phantom.rods:
        water &= phantom.distance(rod.centre) > rod.radius_mm + EDGE_MM
    return Scene("rods in water", "rods", plan.pair_noise, noisy, None, phantom.spacing, {}), water


def evidence(rows: list[dict], inputs: dict[str, tuple[float, float]]) -> str:
    """How many of the rods stand out from the noise at all, and the ratios of those alone.

    ``inputs``: for every task the difference in the input and its standard error, HU.
    """
    sure = [task for task, (mean, error) in inputs.items() if mean > 2 * error]
    words = (f"Ten slices are few: in the input {len(sure)} of {len(inputs)} differences exceed two standard errors; "
             "the others are mostly noise, and so are their ratios.")
    ratios = []
    for method in dict.fromkeys(r["method"] for r in rows if r["method"] != "blend"):
        sides = [summary([r["ratio"] for r in rows if r["task"] in sure and r["method"] == method
                          and (r["position"] < 0) == (side == SIDES[0])]).mean for side in SIDES]
        ratios.append(f"{method} {text(sides[0], 3)} on the smoother and {text(sides[1], 3)} on the sharper side")
    return f"{words} Mean ratios to blending of the {len(sure)} alone: {'; '.join(ratios)}." if sure else words


def _contrast_rows(context: Context, methods: dict[str, CandidateSettings], level: str,
                   inputs: dict[str, tuple[float, float]]) -> list[dict]:
    """Scores of the rods at one dose; ``inputs`` gets each difference in the input and its standard error, HU."""
    array = read_volume(context.scenes.data / DISKS[level]).array
    first = (array.shape[1] - DISK_CROP) // 2
    part = np.ascontiguousarray(array[:, first:first + DISK_CROP, first:first + DISK_CROP])
    scene = Scene(f"MITA disks, {level}", "MITA", float("nan"), part, None, (1.0, DISK_PIXEL_MM, DISK_PIXEL_MM), {})
    position = (np.arange(DISK_CROP) - (DISK_CROP - 1) / 2) * DISK_PIXEL_MM
    offset = DISK_RING_MM / np.sqrt(2)
    background = np.ones(part.shape[1:], bool)
    tasks = {}
    for rod, (row, column, radius) in DISK_RODS.items():
        distance = np.hypot(position[:, None] - row * offset, position[None, :] - column * offset)
        background &= distance > radius + EDGE_MM
        around = (distance > radius + 2) & (distance < radius + 10)
        tasks[f"CNR, {level}, {rod}"] = _cnr(distance <= radius, around)
        inputs[f"CNR, {level}, {rod}"] = _difference(part, distance <= radius, around)

    def noise(images: np.ndarray) -> float:
        return float(np.sqrt(np.mean([one[background].var(dtype=np.float64) for one in images])))

    return _rows(context, scene, methods, np.broadcast_to(background, part.shape), noise, tasks, LEAST_CNR)


def _cnr(rod: np.ndarray, around: np.ndarray) -> Callable[[np.ndarray], float]:
    def cnr(images: np.ndarray) -> float:
        deviation = np.mean([one[rod].std() + one[around].std() for one in images[WITHOUT:]])
        return float(2 * _difference(images, rod, around)[0] / deviation)
    return cnr


def _difference(images: np.ndarray, rod: np.ndarray, around: np.ndarray) -> tuple[float, float]:
    """Mean of a rod less that of what is around it, with the rod less without it, and its standard error; HU."""
    found = np.array([one[rod].mean() - one[around].mean() for one in images])
    without, there = found[:WITHOUT], found[WITHOUT:]
    error = sum(some.var(ddof=1) / len(some) for some in (without, there)) ** 0.5
    return float(there.mean() - without.mean()), float(error)


def _rows(context: Context, scene: Scene, methods, roi, noise, tasks, least: float = 0.0) -> list[dict]:
    """Scores of all tasks at matched noise; the first method is what the others are compared with, above ``least``."""
    made = {name: context.sets.make(scene, network(context.plan.models[0]), settings, roi)
            for name, settings in methods.items()}
    places = positions(PER_SIDE)
    rows, base, wanted = [], {}, None
    for name, one in made.items():
        own: CandidateSet = one
        levels = [noise(c.array) for c in own.candidates]
        if wanted is None:
            wanted = noise_at(places, levels[own.default], (levels[0], levels[-1]))
        for task, measure in tasks.items():
            values = curve(levels, [measure(c.array) for c in own.candidates], own.default).at(wanted)
            base.setdefault(task, values)
            rows += [{"task": task, "method": name, "position": float(p), "noise_hu": float(n), "value": float(v),
                      "ratio": float(v / b) if b > least else float("nan")}
                     for p, n, v, b in zip(places, wanted, values, base[task])]
    return rows


def order_table(rows: list[dict]) -> list[str]:
    """Whether TTF50 rises with the noise for each method, and by how much in all, on both sides."""
    body = []
    for method in dict.fromkeys(r["method"] for r in rows):
        for side in SIDES:
            cells = []
            for task in dict.fromkeys(r["task"] for r in rows):
                values = np.array([r["value"] for r in rows if r["task"] == task and r["method"] == method
                                   and (r["position"] < 0) == (side == SIDES[0])])
                known = values[np.isfinite(values)]
                change = 100 * (known[-1] / known[0] - 1) if len(known) > 1 else float("nan")
                cells.append(f"{'yes' if len(known) > 1 and strictly_rising(known) else 'NO'} ({change:+.1f} %)")
            body.append([method, side, *cells])
    return ["Does TTF50 rise with the noise, from each of the compared places to the next (and by how much from the "
            "first to the last)?", "",
            *table(["method", "side", *dict.fromkeys(r["task"] for r in rows)], body)]


def _ratio_table(rows: list[dict], inputs: dict[str, str] | None = None) -> list[str]:
    """Values of blending, and the other methods' ratios to it, on both sides; ``inputs``: what the input has."""
    names = [n for n in dict.fromkeys(r["method"] for r in rows) if n != "blend"]
    body = []
    for task in dict.fromkeys(r["task"] for r in rows):
        for side in SIDES:
            own = [r for r in rows if r["task"] == task and (r["position"] < 0) == (side == SIDES[0])]
            values = [r["value"] for r in own if r["method"] == "blend"]
            cells = []
            for name in names:
                found = summary([r["ratio"] for r in own if r["method"] == name])
                cells.append(f"{text(found.mean, 3)} ({text(found.lowest, 3)} .. {text(found.highest, 3)})"
                             if found.count else "-")
            known = [inputs[task]] if inputs else []
            body.append([task, *known, side, f"{text(min(values), 3)} .. {text(max(values), 3)}", *cells])
    return table(["task", *(["difference in the input, HU"] if inputs else []), "side", "blend",
                  *(f"{name} / blend" for name in names)], body)
