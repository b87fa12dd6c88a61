"""README.md: the aims, which choices the patients had a part in, what was missed."""

from __future__ import annotations

from pathlib import Path

from LDCTDenoiseLib.training.config import read_config

from .cases import counted
from .context import Context
from .pairs import (
    EQUAL_TERMS, LAST_STAGE, SHIPPED, Found, Pair, aims_in_words, heading, missed, present, trained_alike, versus,
    versus_table)
from .plan import CONFIGS, MAIN
from .trainingdata import stem, trained_on_words

LAST_RECIPE = "hrnet_third.toml"
"""The recipe of the last stage of the shipped network."""
LEFT_OUT = ("'Any one patient left out': the lowest and highest ratio without a patient, the weights being the same; "
            "under Selection stands what the patients had to do with these.")


def aims_lines(context: Context) -> list[str]:
    """The pairs on equal terms, which tell architectures apart, and then the shipped pairs."""
    lines: list[str] = []
    equal, shipped = present(context, EQUAL_TERMS), present(context, SHIPPED)
    if equal:
        alike = all(trained_alike(context.network(p.one), context.network(p.other)) for p in equal)
        rates = ", ".join(dict.fromkeys(
            f"{n.key} {n.rate:g}" for p in equal for n in (context.network(p.one), context.network(p.other))
            if n.rate is not None))
        lines += ["## Architectures on equal terms", "",
                  ("The same steps and patches: these pairs tell architectures apart. " if alike else
                   "**Not all of these pairs had the same steps and patches; the headings tell those of each.** ")
                  + (f"Highest learning rates: {rates}; how they were chosen stands in the [recipes]"
                     "(../../../configs/equal). " if rates else "")
                  + "Equal multiply-adds are not equal seconds: these, and VIF, stand in [scores](../task/scores.md). "
                  + LEFT_OUT, "", *_tables(context, equal)]
    if shipped:
        lines += ["## The shipped networks, each of its own training", "",
                  "What a user gets. A verdict here is on weights, not on architectures: steps and patches are those "
                  f"in the headings. {LEFT_OUT}", "", *_tables(context, shipped)]
    return lines


def _tables(context: Context, pairs: list[Pair]) -> list[str]:
    lines = []
    for pair in pairs:
        found = versus(context, pair)
        lines += [f"### {heading(context, pair)}", ""]
        lines += [aims_in_words(context, pair, found), ""] if pair.aims else []
        lines += versus_table(found, pair)
    return lines


def selection_lines(context: Context) -> list[str]:
    """Whom the networks were trained on, which choices the patients had a part in, and the last stage without each."""
    lines = ["## Selection", "", trained_on_words(context.networks, context.plan.files, context.cases.data), "",
             "The patients of this report helped to choose the weights:", ""]
    patients = [p.name for p in context.cases.patients(context.plan.slices)]
    for recipe, networks in (("hrnet.toml", "shipped and equal networks"), ("literal/hrnet.toml", "literal forms")):
        lines.append(f"- best state of each run, {networks} (`configs/{recipe}` and those on top of it): by the error "
                     f"on patches or slices of {judges(patients, CONFIGS / recipe)}")
    lines += _best_states(context)
    lines += [f"- recipe: the trials in `configs/experiments` were judged by patients of `configs/hrnet.toml`'s "
              "validation, as the report on recipes tells",
              f"- last stage of the shipped {MAIN}: its recipe, `configs/{LAST_RECIPE}`, validates with "
              f"{judges(patients, CONFIGS / LAST_RECIPE)}; that it was kept may have been decided by scores of this "
              "report, too", ""]
    if present(context, [LAST_STAGE]):
        found = versus(context, LAST_STAGE)
        lines += [_stays_ahead(found), "", *versus_table(found, LAST_STAGE)]
    else:
        lines += [f"Whether the last stage is ahead without one of them is not known here: {MAIN} or "
                  f"{LAST_STAGE.other} takes no part.", ""]
    return lines + _not_chosen_anew(context)


def _best_states(context: Context) -> list[str]:
    """Of which trainings the best state was the last one, so that choosing it changed nothing."""
    steps = {n.key: (n.training["best_step"], n.training["last_step"]) for n in context.networks
             if "best_step" in n.training}
    last = [name for name, (best, end) in steps.items() if best == end]
    earlier = [f"{name} (step {best:,} of {end:,})" for name, (best, end) in steps.items() if best != end]
    lines = []
    if last:
        lines.append(f"- best state, where a log tells it: the last one of {', '.join(last)}; the choice changed "
                     "nothing there")
    if earlier:
        lines.append(f"- best state, where a log tells it: an earlier one of {', '.join(earlier)}; the choice can have "
                     "favoured these")
    return lines


def judges(patients: list[str], recipe: Path) -> str:
    """Those patients of a report that a recipe validates with, in words."""
    stems = tuple(stem(source["path"]) for source in read_config(recipe).data.validation)
    named = [name for name in patients if name.startswith(stems)]
    if len(named) == len(patients):
        return f"all {len(patients)} patients of this report"
    return ", ".join(named) or "no patient of this report"


def _stays_ahead(found: Found) -> str:
    """How often the last stage is ahead of the one before, with all patients and without any one of them."""
    firm = sum(own.better_without_any for _, _, own in found)
    better = sum(own.ratio < 1 for _, _, own in found)
    return (f"{LAST_STAGE.one} against {LAST_STAGE.other}: the last stage has the lower RMSE in {better} of "
            f"{len(found)} conditions, and in {firm} of them it stays ahead of the one before without any one "
            "patient too.")


def _not_chosen_anew(context: Context) -> list[str]:
    """The choices of which nothing here tells how they would have fallen without a patient."""
    main = context.network(MAIN)
    note = main.training.get("note") if main else None
    return ["Not chosen anew without each patient, which takes as many trainings as there are patients:", "",
            "- the best state of every stage" + (f". The last one of {MAIN}: {note}" if note else ""),
            "- the settings of every stage: [configs](../../../configs) has them, and says in "
            f"`{LAST_RECIPE}` what was tried for the last stage and rejected",
            "- the recipe that all trainings share", ""]


def missed_lines(context: Context) -> list[str]:
    """The aims that were missed, by how much, and where it is told what was tried."""
    lines = ["## Missed, and what was tried", ""]
    for pair in present(context, [p for p in (*EQUAL_TERMS, *SHIPPED) if p.aims]):
        found = versus(context, pair)
        lost = [f"{name} missed in {counted(len(cases), 'condition')}, most by {words} ({where})"
                for name, cases in missed(found, pair.aims).items() for _, words, where in [max(cases)]]
        lines.append(f"- {pair.one} against {pair.other}, of {len(found)}: {'; '.join(lost) or 'nothing missed'}")
    return [*lines, "", f"{tried(context.output)} Aims other than these: [task](../task/README.md).", ""]


def tried(folder: Path) -> str:
    """Where a report in ``folder`` has its readers look for what was tried against what is missed."""
    there = folder.parent / "recipes" / "README.md"
    report = "[recipes](../recipes/README.md)" if there.is_file() else "`Testing/Benchmarks/recipes_report.py`"
    return (f"What was tried against what is missed, each change alone: {report}, from the files in "
            "[configs/experiments](../../../configs/experiments). What the shipped networks were trained with, stage "
            "by stage, and their limits: [models.json](../../../LDCTDenoise/LDCTDenoiseLib/Models/models.json).")
