"""The commands of ``ldct``: each module has ``add_arguments(parser)`` and ``run(args)``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """What a command says on stdout when it is done: ``text`` for people, ``values`` (JSON types) for machines."""

    text: str
    values: dict
