"""Multiply-adds of a network, the usual measure of its cost."""

from __future__ import annotations

import copy

import torch
from torch import nn


def multiply_adds(network: nn.Module, size=(512, 512)) -> int:
    """Return the multiply-adds of the convolutions for one image of ``size`` (rows, columns).

    Counted from the shapes of a forward pass of a copy without data (on the meta device), so large networks cost
    nothing either; interpolation, normalisation and activations are left out, as the literature does.
    """
    network = copy.deepcopy(network).to("meta")
    total = 0

    def count(module, inputs, output):
        nonlocal total
        per_position = module.weight.numel() // (module.in_channels if transposed(module) else module.out_channels)
        positions = inputs[0] if transposed(module) else output
        total += per_position * positions.numel()

    def transposed(module):
        return isinstance(module, nn.ConvTranspose2d)

    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            module.register_forward_hook(count)
    with torch.no_grad():
        network(torch.zeros(1, 1, *size, device="meta"))
    return total
