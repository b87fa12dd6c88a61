"""Which part of an image is measured or shown."""

from __future__ import annotations


def middle_window(shape: tuple[int, ...], side: int) -> tuple[slice, ...]:
    """The ``side`` pixels in the middle of every axis of an image, or all where it has fewer."""
    return tuple(slice((n - min(side, n)) // 2, (n - min(side, n)) // 2 + min(side, n)) for n in shape)
