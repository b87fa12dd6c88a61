"""The distance between a network's output and a bound, as a function of the network's weights."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from LDCTDenoiseLib.hu import to_hu, to_network
from LDCTDenoiseLib.inference import exact_fp32, stops

from .parameterisation import Parameterisation
from .piece import Piece


@dataclass(frozen=True)
class State:
    """One set of weights (a flat vector) and what the network does with them.

    ``loss`` is the mean squared error in network units, ``noise`` the noise SD in HU, ``gradient`` that of the loss,
    ``image`` (n, J, I) the output in HU, float32.
    """

    values: torch.Tensor
    loss: float
    noise: float
    gradient: torch.Tensor | None
    image: np.ndarray

    @property
    def finite(self) -> bool:
        return (math.isfinite(self.loss) and math.isfinite(self.noise) and self.noise > 0
                and (self.gradient is None or bool(torch.isfinite(self.gradient).all())))


class Objective:
    """Mean of (phi_w(x) - t)^2 over the scan field of a piece: equations (4) and (5) of the DID paper.

    All in fp32, one slice at a time, so that memory does not grow with the number of slices.
    """

    def __init__(self, piece: Piece, parameterisation: Parameterisation, direction: str, cancelled=None):
        self.piece, self.parameterisation, self.direction = piece, parameterisation, direction
        self._cancelled = cancelled
        self._inputs = self._units(piece.array)
        self._targets = self._units(piece.bound(direction))
        self._inside = torch.from_numpy(~piece.outside)[:, None]
        self.pixels = int(self._inside.sum())

    @staticmethod
    def _units(hu: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(to_network(hu.astype(np.float32)))[:, None]

    def evaluate(self, values: torch.Tensor, gradient: bool = True) -> State:
        """Return the state at ``values``; without ``gradient`` for a third of the cost.

        Raises Cancelled, and RuntimeError where the memory of a GPU does not hold one slice with its gradients.
        """
        try:
            return self._evaluate(values, gradient)
        except torch.cuda.OutOfMemoryError:
            pass
        raise RuntimeError("GPU memory ran out while the network was tuned; choose the CPU, or the method 'blend'.")

    def _evaluate(self, values: torch.Tensor, gradient: bool) -> State:
        values = values.detach().requires_grad_(gradient)
        device = values.device
        total, slope, outputs = 0.0, torch.zeros_like(values) if gradient else None, []
        with stops(self.parameterisation.template, self._cancelled) as stop_if_cancelled, exact_fp32():
            for units, target, inside in zip(self._inputs, self._targets, self._inside):
                stop_if_cancelled()
                units, target, inside = (one[None].to(device) for one in (units, target, inside))
                with torch.set_grad_enabled(gradient):
                    output = units - self.piece.effect * (units - self.parameterisation.output(values, units))
                    error = torch.where(inside, output - target, 0.0).square().sum() / self.pixels
                if gradient:
                    slope += torch.autograd.grad(error, values)[0]
                total += float(error.detach())
                outputs.append(output.detach()[0, 0].cpu().numpy())
        image = np.where(self.piece.outside, self.piece.array, to_hu(np.stack(outputs))).astype(np.float32)
        return State(values.detach(), total, self.piece.probe.sd(image), slope, image)
