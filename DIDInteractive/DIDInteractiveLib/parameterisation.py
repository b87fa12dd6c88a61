"""What a descent changes of a network: all weights, or one gain and one bias per channel.

The tuned values are one flat vector, so that steps, mixtures and comparisons of networks are those of vectors. The
network itself is copied and never changed.
"""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.func import functional_call

SMALLEST_SCALE = 0.01
"""Weights whose root mean square is less take steps as if it were this."""
_CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)
_NORMALISATIONS = (nn.modules.batchnorm._NormBase, nn.GroupNorm)


class Parameterisation:
    """A network as a function of a flat vector of tuned values.

    Args:
        network: any module that maps (N, 1, H, W) to the same shape; it is copied.
        tuned: "all": every weight. "gains": a gain (1) and a bias (0) for every channel of every convolution that no
            normalisation follows, and the gains and biases that normalisations have already; as in GainTuning (Mohan
            et al., arXiv 2107.15815).

    Attributes:
        start: the vector that stands for the network as it is, float32 (values,), on the network's device.

    Raises:
        ValueError: the network has nothing of that kind to tune.
    """

    def __init__(self, network: nn.Module, tuned: str = "all"):
        self.template = copy.deepcopy(network).float().eval().requires_grad_(False)
        self._gains: list[tuple[str, int]] = []
        """Prefix of a convolution's parameter names, and the axis of its weights that counts output channels."""
        self._direct: list[str] = []
        parts: list[torch.Tensor] = []
        if tuned == "all":
            self._direct = [name for name, _ in self.template.named_parameters()]
        else:
            parts += self._insert_gains()
        named = dict(self.template.named_parameters())
        parts += [named[name].flatten() for name in self._direct]
        if not sum(part.numel() for part in parts):
            raise ValueError(f"The network has nothing to tune ({tuned}); choose the method 'blend'.")
        self.start = torch.cat(parts).contiguous()
        self._sizes = [part.numel() for part in parts]
        # A bias of zero may grow as a gain of one may.
        smallest = 1.0 if tuned == "gains" else SMALLEST_SCALE
        self._lengths = [max(float(part.norm()), smallest * part.numel() ** 0.5) for part in parts]

    def _insert_gains(self) -> list[torch.Tensor]:
        normalised = _followed_by_normalisation(self.template)
        parts = []
        for prefix, module in self.template.named_modules():
            if isinstance(module, _NORMALISATIONS):
                self._direct += [f"{prefix}.{name}" for name, _ in module.named_parameters(recurse=False)]
            elif isinstance(module, _CONVOLUTIONS) and module not in normalised:
                if module.bias is None:
                    module.bias = nn.Parameter(module.weight.new_zeros(module.out_channels), requires_grad=False)
                self._gains.append((prefix, 1 if isinstance(module, nn.ConvTranspose2d) else 0))
                parts += [torch.ones_like(module.bias), torch.zeros_like(module.bias)]
        return parts

    def scaled(self, step: torch.Tensor) -> torch.Tensor:
        """Return a step in which the part of every tensor is as long as that tensor was at the start.

        A part without length stays without. Tensors near zero count as 0.01 per value, gains and biases as 1.
        """
        parts = [part * (length / max(float(part.norm()), 1e-30))
                 for part, length in zip(step.split(self._sizes), self._lengths)]
        return torch.cat(parts)

    def tensors(self, values: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the parameters, by name, that ``values`` stand for; differentiable."""
        named = dict(self.template.named_parameters())
        result, at = {}, 0

        def take(like: torch.Tensor) -> torch.Tensor:
            nonlocal at
            at += like.numel()
            return values[at - like.numel():at].view(like.shape)

        for prefix, axis in self._gains:
            weight, bias = named[f"{prefix}.weight"], named[f"{prefix}.bias"]
            gain, offset = take(bias), take(bias)
            result[f"{prefix}.weight"] = weight * gain.view([-1 if k == axis else 1 for k in range(weight.ndim)])
            result[f"{prefix}.bias"] = bias * gain + offset
        for name in self._direct:
            result[name] = take(named[name])
        return result

    def output(self, values: torch.Tensor, units: torch.Tensor) -> torch.Tensor:
        """Return what the network with ``values`` makes of (N, 1, H, W) in network units; differentiable."""
        return functional_call(self.template, self.tensors(values), (units,))

    def network(self, values: torch.Tensor) -> nn.Module:
        """Return an ordinary network with ``values``, of the same architecture (gains are folded into its weights)."""
        network = copy.deepcopy(self.template)
        named = dict(network.named_parameters())
        with torch.no_grad():
            for name, tensor in self.tensors(values).items():
                named[name].copy_(tensor)
        return network


def _followed_by_normalisation(network: nn.Module) -> set[nn.Module]:
    """Convolutions whose gain and bias the normalisation right behind them would undo."""
    found = set()
    for module in network.modules():
        if isinstance(module, nn.Sequential):
            layers = list(module)
            found |= {one for one, after in zip(layers, layers[1:])
                      if isinstance(one, _CONVOLUTIONS) and isinstance(after, _NORMALISATIONS)}
    return found
