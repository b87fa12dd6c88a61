"""What every part of the report is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from didreport.cache import Cache
from LDCTDenoiseLib.evaluationcases import Condition

from .cases import Cases
from .nets import ReportNetwork
from .plan import Plan
from .scoring import Scores


@dataclass(frozen=True)
class Context:
    """``output`` is the report's folder; ``say`` takes lines of progress; ``options``: those of the command."""

    plan: Plan
    cases: Cases
    scores: Scores
    networks: list[ReportNetwork]
    cache: Cache
    output: Path
    say: Callable[[str], None]
    options: str = ""

    @property
    def shown(self) -> Condition:
        """The condition of the figures."""
        return Condition(*self.plan.shown, self.plan.doses[0])

    @property
    def columns(self) -> list[ReportNetwork]:
        """The networks that figures show, in the plan's order."""
        found = {n.key: n for n in self.networks}
        return [found[name] for name in self.plan.columns if name in found]

    def network(self, name: str) -> ReportNetwork | None:
        """The network of that name, None if it takes no part."""
        return next((n for n in self.networks if n.key == name), None)

    def only(self, names: Sequence[str]) -> Context:
        """The same with no other networks than these."""
        return replace(self, networks=[n for n in self.networks if n.key in names])

    @property
    def took_part(self) -> str:
        """The networks in one sentence."""
        return f"Networks here: {', '.join(n.key for n in self.networks) or 'none'}."
