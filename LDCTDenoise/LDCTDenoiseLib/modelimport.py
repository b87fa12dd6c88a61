"""Adding trained models to the user's own: what ``ldct train`` made, or what a colleague passed on."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from .modelregistry import DamagedModelError, ModelCard, list_models, read_weights, user_folder
from .safewrite import complete_or_absent

TRAINED_WEIGHTS = "weights.pt"
"""The name that training gives to the weights beside ``entry.json``."""


def import_models(path: Path, user: Path | None = None) -> list[ModelCard]:
    """Copy the models that ``path`` describes to the user's folder and return their new cards.

    Args:
        path: ``entry.json`` of a training, or a ``models.json``, with the weights beside it.
        user: default: :func:`~.modelregistry.user_folder`.

    A model whose name is taken gets a number after its name; one that is there already, by its SHA-256, is left alone.

    Raises:
        ValueError: no such file, no description of models, weights that are missing or altered. Nothing is changed.
    """
    path, user = Path(path), user_folder() if user is None else Path(user)
    own = _read(user / "models.json") if (user / "models.json").is_file() else []
    known = {card.name: card for card in list_models(user)}
    there = {card.sha256 for card in known.values()}
    entries, contents = [], {}
    for entry in _read(path):
        if entry.get("sha256") in there:
            continue
        name = _free_name(str(entry.get("name")), {*known, *(other["name"] for other in entries)})
        # By its hash, as two models may call their files alike.
        new = {**entry, "name": name, "file": f"{name}-{str(entry.get('sha256'))[:8]}.pt"}
        contents[new["file"]] = _weights(path.parent, entry)
        entries.append(new)
    _check(entries, contents)
    user.mkdir(parents=True, exist_ok=True)
    for file, content in contents.items():
        with complete_or_absent(user / file) as temporary:
            temporary.write_bytes(content)
    if entries:
        with complete_or_absent(user / "models.json") as temporary:
            temporary.write_text(json.dumps({"models": [*own, *entries]}, indent=1) + "\n", encoding="utf-8")
    wanted = {entry.get("sha256") for entry in _read(path)}
    return [card for card in list_models(user) if card.sha256 in wanted]


def _read(path: Path) -> list[dict]:
    """Return the entries in a file that holds one or, below "models", several."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} cannot be read ({error}): choose the entry.json of a training, or a models.json "
                         "with its weights beside it.") from error
    entries = content.get("models", [content]) if isinstance(content, dict) else content
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and "sha256" in entry for entry in entries):
        raise ValueError(f"{path} describes no model: choose the entry.json of a training, or a models.json.")
    return entries


def _weights(folder: Path, entry: dict) -> bytes:
    # Only the last part of the name: a file from elsewhere must not make us read from anywhere.
    for name in (Path(str(entry.get("file"))).name, TRAINED_WEIGHTS):
        if (folder / name).is_file():
            return (folder / name).read_bytes()
    raise ValueError(f"The weights of model '{entry.get('name')}' are not in {folder}: put {entry.get('file')} there.")


def _free_name(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name}-{number}" in taken:
        number += 1
    return f"{name}-{number}"


def _check(entries: list[dict], contents: dict[str, bytes]) -> None:
    """Raise ValueError unless the registry takes these entries with these weights."""
    with tempfile.TemporaryDirectory() as folder:
        for file, content in contents.items():
            (Path(folder) / file).write_bytes(content)
        (Path(folder) / "models.json").write_text(json.dumps({"models": entries}), encoding="utf-8")
        files = set(contents)
        cards = [card for card in list_models(Path(folder)) if card.weights.name in files]
        if len(cards) != len(entries):
            raise DamagedModelError("Two of the models have the same weights: leave one of them out.")
        for card in cards:
            read_weights(card)
