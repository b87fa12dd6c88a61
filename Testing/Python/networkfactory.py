"""Small random networks, phantoms for them and user models, for tests."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from LDCTDenoiseLib import modelregistry
from LDCTDenoiseLib.hu import SCALE_HU, to_network
from LDCTDenoiseLib.inference import Denoiser
from LDCTDenoiseLib.networks import build

WIDTHS = {"hrnet": (4, 4, 4, 4), "unet": (4,) * 10, "plain": (4,) * 7, "redcnn": (4,)}
CARD = modelregistry.ModelCard("test", "1", "plain", (4,) * 7, "shipped", {}, Path("none.pt"), "0" * 64)


def phantom(shape=(1, 96, 96), noise=20.0, seed=0) -> np.ndarray:
    """A body of soft tissue with lung and bone in air, with noise of a usual colour, float32 HU."""
    rows, columns = shape[1:]
    row, column = np.mgrid[:rows, :columns].astype(float)
    row, column = (row + 0.5) / rows * 2 - 1, (column + 0.5) / columns * 2 - 1
    image = np.full(shape[1:], -1000.0)
    for centre, size, hu in (((0, 0), 0.85, 40), ((-0.4, -0.3), 0.2, -800), ((-0.4, 0.35), 0.15, 600)):
        image[(row - centre[0]) ** 2 + (column - centre[1]) ** 2 < size ** 2] = hu
    white = np.random.default_rng(seed).normal(size=shape)
    coloured = ndimage.gaussian_filter(white, (0, 0.7, 0.7)) if min(rows, columns) > 1 else white
    return (image + noise * coloured / max(coloured.std(), 1e-9)).astype(np.float32)


def random_network(architecture: str, form: str = "shipped", removed_sd: float = 20.0, seed: int = 0, **options):
    """A network with random weights whose output on the phantom differs from it by ``removed_sd`` HU."""
    torch.manual_seed(seed)
    network = build(architecture, WIDTHS[architecture], form, **options).eval()
    with torch.no_grad():
        image = torch.from_numpy(to_network(phantom()))[:, None]
        for parameter in last_layer(network):  # new networks predict nothing
            parameter.normal_()
        scale = removed_sd / SCALE_HU / network.predicted_noise(image).std()
        for parameter in last_layer(network):
            parameter *= scale
    return network


def last_layer(network) -> list[torch.Tensor]:
    """The parameters in which the prediction is linear."""
    return list((network.decoder[-1] if hasattr(network, "_LAYERS") else network.predictor).parameters())


def silent(architecture: str):
    """A network whose prediction is zero everywhere."""
    network = random_network(architecture)
    with torch.no_grad():
        for parameter in last_layer(network):
            parameter.zero_()
    return network


def denoiser(architecture: str = "hrnet", device: str = "cpu", **options) -> Denoiser:
    """A Denoiser with a random network."""
    return Denoiser(random_network(architecture), CARD, device=device, **options)


def volume(slices: int = 3, size: int = 96, **options) -> np.ndarray:
    """The phantom as a volume of square slices."""
    return phantom((slices, size, size), **options)


def add_user_model(folder: Path, name: str = "tiny", architecture: str = "hrnet", network=None, **changes) -> dict:
    """Write the weights of ``network``, or of a small random one, and its entry into ``folder``; return the entry."""
    folder.mkdir(parents=True, exist_ok=True)
    network = random_network(architecture) if network is None else network
    digest = modelregistry.save_weights(network.state_dict(), folder / f"{name}.pt")
    entry = {"name": name, "version": "1.0", "architecture": architecture, "widths": list(WIDTHS[architecture]),
             "file": f"{name}.pt", "sha256": digest, "title": "Random weights", **changes}
    listing = folder / "models.json"
    models = json.loads(listing.read_text())["models"] if listing.exists() else []
    listing.write_text(json.dumps({"models": [*models, entry]}))
    return entry


def shipped_models() -> list[str]:
    """The names of the models in the package; skips the test only while the package has no list of models at all."""
    if not (modelregistry.PACKAGED_FOLDER / "models.json").exists():
        pytest.skip("no models are shipped yet")
    names = [card.name for card in modelregistry.list_models(user=modelregistry.PACKAGED_FOLDER / "none")]
    assert {"hrnet", "unet", "plain"} <= set(names)
    return names
