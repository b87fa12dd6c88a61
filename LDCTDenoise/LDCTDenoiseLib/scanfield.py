"""The part of each slice that lies outside the scan field, where there is nothing to denoise.

Scanners fill the corners outside the reconstructed circle with one constant. That constant is often also the lowest
value that noisy air is clipped to, so "equal to the minimum" would punch holes into air. Two facts separate them: the
scan field is convex, so every voxel between two measured ones was measured too, and padding is solid, while clipped
noise is speckle.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

HIGHEST_FLOOR_HU = -900.0
"""Padding is at most air; a uniform border above this is an object that fills the image."""
SMALLEST_CORNER = 3
"""Half width in voxels of the largest square that must fit into the padding of a slice, even in noise-free air."""
NOISE_MARGIN = 2
"""Padding must hold a square this many times wider than the largest square of clipped voxels inside the field."""
SOLID_HALF_WIDTH = 24
"""A bay of the floor that holds a square of twice this width is no noise (air that was masked away by hand)."""


def outside_scan_field(array: np.ndarray, padding: np.ndarray | None = None) -> np.ndarray:
    """Return the voxels outside the scan field.

    ``array`` is a volume (slice, row, column) in HU; ``padding`` is what the file declares as padding, if anything, and
    always belongs to the result. Each slice is judged alone. The result is bool of the same shape, and empty for images
    without padding, whose noisy air may well be clipped. Raises ValueError for arrays that do not have three axes.
    """
    if array.ndim != 3:
        raise ValueError(f"A volume (slice, row, column) is needed, but the array has {array.ndim} axes.")
    if padding is not None and padding.shape != array.shape:
        raise ValueError(f"The padding mask is {padding.shape}, but the volume is {array.shape}.")
    outside = np.zeros(array.shape, dtype=bool)
    for k, image in enumerate(array):
        known = None if padding is None else padding[k]
        outside[k] = _outside_of_slice(image, known)
    return outside


def _outside_of_slice(image: np.ndarray, known: np.ndarray | None) -> np.ndarray:
    floor = np.zeros(image.shape, dtype=bool) if known is None else known.astype(bool)
    declared = floor[[0, 0, -1, -1], [0, -1, 0, -1]].any()
    # A file that declares its corners needs no guess, and air clipped to another value is no padding then.
    value = None if declared else _border_value(image, floor)
    if value is not None:
        floor |= image == value
    if not floor.any():
        return floor
    field = _convex_field(~floor)
    corners = floor & ~field
    clipped = floor & field
    result = np.zeros_like(floor) if known is None else known.astype(bool)

    bays = np.zeros_like(floor)
    if _half_width(clipped) >= SOLID_HALF_WIDTH:
        bays = _solid_bays(floor, corners)
        clipped &= ~_solid(clipped)
    if _half_width(corners) >= max(SMALLEST_CORNER, NOISE_MARGIN * _half_width(clipped)):
        result |= corners
    return result | bays


def _border_value(image: np.ndarray, known: np.ndarray):
    """The most frequent value along the edge of the image that is not known padding, or None if it is no floor."""
    edge = np.concatenate([image[0], image[-1], image[1:-1, 0], image[1:-1, -1]])
    edge_known = np.concatenate([known[0], known[-1], known[1:-1, 0], known[1:-1, -1]])
    values, counts = np.unique(edge[~edge_known], return_counts=True)
    if len(values) == 0 or values[np.argmax(counts)] > HIGHEST_FLOOR_HU:
        return None
    return values[np.argmax(counts)]


def _convex_field(measured: np.ndarray) -> np.ndarray:
    """Smallest convex region that holds every measured voxel of a slice."""
    rows = np.flatnonzero(measured.any(axis=1))
    field = np.zeros_like(measured)
    if len(rows) == 0:
        return field
    first = measured[rows].argmax(axis=1)
    last = measured.shape[1] - 1 - measured[rows, ::-1].argmax(axis=1)
    spanned = np.arange(rows[0], rows[-1] + 1)
    left = _lower_envelope(rows, first, spanned)
    right = -_lower_envelope(rows, -last, spanned)
    columns = np.arange(measured.shape[1])
    # Envelopes are straight lines between voxel centres; the tolerance keeps the centres that lie on them.
    inside = (columns >= left[:, None] - 1e-6) & (columns <= right[:, None] + 1e-6)
    field[rows[0] : rows[-1] + 1] = inside
    return field


def _lower_envelope(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The largest convex function below the points (x ascending), evaluated ``at`` (Andrew's monotone chain)."""
    hull: list[tuple[int, int]] = []
    for point in zip(x.tolist(), y.tolist()):
        while len(hull) > 1 and _turns_down(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    corners = np.array(hull)
    return np.interp(at, corners[:, 0], corners[:, 1])


def _turns_down(a, b, c) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) <= (b[1] - a[1]) * (c[0] - a[0])


def _half_width(mask: np.ndarray) -> int:
    """Half width in voxels of the largest square inside the mask; the image's edge is no limit to a square."""
    if mask.all():
        return max(mask.shape)
    return int(ndimage.distance_transform_cdt(mask, metric="chessboard").max())


def _solid(mask: np.ndarray) -> np.ndarray:
    """The connected parts of the mask that hold a square too large for noise."""
    labels, _ = ndimage.label(mask)
    kept = np.unique(labels[ndimage.distance_transform_cdt(mask, metric="chessboard") >= SOLID_HALF_WIDTH])
    return np.isin(labels, kept[kept > 0])


def _solid_bays(floor: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Solid floor inside the convex field that is connected to the edge, as where air was masked away around a body.

    Parts narrower than five voxels are left to the network, since speckle can look like them.
    """
    # Beyond the edge of the image counts as floor, so that bays keep their full width there.
    opened = ndimage.binary_opening(np.pad(floor, 2, mode="edge"), np.ones((5, 5)))[2:-2, 2:-2]
    bays = _solid(opened & ~corners)
    labels, _ = ndimage.label(corners | bays)
    at_edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    return bays & np.isin(labels, at_edge[at_edge > 0])
