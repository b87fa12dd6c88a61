"""README.md of the report: who took part, the aims, the paper's numbers beside ours, what differs."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from didreport.tables import table, text, write_csv, write_page
from LDCTDenoiseLib.modelregistry import ModelCard
from LDCTDenoiseLib.training.config import NetworkConfig, read_config

from . import paper
from .comparing import limit, mean
from .context import Context
from .lesionpart import lesions_in_short
from .literalpart import literal_lines
from .nets import planned, size
from .otherscanpart import in_short
from .plan import CONFIGS, EXPECTED, FULL_RECIPE, LIKE_THE_PAPER, MAIN, PARTS, RIVAL
from .verdictspart import aims_lines, missed_lines, selection_lines

TITLES = {
    "slices": "slice by slice: RMSE and SSIM (Figure 6), the networks against one another, doses",
    "showcases": "Table 1, Figures 2 to 5 and 7: abdomen, liver, lung, lesions of known contrast, another scanner",
    "noise": "what the networks remove (Figure 8)",
    "failures": "the worst slices, with the reason",
}
DIGITS = 16
PAPERS = {"unet.toml": "seed_unet.toml"}
"""The paper's recipe of a literal one, where it is not seed.toml."""
SIZE = ("widths", "form", "parameters", "multiply-adds (512 x 512)")


def write_readme(context: Context) -> None:
    """Write README.md and paper.csv from the scores; parts that are there are linked."""
    there = [part for part in PARTS if (context.output / f"{part}.md").is_file()]
    taken = [f"- dose {dose:g}: {context.cases.told(dose)}" for dose in context.plan.doses]
    lines = ["# Networks, measured as the HRNet paper does", "",
             f"Written by `python Testing/Benchmarks/networks_report.py --data DATA{context.options}`; every number "
             "and figure was measured by it, except what is marked as the paper's (Bai et al. 2021, "
             "doi:10.2991/jaims.d.210428.001). Low dose is simulated on validation patients; whom the networks were "
             "trained on, and what these patients had to do with their weights, stands under [Selection](#selection). "
             "Not for clinical use.", "", *taken, "",
             *(f"- [{part}]({part}.md): {TITLES[part]}" for part in there), "",
             "## Networks", "", *_networks(context), *_unet_sizes(context), *aims_lines(context)]
    lines += [*lesions_in_short(context), *in_short(context)] if "showcases" in there else []
    lines += [*literal_lines(context), *missed_lines(context), *selection_lines(context),
              "## Beside the paper", "", *_beside(context), *_differences(context)]
    write_page(context.output / "README.md", lines)


def _networks(context: Context) -> list[str]:
    body = [[n.label, n.card.architecture, *_size(n.card, n.parameters, n.multiply_adds), n.recipe,
             n.card.sha256[:DIGITS]] for n in context.networks]
    lines = [f"'Trained': steps, highest rate, precision, hours. SHA-256: the first {DIGITS} digits, of the weights in "
             "half precision as they take part.", "",
             *table(["network", "architecture", *SIZE, "trained", "SHA-256"], body)]
    here = [name for name in EXPECTED if context.network(name)]
    if here:
        lines += ["Not shipped:", "", *(_told(context, name) for name in here), ""]
    missing = [name for name in EXPECTED if name not in here]
    if missing:
        lines += ["Took no part, as no weights were given (`--extra-weights NAME=best.pt`):", "",
                  *(_told(context, name) for name in missing), ""]
    return lines


def _told(context: Context, name: str) -> str:
    """What an expected network is and what trains it, by its recipe; and whether the weights here had another one."""
    if not EXPECTED[name]:
        return (f"- {name}: {MAIN} before the last stage of its training, from the weights named as `initial_weights` "
                "in its card")
    config, network = read_config(CONFIGS / EXPECTED[name]), context.network(name)
    words = (f"- {name}: {config.network.architecture}, {config.network.form} form, widths {_widths(config.network)}, "
             f"{planned(config)}; `ldct train configs/{EXPECTED[name]}`")
    if network and network.schedule != planned(config):
        words += (". **The weights that took part had another training, by steps and patches, which alone are "
                  f"compared: {network.schedule}.**")
    return words


def _unet_sizes(context: Context) -> list[str]:
    """The U-Net of the table beside one of the paper's widths, which is of that size whether trained or not."""
    ours = context.network(RIVAL)
    if ours is None:
        return []
    full = read_config(FULL_RECIPE).network
    return ["The U-Net as it takes part, and with the widths that the paper prints (section 2.2.4, "
            f"`configs/equal/{FULL_RECIPE.name}`):", "",
            *table(["U-Net", *SIZE], [[ours.label, *_size(ours.card, ours.parameters, ours.multiply_adds)],
                                      ["full width", *_size(full, *size(full))]])]


def _size(network: ModelCard | NetworkConfig, parameters: int, multiply_adds: int) -> list[str]:
    return [_widths(network), network.form, f"{parameters:,}", f"{multiply_adds / 1e9:.1f} G"]


def _widths(network: ModelCard | NetworkConfig) -> str:
    return "-".join(map(str, network.widths))


def _beside(context: Context) -> list[str]:
    """The paper's means as ratios, and ours under every condition, inside the body and over the whole image."""
    pairs = [(h, u) for h, u in LIKE_THE_PAPER if context.network(h) and context.network(u)]
    best = text(math.sqrt(paper.DOSE), 3)
    body = [["paper", "U-Net, HRNet", text(paper.RMSE["LDCT"][paper.DATASET], 2),
             *(text(value, 3) for value in (paper.ratio("U-Net"), paper.ratio("HRNet"), paper.ratio("HRNet", "U-Net"))),
             best, " / ".join(text(paper.SSIM[n][paper.DATASET], 3) for n in paper.SSIM)]]
    rows = []
    for condition in context.cases.main_conditions():
        scores = context.scores.rows(condition)
        inputs = [{**r, "limit": limit(r["target_gnl"], r["added_sd"])} for r in scores if r["method"] == "ldct"]
        for h, u in pairs:
            for region, suffix in (("body", ""), ("whole image", "_image")):
                before, a, b = (mean(scores, m, f"rmse{suffix}") for m in ("ldct", u, h))
                similar = [mean(scores, m, f"ssim{suffix}") for m in ("ldct", u, h)]
                bound = mean(inputs, "ldct", "limit") if region == "body" else float("nan")
                body.append([f"{condition}, {region}", f"{u}, {h}", text(before, 2),
                             *(text(value, 3) for value in (a / before, b / before, b / a, bound)),
                             " / ".join(text(v, 3) for v in similar)])
                rows.append({"condition": str(condition), "region": region, "unet": u, "hrnet": h,
                             "rmse_ldct": before, "unet_ratio": a / before, "hrnet_ratio": b / before,
                             "hrnet_to_unet": b / a, "limit": bound,
                             **dict(zip(("ssim_ldct", "ssim_unet", "ssim_hrnet"), similar))})
    if rows:
        write_csv(context.output / "paper.csv", rows)
    return ["RMSE of the networks as ratios to that of the low-dose image, and SSIM of LDCT / U-Net / HRNet. 'Limit' "
            "is what a denoiser that knows the anatomy would reach: the reference holds noise, t, of its own, of which "
            "only the sum with the added noise, a, is seen, so t / sqrt(t^2 + a^2) of the error stays. For the paper's "
            f"quarter of the dose that is sqrt({paper.DOSE:g}) = {best}, and its HRNet prints "
            f"{text(paper.ratio('HRNet'), 3)}: the limit takes both noises as independent and of one colour, and not "
            "all of that need hold there. Here it follows from the reference's GNL and the added SD, which makes it "
            "approximate.", "",
            *table(["condition", "networks", "RMSE LDCT", "U-Net / LDCT", "HRNet / LDCT", "HRNet / U-Net", "limit",
                    "SSIM LDCT / U-Net / HRNet"], body)]


def _differences(context: Context) -> list[str]:
    patients = context.cases.patients(context.plan.slices)
    apart = ", ".join(sorted({f"{p.spacing[0]:g}" for p in patients if len(p.slices) > 1})) or "-"
    noise = {track: [float(np.mean(p.target_noise[track])) for p in patients] for track in context.plan.tracks}
    levels = "; ".join(f"{track} {min(v):.0f} to {max(v):.0f} HU" for track, v in noise.items())
    added = "; ".join(f"{c.track} NI {c.noise_index:g}: {mean(context.scores.rows(c), 'ldct', 'added_sd'):.0f} HU"
                      for c in context.cases.main_conditions())
    kernels = ", ".join(sorted({f"{p.kernel.f50:.2f}" for p in patients}))
    return ["## What differs from the paper", "",
            "- Data. Paper: contrast-enhanced abdomen, 1 mm slices, one scanner vendor, 1136 slices of two patients. "
            f"Here: {context.cases.told(context.plan.doses[0])}; volumes with slices {apart} mm apart, else "
            "single slices of other scanners. A mean over patients counts a single slice as much as a volume.",
            f"- Noise of the reference. Thick slices hold little: GNL {levels}, means of the patients. In the paper it "
            f"is the full dose's own noise, {paper.TARGET_TO_ADDED:.2f} times the added noise. It bounds the ratio "
            "from below (see the limit).",
            f"- Noise model. Paper: Poisson noise inserted into a scanner's raw data, and the vendor's reconstruction. "
            "Here: the images are projected along a fan beam, quantum and electronic noise is drawn there, and "
            f"reconstructed by filtered backprojection; its SD in the body is {added}, from the noise index, not from "
            "a scanner's exposure.",
            f"- Kernel. Paper: a sharp kernel. Here: matched, the kernel that is read from each image (half amplitude "
            f"at {kernels} per mm), and sharp, image and noise taken to the bare ramp; the images themselves hold no "
            "more structure than their own kernel let through, so much of that noise lies where the image has none.",
            "- Region. Paper: not stated; its formula knows no mask. Here: the body, and beside it the whole image, in "
            "which nothing outside the scan field has an error.",
            "- Networks. The shipped forms predict the noise, have no instance normalisation and were trained on "
            "patches of many doses, kernels and pixel sizes; the paper's forms see whole slices of one dose. The "
            "literal forms do so too, but are not the paper's trainings: "
            + "; ".join(f"{name}, {_made_small(recipe)}" for name, recipe in EXPECTED.items()
                        if recipe.startswith("literal/"))
            + ". The paper prints no widths of its HRNet; those of `configs/seed.toml` are the usual ones. The table "
            "above says which networks took part, in which form, and how long each was trained.", ""]


def _made_small(recipe: str) -> str:
    """What a literal recipe changes in the paper's, as configs/ has both."""
    ours, papers = read_config(CONFIGS / recipe), read_config(CONFIGS / PAPERS.get(Path(recipe).name, "seed.toml"))
    settings = [{"steps": f"{one.optimiser.iterations:,}", "rate": f"{one.optimiser.rate:g}",
                 "precision": one.optimiser.precision, "widths": _widths(one.network)}
                for one in (ours, papers)]
    if ours.network.architecture != papers.network.architecture:
        del settings[0]["widths"]
    return ", ".join(f"{name} {value}" + (f" in place of {settings[1][name]}" if value != settings[1][name] else "")
                     for name, value in settings[0].items())
