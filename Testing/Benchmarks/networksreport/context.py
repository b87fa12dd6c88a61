"""What every part of the report is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from didreport.cache import Cache
from LDCTDenoiseLib.evaluationcases import Condition

from .cases import Cases
from .nets import ReportNetwork
from .plan import Plan
from .scoring import Scores


@dataclass(frozen=True)
class Context:
    """``output`` is the report's folder; ``say`` takes lines of progress."""

    plan: Plan
    cases: Cases
    scores: Scores
    networks: list[ReportNetwork]
    cache: Cache
    output: Path
    say: Callable[[str], None]

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
