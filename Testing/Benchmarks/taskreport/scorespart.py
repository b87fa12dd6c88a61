"""RMSE, SSIM, PSNR, VIF, bias and cost of all methods on validation patients, as ``ldct evaluate`` measured them."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
from didreport.tables import read_csv, table, text, write_csv, write_page
from LDCTDenoiseLib.evaluationcases import Condition, Patient, load_patients, simulate
from LDCTDenoiseLib.evaluationchecks import BIAS_LIMIT_HU
from LDCTDenoiseLib.evaluationharm import Rule
from LDCTDenoiseLib.evaluationscores import PatientScore, as_data, from_data, score
from LDCTDenoiseLib.networks import build
from LDCTDenoiseLib.networks.multiplyadds import multiply_adds
from networksreport.comparing import AGAINST_REDCNN
from networksreport.pairs import trained_alike
from networksreport.trainingdata import trained_on_words

from .context import Context
from .methods import OPPONENT, NetworkMethod
from .statistics import Aim, Estimate, beyond_words

NUMBERS = ("rmse_hu", "ssim", "psnr_db", "vif", "bias_soft_hu", "bias_lung_hu", "bias_bone_hu")
OPPONENT_WIDTHS = (96,)
HERE = "this report"


def write_scores(context: Context) -> list[Aim]:
    """Write scores.md and scores.csv, and return the aims."""
    rows = []
    for report in context.validation:
        known = [{**r, "timed": report.name} for r in read_csv(report / "patients.csv")]
        rows += known
        for method in context.networks:
            if method.label not in {r["label"] for r in known}:
                rows += _scored(context, report, method)
    shown = {"LDCT", *(m.label for m in context.networks), *(r["label"] for r in rows if r["parameters"] == "")}
    rows = [r for r in rows if r["label"] in shown]
    means = _means(rows)
    write_csv(context.output / "scores.csv", means)
    write_page(context.output / "scores.md", _page(context, rows, means))
    return [*_bias_aims(context, rows), *_harm_aims(context), *_opponent_aims(context, means)]


def _settings(report: Path) -> dict:
    return json.loads((report / "settings.json").read_text(encoding="utf-8"))


def _scored(context: Context, report: Path, method) -> list[dict]:
    """Rows as in patients.csv for a network that was not there, on the same patients, noise and doses."""
    settings = _settings(report)
    patients = [p for name in settings["volumes"]
                for p in load_patients(context.data / "validation" / name, settings["slices_per_patient"])]
    found = []
    for track in settings["tracks"]:
        for noise_index in settings["noise_indices"]:
            for dose in settings["doses"]:
                for patient in patients:
                    condition = Condition(track, noise_index, dose)
                    found.append(_row(_score(context, method, patient, condition, settings["seed"])))
    return found


def _score(context: Context, method, patient: Patient, condition: Condition, seed: int) -> PatientScore:
    key = {"patient": patient.fingerprint, "condition": asdict(condition), "seed": seed, "method": method.identity}
    data = context.cache.data(f"scores {patient.name} {condition} {method.key}", key, lambda: as_data(
        *score(simulate(patient, condition, seed, "cpu"), method.network)))
    return from_data(data)[1]


def _row(score: PatientScore) -> dict:
    return {"patient": score.patient, "track": score.condition.track, "noise_index_hu": score.condition.noise_index,
            "dose": score.condition.dose, "method": score.method, "label": score.label, "rmse_hu": score.rmse,
            "ssim": score.ssim, "psnr_db": score.psnr, "vif": score.vif, "gnl_hu": score.gnl,
            **{f"bias_{t}_hu": v for t, v in score.bias.items()}, "parameters": score.parameters,
            "multiply_adds": score.multiply_adds, "seconds_per_slice": score.seconds_per_slice, "timed": HERE}


def _condition(row: dict) -> tuple[str, float, float]:
    return row["track"], float(row["noise_index_hu"]), float(row["dose"])


def _number(row: dict, name: str) -> float:
    value = row[name]
    return float(value) if value not in ("", None) else math.nan


def _means(rows: list[dict]) -> list[dict]:
    """Mean over patients for every condition and method; the ratio to the low dose is that of the means."""
    found = []
    for condition in dict.fromkeys(map(_condition, rows)):
        here = [r for r in rows if _condition(r) == condition]
        before = np.mean([_number(r, "rmse_hu") for r in here if r["method"] == "ldct"])
        for label in dict.fromkeys(r["label"] for r in here):
            own = [r for r in here if r["label"] == label]
            known = {n: [v for v in (_number(r, n) for r in own) if math.isfinite(v)] for n in NUMBERS}
            numbers = {n: float(np.mean(values)) if values else math.nan for n, values in known.items()}
            found.append({"track": condition[0], "noise_index_hu": condition[1], "dose": condition[2],
                          "method": own[0]["method"], "label": label, "patients": len(own),
                          "ratio": numbers["rmse_hu"] / float(before), **numbers,
                          "multiply_adds": _number(own[0], "multiply_adds"),
                          "seconds_per_slice": float(np.median([_number(r, "seconds_per_slice") for r in own])),
                          "timed": own[0]["timed"]})
    return found


def _costs(means: list[dict]) -> dict[str, tuple[float, float, str]]:
    """Multiply-adds for 512 x 512, seconds per slice at the first dose, and what timed them, of every method."""
    found: dict[str, tuple[float, float, str]] = {}
    for label in dict.fromkeys(r["label"] for r in means):
        own = [r for r in means if r["label"] == label]
        first = [r["seconds_per_slice"] for r in own if r["dose"] == own[0]["dose"]]
        found[label] = own[0]["multiply_adds"], float(np.median(first)), own[0]["timed"]
    return found


def _bias_aims(context: Context, rows: list[dict]) -> list[Aim]:
    found = []
    for method in context.networks:
        for tissue, limit in BIAS_LIMIT_HU.items():
            own = [r for r in rows if r["label"] == method.label and math.isfinite(_number(r, f"bias_{tissue}_hu"))]
            if own:
                worst = max(own, key=lambda r: abs(_number(r, f"bias_{tissue}_hu")))
                beyond = beyond_words([_number(r, f"bias_{tissue}_hu") for r in own], limit)
                found.append(Aim("scores", f"HU bias in {tissue} against the target", method.label,
                                 f"{beyond}{worst['patient']}, {worst['track']}, NI "
                                 f"{float(worst['noise_index_hu']):g} HU, dose {float(worst['dose']):g}",
                                 "within", limit, Estimate(_number(worst, f"bias_{tissue}_hu"))))
    return found


def _harm_aims(context: Context) -> list[Aim]:
    """The worst value of every rule of the do-no-harm tasks, which ran at doses from full to 1/16."""
    rows = read_csv(context.validation[0] / "harm.csv")  # one dose's report has what the other's has
    measured = {r["label"] for r in read_csv(context.validation[0] / "patients.csv")}
    found = []
    for method in context.networks:
        # The file names networks without their version, which the other one tells.
        own = [r for r in rows if r["method"] == method.key and method.label in measured]
        for check in dict.fromkeys(r["check"] for r in own):
            here = [r for r in own if r["check"] == check]
            rule = Rule(check, here[0]["sense"], float(here[0]["limit"]))
            broken = sum(not rule.holds(float(r["value"])) for r in here)
            value = rule.worst([float(r["value"]) for r in here])
            worst = next((r for r in here if float(r["value"]) == value), here[0])
            found.append(Aim("scores", f"do no harm: {check}", method.label,
                             f"{broken} of {len(here)} broken, worst: {worst['case']}", rule.sense, rule.limit,
                             Estimate(value)))
    return found


def _opponent_aims(context: Context, means: list[dict]) -> list[Aim]:
    """Every HRNet over RED-CNN: first one of RED-CNN's own steps and patches, then those of other trainings."""
    opponent = next((m for m in context.networks if m.identity["architecture"] == OPPONENT), None)
    others = {_condition(r): r for r in means if opponent and r["label"] == opponent.label}
    costs = _costs(means)
    networks = [m for m in context.networks if m.identity["architecture"] == "hrnet" and m.label in costs]
    found = []
    for method in sorted(networks, key=lambda m: not (opponent and trained_alike(m.network, opponent.network))):
        terms = f", {_terms(method, opponent)}" if opponent else ""
        for row in (r for r in means if r["label"] == method.label):
            other = others.get(_condition(row))
            case = f"{row['track']}, NI {row['noise_index_hu']:g} HU, dose {row['dose']:g}"
            for name, sense in (("rmse_hu", "at most"), ("ssim", "at least"), ("vif", "at least")):
                quotient = row[name] / other[name] if other else math.nan
                found.append(Aim("scores", f"{name.split('_')[0].upper()} of HRNet over RED-CNN's{terms}",
                                 row["label"], case, sense, 1.0, Estimate(quotient)))
    for method in networks:
        found.append(Aim("scores", "multiply-adds of HRNet over RED-CNN's", method.label,
                         f"RED-CNN with {OPPONENT_WIDTHS[0]} channels{_seconds(method, opponent, costs)}", "at most",
                         AGAINST_REDCNN.cost, Estimate(costs[method.label][0] / _opponent_work())))
    return found


def _terms(method: NetworkMethod, opponent: NetworkMethod) -> str:
    """How both were trained, in words for a heading."""
    if trained_alike(method.network, opponent.network):
        return f"trained alike: {method.network.schedule}"
    return f"trained differently: {method.network.schedule} against {opponent.network.schedule}"


def _seconds(method: NetworkMethod, opponent: NetworkMethod | None, costs: dict[str, tuple[float, float, str]]) -> str:
    """What the multiply-adds do not say: the time per slice, beside RED-CNN's where that takes part."""
    _, own, timed = costs[method.label]
    words = f"; {method.label} takes {text(own, 2)} s per slice"
    if opponent and opponent.label in costs:
        _, other, timed_other = costs[opponent.label]
        words += f", {opponent.label} {text(other, 2)} s"
        if timed_other != timed:
            words += f" (timed by {timed} and by {timed_other}, so not side by side)"
    return words


def _opponent_work() -> float:
    return float(multiply_adds(build(OPPONENT, OPPONENT_WIDTHS)))


def _page(context: Context, rows: list[dict], means: list[dict]) -> list[str]:
    files = list(dict.fromkeys(f"validation/{name}" for report in context.validation
                               for name in _settings(report)["volumes"]))
    lines = [
        "# Scores on validation patients", "",
        f"From {' and '.join(f'[{r.name}](../{r.name}/table.md)' for r in context.validation)}, made by `ldct "
        "evaluate`, where the protocol is told: RMSE, SSIM, PSNR and VIF inside the body, mean over slices, then over "
        "patients; classical filters at their best parameter against the reference, told the noise. Networks that are "
        "not in those reports are scored here on the same slices and noise, at the same doses.", "",
        "**These patients had a part in choosing the weights.** Each training's best state and the recipes were chosen "
        "by how networks did on them: see [Selection](../networks/README.md#selection). These tables rank methods; "
        "they are no test on patients that nobody had looked at. "
        f"{trained_on_words([m.network for m in context.networks], files, context.data)}", ""]
    if not any(m.identity["architecture"] == OPPONENT for m in context.networks):
        lines += [f"**RED-CNN is missing**: no weights were given (`--extra-weights {OPPONENT}=CHECKPOINT`). With "
                  f"{OPPONENT_WIDTHS[0]} channels it takes {_opponent_work() / 1e9:.0f} G multiply-adds for 512 x 512.",
                  ""]
    for condition in dict.fromkeys(map(_condition, means)):
        own = [r for r in means if _condition(r) == condition]
        lines += [f"## {condition[0]}, noise index {condition[1]:g} HU, dose {condition[2]:g}, "
                  f"{own[0]['patients']} patients", "",
                  *table(["method", "RMSE HU", "ratio", "SSIM", "PSNR dB", "VIF",
                          *(f"bias {t}" for t in BIAS_LIMIT_HU)],
                         [[r["label"], text(r["rmse_hu"], 2), text(r["ratio"], 3), text(r["ssim"], 4),
                           text(r["psnr_db"], 2), text(r["vif"], 3),
                           *(f"{r[f'bias_{t}_hu']:+.2f}" for t in BIAS_LIMIT_HU)] for r in own])]
    schedules = {m.label: m.network.schedule for m in context.networks}
    body = [[label, f"{work / 1e9:.1f} G" if math.isfinite(work) else "-", text(seconds, 3), timed,
             schedules.get(label, "-")] for label, (work, seconds, timed) in _costs(means).items()]
    return [*lines, "## Cost", "",
            "Seconds depend on the machine and on what else it did: compare only those that were timed by one report, "
            f"'{HERE}' being this one. Equal multiply-adds do not take equal time.", "",
            *table(["method", "multiply-adds, 512 x 512", "seconds per slice", "timed by", "trained"], body)]
