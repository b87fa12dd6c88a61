"""Fan-beam projection and filtered backprojection (FBP) in PyTorch, for CPU and GPU, in batches.

Geometry: a point source on a circle, an equiangular (curved) detector opposite to it, views over a full turn. The
default is the rebinned geometry of the AAPM/Mayo low-dose challenge. Reconstruction follows Kak and Slaney, Principles
of Computerized Tomographic Imaging (1988, doi:10.1137/1.9780898719277), section 3.4.1.

Images are (batch, row, column) of attenuation per mm, sinograms (batch, view, channel) of line integrals without unit.
The isocentre is the centre of the image. Everything works in float32.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch.nn import functional

_SAMPLES_PER_CHUNK = {"cpu": 500_000, "cuda": 50_000_000}
"""Bound on temporary samples: they stay in the cache of a CPU core, and within a few GB on a GPU."""


@dataclass(frozen=True)
class FanBeamGeometry:
    """Lengths in mm; ``channel_pitch`` is measured along the detector arc."""

    views: int = 1152
    channels: int = 736
    channel_pitch: float = 1.2858
    source_isocentre: float = 595.0
    source_detector: float = 1085.6

    @property
    def channel_angle(self) -> float:
        """Fan angle between neighbouring channels, radians."""
        return self.channel_pitch / self.source_detector

    @property
    def pitch_at_isocentre(self) -> float:
        """Distance between neighbouring channels' rays at the isocentre, mm."""
        return self.channel_angle * self.source_isocentre

    @property
    def field_of_view_radius(self) -> float:
        """Radius of the circle that every view sees whole, mm."""
        return self.source_isocentre * math.sin((self.channels - 1) / 2 * self.channel_angle)

    def fan_angles(self, device="cpu") -> torch.Tensor:
        """Angles of the channel centres from the central ray, radians, (channels,)."""
        index = torch.arange(self.channels, dtype=torch.float32, device=device)
        return (index - (self.channels - 1) / 2) * self.channel_angle

    def view_angles(self, device="cpu") -> torch.Tensor:
        """Source positions on the circle, radians, (views,)."""
        return torch.arange(self.views, dtype=torch.float32, device=device) * (2 * math.pi / self.views)

    def covering(self, radius: float) -> FanBeamGeometry:
        """Return this geometry with as many channels more as a field of view of ``radius`` mm needs.

        Raises:
            ValueError: the source itself would lie inside that field of view.
        """
        if radius >= 0.95 * self.source_isocentre:
            raise ValueError(f"A field of view of {2 * radius:.0f} mm does not fit between source and detector "
                             f"(source to isocentre {self.source_isocentre:.0f} mm).")
        needed = 2 * math.ceil(math.asin(radius / self.source_isocentre) / self.channel_angle) + 4
        return replace(self, channels=max(self.channels, needed))


def pixel_positions(shape, spacing, device="cpu") -> tuple[torch.Tensor, torch.Tensor]:
    """Return x and y of the pixel centres in mm, each (rows, columns); ``spacing`` is (row, column) in mm."""
    rows, columns = shape
    y = (torch.arange(rows, dtype=torch.float32, device=device) - (rows - 1) / 2) * spacing[0]
    x = (torch.arange(columns, dtype=torch.float32, device=device) - (columns - 1) / 2) * spacing[1]
    y, x = torch.meshgrid(y, x, indexing="ij")
    return x, y


def _chunk(device) -> int:
    return _SAMPLES_PER_CHUNK.get(device.type, _SAMPLES_PER_CHUNK["cpu"])


def image_radius(shape, spacing) -> float:
    """Return the radius in mm of the circle through the centres of the corner pixels."""
    return math.hypot((shape[0] - 1) * spacing[0], (shape[1] - 1) * spacing[1]) / 2


def _turns(shape, spacing, views: int) -> int:
    """Return how many rotations (4, 2 or 1) map the views and the pixel grid onto themselves.

    Such views are computed together, as a larger batch: the positions along the rays are worked out only once.
    """
    if views % 4 == 0 and shape[0] == shape[1] and spacing[0] == spacing[1]:
        return 4
    return 2 if views % 2 == 0 else 1


def project(images: torch.Tensor, spacing, geometry: FanBeamGeometry) -> torch.Tensor:
    """Return the line integrals of ``images`` (batch, rows, columns), per mm: (batch, views, channels), no unit.

    Joseph's method (doi:10.1109/TMI.1982.4307572): each ray takes one linearly interpolated sample in every column, or
    in every row if it runs closer to the columns' direction. The images are zero outside.
    """
    device, batch = images.device, images.shape[0]
    turns = _turns(images.shape[1:], spacing, geometry.views)
    views = geometry.views // turns
    images = torch.cat([torch.rot90(images.float(), turn * (4 // turns), (1, 2)) for turn in range(turns)])
    beta = geometry.view_angles(device)[:views, None]
    toward = beta + math.pi - geometry.fan_angles(device)
    directions = torch.stack((toward.cos(), toward.sin()), -1).reshape(-1, 2)
    sources = torch.stack((beta.cos(), beta.sin()), -1) * geometry.source_isocentre
    sources = sources.expand(-1, geometry.channels, -1).reshape(-1, 2)
    steep = directions[:, 1].abs() > directions[:, 0].abs()
    integrals = torch.empty(directions.shape[0], images.shape[0], device=device)
    integrals[~steep] = _march(images, spacing, sources[~steep], directions[~steep])
    integrals[steep] = _march(images.transpose(1, 2), tuple(spacing)[::-1], sources[steep].flip(1),
                              directions[steep].flip(1))
    integrals = integrals.reshape(views, geometry.channels, turns, batch)
    return integrals.permute(3, 2, 0, 1).reshape(batch, geometry.views, geometry.channels)


def _march(images, spacing, sources, directions):
    """Line integrals (rays, batch) of rays that run mainly along the rows: one sample per column."""
    batch, rows, columns = images.shape
    device = images.device
    # A border of zeros takes the samples that fall outside.
    table = functional.pad(images, (0, 0, 1, 1)).permute(2, 1, 0).reshape(-1, batch).contiguous()
    column = torch.arange(columns, dtype=torch.int32, device=device)
    x = (column - (columns - 1) / 2) * spacing[1]
    slope = (directions[:, 1] / directions[:, 0])[:, None]
    length = spacing[1] * (1 + slope ** 2).sqrt()
    integrals = torch.empty(sources.shape[0], batch, device=device)
    rays = max(1, _chunk(device) // (2 * columns))
    for start in range(0, sources.shape[0], rays):
        part = slice(start, start + rays)
        y = sources[part, 1:] + slope[part] * (x - sources[part, :1])
        row = (y / spacing[0] + (rows + 1) / 2).clamp_(0, rows + 0.999)
        below = row.int()
        share = (row - below) * length[part]
        index = below + column * (rows + 2)
        integrals[part] = functional.embedding_bag(torch.cat((index, index + 1), 1), table, mode="sum",
                                                   per_sample_weights=torch.cat((length[part] - share, share), 1))
    return integrals


def ramp_filter(geometry: FanBeamGeometry, kernel=None, device="cpu") -> torch.Tensor:
    """Return the filter's frequency response for sinograms padded to at least twice their length, (length / 2 + 1,).

    The equiangular ramp of Kak and Slaney, equation (3.102): the band-limited ramp sampled in space (so that the mean
    is right), times (gamma / sin gamma)^2 / 2. With ``kernel`` (see :class:`~LDCTDenoiseLib.kernels.Kernel`) it is
    multiplied by that response at the isocentre's scale and freed from the roll-off of linear interpolation.
    """
    length = 2 ** math.ceil(math.log2(2 * geometry.channels))
    # In float64 on the CPU: MPS devices have none.
    index = torch.arange(length, dtype=torch.float64)
    index = torch.where(index > length // 2, index - length, index)
    gamma = index * geometry.channel_angle
    odd = index.long() % 2 != 0
    ramp = torch.zeros_like(gamma)
    ramp[odd] = -0.5 / (math.pi * gamma[odd].sin()) ** 2
    ramp[0] = 1 / (8 * geometry.channel_angle ** 2)
    response = torch.fft.rfft(ramp).real
    if kernel is not None:
        cycles = torch.arange(length // 2 + 1, dtype=torch.float64) / length
        response = response * kernel.response(cycles / geometry.pitch_at_isocentre) / torch.sinc(cycles) ** 2
    return response.float().to(device)


def filter_sinogram(sinogram: torch.Tensor, geometry: FanBeamGeometry, kernel=None) -> torch.Tensor:
    """Weight by the cosine of the fan angle and filter (batch, views, channels); same shape."""
    response = ramp_filter(geometry, kernel, sinogram.device)
    length = 2 * (response.numel() - 1)
    weighted = sinogram * (geometry.fan_angles(sinogram.device).cos() * geometry.source_isocentre)
    spectrum = torch.fft.rfft(weighted, n=length) * response
    return torch.fft.irfft(spectrum, n=length)[..., :geometry.channels] * geometry.channel_angle


def backproject(filtered: torch.Tensor, shape, spacing, geometry: FanBeamGeometry, radius=None) -> torch.Tensor:
    """Return the images (batch, rows, columns) per mm of filtered sinograms (batch, views, channels).

    Linear interpolation between channels. Pixels farther than ``radius`` mm from the isocentre are zero; None
    reconstructs the whole image.

    Raises:
        ValueError: that circle is wider than the field of view; see :meth:`FanBeamGeometry.covering`.
    """
    radius = image_radius(shape, spacing) if radius is None else radius
    if radius > geometry.field_of_view_radius:
        raise ValueError(f"The image circle ({2 * radius:.0f} mm) is wider than the field of view "
                         f"({2 * geometry.field_of_view_radius:.0f} mm); widen it with FanBeamGeometry.covering().")
    device, batch = filtered.device, filtered.shape[0]
    x, y = pixel_positions(shape, spacing, device)
    inside = (x ** 2 + y ** 2 <= (radius + 1e-3) ** 2).reshape(-1)
    x, y = x.reshape(-1)[inside], y.reshape(-1)[inside]
    turns = _turns(shape, spacing, geometry.views)
    count = geometry.views // turns
    # Sinograms as a table (view and channel, turn and batch): one gather serves all turns of the whole batch.
    table = filtered.reshape(batch, turns, count, geometry.channels).permute(2, 3, 1, 0).reshape(-1, turns * batch)
    result = torch.zeros(x.numel(), turns * batch, device=device)
    pixels = min(x.numel(), 16384)
    views = max(1, _chunk(device) // (2 * pixels))
    angles = geometry.view_angles(device)[:count]
    for first in range(0, count, views):
        beta = angles[None, first:first + views]
        offset = torch.arange(first, first + beta.numel(), dtype=torch.int32, device=device)[None] * geometry.channels
        for start in range(0, x.numel(), pixels):
            px, py = x[start:start + pixels, None], y[start:start + pixels, None]
            ahead = geometry.source_isocentre - (px * beta.cos() + py * beta.sin())
            aside = py * beta.cos() - px * beta.sin()
            channel = torch.atan2(aside, ahead) / geometry.channel_angle + (geometry.channels - 1) / 2
            left = channel.int()
            weight = 1 / (ahead ** 2 + aside ** 2)
            share = (channel - left) * weight
            left += offset
            result[start:start + pixels] += functional.embedding_bag(
                torch.cat((left, left + 1), 1), table, mode="sum",
                per_sample_weights=torch.cat((weight - share, share), 1))
    images = torch.zeros(inside.numel(), turns * batch, device=device)
    images[inside] = result * (2 * math.pi / geometry.views)
    images = images.T.reshape(turns, batch, *shape)
    return sum(torch.rot90(images[turn], -turn * (4 // turns), (1, 2)) for turn in range(turns))


def reconstruct(sinogram: torch.Tensor, shape, spacing, geometry: FanBeamGeometry, kernel=None,
                radius=None) -> torch.Tensor:
    """Filtered backprojection: (batch, views, channels) to (batch, rows, columns), per mm.

    ``kernel`` None is the bare ramp; :class:`~LDCTDenoiseLib.kernels.Kernel` otherwise. ``radius`` see
    :func:`backproject`.
    """
    return backproject(filter_sinogram(sinogram, geometry, kernel), shape, spacing, geometry, radius)


def point_variance(variance: torch.Tensor, point, geometry: FanBeamGeometry, kernel=None) -> torch.Tensor:
    """Return the variance (batch,) of a reconstruction at ``point`` (x, y in mm), in per mm squared.

    Args:
        variance: (batch, views, channels), variance of independent noise in the sinogram.

    Linear theory: the squared weights of every sinogram value in that pixel, with linear interpolation averaged over
    the positions between two channels.
    """
    device = variance.device
    weights = torch.fft.irfft(ramp_filter(geometry, kernel, device)) * geometry.channel_angle
    following = weights.roll(-1)
    squared = torch.fft.rfft((weights ** 2 + following ** 2 + weights * following) / 3)
    scaled = variance * (geometry.fan_angles(device).cos() * geometry.source_isocentre) ** 2
    length = weights.numel()
    filtered = torch.fft.irfft(torch.fft.rfft(scaled, n=length) * squared, n=length)[..., :geometry.channels]
    beta = geometry.view_angles(device)
    ahead = geometry.source_isocentre - (point[0] * beta.cos() + point[1] * beta.sin())
    aside = point[1] * beta.cos() - point[0] * beta.sin()
    channel = (torch.atan2(aside, ahead) / geometry.channel_angle + (geometry.channels - 1) / 2).round().long()
    at_point = filtered[:, torch.arange(geometry.views, device=device), channel.clamp(0, geometry.channels - 1)]
    return (at_point * (2 * math.pi / geometry.views / (ahead ** 2 + aside ** 2)) ** 2).sum(-1)
