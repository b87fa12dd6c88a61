"""Building blocks that the networks share."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

FORMS = ("literal", "shipped")
DETAIL_WINDOW = 17
DETAIL_GAIN = 20.0
"""See :func:`with_detail`."""


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

    (N, inputs, H, W) to (N, outputs, ceil(H / stride), ceil(W / stride)). ``biases``: additive constants also in the
    shipped form.
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1, literal: bool, normalise: bool = True,
                 size: int = 3, biases: bool = False):
        layers = [nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=literal or biases)]
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


def with_detail(image: torch.Tensor) -> torch.Tensor:
    """Return (N, 2, H, W): the image's difference from its 17 x 17 mean, times 20, and the image (N, 1, H, W) itself.

    Noise is some hundredths of the image's values. Beside them it trains slowly, and bf16 rounds it away (by 2 to 4
    HU); on its own, scaled to the order of one, it does neither.
    """
    half = DETAIL_WINDOW // 2
    mean = functional.pad(image, (half,) * 4, mode="replicate")
    for size in ((DETAIL_WINDOW, 1), (1, DETAIL_WINDOW)):
        mean = functional.avg_pool2d(mean, size, 1)
    return torch.cat(((image - mean) * DETAIL_GAIN, image), 1)


def in_fp32(layer: nn.Module, features: torch.Tensor) -> torch.Tensor:
    """Run a layer in fp32 even under autocast; so runs every predictor, whose rounding would reach the image as HU."""
    if features.is_meta:  # shapes without values, which autocast does not know
        return layer(features)
    with torch.autocast(features.device.type, enabled=False):
        return layer(features.float())


class Denoiser2d(nn.Module):
    """What all networks share: (N, 1, H, W) network units in, the same out, for every H and W.

    Attributes:
        literal: whether this is the form printed in the papers (see :func:`check_form`).
        stride: the largest stride; the input is padded to a multiple of it and the output cropped back.
        inputs: channels that :meth:`predict` takes: the image, or what :func:`with_detail` makes of it.
        receptive_field: largest distance in pixels, along rows or columns, at which a pixel of the input still
            influences the output; None if the whole image does.
    """

    stride = 1
    receptive_field: int | None = None

    def __init__(self, form: str, detail: bool = True):
        super().__init__()
        self.literal = check_form(form)
        self.inputs = 2 if detail and not self.literal else 1

    @property
    def detail_reach(self) -> int:
        """Pixels by which :func:`with_detail` widens the receptive field."""
        return DETAIL_WINDOW // 2 if self.inputs == 2 else 0

    def initialise(self):
        """Draw the weights anew by He's rule (arXiv 1502.01852), the predictor's as zeros: the identity at first.

        PyTorch's own rule lets the signal fade from layer to layer; without normalisation, training would hardly start.
        """
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for weight in self.predictor.parameters():
            nn.init.zeros_(weight)

    def predict(self, image: torch.Tensor) -> torch.Tensor:
        """Return the predictor's output for (N, inputs, H, W) with H and W multiples of ``stride``."""
        raise NotImplementedError

    def predicted_noise(self, image: torch.Tensor) -> torch.Tensor:
        """Return the predictor's output for (N, 1, H, W) of any size: the noise, in the shipped form."""
        padded = pad_to_multiple(image, self.stride)
        prediction = self.predict(padded) if self.inputs == 1 else self.predict(with_detail(padded)) / DETAIL_GAIN
        return prediction[..., :image.shape[-2], :image.shape[-1]]

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        prediction = self.predicted_noise(image)
        if self.literal:
            return functional.relu(prediction)
        # Image and prediction are fp32 whatever precision the convolutions ran in.
        return image - prediction
