"""Trained models: the ones in the package, the user's own, and the checks before any of them is used.

A model is an entry of ``models.json`` and a file of weights beside it, a plain state dict in half precision. Only
:func:`load_model` and :func:`save_weights` need torch.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .networks import Denoiser2d

PACKAGED_FOLDER = Path(__file__).parent / "Models"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_REQUIRED = ("name", "version", "architecture", "widths", "file", "sha256")


class UnknownModelError(ValueError):
    """No model has this name."""


class DamagedModelError(ValueError):
    """A model's entry or weights are not what they should be."""


@dataclass(frozen=True)
class ModelCard:
    """What is known of a model.

    Attributes:
        name, version: unique name and version.
        architecture, widths, form, options: arguments of :func:`LDCTDenoiseLib.networks.build`.
        weights: path of the weights; sha256: their digest in hexadecimal.
        details: the rest of the entry: title, training data and licences, dose range, kernels, slice thickness,
            measured quality and speed, limits.
    """

    name: str
    version: str
    architecture: str
    widths: tuple[int, ...]
    form: str
    options: dict
    weights: Path
    sha256: str
    details: dict = field(default_factory=dict)


def user_folder() -> Path:
    """Return the folder for the user's own models: ``$LDCT_MODELS`` or the platform's place for application data."""
    if os.environ.get("LDCT_MODELS"):
        return Path(os.environ["LDCT_MODELS"])
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA", Path.home() / "AppData" / "Roaming"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share"))
    return base / "LDCTDenoise" / "Models"


def list_models(user: Path | None = None, problems: list[str] | None = None) -> list[ModelCard]:
    """Return the cards of the packaged models, then of those in ``user`` (default: :func:`user_folder`).

    Args:
        problems: receives what is wrong with the user's list, in place of an error, so that one bad entry there does
            not take the packaged models away.

    Raises:
        DamagedModelError: a ``models.json`` that cannot be read, an incomplete entry, a name used twice.
    """
    packaged = _read_cards(PACKAGED_FOLDER / "models.json")
    try:
        return packaged + _own_cards(user_folder() if user is None else Path(user), {card.name for card in packaged})
    except DamagedModelError as error:
        if problems is None:
            raise
        problems.append(str(error))
        return packaged


def find_model(name: str, user: Path | None = None) -> ModelCard:
    """Return the card of the model called ``name``.

    Raises:
        UnknownModelError: there is none; the message lists the names there are.
        DamagedModelError: there is none in the package, and the user's list cannot be read.
    """
    problems: list[str] = []
    cards = list_models(user, problems)
    for card in cards:
        if card.name == name:
            return card
    if problems:
        raise DamagedModelError(problems[0])
    choice = f"choose one of {', '.join(card.name for card in cards)}" if cards else "none is installed"
    raise UnknownModelError(f"There is no model called {name!r}; {choice}.")


def read_weights(card: ModelCard) -> bytes:
    """Return the content of a model's file of weights.

    Raises:
        DamagedModelError: it cannot be read, or its SHA-256 is not the one of the card.
    """
    try:
        content = card.weights.read_bytes()
    except OSError as error:
        raise DamagedModelError(f"The weights of model {card.name!r} cannot be read ({card.weights}: "
                                f"{error.strerror}); install the extension or the model again.") from error
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise DamagedModelError(f"The weights of model {card.name!r} ({card.weights}) are not the ones that "
                                "models.json describes (SHA-256 differs); install the extension or the model again.")
    return content


def load_model(model: str | ModelCard, user: Path | None = None) -> tuple[Denoiser2d, ModelCard]:
    """Return the network of a model in evaluation mode, fp32 on the CPU, and its card.

    Raises:
        UnknownModelError: no model has this name.
        DamagedModelError: the weights are missing, altered or do not fit the architecture.
    """
    import torch

    from .networks import build

    card = model if isinstance(model, ModelCard) else find_model(model, user)
    content = read_weights(card)
    try:
        network = build(card.architecture, card.widths, card.form, **card.options)
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        network.load_state_dict({name: value.float() for name, value in state.items()})
    except Exception as error:
        raise DamagedModelError(f"The weights of model {card.name!r} ({card.weights}) do not fit its entry in "
                                f"models.json: {_summary(error)}") from error
    return network.eval(), card


def save_weights(state: dict, path: Path) -> str:
    """Write a state dict in half precision to ``path`` and return its SHA-256."""
    import torch

    temporary = Path(path).with_name(Path(path).name + ".part")
    torch.save({name: value.detach().cpu().half().contiguous() for name, value in state.items()}, temporary)
    digest = hashlib.sha256(temporary.read_bytes()).hexdigest()
    os.replace(temporary, path)
    return digest


def _own_cards(folder: Path, taken: set[str]) -> list[ModelCard]:
    cards = _read_cards(folder / "models.json")
    for card in cards:
        if card.name in taken:
            raise DamagedModelError(f"Two models are called {card.name!r}; rename the one in {folder}.")
        taken.add(card.name)
    return cards


def _read_cards(path: Path) -> list[ModelCard]:
    if not path.is_file():
        return []
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["models"]
        return [_card(entry, path) for entry in entries]
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise DamagedModelError(f"The list of models {path} cannot be read: {_summary(error)}") from error


def _card(entry: dict, path: Path) -> ModelCard:
    missing = [key for key in _REQUIRED if key not in entry]
    if missing:
        raise DamagedModelError(f"A model in {path} lacks {', '.join(missing)}.")
    for key in ("name", "version", "architecture", "file", "sha256"):
        if not isinstance(entry[key], str):
            raise DamagedModelError(f"A model in {path} has {key} {entry[key]!r}, which should be a text in quotes.")
    if not _NAME.fullmatch(entry["name"]):
        raise DamagedModelError(f"A model in {path} is called {entry['name']!r}; use letters, digits, '.', '_', '-'.")
    if Path(entry["file"]).name != entry["file"]:
        raise DamagedModelError(f"The weights of model {entry['name']!r} must lie beside {path}, not at "
                                f"{entry['file']!r}.")
    known = {*_REQUIRED, "form", "options"}
    return ModelCard(
        name=entry["name"], version=entry["version"], architecture=entry["architecture"], widths=tuple(entry["widths"]),
        form=entry.get("form", "shipped"), options=dict(entry.get("options", {})), weights=path.parent / entry["file"],
        sha256=entry["sha256"], details={key: value for key, value in entry.items() if key not in known})


def _summary(error: BaseException) -> str:
    """The error on one line; torch's take many."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300] or 'no details'}"
