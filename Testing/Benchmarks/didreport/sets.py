"""Sets of candidates of a scene, made once and kept."""

from __future__ import annotations

import ast
import hashlib
import json
import time
from dataclasses import asdict, fields, replace
from functools import cache
from pathlib import Path

import numpy as np
from DIDInteractiveLib import candidates
from DIDInteractiveLib.candidate import Candidate
from DIDInteractiveLib.candidates import CandidateSet, generate_candidates
from DIDInteractiveLib.outcome import Outcome
from DIDInteractiveLib.settings import CandidateSettings
from LDCTDenoiseLib import inference
from LDCTDenoiseLib.inference import Denoiser
from LDCTDenoiseLib.modelregistry import load_model
from LDCTDenoiseLib.networks import build

from .cache import Cache, digest_of_arrays, digest_of_files
from .scenes import Scene


class Sets:
    """Makes sets of candidates on the CPU, or reads those that the same code made of the same scene before."""

    def __init__(self, cache: Cache, say=print):
        self._cache, self._say = cache, say
        self._code = digest_of_files([*_with_imports(Path(candidates.__file__)), Path(inference.__file__)])

    def make(self, scene: Scene, denoiser: Denoiser, settings: CandidateSettings, roi: np.ndarray | None = None
             ) -> CandidateSet:
        """Return the candidates of a scene; ``roi`` (bool, as the scene) is where the algorithm measures noise."""
        key = {"scene": scene.fingerprint, "roi": digest_of_arrays(roi), "network": denoiser.card.sha256,
               "settings": asdict(settings), "code": self._code}
        title = f"{scene.name} {denoiser.card.name} {settings.method} {settings.tuned}"

        def run() -> dict[str, np.ndarray]:
            start = time.process_time()
            made = _packed(generate_candidates(scene.noisy, scene.spacing, denoiser, settings, roi=roi))
            self._say(f"  candidates: {title}, {time.process_time() - start:.0f} s on the CPU")
            return made

        return _unpacked(self._cache.arrays(title, key, run))


ONLY_TIME = ("candidatetime", "progressmeter")
"""Of the engine: what tells how long a run takes, and changes no candidate."""


def _with_imports(path: Path) -> set[Path]:
    """A file of a package and all files beside it that it imports, directly or not, and that may change its results."""
    found, pending = set(), [path]
    while pending:
        one = pending.pop()
        if one not in found and one.is_file():
            found.add(one)
            nodes = ast.walk(ast.parse(one.read_text(encoding="utf-8")))
            pending += [one.with_name(f"{node.module}.py") for node in nodes
                        if isinstance(node, ast.ImportFrom) and node.level == 1
                        and node.module and node.module not in ONLY_TIME]
    return found


def _packed(found: CandidateSet) -> dict[str, np.ndarray]:
    """All fields of a set as arrays; everything but images as JSON text."""
    rest = {f.name: getattr(found, f.name) for f in fields(found) if f.name != "candidates"}
    facts = [{f.name: getattr(one, f.name) for f in fields(one) if f.name != "array"} for one in found.candidates]
    return {"images": np.stack([one.array for one in found.candidates]),
            "set": np.array(json.dumps(rest, default=asdict)), "facts": np.array(json.dumps(facts))}


def _unpacked(stored: dict[str, np.ndarray]) -> CandidateSet:
    facts = json.loads(str(stored["facts"]))
    images = tuple(Candidate(array=image, **fact) for image, fact in zip(stored["images"], facts, strict=True))
    rest = json.loads(str(stored["set"]))
    outcomes = {direction: Outcome(**outcome) for direction, outcome in rest.pop("outcomes").items()}
    return CandidateSet(candidates=images, outcomes=outcomes, **rest)


@cache
def network(name: str, device: str = "cpu") -> Denoiser:
    """A network of the registry. Raises UnknownModelError, DamagedModelError, or ValueError for another device."""
    return Denoiser(*load_model(name), device=device)


@cache
def dose_network(path: Path, base: str) -> Denoiser:
    """The network whose weights were trained on from those of the model ``base``."""
    import torch

    _, card = load_model(base)
    module = build(card.architecture, card.widths, card.form, **card.options)
    module.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    own = replace(card, name=path.parent.name, weights=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    return Denoiser(module, own, device="cpu")
