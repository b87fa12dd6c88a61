"""Pairs of networks: which are compared on which terms, and the tables of their comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from didreport.tables import share, table, text

from .comparing import AGAINST_REDCNN, AGAINST_UNET, Aims, Comparison, compare
from .context import Context
from .nets import ReportNetwork
from .plan import BEFORE, EQUAL, EXPECTED, FULL_RIVAL, MAIN, REDCNN, RIVAL

Found = Sequence[tuple[str, str, Comparison]]
"""Condition, dose in words and comparison."""


@dataclass(frozen=True)
class Pair:
    """One network and the one that it is compared with; ``aims``: what is asked of the first, if anything."""

    one: str
    other: str
    aims: Aims | None = None


EQUAL_TERMS = (Pair(EQUAL, "unet_equal", AGAINST_UNET), Pair(EQUAL, FULL_RIVAL, AGAINST_UNET),
               Pair(EQUAL, REDCNN, AGAINST_REDCNN), Pair(EQUAL, "plain_equal"))
SHIPPED = (Pair(MAIN, RIVAL, AGAINST_UNET), Pair(MAIN, FULL_RIVAL), Pair(MAIN, REDCNN))
"""Only shipped rivals are judged here: the others had shorter trainings, and EQUAL_TERMS has their aims."""
LITERAL = (Pair("hrnet_literal", "unet_literal"), Pair("hrnet_literal", "plain_literal"))
LAST_STAGE = Pair(MAIN, BEFORE)


def present(context: Context, pairs: Sequence[Pair]) -> list[Pair]:
    """Those pairs of which both take part."""
    return [pair for pair in pairs if context.network(pair.one) and context.network(pair.other)]


def groups(context: Context) -> dict[str, list[Pair]]:
    """All pairs that take part under the headings that they stand under."""
    others = [n.key for n in context.networks if n.key not in EXPECTED and n.key not in (MAIN, RIVAL)]
    known = {"Architectures on equal terms": EQUAL_TERMS,
             "The shipped networks, each of its own training": (
                 *SHIPPED, *(Pair(MAIN, name) for name in others), LAST_STAGE),
             "The literal forms": LITERAL}
    return {title: pairs for title, all_pairs in known.items() if (pairs := present(context, all_pairs))}


def heading(context: Context, pair: Pair) -> str:
    """Both names with the steps and patches of their trainings."""
    one, other = context.network(pair.one), context.network(pair.other)
    return f"{pair.one} ({one.schedule}) against {pair.other} ({other.schedule})"


def trained_alike(one: ReportNetwork, other: ReportNetwork) -> bool:
    """Whether two networks are known to have had the same steps of the same patches."""
    return bool(one.stages) and one.schedule == other.schedule


def versus(context: Context, pair: Pair) -> Found:
    """The comparisons of two networks, wherever both take part."""
    return [(f"{condition.track}, NI {condition.noise_index:g}", f"{condition.dose:g}",
             compare(context.scores.rows(condition), pair.one, pair.other))
            for condition in context.cases.conditions()
            if {pair.one, pair.other} <= {m.key for m in context.scores.methods(condition.dose)}]


def versus_table(found: Found, pair: Pair) -> list[str]:
    """A Markdown table of comparisons, with a verdict where there are aims."""
    head = ["condition", "dose", f"RMSE {pair.one}", f"RMSE {pair.other}", "ratio", "any one patient left out",
            f"{pair.one} better on slices", f"SSIM {pair.one} / {pair.other}"]
    body = []
    for condition, dose, own in found:
        left_out = "-" if np.isnan(own.left_out).any() else " .. ".join(text(v, 3) for v in own.left_out)
        body.append([condition, dose, *(text(v, 2) for v in own.rmse), text(own.ratio, 3), left_out,
                     f"{share(own.better)} of {own.slices}", " / ".join(text(v, 4) for v in own.ssim)])
        if pair.aims:
            body[-1].append(own.verdict(pair.aims))
    return table([*head, *(["verdict"] if pair.aims else [])], body)


def missed(found: Found, aims: Aims) -> dict[str, list[tuple[float, str, str]]]:
    """For every aim that is missed anywhere: by how much, as a number and in words, and where."""
    cases: dict[str, list[tuple[float, str, str]]] = {}
    for condition, dose, own in found:
        for name, amount, words in own.judged(aims):
            if amount > 0:
                cases.setdefault(name, []).append((amount, words, f"{condition}, dose {dose}"))
    return cases


def aims_in_words(context: Context, pair: Pair, found: Found) -> str:
    """What is asked, in how many conditions it is reached, and the multiply-adds of both."""
    aims, one, other = pair.aims, context.network(pair.one), context.network(pair.other)
    asked = [f"at most {aims.ratio:g} times the RMSE"]
    if aims.share is not None:
        asked.append(f"a lower RMSE on at least {share(aims.share)} of the slices")
    if aims.ssim:
        asked.append("an SSIM no lower")
    met = sum(all(amount <= 0 for _, amount, _ in own.judged(aims)) for _, _, own in found)
    words = [f"Aims: {', '.join(asked)}. All are met in {met} of {len(found)} conditions. Multiply-adds: "
             f"{one.multiply_adds / 1e9:.1f} G against {other.multiply_adds / 1e9:.1f} G"]
    cost = one.multiply_adds / other.multiply_adds
    if aims.cost is None:
        words.append(".")
    else:
        words.append(f", {cost:.3f} times as many; the aim of at most {aims.cost:g} is "
                     f"{'met' if cost <= aims.cost else 'missed'}.")
    if aims.share is not None:
        few = [own.slices for _, _, own in found if own.slices - 1 < aims.share * own.slices]
        if few:
            words.append(f" In {len(few)} of {len(found)} conditions, those of {max(few)} slices or fewer, one lost "
                         "slice alone misses the share.")
    return "".join(words)
