"""Plain convolutional network."""

from __future__ import annotations

import torch
from torch import nn

from .layers import ConvBlock, Denoiser2d, in_fp32


class PlainNet(Denoiser2d):
    """Eight convolutions in a row at full resolution, the smallest of the three; DID paper (arXiv 2011.14873),
    where it is called the plain network and shows that the method is not tied to one architecture (figure 6).

    (N, 1, H, W), seven times (N, width, H, W), (N, 1, H, W). Every layer but the last is followed by a ReLU.
    """

    def __init__(self, widths=(32,) * 7, form: str = "shipped"):
        super().__init__(form)
        inputs = (self.inputs, *widths[:-1])
        self.body = nn.Sequential(*(ConvBlock(i, o, literal=self.literal) for i, o in zip(inputs, widths)))
        self.predictor = nn.Conv2d(widths[-1], 1, 3, padding=1, bias=self.literal)
        self.receptive_field = len(widths) + 1 + self.detail_reach

    def predict(self, image: torch.Tensor) -> torch.Tensor:
        return in_fp32(self.predictor, self.body(image))
