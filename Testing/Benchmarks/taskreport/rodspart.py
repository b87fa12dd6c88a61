"""Resolution (TTF50) of rods, noise texture (NPS) and HU bias, at half the noise and at full strength."""

from __future__ import annotations

import math

import numpy as np
from didreport.tables import table, text, write_csv, write_page
from LDCTDenoiseLib.evaluationphantoms import Phantom, Rod
from LDCTDenoiseLib.metrics import NoisePowerSpectrum, noise_power_spectrum, task_transfer_function
from scipy import ndimage

from . import squares
from .context import Context
from .drawing import Panel, draw_panels, draw_rods
from .geometry import middle_window
from .methods import NO_BM3D, Scans
from .plan import STANDARD
from .statistics import CONFIDENCE, Aim, Estimate, bootstrap, matched_strength

SOURCE = "Proc. SPIE 12463:124631J, doi:10.1117/12.2654972"
FBP_PER_MM, PRINTED_PER_MM = 0.38, {100.0: 0.32, 50.0: 0.27, 20.0: 0.18}
"""What the abstract of that source prints: frequency at half the transfer, of FBP, and of a residual network at its
highest strength for lesions of each contrast in HU."""
PUBLISHED = {contrast: round(printed / FBP_PER_MM, 3) for contrast, printed in PRINTED_PER_MM.items()}
"""The network's relative to FBP's."""
AIMS = {100.0: 0.84, 20.0: 0.5}
"""The project's own, at half the noise; it set none for 50 HU."""
ROD_BIAS_HU = 1.0
NPS_SIDE = 48
EDGE_MM = 4.0
LEVELS = ("half the noise", "full strength")
TEXTURE = ("peak_per_mm", "mean_per_mm", "peak_ratio", "mean_ratio", "height_ratio", "height_at_equal_noise",
           "shape_difference")


def write_rods(context: Context) -> list[Aim]:
    """Write rods.md, rods.csv, texture.csv, rods.png and rods-images.png, and return the aims."""
    plan = context.plan
    phantom = squares.rods(STANDARD, plan.square, plan.pixel)
    rows, texture, curves, pictures, aims = [], [], [], [], []
    for noise in plan.noise:
        images = _scans(context, phantom, noise)
        flat = np.zeros(images.shape[1:], bool)
        flat[middle_window(flat.shape, NPS_SIDE)] = True
        scans = Scans(images, phantom.spacing, flat)
        own = _Ensemble(phantom, images, images, flat)
        panels = [Panel(images[0], "FBP", f"noise {noise:g} HU")]
        _add(rows, texture, curves, {"noise_hu": noise, "method": "FBP", "level": "", "strength": 0.0,
                                     "parameter": math.nan}, own, own, 0.0)
        for method in context.methods:
            denoised, parameter = context.denoised(f"rods {noise:g} HU", scans, method)
            ensemble = _Ensemble(phantom, images, denoised, flat)
            half = matched_strength(ensemble.residual_before, ensemble.residual_after, plan.noise_share)
            panels.append(Panel(_blend(images[0], denoised[0], half or 1.0), method.label,
                                "" if half is None else f"strength {half:.2f}"))
            for level, strength in zip(LEVELS, (half, 1.0)):
                if strength is not None:
                    head = {"noise_hu": noise, "method": method.label, "level": level, "strength": strength,
                            "parameter": parameter}
                    _add(rows, texture, curves, head, ensemble, own, strength)
            if method.kind == "network":
                aims += _aims(rows, method.label, noise)
        pictures.append(panels)
    write_csv(context.output / "rods.csv", rows)
    write_csv(context.output / "texture.csv", texture)
    draw_rods(context.output / "rods.png", rows, curves, AIMS, PUBLISHED)
    draw_panels(context.output / "rods-images.png", pictures, plan.square)
    write_page(context.output / "rods.md", _page(context, rows, texture))
    return aims


class _Ensemble:
    """Scans before and after a method: all with the noise as it is, then all with its sign turned."""

    def __init__(self, phantom: Phantom, before: np.ndarray, after: np.ndarray, flat: np.ndarray):
        self.phantom, self.before, self.after = phantom, before, after
        self.count = len(before) // 2
        rows, columns = np.flatnonzero(flat.any(axis=1)), np.flatnonzero(flat.any(axis=0))
        self._square = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        self.residual_before, self.residual_after = self._residual(before), self._residual(after)

    def _residual(self, images: np.ndarray) -> np.ndarray:
        """Noise in the flat square of the scans with one sign: what differs from their mean."""
        part = images[(slice(self.count), *self._square)].astype(np.float64)
        return (part - part.mean(axis=0)) * math.sqrt(self.count / (self.count - 1))

    def residual(self, strength: float) -> np.ndarray:
        return _blend(self.residual_before, self.residual_after, strength)

    def rod(self, rod: Rod, strength: float) -> tuple[np.ndarray, list[float]]:
        """Means of both signs (realisations, rows, columns) around a rod, and its centre there."""
        reach = round(2 * rod.radius_mm / self.phantom.pixel)
        corner = [int(c) - reach for c in rod.centre]
        window = (slice(None), *(slice(c, c + 2 * reach + 2) for c in corner))
        parts = _blend(self.before[window].astype(np.float64), self.after[window], strength)
        return 0.5 * (parts[:self.count] + parts[self.count:]), [c - k for c, k in zip(rod.centre, corner)]

    def bias(self, rod: Rod, strength: float) -> Estimate:
        """Mean shift in HU in the middle of a rod, away from its edge."""
        inside = self.phantom.distance(rod.centre) < rod.radius_mm - EDGE_MM
        shift = strength * (self.after[:, inside].astype(np.float64) - self.before[:, inside]).mean(axis=1)
        pairs = 0.5 * (shift[:self.count] + shift[self.count:])
        return bootstrap(lambda chosen: [pairs[chosen].mean()], self.count)[0]


def _blend(before, after, strength: float):
    return (1 - strength) * before + strength * after


def _scans(context: Context, phantom: Phantom, noise: float) -> np.ndarray:
    plan = context.plan
    key = {"rods": noise, "size": plan.square, "pixel": plan.pixel, "count": plan.realisations}
    return context.simulated(f"rods {noise:g} HU", key, "squares.py", lambda: {
        "images": squares.scans(phantom, noise, range(plan.realisations), (1, -1))})["images"]


def ttf50(parts: np.ndarray, centre, phantom: Phantom, radius: float) -> float:
    """TTF50 per mm of the mean of images; 0 where the transfer never reaches half, or the rod is gone."""
    try:
        found = task_transfer_function(parts.mean(axis=0), centre, radius, phantom.spacing).frequency_at(0.5)
    except ValueError:
        return 0.0
    return float(np.nan_to_num(found))


def _add(rows, texture, curves, head: dict, ensemble: _Ensemble, own: _Ensemble, strength: float) -> None:
    """Add what is measured of one method at one strength; ``own`` are the scans themselves."""
    phantom = ensemble.phantom
    for contrast in sorted({abs(rod.contrast) for rod in phantom.rods}, reverse=True):
        pair = [rod for rod in phantom.rods if abs(rod.contrast) == contrast]
        parts = [ensemble.rod(rod, strength) for rod in pair]
        before = np.mean([ttf50(*own.rod(rod, 0.0), phantom, rod.radius_mm) for rod in pair])

        def ratio(chosen: np.ndarray) -> list[float]:
            return [np.mean([ttf50(part[chosen], centre, phantom, rod.radius_mm)
                             for rod, (part, centre) in zip(pair, parts)]) / before]

        found = bootstrap(ratio, ensemble.count)[0]
        shifts = [ensemble.bias(rod, strength) for rod in pair]
        worst = max(shifts, key=lambda one: abs(one.value))
        rows.append({**head, "contrast_hu": contrast, "ttf50_per_mm": found.value * before, "ratio": found.value,
                     "low": found.low, "high": found.high, "bias_hu": worst.value, "bias_low": worst.low,
                     "bias_high": worst.high})
    powers = _powers(ensemble.residual(strength), phantom)
    reference = _Texture(_powers(own.residual(0.0), phantom).mean(axis=0), phantom)
    share = math.sqrt(powers.mean() / _powers(own.residual(0.0), phantom).mean())

    def measures(chosen: np.ndarray) -> list[float]:
        here = _Texture(powers[chosen].mean(axis=0), phantom)
        equal = here.height / here.variance / (reference.height / reference.variance)
        return [here.peak, here.mean, here.peak / reference.peak, here.mean / reference.mean,
                here.height / reference.height, equal, here.difference(reference)]

    row = {**head, "noise_share": share}
    for name, found in zip(TEXTURE, bootstrap(measures, ensemble.count)):
        row |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
    texture.append(row)
    own_texture = _Texture(powers.mean(axis=0), phantom)
    curves.append({**head, "frequency": own_texture.frequency, "shape": own_texture.shape})


def _powers(residual: np.ndarray, phantom: Phantom) -> np.ndarray:
    """NPS of every realisation, (n, rows, columns)."""
    return np.stack([noise_power_spectrum(one, phantom.spacing, 0).power for one in residual])


class _Texture:
    """Numbers of a noise power spectrum; its height is the maximum of the lightly smoothed radial one."""

    def __init__(self, power: np.ndarray, phantom: Phantom):
        spectrum = NoisePowerSpectrum(power, phantom.spacing[1:])
        self.frequency, radial = spectrum.radial()
        self.peak, self.mean, self.variance = spectrum.peak_frequency, spectrum.mean_frequency, spectrum.variance
        self.height = float(ndimage.gaussian_filter1d(radial[1:], 1.0).max())
        weight = radial * self.frequency
        self._share = weight / weight.sum()
        self.shape = radial / self.variance

    def difference(self, other: _Texture) -> float:
        """Share of the noise power that lies at other frequencies than in ``other``."""
        return float(0.5 * np.abs(self._share - other._share).sum())


def _aims(rows: list[dict], method: str, noise: float) -> list[Aim]:
    found = []
    own = [r for r in rows if r["method"] == method and r["noise_hu"] == noise]
    for limits, words in ((AIMS, ""), (PUBLISHED, ": at least as sharp as a published network")):
        for contrast, limit in limits.items():
            half = [r for r in own if r["level"] == LEVELS[0] and r["contrast_hu"] == contrast]
            value = Estimate(half[0]["ratio"], half[0]["low"], half[0]["high"]) if half else Estimate(math.nan)
            found.append(Aim("rods", f"TTF50 of rods of {contrast:g} HU at half the noise, relative to FBP{words}",
                             method, f"noise {noise:g} HU", "at least", limit, value))
    for row in own:
        if row["level"] == LEVELS[1]:
            found.append(Aim("rods", "HU bias inside rods of up to 100 HU, full strength", method,
                             f"noise {noise:g} HU, contrast {row['contrast_hu']:g} HU", "within", ROD_BIAS_HU,
                             Estimate(row["bias_hu"], row["bias_low"], row["bias_high"])))
    return found


def _page(context: Context, rows: list[dict], texture: list[dict]) -> list[str]:
    plan = context.plan
    contrasts = list(PUBLISHED)
    lines = [
        "# Resolution and noise texture at a given noise reduction", "",
        f"The middle of a 200 mm disk of water, {plan.square} x {plan.square} pixels of {plan.pixel:g} mm, with rods "
        "18 mm wide of +/- 100, 50 and 20 HU; FBP noise of this project's fan-beam simulator with the kernel exp(-ln "
        f"2 (f / {STANDARD.f50:g})^{STANDARD.power:g}); {plan.realisations} noise realisations, each used with both "
        "signs, which cancels in the mean whatever a method does in proportion to the noise. TTF50 is read from the "
        "mean of all, one number for the brighter and the darker rod of a contrast. The ratio is to FBP, whose rod is "
        f"free of noise here; in brackets its {CONFIDENCE:.0%} interval (bootstrap over realisations). 0: the transfer "
        "never reaches half.", "",
        f"Half the noise: (1 - s) x FBP + s x denoised, with the least strength s that leaves {plan.noise_share:g} of "
        "the SD in the middle of the square, where the noise power spectrum (NPS) is measured too. A classical filter "
        "has the weakest parameter of its list that leaves no more than that, and is then blended in the same way. "
        "Full strength: s = 1. The bias is that of the rod, of the two, that moves more. Flat rods in flat water are "
        f"what non-local means and total variation assume images to be; patients are not, see [scores](scores.md). "
        f"{NO_BM3D}", "",
        "**Limits.** This project aims at " + ", ".join(f"{r:g} at {c:g} HU" for c, r in AIMS.items()) + " of FBP's "
        "TTF50, and set none for 50 HU. Published are " + ", ".join(f"{r:g} at {c:g} HU" for c, r in PUBLISHED.items())
        + f" ({SOURCE}, abstract: a residual network, {', '.join(f'{f:g}' for f in PRINTED_PER_MM.values())} per mm "
        f"where FBP has {FBP_PER_MM:g}). Those are of lesions inserted into patients, at that network's highest "
        "strength, with other noise and another kernel; how much noise it left the abstract does not say. So being as "
        "sharp at half the noise is a necessary sign, and no proof, of being better; full strength is in the tables "
        "too.", "",
        "FBP's own TTF50, per mm: " + ", ".join(
            f"{r['ttf50_per_mm']:.3f} at {r['contrast_hu']:g} HU" for r in rows
            if (r["method"], r["noise_hu"]) == ("FBP", plan.noise[0])) + ".", "",
        "![TTF50 and NPS](rods.png)", ""]
    for noise in plan.noise:
        for level in LEVELS:
            own = [r for r in rows if r["noise_hu"] == noise and r["level"] == level]
            body = []
            for name in dict.fromkeys(r["method"] for r in own):
                mine = {r["contrast_hu"]: r for r in own if r["method"] == name}
                noise_left = next(t["noise_share"] for t in texture if (t["noise_hu"], t["method"], t["level"]) ==
                                  (noise, name, level))
                body.append([name, text(mine[contrasts[0]]["strength"], 2), text(noise_left, 2),
                             *(_interval(mine[c], "") for c in contrasts),
                             *(text(mine[c]["bias_hu"], 2) for c in contrasts)])
            lines += [f"## Noise {noise:g} HU, {level}", "", *table(
                ["method", "strength", "noise left", *(f"TTF50 {c:g} HU" for c in contrasts),
                 *(f"bias {c:g} HU" for c in contrasts)], body)]
            lines += [f"Sharpest: {', '.join(_sharpest(own, c) for c in contrasts)}.", ""]
            absent = [m.label for m in context.methods if m.label not in {r["method"] for r in own}]
            lines += [f"Never reaches half the noise: {', '.join(absent)}.", ""] if absent else []
    lines += ["## Noise texture", "", "Relative to FBP's: frequency of the NPS's peak (its steps are "
              f"{1 / (NPS_SIDE * plan.pixel):.3f}/mm), mean frequency, height of the peak, and that height after both "
              "are scaled to one variance (1: no frequency sticks out; the magnitude error is its distance from 1). "
              "The last column is the share of the noise power that lies at other frequencies than FBP's.", "", *table(
                  ["noise", "method", "level", "noise left", "peak", "mean", "height", "height at equal variance",
                   "power elsewhere"],
                  [[f"{t['noise_hu']:g}", t["method"], t["level"], text(t["noise_share"], 2), text(t["peak_ratio"], 2),
                    _interval(t, "mean_"), _interval(t, "height_"), _equal(t), text(t["shape_difference"], 2)]
                   for t in texture if t["level"]])]
    lines += ["One realisation at half the noise (at full strength where a method never reaches it), W/L [-160, 240]:",
              "", "![rods](rods-images.png)"]
    return lines


def _sharpest(rows: list[dict], contrast: float) -> str:
    best = max((r for r in rows if r["contrast_hu"] == contrast), key=lambda r: r["ratio"])
    return f"{best['method']} at {contrast:g} HU"


def sharpest_words(rows: list[dict]) -> list[str]:
    """Which method keeps most of FBP's TTF50 at half the noise, HRNet beside it; ``rows`` as rods.csv has them."""
    contrast = max(AIMS)
    own = [r for r in rows if r["level"] == LEVELS[0] and float(r["contrast_hu"]) == contrast]
    words = []
    for noise in dict.fromkeys(r["noise_hu"] for r in own):
        here = [r for r in own if r["noise_hu"] == noise]
        best = max(here, key=lambda r: float(r["ratio"]))
        hrnet = next((r for r in here if r["method"].split()[0] == "hrnet"), best)
        beside = "" if hrnet is best else f" ({hrnet['method']} {float(hrnet['ratio']):.2f})"
        words.append(f"at noise {float(noise):g} HU {best['method']} with {float(best['ratio']):.2f} of FBP's{beside}")
    return [f"The highest TTF50 of rods of {contrast:g} HU at half the noise, of all methods in [rods](rods.md), "
            f"classical filters among them: {'; '.join(words)}.", ""] if words else []


def _interval(row: dict, prefix: str) -> str:
    value, low, high = (row[k] for k in (("ratio", "low", "high") if not prefix else
                                         (f"{prefix}ratio", f"{prefix}ratio_low", f"{prefix}ratio_high")))
    return f"{text(value, 2)} ({text(low, 2)} .. {text(high, 2)})"


def _equal(row: dict) -> str:
    name = "height_at_equal_noise"
    return f"{text(row[name], 2)} ({text(row[name + '_low'], 2)} .. {text(row[name + '_high'], 2)})"
