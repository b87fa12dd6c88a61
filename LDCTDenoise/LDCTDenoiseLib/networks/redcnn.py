"""Residual encoder-decoder network (RED-CNN), the baseline to beat."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from .layers import Denoiser2d, in_fp32


class REDCNN(Denoiser2d):
    """Five 5x5 convolutions and five transposed ones with three shortcuts: RED-CNN (Chen et al., IEEE Transactions on
    Medical Imaging 36(12), 2017, doi:10.1109/TMI.2017.2715284).

    (N, 1, H, W); (N, c, H - 4k, W - 4k) after k = 1..5 unpadded convolutions; back to (N, 1, H, W). The shortcuts add
    the features after two and four convolutions, and the input itself. The paper's width c is 96. The published
    network ends with a ReLU, which would cut everything below -1000 HU; here the last sum is left as it is. It has
    one form only: its last shortcut makes it predict the (negative) noise. ``detail`` gives it the input and the start
    of the other shipped networks (:func:`~.layers.with_detail`): as published, it learns many times more slowly.
    """

    _LAYERS = 5

    def __init__(self, widths=(96,), form: str = "shipped", detail: bool = False):
        super().__init__(form, detail)
        if self.literal:
            raise ValueError("RED-CNN has one form only; choose 'shipped'.")
        width, = widths
        self.encoder = nn.ModuleList(nn.Conv2d(width if i else self.inputs, width, 5) for i in range(self._LAYERS))
        self.decoder = nn.ModuleList(
            nn.ConvTranspose2d(width, width if i < self._LAYERS - 1 else 1, 5) for i in range(self._LAYERS))
        self.receptive_field = 4 * self._LAYERS + self.detail_reach

    @property
    def predictor(self) -> nn.Module:
        """The last layer."""
        return self.decoder[-1]

    def predict(self, image: torch.Tensor) -> torch.Tensor:
        # Unpadded convolutions need 21 pixels; smaller images are padded and cropped again.
        short = [max(0, 4 * self._LAYERS + 1 - size) for size in image.shape[-2:]]
        padded = functional.pad(image, (0, short[1], 0, short[0]), mode="replicate")
        features, skips = padded, []
        for number, conv in enumerate(self.encoder):
            features = functional.relu(conv(features))
            if number in (1, 3):
                skips.append(features)
        *inner, last = self.decoder
        for number, conv in enumerate(inner):
            features = conv(features)
            if number in (0, 2):
                features = features + skips.pop()
            features = functional.relu(features)
        return -in_fp32(last, features)[..., :image.shape[-2], :image.shape[-1]]
