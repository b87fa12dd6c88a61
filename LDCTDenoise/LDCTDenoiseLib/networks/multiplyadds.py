"""Multiply-adds of a network, the usual measure of its cost."""

from __future__ import annotations

import torch
from torch import nn


def multiply_adds(network: nn.Module, size=(512, 512)) -> int:
    """Return the multiply-adds of the convolutions for one image of ``size`` (rows, columns).

    Counted from the shapes of one forward pass without data (on the meta device); interpolation, normalisation and
    activations are left out, as the literature does.
    """
    total = 0

    def count(module, inputs, output):
        nonlocal total
        per_position = module.weight.numel() // (module.in_channels if transposed(module) else module.out_channels)
        positions = inputs[0] if transposed(module) else output
        total += per_position * positions.numel()

    def transposed(module):
        return isinstance(module, nn.ConvTranspose2d)

    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    reference = next(network.parameters())
    try:
        with torch.no_grad():
            network(torch.zeros(1, 1, *size, device=reference.device, dtype=reference.dtype))
    finally:
        for hook in hooks:
            hook.remove()
    return total
