"""Networks trained for one dose each: noise factors, configurations, and the command that trains them."""

from __future__ import annotations

import json
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CONFIGS = ROOT / "configs" / "dose"
NOISE_INDEX, TEST_DOSE = 30.0, 0.25
LITERAL = {0.5: 0.5, 0.25: 1.0, 0.125: 2.0, 0.0625: 4.0}
"""What the DID paper multiplies the noise of a quarter of the dose by (arXiv 2011.14873, section III-C2)."""


def physical_factor(dose: float, reference: float = TEST_DOSE) -> float:
    """Added noise SD at a fraction of the dose over that at ``reference``: the SD follows sqrt(1 / dose - 1)."""
    return math.sqrt(1 / dose - 1) / math.sqrt(1 / reference - 1)


def equivalent_dose(factor: float, reference: float = TEST_DOSE) -> float:
    """The fraction of the dose at which the added noise SD is ``factor`` times that at ``reference``."""
    return 1 / (1 + factor ** 2 * (1 / reference - 1))


@dataclass(frozen=True)
class DoseNetwork:
    """``name`` of the configuration and of the folder of its weights; ``title`` for figures; ``sd``: HU it adds."""

    name: str
    title: str
    sd: float


def dose_networks(literal: bool) -> list[DoseNetwork]:
    """The four networks of one column of the paper's Figure 7, by physical factors or by the paper's own."""
    found = []
    for dose, factor in LITERAL.items():
        own = physical_factor(dose) if not literal else factor
        name = f"literal_1_{round(1 / dose)}" if literal and factor != 1 else f"dose_1_{round(1 / dose)}"
        title = f"noise x {factor:g}" if literal else f"dose 1/{round(1 / dose)}"
        found.append(DoseNetwork(name, title, NOISE_INDEX * math.sqrt(1 / TEST_DOSE - 1) * own))
    return found


def all_networks() -> list[DoseNetwork]:
    """Every network once; the quarter dose belongs to both columns."""
    return list({one.name: one for literal in (True, False) for one in dose_networks(literal)}.values())


def weights_of(folder: Path, name: str) -> Path:
    return folder / name / "weights.pt"


def train(folder: Path, data: Path, iterations: int | None = None, say=print) -> None:
    """Train every network of configs/dose that has no weights in ``folder`` yet; a stopped run goes on.

    ``data`` is the folder that ``ldct fetch`` fills; paths of banks and of initial weights are relative to the working
    folder, as for ``ldct train``. ``iterations`` replaces those of the configurations. Raises ValueError as
    :func:`LDCTDenoiseLib.training.run.run_training` does.
    """
    from LDCTDenoiseLib.training.run import run_training

    for network in all_networks():
        if weights_of(folder, network.name).is_file():
            say(f"{network.name}: trained already")
            continue
        say(f"{network.name}: noise of {network.sd:.1f} HU")

        def progress(done: int, total: int, _loss: float, left: float) -> None:
            if done % 100 == 0:
                say(f"  {done}/{total}, {left:.0f} s left")

        target = folder / network.name
        config = CONFIGS / f"{network.name}.toml"
        with tempfile.TemporaryDirectory() as temporary:
            if iterations is not None:
                base = json.dumps(config.as_posix())
                config = Path(temporary) / config.name
                config.write_text(f"base = {base}\nvalidate_every = {iterations}\n[optimiser]\n"
                                  f"iterations = {iterations}\n", encoding="utf-8")
            run_training(config, target, resume=(target / "checkpoint.pt").is_file(), root=data, device="cpu",
                         progress=progress)
