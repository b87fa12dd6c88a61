"""U-Net, the seed papers' baseline."""

from __future__ import annotations

import torch
from torch import nn

from .layers import ConvBlock, Denoiser2d, in_fp32, upsample


class UNet(Denoiser2d):
    """Encoder and decoder with nine stride-two levels; HRNet paper, section 2.2.4.

    Shapes for an input (N, 1, H, W) and widths (c0, ..., c9)::

        input layer  (N, c0, H, W)
        encoder      level i = 1..9, a stride-two convolution: (N, ci, ceil(H / 2^i), ceil(W / 2^i));
                     512 x 512 ends at 1 x 1, so that the receptive field is the whole image
        decoder      level i = 8..0: the coarser features, interpolated to level i, concatenated with the encoder's,
                     one convolution: (N, ci, ...)
        predictor    a 1x1 convolution: (N, 1, H, W)

    The paper's widths are 32, 64, 128, 256, 512 and 512 from there on. Sizes round up, so any H and W works without
    padding. Every output pixel depends on the whole image up to 512 x 512 and on a neighbourhood of about that size
    in larger ones: a crop does not give exactly what the full image gives (the shipped weights: within 1 HU on
    average, but 20 HU at single pixels). The 1x1 bottleneck has no normalisation, even in the literal form: a single
    value has no variance.
    """

    LITERAL_WIDTHS = (32, 64, 128, 256, 512, 512, 512, 512, 512, 512)

    def __init__(self, widths=LITERAL_WIDTHS, form: str = "shipped"):
        super().__init__(form)
        literal = self.literal
        last = len(widths) - 1
        self.encoder = nn.ModuleList(
            ConvBlock(widths[i - 1] if i else self.inputs, width, stride=2 if i else 1, literal=literal,
                      normalise=i < last)
            for i, width in enumerate(widths))
        self.decoder = nn.ModuleList(
            ConvBlock(widths[i] + widths[i + 1], widths[i], literal=literal) for i in range(last))
        self.predictor = nn.Conv2d(widths[0], 1, 1, bias=literal)

    def predict(self, image: torch.Tensor) -> torch.Tensor:
        features = image
        skips = []
        for block in self.encoder:
            features = self._encode(block, features)
            skips.append(features)
        skips.pop()
        for block in reversed(self.decoder):
            skip = skips.pop()
            features = block(torch.cat((skip, upsample(features, skip.shape[-2:])), 1))
        return in_fp32(self.predictor, features)

    @staticmethod
    def _encode(block: nn.Module, features: torch.Tensor) -> torch.Tensor:
        """Apply ``block``; the deepest levels in fp32, where bf16 saves nothing and gives no finite gradients."""
        if min(features.shape[-2:]) > 2:
            return block(features)
        return in_fp32(block, features)
