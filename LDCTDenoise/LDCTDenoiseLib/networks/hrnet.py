"""High-resolution network (HRNet)."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from .layers import ConvBlock, Denoiser2d, in_fp32, upsample


class HRNet(Denoiser2d):
    """Denoiser with parallel branches at full, half, quarter and eighth resolution; HRNet paper, section 2.1, figure 1.

    Shapes for an input (N, 1, H, W) and widths (c1, c2, c3, c4)::

        start      (N, c1, H, W), then one stride-two convolution each: (N, c2, H/2, W/2) ... (N, c4, H/8, W/8)
        stage      two convolutions in every branch, shapes kept
        fusion     between stages: every branch becomes the sum of all branches at its resolution; finer ones come
                   down by one stride-two convolution per octave, coarser ones by a 1x1 convolution and bilinear
                   interpolation
        predictor  a 1x1 convolution of all branches, interpolated to H x W and concatenated: (N, 1, H, W)

    The paper gives the widths and the number of stages in a figure only, and does not say how channels are matched
    before an upsampled sum: the 1x1 convolution is our choice. Because 1x1 convolutions and bilinear interpolation
    commute, both run at the coarse resolution, the predictor as one 1x1 convolution per branch whose single channels
    are interpolated and summed: the same numbers for a fraction of the work. ``biases`` puts additive constants into
    the shipped form too, to measure what they do (see :func:`~.layers.check_form`).
    """

    def __init__(self, widths=(16, 32, 64, 128), form: str = "shipped", stages: int = 3, biases: bool = False):
        super().__init__(form)
        literal = self.literal
        block = partial(ConvBlock, literal=literal, biases=biases)
        self.stride = 2 ** (len(widths) - 1)
        self.start = nn.ModuleList(
            block(widths[i - 1] if i else self.inputs, width, stride=2 if i else 1)
            for i, width in enumerate(widths))
        self.stages = nn.ModuleList(
            nn.ModuleList(nn.Sequential(block(w, w), block(w, w)) for w in widths) for _ in range(stages))
        self.fusions = nn.ModuleList(Fusion(widths, block) for _ in range(stages - 1))
        # One bias for the whole predictor: those of the coarser branches would only add to it.
        self.predictor = nn.ModuleList(nn.Conv2d(w, 1, 1, bias=literal and not i) for i, w in enumerate(widths))
        self.receptive_field = self._receptive_field(stages)

    def _receptive_field(self, stages: int) -> int:
        # The start chain, every stage at the coarsest resolution (no detour through finer branches reaches further),
        # and the last interpolation, whose grid lies half a coarse pixel beside that of the strided convolutions.
        reach = self.stride * (2 * stages + 1) + self.stride + self.stride // 2 - 1
        return reach + self.detail_reach

    def predict(self, image: torch.Tensor) -> torch.Tensor:
        branches = []
        for block in self.start:
            branches.append(block(branches[-1] if branches else image))
        for number, stage in enumerate(self.stages):
            branches = [block(branch) for block, branch in zip(stage, branches)]
            if number < len(self.fusions):
                branches = self.fusions[number](branches)
        parts = [in_fp32(conv, branch) for conv, branch in zip(self.predictor, branches)]
        return parts[0] + sum(upsample(part, image.shape[-2:]) for part in parts[1:])


class Fusion(nn.Module):
    """Exchange between branches by summation, made of ``block``; HRNet paper, section 2.1. Shapes are kept."""

    def __init__(self, widths, block):
        super().__init__()
        self.down = nn.ModuleDict()
        self.up = nn.ModuleDict()
        for i, source in enumerate(widths):
            for j, target in enumerate(widths):
                if i < j:
                    chain = [block(source if k == i else widths[k], widths[k + 1], stride=2)
                             for k in range(i, j)]
                    self.down[f"{i}to{j}"] = nn.Sequential(*chain)
                elif i > j:
                    self.up[f"{i}to{j}"] = block(source, target, size=1)

    def forward(self, branches: list[torch.Tensor]) -> list[torch.Tensor]:
        fused = []
        for j, branch in enumerate(branches):
            total = branch
            for i, other in enumerate(branches):
                if i < j:
                    total = total + self.down[f"{i}to{j}"](other)
                elif i > j:
                    total = total + upsample(self.up[f"{i}to{j}"](other), branch.shape[-2:])
            fused.append(total)
        return fused
