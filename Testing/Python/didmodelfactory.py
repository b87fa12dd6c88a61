"""A model in the user's folder that does denoise, for tests of what loads models by their names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from LDCTDenoiseLib import modelregistry
from LDCTDenoiseLib.networks import build

STRENGTH = 0.9


def smoothing_network() -> torch.nn.Module:
    """A plain network of one layer that removes most of the difference from a 3 x 3 Gaussian mean, from fine detail."""
    network = build("plain", (2,))
    profile = torch.tensor([0.25, 0.5, 0.25])
    high_pass = -torch.outer(profile, profile)
    high_pass[1, 1] += 1
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        # the rectifier passes the positive part of one channel and the negative part of the other
        network.body[0][0].weight[:, 0] = torch.stack((high_pass, -high_pass))
        network.predictor.weight[0, :, 1, 1] = torch.tensor([STRENGTH, -STRENGTH])
    return network


def add_smoothing_model(folder: Path, name: str = "tiny") -> dict:
    """Write the network and its entry into ``folder``; return the entry."""
    folder.mkdir(parents=True, exist_ok=True)
    digest = modelregistry.save_weights(smoothing_network().state_dict(), folder / f"{name}.pt")
    entry = {"name": name, "version": "1.0", "architecture": "plain", "widths": [2], "file": f"{name}.pt",
             "sha256": digest, "title": "Smoothing"}
    (folder / "models.json").write_text(json.dumps({"models": [entry]}))
    return entry


@pytest.fixture(scope="module")
def smoothing_models(tmp_path_factory):
    """The folder of the user's one model, called tiny, which makes images less noisy; there are no others."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modelregistry, "PACKAGED_FOLDER", folder / "none")
        patch.setenv("LDCT_MODELS", str(folder))
        add_smoothing_model(folder)
        yield folder
