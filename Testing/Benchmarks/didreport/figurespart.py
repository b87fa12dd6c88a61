"""Part 3: the figures of the DID paper (arXiv 2011.14873), re-enacted on this project's data and networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from DIDInteractiveLib.candidates import CandidateSet
from DIDInteractiveLib.settings import CandidateSettings
from LDCTDenoiseLib.metrics import cnr_did, rmse
from LDCTDenoiseLib.modelregistry import find_model
from networksreport.trainingdata import stem, trained_on
from scipy import ndimage

from .conebeam import cone_beam
from .context import Context
from .contrast import contrasting, disc, regions
from .doses import DoseNetwork, all_networks, dose_networks, weights_of
from .drawing import Box, Panel, draw_panels
from .figurefindings import INPUT, REFERENCE, findings
from .flatsquare import FLAT_HALF, flattest, spread
from .noisetotals import as_it_is, own_noise, to_be_added, with_noise
from .plan import Choice
from .rangepart import candidates
from .scenes import Scene
from .sets import dose_network, network
from .tables import text, write_csv, write_page

LOW, DEFAULT, HIGH = -1.0, 0.0, 1 / 3
COLUMNS = ((LOW, "low noise"), (DEFAULT, "default"), (HIGH, "high resolution"))
SIDE = 160
COLOURS = "violet", "deepskyblue"
"""Of the discs between which contrast to noise is taken."""
METHOD = "did"
REAL = {False: ("real.png", "a patient that no network was trained on"),
        True: ("real-trained.png", "a patient that took part in the training"),
        None: ("real-unknown.png", "a patient that may have taken part in the training")}
"""Figure and title of scans with real noise, by whether networks were trained on their patient."""
BASE = "hrnet"
"""The model from which the networks for one dose each were trained on."""


@dataclass
class View:
    """One slice to be shown: where its noise is taken, what is magnified, what stands below its images.

    ``discs`` are foreground and background (row, column, radius) of the contrast to noise, chosen here unless given,
    and ``zooms`` squares (row, column, half side), in pixels of the scene.
    """

    scene: Scene
    rows: list[dict]
    figure: str
    discs: tuple[tuple[int, int, int], ...] = ()
    zooms: tuple[tuple[int, int, int], ...] = ()
    flat: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        scene = self.scene
        soft = scene.masks.get("soft")
        image = scene.noisy if scene.reference is None else scene.reference
        if soft is None:
            soft = (image > -50) & (image < 250)
        self.flat = flattest(image[0], soft[0])
        if not self.discs:
            # Chosen in the noise of an image it would favour that image: without a reference it is chosen in a blur.
            blurred = ndimage.gaussian_filter(image[0].astype(np.float64), 0 if scene.reference is not None else 2)
            self.discs = contrasting(blurred, soft[0]) or ()

    def panel(self, image: np.ndarray, title: str, model: str = "", framed: bool = False) -> Panel:
        """The whole image with its numbers below; they go to the table as well."""
        numbers = {"std_hu": spread(image, self.flat), "cnr": float("nan"), "rmse_hu": float("nan")}
        words = [f"STD {text(numbers['std_hu'])}"]
        if self.discs:
            numbers["cnr"] = cnr_did(image, *(disc(image.shape, *d) for d in self.discs))
            words.append(f"CNR {text(numbers['cnr'], 2)}")
        if self.scene.reference is not None:
            body = self.scene.masks["body"][0]
            numbers["rmse_hu"] = rmse(image, self.scene.reference[0], body)
            words.append(f"RMSE {text(numbers['rmse_hu'])}")
        self.rows.append({"figure": self.figure, "scene": self.scene.name, "model": model, "panel": title, **numbers,
                          **self._places()})
        boxes = [Box(*self.flat, FLAT_HALF, "lime")]
        boxes += [Box(*place, colour, circle=True) for place, colour in zip(self.discs, COLOURS)]
        boxes += [Box(*zoom, "cyan") for zoom in self.zooms]
        return Panel(image, title, "  ".join(words), tuple(boxes) if framed else ())

    def magnified(self, image: np.ndarray, number: int = 0, framed: bool = False) -> Panel:
        row, column, half = self.zooms[number]
        boxes = [Box(r - row + half, c - column + half, radius, colour, circle=True)
                 for (r, c, radius), colour in zip(self.discs, COLOURS)]
        return Panel(image[row - half:row + half, column - half:column + half], boxes=tuple(boxes) if framed else ())

    def _places(self) -> dict:
        """Where the discs lie in the file, in pixels, and the mean in HU that shows what tissue that is."""
        scene = self.scene
        image = (scene.noisy if scene.reference is None else scene.reference)[0]
        names = ("foreground", "background")
        found = {f"{name}_{what}": None for name in names for what in ("row", "column", "radius", "hu")}
        for name, (row, column, radius) in zip(names, self.discs):
            mean = float(image[disc(image.shape, row, column, radius)].mean())
            found |= {f"{name}_row": row + scene.corner[0], f"{name}_column": column + scene.corner[1],
                      f"{name}_radius": radius, f"{name}_hu": mean}
        return found

    def ends(self) -> list[tuple[np.ndarray, str]]:
        """The low-dose image and, if there is one, the reference."""
        if self.scene.reference is None:
            return [(self.scene.noisy[0], "input")]
        return [(self.scene.noisy[0], INPUT), (self.scene.reference[0], REFERENCE)]


def nearest(made: CandidateSet, position: float, number: int = 0) -> np.ndarray:
    """Slice ``number`` of the candidate nearest to a position, the input left out."""
    own = [one for one in made.candidates if one.kind != "input"]
    return min(own, key=lambda one: abs(one.position - position)).array[number]


def within(scene: Scene, places: Sequence[tuple[int, int, int]]) -> tuple[tuple[int, int, int], ...]:
    """Places of the file as places of the scene."""
    return tuple((row - scene.corner[0], column - scene.corner[1], size) for row, column, size in places)


def write_figures(context: Context) -> None:
    """Write the figures, figures.csv and figures.md."""
    rows: list[dict] = []
    lines = [line for draw in (low_contrast, high_contrast, architectures, doses, amounts_of_noise, cone_beams,
                               real_noise) for line in draw(context, rows)]
    write_csv(context.output / "figures.csv", rows)
    write_page(context.output / "figures.md", [*_introduction(), *findings(rows), *lines, *regions(rows)])


def _introduction() -> list[str]:
    default = CandidateSettings().method
    return ["# Figures of the DID paper, re-enacted", "",
            f"**All figures here, 3 to 7, S1 and those of real noise, are made with the method '{METHOD}'**: the "
            f"paper's descents, with controlled steps. They use it because the paper does. The default of the module, "
            f"{default}, differs on the smoother side, where its candidates are mixtures of images, and on the "
            "sharper one where a candidate would otherwise be sharper than the next. Its images are not here: the "
            "README shows [nine of them](../../../Resources/Screenshots/candidates.png), [range](range.md) and "
            "[matched](matched.md) measure them.", "",
            "Window -160 to 240 HU. STD: in the green square, the most uniform one of the soft tissue. RMSE: against "
            "the reference, in the body as far as it is shown. CNR: 2 |difference| / (sum of SDs), as the paper "
            f"defines it, between the violet and the blue disc, listed at the end. {INPUT}: input, {REFERENCE}: "
            "reference. 'Low noise' is the smoothest candidate, 'high resolution' lies a third of the way, in log "
            "noise, from the default to the input. All numbers are in figures.csv.", ""]


def low_contrast(context: Context, rows: list[dict]) -> list[str]:
    plan, wanted = context.plan, context.plan.figures
    whole = context.patient(wanted.low_contrast, plan.pair_noise)
    made = candidates(context, whole, plan.models[0], CandidateSettings(METHOD, plan.count))
    scene = whole.slice(wanted.low_contrast_slice)
    view = View(scene, rows, "3", within(scene, (wanted.lesion, wanted.liver)),
                within(scene, (wanted.low_zoom, wanted.low_detail)))
    images = [(nearest(made, p, wanted.low_contrast_slice), t) for p, t in
              ((LOW, "low noise 1"), (-0.5, "low noise 2"), *COLUMNS[1:])] + view.ends()
    draw_panels(context.output / "figure3.png", [
        [view.panel(image, title, plan.models[0], n == 0) for n, (image, title) in enumerate(images)],
        *([view.magnified(image, k, n == 0 and k == 0) for n, (image, _) in enumerate(images)] for k in (0, 1))], SIDE)
    return ["## Figure 3: a low-contrast task", "", f"{plan.models[0]}, {scene.name}: a small lesion of the liver "
            "(violet; blue: the background) and vessels.", "", "![low contrast](figure3.png)", ""]


def high_contrast(context: Context, rows: list[dict]) -> list[str]:
    figures, model = context.plan.figures, context.plan.models[0]
    draw_panels(context.output / "figure4.png", _columns(context, rows, "4", figures.high_contrast, model), SIDE)
    return ["## Figure 4: a high-contrast task", "", f"{model}, a vertebra, ribs and vessels.", "",
            "![high contrast](figure4.png)", ""]


def architectures(context: Context, rows: list[dict]) -> list[str]:
    plan, grid = context.plan, []
    for model in plan.models[1:]:
        grid += _columns(context, rows, "6", plan.figures.high_contrast, model)
    highest = plan.figures.noise_totals[-1]
    grid.append(_row(context, rows, "6", with_noise(context.scenes, plan.figures.other, highest), plan.models[-1]))
    draw_panels(context.output / "figure6.png", grid, SIDE)
    return ["## Figure 6: other architectures", "", f"From top to bottom: {' and '.join(plan.models[1:])} on the image "
            f"of figure 4, {plan.models[-1]} on the slice of figure 5 with {highest:g} HU of noise.", "",
            "![other architectures](figure6.png)", ""]


def doses(context: Context, rows: list[dict]) -> list[str]:
    plan = context.plan
    if not all(weights_of(context.dose_networks, one.name).is_file() for one in all_networks()):
        return ["## Figure 7: networks for other doses", "", "Left out: not all networks are there; "
                "`did_report.py --train-doses` makes them.", ""]
    scene = context.patient(plan.figures.high_contrast, plan.pair_noise).slice(0)
    for literal, file in ((False, "figure7.png"), (True, "figure7-literal.png")):
        grid = []
        for one in dose_networks(literal):
            view = View(scene, rows, "7 literal" if literal else "7", zooms=within(scene, (plan.figures.high_zoom,)))
            made = _made(context, scene, one)
            images = [(nearest(made, p), f"{one.title}: {t}") for p, t in COLUMNS]
            ends, number = view.ends(), len(grid)
            grid.append([*(view.panel(image, title, one.name, n == 0) for n, (image, title) in enumerate(images)),
                         *(view.magnified(image) for image, _ in images),
                         view.panel(*ends[number]) if number < 2 else view.magnified(ends[number - 2][0])])
        draw_panels(context.output / file, grid, SIDE)
    return ["## Figure 7 (and 8): networks trained for other doses, applied to a quarter of the dose", "",
            "The packaged HRNet, trained on at one fixed noise SD each (configs/dose). Columns: whole image, then "
            "magnified; on the right the input and the reference. Rows of the first figure: 1/2, 1/4, 1/8 and 1/16 of "
            "the dose, whose noise SD follows sqrt(1/f - 1), that is 0.58, 1, 1.53 and 2.24 times the noise of a "
            "quarter. Rows of the second: 0.5, 1, 2 and 4 times that noise, as the paper writes, which is 57, 25, 7.7 "
            "and 2.0 % of the dose.", "",
            "![doses](figure7.png)", "", "![factors of the paper](figure7-literal.png)", ""]


def amounts_of_noise(context: Context, rows: list[dict]) -> list[str]:
    """The slice as it is has no reference; its discs are those of the other rows."""
    figures = context.plan.figures
    one, words = _quarter(context)
    still = as_it_is(context.scenes, figures.other)
    own = own_noise(still)
    added = [to_be_added(total, own) for total in figures.noise_totals]
    noisier = [with_noise(context.scenes, figures.other, total) for total in figures.noise_totals]
    discs = View(noisier[0], [], "5").discs
    grid = [_row(context, rows, "5", scene, one, title, discs) for scene, title in
            ((still, "as it is"), *((s, f"{total:g} HU") for s, total in zip(noisier, figures.noise_totals)))]
    draw_panels(context.output / "figure5.png", grid, figures.other.crop)
    return ["## Figure 5: other amounts of noise", "",
            f"From top to bottom: a slice as it is, with {text(own)} HU of noise (in the green square), and with so "
            f"much added that it has {', '.join(f'{n:g}' for n in figures.noise_totals)} HU in all: "
            f"sqrt(total^2 - own^2), that is {', '.join(text(n) for n in added)} HU. That is meant for the body's "
            "centre, where a noise index is taken; what the square has stands below the input. "
            f"Denoised by {words}. The slice as it is has nothing to be compared with, hence no RMSE.", "",
            "![amounts of noise](figure5.png)", ""]


def cone_beams(context: Context, rows: list[dict]) -> list[str]:
    figures = context.plan.figures
    one, words = _quarter(context)
    grid = [_row(context, rows, "S1", cone_beam(context.scenes, figures.cone_beam, exposure), one,
                 f"exposure {exposure:g}") for exposure in figures.exposures]
    draw_panels(context.output / "figureS1.png", grid, figures.cone_beam.crop)
    return ["## Figure S1: a cone-beam-like scan", "",
            "1 mm pixels, a soft kernel, scatter cupping of 80 HU, the geometry of an imager on a linear accelerator "
            "(source to axis 1000 mm, to detector 1500 mm, 656 views), from top to bottom "
            f"{', '.join(f'{e:g}' for e in figures.exposures)} of the exposure, denoised by {words}. The reference "
            "(NDCT) is the same image at full exposure, cupping and all; cone-beam artefacts are not imitated.", "",
            "![cone beam](figureS1.png)", ""]


def real_noise(context: Context, rows: list[dict]) -> list[str]:
    figures, model, lines = context.plan.figures, context.plan.models[0], []
    there = [one for one in figures.real if (context.scenes.data / one[0]).is_file()]
    trainings = [find_model(name).details.get("training", {}) for name in context.plan.models] if there else []
    for answer, (file, title) in REAL.items():
        found = [one for one in there if trained_on(one[0], trainings, context.scenes.data) is answer]
        if not found:
            continue
        grid = [_row(context, rows, "real noise", context.scenes.real(
            path, number, Choice(stem(path), path, 0, (number,), figures.crop, centre)), model)
            for path, number, centre, _ in found]
        draw_panels(context.output / file, grid, figures.crop)
        lines += [f"## Real noise: {title}", "",
                  f"{model} on a scan as it is, without a reference: {'; '.join(told for *_, told in found)}. Only "
                  "patients no network was trained on show how it does on new ones.", "", f"![real noise]({file})", ""]
    return lines or ["## Real noise", "", "Left out: the data folder has no such scan in real_noise/.", ""]


def _columns(context: Context, rows: list[dict], figure: str, choice: Choice, model: str) -> list[list[Panel]]:
    """A row of whole images and one of magnified ones, from the set that the part on the range made."""
    plan = context.plan
    whole = context.patient(choice, plan.pair_noise)
    made = candidates(context, whole, model, CandidateSettings(METHOD, plan.count))
    scene = whole.slice(0)
    view = View(scene, rows, figure, zooms=within(scene, (plan.figures.high_zoom,)))
    images = [(nearest(made, p), f"{model}: {t}") for p, t in COLUMNS] + view.ends()
    return [[view.panel(image, title, model, n == 0) for n, (image, title) in enumerate(images)],
            [view.magnified(image) for image, _ in images]]


def _row(context: Context, rows: list[dict], figure: str, scene: Scene, one: str | DoseNetwork, words: str = "",
         discs: tuple[tuple[int, int, int], ...] = ()) -> list[Panel]:
    view = View(scene, rows, figure, discs)
    made = _made(context, scene, one)
    name = one if isinstance(one, str) else one.name
    images = [(nearest(made, p), f"{words or name}: {t}") for p, t in COLUMNS] + view.ends()
    return [view.panel(image, title, name, n == 0) for n, (image, title) in enumerate(images)]


def _made(context: Context, scene: Scene, one: str | DoseNetwork) -> CandidateSet:
    if isinstance(one, DoseNetwork):
        denoiser = dose_network(weights_of(context.dose_networks, one.name), BASE)
    else:
        denoiser = network(one)
    return context.sets.make(scene, denoiser, CandidateSettings(METHOD, context.plan.figures.count))


def _quarter(context: Context) -> tuple[str | DoseNetwork, str]:
    """The network trained for a quarter of the dose, or the packaged one, and its name in words."""
    quarter = dose_networks(False)[1]
    if weights_of(context.dose_networks, quarter.name).is_file():
        return quarter, f"the network trained for a quarter of the dose only (noise of {quarter.sd:.0f} HU)"
    name = context.plan.models[0]
    return name, f"{name}, in place of a network for a quarter of the dose, which `did_report.py --train-doses` makes"
