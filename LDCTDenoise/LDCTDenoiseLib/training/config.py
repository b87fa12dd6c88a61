"""Training configuration, read from a TOML file."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

from .sampler import PatchSampling
from .slicesampler import SliceSampling

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
    """Where the training data lies.

    Attributes:
        train, validation: sources of a noise bank, each a table with ``path`` and, if wanted, ``weight`` and ``table``;
            see :class:`~.bank.Source`.
        root: what relative paths are relative to.
        bank: folder of the noise bank, made if absent; the validation bank lies beside it.
        realisations: noise realisations per slice in the bank.
        mayo: folder of the AAPM/Mayo challenge data, to be used in place of ``train`` and ``validation``.
        mayo_series: text in the folder names of the series to use, to choose thickness and kernel.
    """

    train: tuple[dict, ...] = ()
    validation: tuple[dict, ...] = ()
    root: str = "."
    bank: str = "runs/bank"
    realisations: int = 2
    mayo: str | None = None
    mayo_series: str = ""


@dataclass(frozen=True)
class OptimiserConfig:
    """Adam; the rate falls along a cosine to ``final_rate``, or by steps at ``milestones`` (shares of the run).

    ``sd_floor`` in HU: every sample's squared error is divided by its noise variance plus ``sd_floor`` squared, so that
    low and high doses count alike; None is the plain mean squared error of the seed paper. With
    ``sd_floor_start`` it falls from there, geometrically, during the first half: a network that must not touch clean
    images from the beginning takes long to learn anything else. ``averaging`` is the memory
    of the exponential average of the weights, 0 for none. ``spectrum_weight`` adds that much of
    :func:`~.losses.spectrum_mismatch`, which asks that the removed noise has the added noise's spectrum.
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
    sd_floor_start: float | None = None
    spectrum_weight: float = 0.0
    precision: str = "fp32"


@dataclass(frozen=True)
class TrainingConfig:
    """A whole run; ``validate_every`` and ``checkpoint_every`` count iterations.

    Without ``slices`` the networks see patches drawn as ``sampling`` says, with ``slices`` whole slices.
    ``initial_weights`` is a file of weights of the same network to start from, such as ``best.pt`` of an earlier run,
    in place of random ones.
    """

    network: NetworkConfig
    data: DataConfig
    optimiser: OptimiserConfig
    sampling: PatchSampling = field(default_factory=PatchSampling)
    slices: SliceSampling | None = None
    initial_weights: str | None = None
    seed: int = 0
    validate_every: int = 500
    checkpoint_every: int = 500


_SECTIONS = {"network": NetworkConfig, "data": DataConfig, "optimiser": OptimiserConfig, "sampling": PatchSampling,
             "slices": SliceSampling}
_SOURCE_ENTRIES = {"path": str, "weight": float, "table": str}
_POSITIVE = {"widths", "realisations", "weight", "iterations", "batch_size", "rate", "milestone_factor", "sd_floor",
             "sd_floor_start", "validate_every", "checkpoint_every", "patch", "noise_sd", "zoom", "noise_index"}
_NOT_NEGATIVE = {"seed", "final_rate", "warm_up", "spectrum_weight", "noise_ratio", "offset", "translation", "rotation"}
_SHARES = {"milestones", "averaging", "clean_share", "colour_share", "phantom_share"}
_WORDS = {int: ("a whole number", "whole numbers"), float: ("a number", "numbers"), str: ("text", "texts"),
          dict: ("a table", "tables")}
"""What a type is called in messages: one and many of it."""


def read_config(path: Path) -> TrainingConfig:
    """Read a TOML file with the sections of :class:`TrainingConfig`.

    An entry ``base = "other.toml"`` takes over what that file beside this one says, entry by entry, where this one says
    nothing.

    Raises:
        ValueError: unreadable TOML, an unknown, missing or contradictory entry, or a value of another type or out of
            range; the message names it.
    """
    return parse_config(_merged(Path(path), ()), str(path))


def parse_config(content: dict, where: str) -> TrainingConfig:
    """Return the configuration of nested tables, as in TOML or as ``dataclasses.asdict`` makes them.

    Raises:
        ValueError: an unknown, missing or contradictory entry, or a value of another type or out of range; the message
            names it and ``where``.
    """
    content = dict(content)
    for name, kind in _SECTIONS.items():
        if content.get(name) is not None:
            if not isinstance(content[name], dict):
                raise ValueError(f"{name!r} in {where} must be a section [{name}], not {content[name]!r}.")
            content[name] = _section(kind, content[name], f"[{name}] of {where}")
    config = _section(TrainingConfig, content, where)
    data = config.data
    for name in ("train", "validation"):
        for entry in getattr(data, name):
            if not isinstance(entry, dict) or "path" not in entry or not entry.keys() <= _SOURCE_ENTRIES.keys():
                raise ValueError(f"A source of {name!r} in [data] of {where} must be a table with 'path' and, if "
                                 f"wanted, 'weight' and 'table', not {entry!r}.")
            for key, value in entry.items():
                _check(key, value, _SOURCE_ENTRIES[key], f"a source of {name!r} in [data] of {where}")
    if not data.mayo and not (data.train and data.validation):
        raise ValueError(f"[data] of {where} names no data: give 'train' and 'validation', or 'mayo'.")
    if data.mayo and config.slices is None:
        raise ValueError(f"[data] of {where} names Mayo pairs, which are drawn as whole slices; add a section "
                         "[slices].")
    return config


def _merged(path: Path, above: tuple[Path, ...]) -> dict:
    """Tables of a TOML file on top of those of its base."""
    if path.resolve() in above:
        raise ValueError(f"The configuration {path} is its own base.")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"The configuration {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"The configuration {path} is not valid TOML: {error}.") from error
    base = content.pop("base", None)
    if base is None:
        return content
    if not isinstance(base, str):
        raise ValueError(f"'base' in {path} must be text, not {base!r}.")
    merged = _merged(path.parent / base, (*above, path.resolve()))
    for name, value in content.items():
        together = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = {**merged[name], **value} if together else value
    return merged


def _section(kind, values: dict, where: str):
    known = {f.name for f in fields(kind)}
    for name in values:
        if name not in known:
            raise ValueError(f"Unknown entry {name!r} in {where}; known are {', '.join(sorted(known))}.")
    values = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    hints = get_type_hints(kind)
    for name, value in values.items():
        _check(name, value, hints[name], where)
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"An entry is missing in {where}: {error}.") from error


def _check(name: str, value, hint, where: str):
    """Raise ValueError unless ``value`` has the type ``hint`` and lies in the range that entries of its name have."""
    if not _fits(value, hint):
        raise ValueError(f"{name!r} in {where} must be {_described(hint)}, not {value!r}.")
    numbers = [v for v in (value if isinstance(value, tuple) else (value,)) if isinstance(v, (int, float))]
    if name in _POSITIVE and any(v <= 0 for v in numbers):
        raise ValueError(f"{name!r} in {where} must be above 0, not {value!r}.")
    if name in _NOT_NEGATIVE and any(v < 0 for v in numbers):
        raise ValueError(f"{name!r} in {where} must not be negative, but it is {value!r}.")
    if name in _SHARES and not all(0 <= v <= 1 for v in numbers):
        raise ValueError(f"{name!r} in {where} must lie between 0 and 1, not at {value!r}.")


def _fits(value, hint) -> bool:
    inner = get_args(hint)
    if get_origin(hint) is tuple:
        if not isinstance(value, tuple):
            return False
        if inner[-1] is ...:
            return all(_fits(v, inner[0]) for v in value)
        # A range.
        return len(value) == len(inner) and all(map(_fits, value, inner)) and list(value) == sorted(value)
    if inner:
        return any(_fits(value, kind) for kind in inner)
    if hint in (int, float):
        return isinstance(value, (int, hint)) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, hint)


def _described(hint) -> str:
    inner = get_args(hint)
    if get_origin(hint) is tuple:
        many = _WORDS[inner[0]][1]
        return f"a list of {many}" if inner[-1] is ... else f"a list of {len(inner)} {many}, the lower one first"
    return _WORDS[inner[0] if inner else hint][0]
