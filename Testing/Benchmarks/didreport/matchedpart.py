"""Part 2: the descents against blending and weight interpolation, at the same noise SD in the same pixels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from DIDInteractiveLib.settings import CandidateSettings
from LDCTDenoiseLib.metrics import noise_power_spectrum, rmse, rois_in_mask

from .context import Context
from .drawing import draw_matched
from .matching import BETTER, SIDES, WORSE, Curve, curve, noise_at, positions, summary
from .phantompart import phantoms
from .rangepart import candidates
from .scenes import TISSUES, Scene
from .tables import share, table, text, write_csv, write_page

PER_SIDE = 11
"""Positions on each side of the default at which the methods are compared."""
MIN_PIXELS = 400
"""Smaller regions tell little: a tissue with fewer pixels in a scene is left out."""
REGION = 48
"""Side, in pixels, of the squares in which noise power spectra are taken."""
BLEND = CandidateSettings("blend", 31)


def methods(count: int) -> dict[str, CandidateSettings]:
    """What is compared with blending; the first is the default method."""
    return {"did": CandidateSettings(count=count), "did-structure": CandidateSettings("did-structure", count),
            "did, gains": CandidateSettings(count=count, tuned="gains"),
            "weights interpolated": CandidateSettings("interpolate", count)}


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


def compared(scene: Scene, made: dict) -> Iterator[dict]:
    """Yield one row per tissue, method and position; ``made`` holds a set for each method, "blend" among them."""
    places = positions(PER_SIDE)
    for tissue in TISSUES:
        mask = scene.masks[tissue]
        if np.count_nonzero(mask) < MIN_PIXELS * scene.realisations:
            continue
        curves = {name: _curves(scene, one, tissue, mask) for name, one in made.items()}
        blend = curves["blend"]["rmse"]
        default = made["blend"].default
        # Blending goes all the way: its first candidate is the smooth bound, its last the input.
        wanted = noise_at(places, noise_of_pairs(made["blend"].candidates[default].array, mask),
                          (blend.noise[0], blend.noise[-1]))
        base = blend.at(wanted)
        for name, own in curves.items():
            values = {key: one.at(wanted) for key, one in own.items()}
            for n, place in enumerate(places):
                yield {"scene": scene.name, "patient": scene.patient, "noise_index": scene.noise_index,
                       "tissue": tissue, "method": name, "position": float(place), "noise_hu": float(wanted[n]),
                       "rmse_hu": float(values["rmse"][n]), "ratio": float(values["rmse"][n] / base[n]),
                       **{key: float(values[key][n]) if key in values else float("nan")
                          for key in ("nps_mean_per_mm", "nps_peak_per_mm")}}


def _curves(scene: Scene, made, tissue: str, mask: np.ndarray) -> dict[str, Curve]:
    images = [one.array for one in made.candidates]
    noise = [noise_of_pairs(image, mask) for image in images]
    found = {"rmse": [rmse(image, scene.reference, mask) for image in images]}
    if tissue == "body":
        textures = np.array([noise_texture(image, mask, scene.spacing) for image in images])
        if np.isfinite(textures).all():
            found |= {"nps_mean_per_mm": textures[:, 0], "nps_peak_per_mm": textures[:, 1]}
    return {key: curve(noise, values, made.default) for key, values in found.items()}


def write_matched(context: Context) -> None:
    """Write matched.csv, phantoms.csv, matched.png and matched.md."""
    plan = context.plan
    rows = []
    for choice in plan.patients:
        for noise_index in plan.noise_indices:
            scene = context.patient(choice, noise_index)
            wanted = methods(plan.count)
            if noise_index != plan.pair_noise:
                wanted = {name: wanted[name] for name in ("did", "did-structure")}
            made = {name: candidates(context, scene, plan.models[0], settings)
                    for name, settings in {"blend": BLEND, **wanted}.items()}
            rows += compared(scene, made)
    write_csv(context.output / "matched.csv", rows)
    draw_matched(context.output / "matched.png", rows)
    phantom_lines = phantoms(context, methods(plan.count), BLEND)
    write_page(context.output / "matched.md", [
        *_introduction(context), *_statement(rows), *_tables(rows), *_texture(rows), *phantom_lines])


def _introduction(context: Context) -> list[str]:
    plan = context.plan
    return ["# Descents against blending and weight interpolation at matched noise", "",
            f"Network {plan.models[0]}, {plan.dose:g} of the dose, the scenes of the part on the range. Every method's "
            "candidates are points (noise SD, score) in one tissue; each method is read, by monotone cubic "
            "interpolation over the log of the noise SD, at the same noise SDs: equal steps of the log from the "
            "default to the smooth bound (-1) and to the input (1) in this tissue. Noise is the SD of the difference "
            "of two realisations over sqrt 2, so anatomy does not count as noise; it is matched and the error is taken "
            "in the same pixels. The reference's own noise is part of every error.", "",
            "Ratios below 1 mean less error than blending. At -1 and 1 blending is exact by definition and descents do "
            "not always arrive; places that a method does not reach are left out, and counted.", "",
            "![RMSE relative to blending at matched noise](matched.png)", ""]


def _ratios(rows, **wanted) -> list[float]:
    side = wanted.pop("side", None)
    return [r["ratio"] for r in rows if all(r[key] == value for key, value in wanted.items())
            and (side is None or (r["position"] < 0) == (side == SIDES[0]))]


def _statement(rows: list[dict]) -> list[str]:
    lines = []
    for name in dict.fromkeys(r["method"] for r in rows if r["method"] != "blend"):
        for tissue in ("body", None):
            own = [r for r in rows if r["method"] == name and (tissue is None or r["tissue"] == tissue)]
            found = summary([r["ratio"] for r in own])
            halves = [summary(_ratios(own, side=side)) for side in SIDES]
            sides = ", ".join(f"{side} side {share(half.worse)} / {share(half.better)}"
                              for side, half in zip(SIDES, halves))
            lines.append(f"- {name}, {'whole body' if tissue else 'all tissues'}: more than {share(WORSE - 1)} worse "
                         f"than blending at {share(found.worse)} of {found.count} places, at least {share(1 - BETTER)} "
                         f"better at {share(found.better)} ({sides}); mean ratio {text(found.mean, 3)}, from "
                         f"{text(found.lowest, 3)} to {text(found.highest, 3)}.")
    return ["## In one view", "", *lines, ""]


def _tables(rows: list[dict]) -> list[str]:
    lines = []
    for side in SIDES:
        body = []
        for name in dict.fromkeys(r["method"] for r in rows if r["method"] != "blend"):
            for tissue in TISSUES:
                ratios = _ratios(rows, method=name, tissue=tissue, side=side)
                found = summary(ratios)
                if not ratios:
                    continue
                body.append([name, tissue, text(found.mean, 3), f"{text(found.lowest, 3)} .. {text(found.highest, 3)}",
                             share(found.worse), share(found.better), f"{found.count} of {len(ratios)}"])
        lines += [f"## RMSE / RMSE of blending, {side} side", "",
                  *table(["method", "tissue", "mean", "range", "> 1 % worse", ">= 3 % better", "places reached"], body)]
    return lines


def _texture(rows: list[dict]) -> list[str]:
    wanted = [-0.5, 0.25, 0.5, 0.75]
    places = sorted({r["position"] for r in rows})
    near = [min(places, key=lambda p, w=w: abs(p - w)) for w in wanted]
    body = []
    for name in dict.fromkeys(r["method"] for r in rows):
        own = [r for r in rows if r["method"] == name and r["tissue"] == "body"]
        cells = []
        for place in near:
            pairs = np.array([(r["nps_mean_per_mm"], r["nps_peak_per_mm"]) for r in own if r["position"] == place])
            known = pairs[np.isfinite(pairs).all(axis=1)]
            mean = known.mean(axis=0) if len(known) else (np.nan, np.nan)
            cells.append(f"{text(mean[0], 3)} / {text(mean[1], 3)} ({len(known)})")
        body.append([name, *cells])
    return ["## Noise texture at matched noise", "",
            f"Mean / peak frequency per mm of the noise power spectrum in the body, squares of {REGION} pixels, from "
            "the difference of two realisations; mean over scenes, their number in brackets.", "",
            *table(["method", *(f"position {p:.2f}" for p in near)], body)]
