"""What every part of the report is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from didreport.cache import Cache, digest_of_files
from LDCTDenoiseLib import evaluationphantoms, fanbeam, kernels, simulation
from LDCTDenoiseLib.evaluationcases import Patient, load_patients

from .methods import OPPONENT, Method, NetworkMethod, Scans, digest, seconds
from .plan import Anatomy, Plan

SIMULATION = tuple(Path(m.__file__) for m in (evaluationphantoms, fanbeam, kernels, simulation))
PACKAGE = Path(__file__).parent


@dataclass
class Context:
    """``output`` is the report's folder, ``validation`` holds those of the reports of ``ldct evaluate`` that it builds
    on, ``command`` is what builds it.
    """

    plan: Plan
    data: Path
    output: Path
    validation: tuple[Path, ...]
    cache: Cache
    methods: list[Method]
    say: Callable[[str], None] = print
    command: str = ""

    @property
    def networks(self) -> list[NetworkMethod]:
        return [m for m in self.methods if m.kind == "network"]

    @property
    def leading(self) -> list[NetworkMethod]:
        """The plan's own networks and RED-CNN: those that see every condition of the larger parts."""
        return [m for m in self.networks if m.key in self.plan.models or m.identity["architecture"] == OPPONENT]

    def leading_words(self) -> str:
        """Who takes part where only ``leading`` does, and who does not."""
        others = [m.label for m in self.networks if m not in self.leading]
        words = f"Networks: {', '.join(m.label for m in self.leading)}."
        return words + (f" Left out here: {', '.join(others)}." if others else "")

    @cached_property
    def _codes(self) -> dict[str, str]:
        return {}

    def _code(self, *files: Path) -> str:
        return self._codes.setdefault(str(files), digest_of_files(files))

    def simulated(self, title: str, key: dict, own: str, make: Callable[[], dict[str, np.ndarray]], *others: str
                  ) -> dict[str, np.ndarray]:
        """Arrays that ``make()`` simulates, from the cache where possible; ``own, *others``: the files that say how."""
        code = self._code(*SIMULATION, *(PACKAGE / file for file in (own, *others)))
        return self.cache.arrays(title, {**key, "code": code}, make)

    def denoised(self, title: str, scans: Scans, method: Method) -> tuple[np.ndarray, float]:
        """What ``method`` makes of the scans, and its parameter; from the cache where possible."""
        key = {"scans": digest(scans), "method": method.identity,
               "share": self.plan.noise_share if method.kind == "classical" else None}

        def make() -> dict[str, np.ndarray]:
            (images, parameter), duration = seconds(lambda: method.run(scans, self.plan.noise_share))
            self.say(f"  {title}: {method.label}, {len(images)} images, {duration:.0f} s")
            return {"images": images, "parameter": np.array(parameter)}

        found = self.cache.arrays(f"{title} {method.key}", key, make)
        return found["images"], float(found["parameter"])

    def patient(self, anatomy: Anatomy) -> Patient:
        """The patient of ``anatomy``, with that slice alone, as it was reconstructed."""
        path = self.data / anatomy.file
        if path not in self._patients:
            self._patients[path] = list(load_patients(path, 10 ** 6))
        patient = self._patients[path][anatomy.patient]
        if anatomy.slice not in patient.slices:
            raise ValueError(f"{patient.name} has no slice {anatomy.slice} with a body; it has {patient.slices}.")
        at = [patient.slices.index(anatomy.slice)]
        return Patient(anatomy.name, (anatomy.slice,), patient.target[at],
                       None if patient.padding is None else patient.padding[at], patient.spacing, patient.kernel,
                       patient.body[at], {name: mask[at] for name, mask in patient.classes.items()})

    @cached_property
    def _patients(self) -> dict[Path, list[Patient]]:
        return {}
