"""Files of the do-no-harm tasks: harm.csv with every value, harm.md with the worst ones and the rods' resolution."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from .evaluationharm import CONFIDENCE, RULES, Finding, HarmPlan, harm_checks


def write_harm(folder: Path, findings: Mapping[str, Sequence[Finding]], plan: HarmPlan) -> None:
    """Write harm.csv and harm.md to ``folder``; ``findings`` of every network under its name."""
    with (folder / "harm.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["method", "check", "case", "value", "low", "high", "sense", "limit", "passed"])
        for method, own in findings.items():
            for f in own:
                rule = RULES[f.rule]
                writer.writerow([method, rule.name, f.case, *map(_cell, (f.value, f.low, f.high)), rule.sense,
                                 rule.limit, f.passed])
    (folder / "harm.md").write_text(harm_markdown(findings, plan), encoding="utf-8")


def harm_markdown(findings: Mapping[str, Sequence[Finding]], plan: HarmPlan) -> str:
    """The checks of every network, and the TTF50 of every rod."""
    kernels = ", ".join(f"{k.f50:g}/mm" for k in plan.kernels)
    lines = [
        "# Do no harm", "",
        "Patients: the evaluated slices at full dose, nothing added; of the sharp track, re-sharpened. Phantoms: "
        f"200 mm of water, alone, with rods, and a chest, {plan.pixel:g} mm pixels, as kernels with half the amplitude "
        f"at {kernels} show them; simulated noise of the same colour with an SD of "
        f"{', '.join(f'{n:g}' for n in plan.noise_indices)} HU in the centre at full dose. RMSE against the noise-free "
        "phantom, inside the body. Networks run as in `ldct denoise`, which returns an image without noise as it is; "
        "noise-free phantoms at full dose test that rule, not the network.", "",
        f"TTF50 of the mean of {2 * plan.pairs} scans, relative to that of the noise-free rod, with its "
        f"{CONFIDENCE:.0%} confidence interval (bootstrap over realisations). Every noise image is used once as it is "
        "and once with its sign turned, which cancels what a network does in proportion to the noise. A check passes "
        "by its value, not by its interval.", "",
    ]
    for method, own in findings.items():
        lines += [f"## {method}", "", "| check | result | cases | worst |", "|---|---|---|---|"]
        for check in harm_checks(method, own):
            result = "passed" if check.passed else f"FAILED ({len(check.failures)})"
            lines.append(f"| {check.table_name} | {result} | {check.compared} | {check.worst:.4g} |")
        lines += ["", "| TTF50 of rods | ratio | interval |", "|---|---|---|"]
        lines += [f"| {f.case} | {f.value:.3f} | {f.low:.3f} to {f.high:.3f} |" for f in own
                  if f.rule == "rod resolution"]
        lines.append("")
    return "\n".join(lines)


def _cell(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.6g}"
