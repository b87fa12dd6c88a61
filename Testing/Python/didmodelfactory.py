"""A model in the user's folder that does denoise, for tests of what loads models by their names."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from networkfactory import add_user_model

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
    return add_user_model(folder, name, "plain", smoothing_network(), widths=[2], title="Smoothing")


@pytest.fixture(scope="module")
def smoothing_models(tmp_path_factory):
    """The folder of the user's one model, called tiny, which makes images less noisy; there are no others."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modelregistry, "PACKAGED_FOLDER", folder / "none")
        patch.setenv("LDCT_MODELS", str(folder))
        add_smoothing_model(folder)
        yield folder
