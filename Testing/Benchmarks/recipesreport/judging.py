"""How well a trained network does on the validation patients."""

from __future__ import annotations

import hashlib
import json
import math
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from LDCTDenoiseLib.evaluationcases import Case, Condition, load_patients, simulate
from LDCTDenoiseLib.hu import to_hu, to_network
from LDCTDenoiseLib.metrics import hu_bias, rmse

from .recipe import Run

CONDITIONS = tuple(Condition(track, index, dose) for track in ("matched", "sharp") for index in (15.0, 30.0)
                   for dose in (0.5, 0.25, 0.125))
_SEED = 0


class Judge:
    """Scores networks on one slice of every validation patient, at three doses; keeps finished scores in ``store``."""

    def __init__(self, volumes: list[Path], store: Path):
        self._volumes, self._store = volumes, store

    @cached_property
    def cases(self) -> list[Case]:
        """Every patient under every condition, the middle slice of the body each."""
        patients = [patient for path in self._volumes for patient in load_patients(path, 1)]
        return [simulate(patient, condition, _SEED, "cpu") for patient in patients for condition in CONDITIONS]

    def scores(self, run: Run) -> dict[str, float]:
        """Return what :func:`scores` says of the run's network."""
        digest = hashlib.sha256((run.folder / "best.pt").read_bytes()).hexdigest()[:16]
        path = self._store / f"{run.recipe.name}-{run.seed}-{digest}.json"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(scores(run.network(), self.cases)), encoding="utf-8")
        return json.loads(path.read_text(encoding="utf-8"))


def scores(network: torch.nn.Module, cases: list[Case]) -> dict[str, float]:
    """Return the geometric mean of RMSE after / RMSE before per track, and the largest |bias| in soft tissue, HU."""
    logs: dict[str, list[float]] = {}
    worst = 0.0
    for case in cases:
        with torch.inference_mode():
            image = to_network(torch.from_numpy(np.ascontiguousarray(case.low_dose, np.float32))[:, None])
            output = to_hu(network(image))[:, 0].numpy()
        after, before = (rmse(array, case.reference, case.patient.body) for array in (output, case.low_dose))
        logs.setdefault(case.condition.track, []).append(math.log(after / before))
        soft = case.patient.classes["soft"]
        if soft.any():
            worst = max(worst, abs(hu_bias(output, case.reference, soft)))
    means = {f"{track}_rmse_ratio": math.exp(np.mean(values)) for track, values in logs.items()}
    everything = [value for values in logs.values() for value in values]
    return {**means, "rmse_ratio": math.exp(np.mean(everything)), "soft_bias_hu": worst}
