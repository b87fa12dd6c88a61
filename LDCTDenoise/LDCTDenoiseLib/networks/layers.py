"""Building blocks that the networks share."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

FORMS = ("literal", "shipped")


def check_form(form: str) -> bool:
    """Return whether ``form`` is the literal one.

    ``literal`` is the network as the papers print it: instance normalisation after every convolution, the predictor
    followed by a ReLU, the output is the image. ``shipped`` has no normalisation and no additive constants, predicts
    the noise and subtracts it. Instance normalisation discards absolute HU, so a literal network must not be cropped
    or applied repeatedly. A network without additive constants predicts noise in proportion to what it sees, which
    carries over to noise levels that training did not hold (Mohan et al., arXiv 1906.05478).

    Raises:
        ValueError: an unknown form.
    """
    if form not in FORMS:
        raise ValueError(f"Unknown network form {form!r}; choose one of {', '.join(FORMS)}.")
    return form == "literal"


class InstanceNorm(nn.InstanceNorm2d):
    """Instance normalisation that lets 1x1 features through: a single value has no variance to divide by."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features if features.shape[-2:] == (1, 1) else super().forward(features)


class ConvBlock(nn.Sequential):
    """3x3 convolution, instance normalisation (literal form only), ReLU; HRNet paper, section 2.1.

    (N, inputs, H, W) to (N, outputs, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1, literal: bool, normalise: bool = True, size: int = 3):
        layers = [nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=literal)]
        if literal and normalise:
            layers.append(InstanceNorm(outputs, affine=True))
        layers.append(nn.ReLU(inplace=True))
        super().__init__(*layers)


def upsample(features: torch.Tensor, size) -> torch.Tensor:
    """Bilinear interpolation of (N, C, h, w) to (N, C, *size)."""
    return functional.interpolate(features, size=size, mode="bilinear", align_corners=False)


def pad_to_multiple(image: torch.Tensor, multiple: int) -> torch.Tensor:
    """Repeat the last row and column of (N, C, H, W) until both sizes are multiples of ``multiple``."""
    rows, columns = (-image.shape[-2]) % multiple, (-image.shape[-1]) % multiple
    return functional.pad(image, (0, columns, 0, rows), mode="replicate") if rows or columns else image


def predict_in_fp32(predictor: nn.Module, features: torch.Tensor) -> torch.Tensor:
    """Run the last layer in fp32 even under autocast: its rounding would reach the image as HU."""
    if features.is_meta:  # shapes without values, which autocast does not know
        return predictor(features)
    with torch.autocast(features.device.type, enabled=False):
        return predictor(features.float())


class Denoiser2d(nn.Module):
    """What all networks share: (N, 1, H, W) network units in, the same out, for every H and W.

    Attributes:
        literal: whether this is the form printed in the papers (see :func:`check_form`).
        stride: the largest stride; the input is padded to a multiple of it and the output cropped back.
        receptive_field: largest distance in pixels, along rows or columns, at which a pixel of the input still
            influences the output; None if the whole image does.
    """

    stride = 1
    receptive_field: int | None = None

    def __init__(self, form: str):
        super().__init__()
        self.literal = check_form(form)

    def predict(self, image: torch.Tensor) -> torch.Tensor:
        """Return the predictor's output for (N, 1, H, W) with H and W multiples of ``stride``."""
        raise NotImplementedError

    def predicted_noise(self, image: torch.Tensor) -> torch.Tensor:
        """Return the predictor's output for (N, 1, H, W) of any size: the noise, in the shipped form."""
        prediction = self.predict(pad_to_multiple(image, self.stride))
        return prediction[..., :image.shape[-2], :image.shape[-1]]

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        prediction = self.predicted_noise(image)
        if self.literal:
            return functional.relu(prediction)
        # Image and prediction are fp32 whatever precision the convolutions ran in.
        return image - prediction
