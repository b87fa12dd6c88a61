"""HRNet with neighbouring slices as further input."""

from __future__ import annotations

import torch
from LDCTDenoiseLib.networks.hrnet import HRNet
from LDCTDenoiseLib.networks.layers import DETAIL_GAIN, ConvBlock, pad_to_multiple, with_detail


class StackHRNet(HRNet):
    """The shipped form for (N, slices, H, W) in network units; gives the first of the slices, (N, 1, H, W), denoised.

    Every slice has the same two channels as the single one has in :class:`LDCTDenoiseLib.networks.hrnet.HRNet`; only
    the first convolution is wider.
    """

    def __init__(self, widths: tuple[int, ...], slices: int):
        super().__init__(widths)
        self.slices = slices
        self.start[0] = ConvBlock(self.inputs * slices, widths[0], literal=False)
        self.initialise()

    def forward(self, stack: torch.Tensor) -> torch.Tensor:
        padded = pad_to_multiple(stack[:, :self.slices], self.stride)
        seen = torch.cat([with_detail(one) for one in padded.split(1, 1)], 1)
        noise = self.predict(seen) / DETAIL_GAIN
        return stack[:, :1] - noise[..., :stack.shape[-2], :stack.shape[-1]]


class OneSliceSeenAsAll(torch.nn.Module):
    """A :class:`StackHRNet` for (N, 1, H, W), which counting its multiply-adds takes."""

    def __init__(self, network: StackHRNet):
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.network(image.expand(-1, self.network.slices, -1, -1))
