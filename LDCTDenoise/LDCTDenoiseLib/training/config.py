"""Training configuration, read from a TOML file."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, fields
from pathlib import Path

from .sampler import PatchSampling

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class NetworkConfig:
    """Arguments of :func:`LDCTDenoiseLib.networks.build`."""

    architecture: str
    widths: tuple[int, ...]
    form: str = "shipped"
    options: dict = field(default_factory=dict)


@dataclass(frozen=True)
class DataConfig:
    """Training and validation sources, each a table with ``path`` and, if wanted, ``weight`` and ``table``.

    Relative paths are relative to ``root``; the noise banks are kept in ``bank`` and made if absent.
    """

    train: tuple[dict, ...]
    validation: tuple[dict, ...]
    root: str = "."
    bank: str = "runs/bank"
    realisations: int = 2


@dataclass(frozen=True)
class OptimiserConfig:
    """Adam; the rate falls along a cosine to ``final_rate``, or by steps at ``milestones`` (shares of the run).

    ``sd_floor`` in HU: every sample's squared error is divided by its noise variance plus ``sd_floor`` squared, so that
    low and high doses count alike; None is the plain mean squared error of the seed paper.
    """

    iterations: int
    batch_size: int
    rate: float
    final_rate: float = 0.0
    warm_up: int = 0
    milestones: tuple[float, ...] = ()
    milestone_factor: float = 0.1
    averaging: float = 0.0
    sd_floor: float | None = None
    precision: str = "fp32"


@dataclass(frozen=True)
class TrainingConfig:
    """A whole run; ``validate_every`` and ``checkpoint_every`` count iterations."""

    network: NetworkConfig
    data: DataConfig
    optimiser: OptimiserConfig
    sampling: PatchSampling = field(default_factory=PatchSampling)
    seed: int = 0
    validate_every: int = 500
    checkpoint_every: int = 500


_SECTIONS = {"network": NetworkConfig, "data": DataConfig, "optimiser": OptimiserConfig, "sampling": PatchSampling}


def read_config(path: Path) -> TrainingConfig:
    """Read a TOML file with the sections of :class:`TrainingConfig`.

    Raises:
        ValueError: unreadable TOML, an unknown or missing entry; the message names it.
    """
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"The configuration {path} cannot be read: {error.strerror}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"The configuration {path} is not valid TOML: {error}.") from error
    sections = {name: _section(kind, content.pop(name), f"[{name}] of {path}")
                for name, kind in _SECTIONS.items() if name in content}
    return _section(TrainingConfig, {**content, **sections}, str(path))


def _section(kind, values: dict, where: str):
    known = {f.name for f in fields(kind)}
    for name in values:
        if name not in known:
            raise ValueError(f"Unknown entry {name!r} in {where}; known are {', '.join(sorted(known))}.")
    values = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"An entry is missing in {where}: {error}.") from error
