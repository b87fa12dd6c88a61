"""Part 2: the descents against blending and weight interpolation, at the same noise SD in the same pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from DIDInteractiveLib.candidates import CandidateSet
from DIDInteractiveLib.edges import EdgeProbe
from DIDInteractiveLib.settings import CandidateSettings
from LDCTDenoiseLib.metrics import noise_power_spectrum, rmse, rois_in_mask

from .comparedmethods import BLEND, methods
from .context import Context
from .drawing import draw_matched
from .matching import BETTER, SIDES, WORSE, Curve, curve, noise_at, positions, summary, without_noise
from .matchedverdict import verdict
from .phantompart import phantoms
from .rangepart import candidates
from .regions import halves
from .scenes import TISSUES, Scene
from .tables import share, table, text, write_csv, write_page

FURTHER = ("nps_mean_per_mm", "nps_peak_per_mm", "edges_kept")
PER_SIDE = 11
"""Positions on each side of the default at which the methods are compared."""
MIN_PIXELS = 400
"""Smaller regions tell little: a tissue with fewer pixels in a scene is left out."""
REGION = 48
"""Side, in pixels, of the squares in which noise power spectra are taken."""
FLAT = "body, matched in flat tissue"
"""Noise as the reader sees it, in flat soft tissue, and the error of the whole body: not the same pixels."""
CHECK = "blend, fewer candidates"
"""Blending with as few candidates as the other methods have: what differs from BLEND is the interpolation's error."""


def noise_of_pairs(image: np.ndarray, mask: np.ndarray) -> float:
    """Noise SD in HU inside ``mask`` from two realisations; anatomy, which both share, does not count.

    ``image`` (2 n, J, I) holds n slices and then the same n with other noise; ``mask`` bool, the same shape.
    """
    half = len(image) // 2
    difference = image[:half].astype(np.float64) - image[half:]
    return float(np.sqrt(np.mean(difference[mask[:half]] ** 2) / 2))


def noise_texture(image: np.ndarray, mask: np.ndarray, spacing) -> tuple[float, float]:
    """Mean and peak frequency per mm of the noise inside ``mask``, from two realisations as above; NaN without room."""
    half = len(image) // 2
    difference = (image[:half].astype(np.float64) - image[half:]) / np.sqrt(2)
    squares = rois_in_mask(difference, mask[:half], REGION)
    if len(squares) == 0:
        return float("nan"), float("nan")
    spectrum = noise_power_spectrum(squares, spacing, 0)
    return spectrum.mean_frequency, spectrum.peak_frequency


def compared(scene: Scene, made: dict[str, CandidateSet]) -> Iterator[dict]:
    """Yield one row per tissue, method and position; ``made`` holds a set for each method, "blend" among them."""
    places = positions(PER_SIDE)
    # One guide for all methods: the smooth bound, which is the first image of blending.
    edges = EdgeProbe(scene.noisy, made["blend"].candidates[0].array, scene.spacing)
    regions = {tissue: (scene.masks[tissue],) * 2 for tissue in TISSUES}
    regions[FLAT] = halves(scene)[1], scene.masks["body"]
    for tissue, (matched, judged) in regions.items():
        if min(np.count_nonzero(matched), np.count_nonzero(judged)) < MIN_PIXELS * scene.realisations:
            continue
        curves = {name: _curves(scene, one, matched, judged, edges if tissue == "body" else None)
                  for name, one in made.items()}
        blend = curves["blend"]["rmse"]
        default = made["blend"].candidates[made["blend"].default].array
        # Blending goes all the way: its first candidate is the smooth bound, its last the input.
        wanted = noise_at(places, noise_of_pairs(default, matched), (blend.noise[0], blend.noise[-1]))
        base = blend.at(wanted)
        for name, own in curves.items():
            values = {key: one.at(wanted) for key, one in own.items()}
            for n, place in enumerate(places):
                yield {"scene": scene.name, "patient": scene.patient, "noise_index": scene.noise_index,
                       "tissue": tissue, "method": name, "position": float(place), "noise_hu": float(wanted[n]),
                       "rmse_hu": float(values["rmse"][n]), "ratio": float(values["rmse"][n] / base[n]),
                       "ratio_without_noise": float(without_noise(values["rmse"][n], wanted[n])
                                                    / without_noise(base[n], wanted[n])),
                       **{key: float(values[key][n]) if key in values else float("nan") for key in FURTHER}}


def _curves(scene: Scene, made: CandidateSet, matched: np.ndarray, judged: np.ndarray, edges: EdgeProbe | None
            ) -> dict[str, Curve]:
    """Scores against the noise in ``matched``: error in ``judged`` and, with ``edges``, also texture and sharpness."""
    images = [one.array for one in made.candidates]
    noise = [noise_of_pairs(image, matched) for image in images]
    found = {"rmse": [rmse(image, scene.reference, judged) for image in images]}
    if edges is not None:
        textures = np.array([noise_texture(image, judged, scene.spacing) for image in images])
        further = dict(zip(FURTHER, (*textures.T, [edges.kept(image) for image in images]), strict=True))
        found |= {key: values for key, values in further.items() if np.isfinite(values).all()}
    return {key: curve(noise, values, made.default) for key, values in found.items()}


def write_matched(context: Context) -> None:
    """Write matched.csv, phantoms.csv, matched.png and matched.md."""
    plan = context.plan
    rows, scenes = [], []
    for choice in plan.patients:
        for noise_index in plan.noise_indices:
            scene = context.patient(choice, noise_index)
            scenes.append(scene)
            wanted = methods(plan.count)
            if noise_index != plan.pair_noise:
                wanted = {name: wanted[name] for name in ("did-ordered", "did")}
            wanted = {"blend": BLEND, **wanted, CHECK: CandidateSettings("blend", plan.count)}
            made = {name: candidates(context, scene, plan.models[0], settings) for name, settings in wanted.items()}
            rows += compared(scene, made)
    write_csv(context.output / "matched.csv", rows)
    draw_matched(context.output / "matched.png", [r for r in rows if r["method"] != CHECK])
    rods, phantom_lines = phantoms(context, methods(plan.count), BLEND)
    write_page(context.output / "matched.md", page(context, rows, scenes, rods, phantom_lines))


def page(context: Context, rows: list[dict], scenes: Sequence[Scene], rods: list[dict], phantom_lines: list[str]
         ) -> list[str]:
    """The lines of matched.md from ``rows`` as in matched.csv, the scenes, and ``rods`` as in phantoms.csv."""
    return ["# Descents against blending and weight interpolation at matched noise", "",
            *verdict(rows, _compared_methods(rows), FLAT, rods), *_introduction(context), *_statement(rows),
            *_tables(rows), *_texture(rows, scenes), *phantom_lines]


def _introduction(context: Context) -> list[str]:
    plan = context.plan
    return ["## How it is measured", "",
            f"Network {plan.models[0]}, {plan.dose:g} of the dose, the scenes of the part on the range. Every method's "
            "candidates are points (noise SD, score) in one tissue; each method is read, by monotone cubic "
            "interpolation over the log of the noise SD, at the same noise SDs: equal steps of the log from the "
            "default to the smooth bound (-1) and to the input (1) in this tissue. Noise is the SD of the difference "
            "of two realisations over sqrt 2, so anatomy does not count as noise; it is matched and the error is taken "
            "in the same pixels. So errors can differ only by what is not noise: structure that was lost, and noise of "
            "the reference itself that a method kept or removed.", "",
            f"'{FLAT}' takes the noise in flat soft tissue only, as a reader would, and the error in the whole body; "
            "there a method may gain by hiding noise elsewhere.", "",
            "Ratios below 1 mean less error than blending. At -1 and 1 blending is exact by definition and descents do "
            "not always arrive; places that a method does not reach are left out, and counted.", "",
            "![RMSE relative to blending at matched noise](matched.png)", ""]


def _compared_methods(rows: list[dict]) -> list[str]:
    return [name for name in dict.fromkeys(r["method"] for r in rows) if name not in ("blend", CHECK)]


def _ratios(rows, **wanted) -> list[float]:
    side = wanted.pop("side", None)
    return [r["ratio"] for r in rows if all(r[key] == value for key, value in wanted.items())
            and (side is None or (r["position"] < 0) == (side == SIDES[0]))]


def _statement(rows: list[dict]) -> list[str]:
    body = []
    for name in _compared_methods(rows):
        for tissues in (("body",), TISSUES):
            own = [r for r in rows if r["method"] == name and r["tissue"] in tissues]
            found, rest = (summary([r[key] for r in own]) for key in ("ratio", "ratio_without_noise"))
            halves = [summary(_ratios(own, side=side)) for side in SIDES]
            body.append([name, "whole body" if len(tissues) == 1 else "all tissues", str(found.count),
                         text(found.mean, 3), f"{text(found.lowest, 3)} .. {text(found.highest, 3)}",
                         " / ".join(share(half.worse) for half in halves),
                         " / ".join(share(half.better) for half in halves), text(rest.mean, 3)])
    error = max(abs(r["ratio"] - 1) for r in rows if r["method"] == CHECK)
    return ["## In one view", "",
            "RMSE over that of blending at the same noise. The last column leaves the noise out of both, as "
            "sqrt(RMSE^2 - SD^2): 0.97 there means that what is not noise in the error is 3 % less than blending's.",
            "",
            *table(["method", "where", "places", "mean", "range", f"> {share(WORSE - 1)} worse, smoother / sharper "
                    "side", f">= {share(1 - BETTER)} better, smoother / sharper side", "mean without the noise"], body),
            *(flat_tissue(rows, name) for name in _compared_methods(rows)), ceiling(rows), "",
            f"Interpolation plays little part: blending itself, read from as few candidates as the other methods have, "
            f"differs from blending with {BLEND.count} candidates by at most {100 * error:.2f} %.", ""]


def flat_tissue(rows: list[dict], name: str) -> str:
    """How a method compares where noise is matched in other pixels than the error is taken in."""
    found = summary([r["ratio"] for r in rows if r["method"] == name and r["tissue"] == FLAT])
    return (f"- {name}, {FLAT}: more than {share(WORSE - 1)} worse than blending at {share(found.worse)} of "
            f"{found.count} places; mean ratio {text(found.mean, 3)}, at worst {text(found.highest, 3)}.")


def ceiling(rows: list[dict]) -> str:
    """How often any method at all could be clearly better than blending."""
    shares = []
    for side in SIDES:
        own = [r for r in rows if r["method"] == "blend" and r["tissue"] == "body"
               and (r["position"] < 0) == (side == SIDES[0])]
        shares.append(np.mean([r["noise_hu"] <= BETTER * r["rmse_hu"] for r in own]))
    return ("- How much could be gained: an image at the same noise whose error is that noise alone, with all "
            f"structure as in the reference, would be at least {share(1 - BETTER)} better than blending at "
            f"{share(shares[0])} of the places on the smoother side and {share(shares[1])} on the sharper one (whole "
            "body). On the smoother side that is structure which the default and the smooth bound have both lost.")


def _tables(rows: list[dict]) -> list[str]:
    lines = []
    for side in SIDES:
        body = []
        for name in _compared_methods(rows):
            for tissue in (*TISSUES, FLAT):
                ratios = _ratios(rows, method=name, tissue=tissue, side=side)
                found = summary(ratios)
                if not ratios:
                    continue
                body.append([name, tissue, text(found.mean, 3), f"{text(found.lowest, 3)} .. {text(found.highest, 3)}",
                             share(found.worse), share(found.better), f"{found.count} of {len(ratios)}"])
        lines += [f"## RMSE / RMSE of blending, {side} side", "",
                  *table(["method", "tissue", "mean", "range", "> 1 % worse", ">= 3 % better", "places reached"], body)]
    return lines


def room_for_squares(scenes: Sequence[Scene]) -> str:
    """In how many of these scenes a tissue holds a square for a noise power spectrum, in words."""
    def holds(scene: Scene, tissue: str) -> bool:
        mask = scene.masks[tissue]
        return len(rois_in_mask(mask, mask, REGION)) > 0

    count = {tissue: sum(holds(scene, tissue) for scene in scenes) for tissue in TISSUES}
    return ", ".join(f"{tissue} {number} of {len(scenes)}" for tissue, number in count.items())


def _texture(rows: list[dict], scenes: Sequence[Scene]) -> list[str]:
    """Sharpness and noise texture in the body: mean over scenes, and from which to which value."""
    wanted = [-0.5, 0.25, 0.5, 0.75]
    places = sorted({r["position"] for r in rows})
    near = [min(places, key=lambda p, w=w: abs(p - w)) for w in wanted]
    body = []
    names = ["blend", *_compared_methods(rows)]
    shared = set.intersection(*({r["scene"] for r in rows if r["method"] == name} for name in names))
    for place in near:
        for name in names:
            own = [r for r in rows if r["tissue"] == "body" and r["scene"] in shared
                   and (r["method"], r["position"]) == (name, place)]
            found = np.array([[r[key] for key in FURTHER] for r in own]) * (1, 1, 100)
            known = found[np.isfinite(found).all(axis=1)]
            mean, peak, edges = (_spread(values, digits) for values, digits in zip(known.T, (3, 3, 1)))
            body.append([text(place, 2), name, edges, mean, peak, f"{len(known)} of {len(found)}"])
    return ["## Sharpness and noise texture at matched noise", "",
            "Slope of the edges in per cent of the input's (edges that the smooth bound shows), mean and peak "
            f"frequency per mm of the noise power spectrum (squares of {REGION} pixels, from the difference of two "
            f"realisations). Mean (lowest .. highest) over the {len(shared)} scenes in which all methods took part, as "
            "far as a method reaches the place there. Scenes differ in sharpness and texture, hence the ranges; "
            "compare methods within a place.", "",
            "Of the body only, because a spectrum needs squares that lie wholly inside one region, and single tissues "
            f"hardly hold any. Scenes with at least one: {room_for_squares(scenes)}. Smaller squares would find more "
            "room and tell fewer frequencies apart: the noise is correlated over several pixels.", "",
            *table(["position", "method", "edges, %", "mean frequency", "peak frequency", "scenes"], body)]


def _spread(values: np.ndarray, digits: int) -> str:
    """Mean, lowest and highest of some values, in words."""
    if len(values) == 0:
        return "-"
    return f"{text(values.mean(), digits)} ({text(values.min(), digits)} .. {text(values.max(), digits)})"
