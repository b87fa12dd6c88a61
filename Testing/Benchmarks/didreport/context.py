"""What every part of the report is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .plan import Choice, Plan
from .scenes import Scene, Scenes
from .sets import Sets


@dataclass(frozen=True)
class Context:
    """``output`` is the report's folder, ``dose_networks`` that of the networks trained for one dose each.

    ``device`` is what the part on the timing measures; all other parts run on the CPU.
    """

    plan: Plan
    scenes: Scenes
    sets: Sets
    output: Path
    dose_networks: Path
    device: str = "cpu"

    def patient(self, choice: Choice, noise_index: float) -> Scene:
        """The slices of a patient at the plan's dose, in two realisations of the noise."""
        return self.scenes.patient(choice, noise_index, self.plan.dose, realisations=2)
