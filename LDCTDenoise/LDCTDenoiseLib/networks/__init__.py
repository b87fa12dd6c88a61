"""Denoising networks; all map (N, 1, H, W) in network units to the same shape."""

from __future__ import annotations

from .hrnet import HRNet
from .layers import FORMS, Denoiser2d
from .plainnet import PlainNet
from .redcnn import REDCNN
from .unet import UNet

ARCHITECTURES = {"hrnet": HRNet, "unet": UNet, "plain": PlainNet, "redcnn": REDCNN}

__all__ = ["ARCHITECTURES", "FORMS", "Denoiser2d", "HRNet", "PlainNet", "REDCNN", "UNet", "build"]


def build(architecture: str, widths, form: str = "shipped", **options) -> Denoiser2d:
    """Return a freshly initialised network.

    Args:
        architecture: a key of ``ARCHITECTURES``.
        widths: channels per branch (hrnet), per level (unet), per layer (plain), or one number (redcnn).
        form: ``"literal"`` (as printed in the papers) or ``"shipped"`` (predicts the noise, no normalisation).
        options: further arguments of the class, for instance ``stages`` of HRNet.

    Raises:
        ValueError: an unknown architecture or form, or widths that are not positive integers.
    """
    if architecture not in ARCHITECTURES:
        raise ValueError(f"Unknown architecture {architecture!r}; choose one of {', '.join(ARCHITECTURES)}.")
    widths = tuple(widths)
    if not widths or any(not isinstance(w, int) or w < 1 for w in widths):
        raise ValueError(f"Widths must be positive integers, not {widths}.")
    network = ARCHITECTURES[architecture](widths, form=form, **options)
    if network.inputs == 2:
        network.initialise()
    return network
