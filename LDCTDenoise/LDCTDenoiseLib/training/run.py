"""A whole training run from one configuration file: data, training, and weights ready for ``models.json``."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import torch

from .. import __version__
from ..inference import choose_device
from ..modelregistry import save_weights
from ..networks import build
from ..networks.multiplyadds import multiply_adds
from ..safewrite import complete_or_absent
from .bank import Bank, Source, build_bank
from .config import TrainingConfig, read_config
from .mayo import MayoPairs, find_patients, split_patients
from .sampler import PatchSampler, PatchSampling
from .slicesampler import NO_AUGMENTATION, BankPairs, SliceSampler
from .sources import attribution
from .trainer import Trainer

_VALIDATION_SEED = 0
_BANK_SEEDS = {"train": 1, "validation": 2}


def run_training(config_path, output, *, resume: bool = False, root=None, device: str = "auto", progress=None,
                 bank_progress=None, stop_after: int | None = None) -> Path:
    """Train the network of a configuration and return the path of its weights.

    Args:
        config_path: TOML file; see :func:`~.config.read_config`.
        output: folder for everything the run writes: ``checkpoint.pt``, ``log.csv``, and in the end ``weights.pt``
            (half precision, the best by validation) and ``entry.json`` (what ``models.json`` has to say of it).
        resume: continue the run in ``output``.
        root: folder of the data, in place of the configuration's.
        progress: called with (iteration, iterations, loss, remaining seconds); bank_progress: with (slices simulated,
            slices in all) while the noise bank is made, which happens once.
        stop_after: stop at this iteration, to be resumed later; ``weights.pt`` is then the best so far.

    Raises:
        ValueError: a wrong configuration, data that is missing or damaged, ``output`` that holds another run.
        FloatingPointError: the training diverged.
    """
    config = read_config(Path(config_path))
    chosen = choose_device(device)
    sampler, validation = samplers(config, Path(root or config.data.root), chosen, bank_progress)
    trainer = Trainer(config, sampler, validation, Path(output), chosen)
    best = trainer.run(resume=resume, progress=progress, stop_after=stop_after)
    if not best.exists():
        raise ValueError(f"The run stopped before its first validation (iteration {config.validate_every}); resume it.")
    state = torch.load(best, map_location="cpu", weights_only=True)
    weights = Path(output) / "weights.pt"
    digest = save_weights(state, weights)
    with complete_or_absent(Path(output) / "entry.json") as temporary:
        temporary.write_text(json.dumps(model_entry(config, digest, trainer), indent=1) + "\n", encoding="utf-8")
    return weights


def samplers(config: TrainingConfig, root: Path, device="cpu", progress=None):
    """Return the samplers for training and for validation; noise banks are made where they are missing.

    Validation is the same for all patch recipes: 256 x 256 pixels of real slices at 10 to 80 HU of added noise, no
    phantoms, no shifts; for recipes of whole slices it is their noise without augmentation.
    """
    if config.data.mayo:
        patients = find_patients(root / config.data.mayo, config.data.mayo_series)
        train, validation = (MayoPairs(part) for part in split_patients(patients))
    else:
        train, validation = (_bank(config, name, root, device, progress) for name in ("train", "validation"))
        if config.slices is None:
            fixed = PatchSampling(patch=256, patches_per_region=1, phantom_share=0.0, clean_share=0.0,
                                  noise_sd=(10.0, 80.0), offset=0.0)
            return PatchSampler(train, config.sampling, config.seed), PatchSampler(validation, fixed, _VALIDATION_SEED)
        train, validation = (BankPairs(bank, config.slices) for bank in (train, validation))
    return (SliceSampler(train, config.slices, config.seed),
            SliceSampler(validation, replace(config.slices, **NO_AUGMENTATION), _VALIDATION_SEED))


def _bank(config: TrainingConfig, name: str, root: Path, device, progress) -> Bank:
    data = config.data
    sources = [Source(root / entry["path"], entry.get("weight", 1.0),
                      root / entry["table"] if "table" in entry else None) for entry in getattr(data, name)]
    folder = Path(data.bank if name == "train" else f"{data.bank}-{name}")
    return build_bank(sources, folder, realisations=data.realisations, seed=_BANK_SEEDS[name], device=device,
                      progress=progress)


def model_entry(config: TrainingConfig, digest: str, trainer: Trainer) -> dict:
    """Return the entry for ``models.json``; ``weights.pt`` goes beside that file under the entry's ``file`` name."""
    network, optimiser = config.network, config.optimiser
    fresh = build(network.architecture, network.widths, network.form, **network.options)
    sources = [entry["path"] for entry in config.data.train]
    recipe = {"iterations": trainer.iteration, "batch_size": optimiser.batch_size, "rate": optimiser.rate,
              "loss": "mean squared error" + (f" over noise variance plus {optimiser.sd_floor:g} HU squared"
                                              if optimiser.sd_floor is not None else "")
                      + (f", plus {optimiser.spectrum_weight:g} times the mismatch of the noise spectra"
                         if optimiser.spectrum_weight else ""),
              "precision": optimiser.precision, "seed": config.seed,
              "sampling": vars(config.sampling if config.slices is None else config.slices)}
    if config.initial_weights is not None:
        recipe["initial_weights"] = config.initial_weights
    return {
        "name": network.architecture, "version": __version__, "architecture": network.architecture,
        "widths": list(network.widths), "form": network.form, "options": network.options,
        "file": f"{network.architecture}.pt", "sha256": digest,
        "parameters": sum(p.numel() for p in fresh.parameters()), "multiply_adds_512": multiply_adds(fresh),
        "training": {**recipe,
                     "validation_ratio": round(trainer.best_ratio, 5) if math.isfinite(trainer.best_ratio) else None,
                     "hours": round(trainer.seconds / 3600, 2), "device": str(trainer.device),
                     "data": [attribution(path) for path in sources] or ["AAPM/Mayo low-dose CT challenge data"]},
    }
