"""Denoisers that do denoise, for tests of the candidates: a linear one, and small fitted ones of every architecture."""

from __future__ import annotations

from functools import lru_cache
from unittest import mock

import numpy as np
import torch
from networkfactory import CARD, phantom
from torch import nn

from LDCTDenoiseLib.hu import to_network
from LDCTDenoiseLib.inference import Denoiser
from LDCTDenoiseLib.networks import build

SPACING = (2.0, 0.8, 0.8)


WIDTHS = {"hrnet": (4, 4, 4, 4), "unet": (4,) * 10, "plain": (8,) * 7, "redcnn": (2,)}
RATES = {("hrnet", "literal"): 1e-2, ("unet", "literal"): 1e-2}


class Smoothing(nn.Module):
    """Removes ``strength`` times the difference from a Gaussian mean: linear in its only layer's 25 weights."""

    def __init__(self, strength: float = 0.6, sigma: float = 1.0):
        super().__init__()
        self.layer = nn.Conv2d(1, 1, 5, padding=2, padding_mode="replicate", bias=False)
        profile = np.exp(-np.arange(-2, 3) ** 2 / 2 / sigma ** 2)
        mean = np.outer(profile, profile) / profile.sum() ** 2
        kernel = -strength * mean
        kernel[2, 2] += strength
        self.layer.weight = nn.Parameter(torch.tensor(kernel, dtype=torch.float32)[None, None])

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image - self.layer(image)


class OneValue(nn.Module):
    """Removes ``share`` times the difference from a 3 x 3 mean: with one value to tune, tuning is blending.

    Shares below ``fails_below`` give no finite output.
    """

    def __init__(self, share: float = 0.9, fails_below: float | None = None):
        super().__init__()
        self.share = nn.Parameter(torch.tensor(share))
        self.fails_below = fails_below

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        share = self.share
        if self.fails_below is not None:
            share = share + 0 * torch.log(share - self.fails_below)
        return image - share * (image - nn.functional.avg_pool2d(image, 3, 1, 1, count_include_pad=False))


def smoothing(strength: float = 0.6, **options) -> Denoiser:
    """A Denoiser with the linear network."""
    return Denoiser(Smoothing(strength), CARD, device="cpu", **options)


def one_value(share: float = 0.9) -> Denoiser:
    """A Denoiser with a single value to tune."""
    return Denoiser(OneValue(share), CARD, device="cpu")


def fitted(architecture: str, form: str = "shipped") -> Denoiser:
    """A Denoiser with a small network of any architecture and form that was fitted to the phantom in a moment.

    RED-CNN, which learns more slowly, gets weights that make it :class:`Smoothing`.
    """
    network = _new(architecture, form)
    if architecture == "redcnn":
        _make_smoothing(network)
    else:
        network.load_state_dict(_fitted_weights(architecture, form))
    return Denoiser(network, CARD, device="cpu")


def _new(architecture: str, form: str):
    return build(architecture, WIDTHS[architecture], form, **({"stages": 1} if architecture == "hrnet" else {}))


@lru_cache
def _fitted_weights(architecture: str, form: str) -> dict:
    torch.manual_seed(1)
    network = _new(architecture, form)
    for name, parameter in network.named_parameters():
        if name == "predictor.bias" or name == "predictor.0.bias":  # or the last ReLU of the literal forms stays shut
            nn.init.constant_(parameter, 0.5)
    # Last digits differ from processor to processor: those of the drawn values, and fp32's. They would grow into
    # another network.
    network.double()
    for parameter in network.parameters():
        parameter.data.copy_(parameter.data.round(decimals=4))
    noisy = np.concatenate([phantom((1, 64, 64), seed=s) for s in range(2)])
    noisy = torch.from_numpy(to_network(noisy))[:, None].double()
    clean = torch.from_numpy(to_network(phantom((1, 64, 64), noise=0.0)))[:, None].double()
    optimiser = torch.optim.Adam(network.parameters(), RATES.get((architecture, form), 3e-3))
    with mock.patch.object(torch.Tensor, "float", torch.Tensor.double):  # the predictors' fp32 would undo it
        for _ in range(100):
            optimiser.zero_grad()
            torch.mean((network(noisy) - clean) ** 2).backward()
            optimiser.step()
    return network.float().state_dict()


@torch.no_grad()
def _make_smoothing(network) -> None:
    """Let two channels carry the positive and the negative part of what :class:`Smoothing` removes."""
    for parameter in network.parameters():
        parameter.zero_()
    removed = Smoothing().layer.weight[0, 0]
    network.encoder[0].weight[0, 0], network.encoder[0].weight[1, 0] = removed, -removed
    for layer in (*network.encoder[1:], *network.decoder[:-1]):
        layer.weight[[0, 1], [0, 1], 2, 2] = 1
    # The two shortcuts between encoder and decoder have made it three times as much.
    network.decoder[-1].weight[0, 0, 2, 2], network.decoder[-1].weight[1, 0, 2, 2] = -1 / 3, 1 / 3
