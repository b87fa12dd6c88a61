"""Denoisers that do denoise, for tests of the candidates: a linear one, and small fitted ones of every architecture."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from networkfactory import CARD, WIDTHS, phantom
from torch import nn

from LDCTDenoiseLib.hu import to_network
from LDCTDenoiseLib.inference import Denoiser
from LDCTDenoiseLib.networks import build

SPACING = (2.0, 0.8, 0.8)


class Smoothing(nn.Module):
    """Removes ``strength`` times the difference from a Gaussian mean: linear in its only layer's 25 weights."""

    def __init__(self, strength: float = 0.6, sigma: float = 1.0):
        super().__init__()
        self.layer = nn.Conv2d(1, 1, 5, padding=2, bias=False)
        profile = np.exp(-np.arange(-2, 3) ** 2 / 2 / sigma ** 2)
        mean = np.outer(profile, profile) / profile.sum() ** 2
        kernel = -strength * mean
        kernel[2, 2] += strength
        self.layer.weight = nn.Parameter(torch.tensor(kernel, dtype=torch.float32)[None, None])

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image - self.layer(image)


def smoothing(strength: float = 0.6, **options) -> Denoiser:
    """A Denoiser with the linear network."""
    return Denoiser(Smoothing(strength), CARD, device="cpu", **options)


def fitted(architecture: str, form: str = "shipped") -> Denoiser:
    """A Denoiser with a small network of any architecture and form that was fitted to the phantom in a moment."""
    network = build(architecture, WIDTHS[architecture], form, **_options(architecture))
    network.load_state_dict(_fitted_weights(architecture, form))
    return Denoiser(network, CARD, device="cpu")


def _options(architecture: str) -> dict:
    return {"stages": 1} if architecture == "hrnet" else {}


@lru_cache
def _fitted_weights(architecture: str, form: str) -> dict:
    torch.manual_seed(0)
    network = build(architecture, WIDTHS[architecture], form, **_options(architecture))
    noisy = torch.from_numpy(to_network(np.concatenate([phantom((1, 64, 64), seed=s) for s in range(4)])))[:, None]
    clean = torch.from_numpy(to_network(phantom((1, 64, 64), noise=0.0)))[:, None]
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(120):
        optimiser.zero_grad()
        torch.mean((network(noisy) - clean) ** 2).backward()
        optimiser.step()
    return network.state_dict()
