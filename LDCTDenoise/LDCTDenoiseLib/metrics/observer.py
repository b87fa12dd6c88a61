"""Detectability index d' of a channelised Hotelling observer: how well two kinds of image can be told apart.

Channels: dense differences of Gaussians (Abbey and Barrett, doi:10.1364/JOSAA.18.000473), round, as rods and lesions in
a slice are: C_j(f) = exp(-(f / (Q s_j))^2 / 2) - exp(-(f / s_j)^2 / 2), s_j = s_0 a^j, Q = 1.67, a = 1.4; here in
cycles per mm, so that pixel sizes can be compared. Every channel ignores the mean. No internal noise is added.

d'^2 = (m_1 - m_0)^T S^-1 (m_1 - m_0) of the channels' outputs is too large for finite samples, by a factor and a sum
that are known where the outputs are normal (Wunderlich and Noo, doi:10.1109/TMI.2009.2012705); both are taken off.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

NARROWEST = 0.03
"""s_0 in cycles per mm: a band around .05 per mm, as wide as a region of 30 mm can show."""
RATIO, WIDTH = 1.4, 1.67
COUNT = 6
"""The last band lies around .29 per mm, where a soft kernel still passes most of the signal."""


def dog_channels(size: int, pixel: float, centre: Sequence[float]) -> np.ndarray:
    """Templates (COUNT, size, size) around ``centre`` (row, column) in pixels, of unit energy; ``pixel`` in mm.

    Raises ValueError for a region below 8 pixels or a centre outside it.
    """
    if size < 8 or not all(0 <= c <= size - 1 for c in centre):
        raise ValueError(f"A region of {size} pixels with its centre at {tuple(centre)} is no place for channels; it "
                         "needs at least 8 pixels and a centre inside.")
    row, column = (np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None, :])
    frequency = np.hypot(row, column) / pixel
    place = np.exp(-2j * np.pi * (row * centre[0] + column * centre[1]))
    spread = NARROWEST * RATIO ** np.arange(COUNT)[:, None, None]
    band = np.exp(-0.5 * (frequency / (WIDTH * spread)) ** 2) - np.exp(-0.5 * (frequency / spread) ** 2)
    templates = np.fft.ifft2(band * place).real
    return templates / np.sqrt((templates ** 2).sum(axis=(1, 2), keepdims=True))


def channel_outputs(regions: np.ndarray, templates: np.ndarray) -> np.ndarray:
    """Outputs (n, channels) for regions (n, rows, columns) in HU. Raises ValueError if the sizes disagree."""
    if regions.ndim != 3 or regions.shape[1:] != templates.shape[1:]:
        raise ValueError(f"Regions {regions.shape} do not fit templates {templates.shape}; cut both to one size.")
    return np.tensordot(regions.astype(np.float64), templates, axes=((1, 2), (1, 2)))


def detectability_squared(first: np.ndarray, second: np.ndarray, others: Sequence[np.ndarray] = ()) -> float:
    """Unbiased d'^2 between two kinds of image, from their channel outputs (n, channels) each.

    ``others``: outputs of further kinds that hold the same noise; they help to know its covariance, nothing else.
    Unbiased means that two kinds which do not differ give a value around 0, below it as often as above. Raises
    ValueError with too few samples for a covariance that can be inverted.
    """
    kinds = [np.asarray(kind, dtype=np.float64) for kind in (first, second, *others)]
    channels = kinds[0].shape[1]
    freedom = sum(len(kind) - 1 for kind in kinds)
    if min(len(kind) for kind in kinds) < 2 or freedom < channels + 2:
        raise ValueError(f"{freedom + len(kinds)} samples are too few for {channels} channels.")
    scatter = sum(((kind - kind.mean(axis=0)).T @ (kind - kind.mean(axis=0))) for kind in kinds)
    difference = kinds[0].mean(axis=0) - kinds[1].mean(axis=0)
    raw = float(difference @ np.linalg.solve(scatter / freedom, difference))
    return raw * (freedom - channels - 1) / freedom - channels * (1 / len(kinds[0]) + 1 / len(kinds[1]))


def detectability(first: np.ndarray, second: np.ndarray, others: Sequence[np.ndarray] = ()) -> float:
    """d' = the root of :func:`detectability_squared`; the negative root of its amount where that is negative."""
    squared = detectability_squared(first, second, others)
    return float(np.sign(squared) * np.sqrt(abs(squared)))
