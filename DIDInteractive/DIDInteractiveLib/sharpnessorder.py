"""How candidates are kept in order of sharpness, as :class:`.edges.EdgeProbe` sees it: a share of the input's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

LEAST_STEP = 0.25
"""From one sharper candidate to the next at least this share of what mixtures of the same noise gain."""
FARTHEST, TRIALS = 0.4, 4
"""A share moves by at most so much of the way to its neighbour, in so many trials on either side."""


def rising_parts(edges: Sequence[float], mixed: Sequence[float]) -> list[float] | None:
    """Return how much of each sharper candidate (0..1) is kept so that sharpness rises up to the input's.

    The rest is a mixture of default and input with the same noise. The mixtures' sharpness ``mixed`` rises steadily to
    the input's, 1, while that of the candidates, ``edges``, may reach or pass it early; both run from the default
    outwards. Sharpness is linear in the image, so from the input downwards each candidate is kept as far as the next
    one stays sharper, by a quarter at least of what it gains between mixtures. One that is less sharp than its mixture
    gives way to it.

    None where there is no order to keep: no edges to judge by (NaN), or mixtures that do not rise.
    """
    above, mixed_above, parts = 1.0, 1.0, []
    for own, mixture in zip(reversed(edges), reversed(mixed), strict=True):
        if not (mixture < mixed_above and own == own):
            return None
        most = above - LEAST_STEP * (mixed_above - mixture)
        part = min(1.0, (most - mixture) / (own - mixture)) if own > mixture else 0.0
        above, mixed_above = mixture + part * (own - mixture), mixture
        parts.insert(0, part)
    return parts


def falling_shares(shares: Sequence[float], edges: Callable[[float], float]) -> list[float] | None:
    """Return shares of the smooth bound with which the sharpness of mixtures falls at every step.

    Before they are rounded to whole HU, mixtures are in order by themselves. Rounding moves the sharpness of an image
    by some thousandths of a percent, as much as a step towards the bound of a good network does. Then some of the
    shares move a little.

    Args:
        shares: rising, 0 to 1; the last one stays.
        edges: the sharpness at a share, as rounded.

    Returns:
        The shares that move least in all, or None where no choice is in order.
    """
    chains = [(0.0, edges(0.0), [])]
    """For each trial share of a step: how much was moved until there, its sharpness, the shares until there."""
    first = [edges(share) for share in shares]
    if all(after < before for before, after in zip([chains[0][1], *first], first)):
        return list(shares)
    for number, share in enumerate(shares):
        around = (shares[number - 1] if number else 0.0, shares[min(number + 1, len(shares) - 1)])
        found = []
        for trial in range(-TRIALS, TRIALS + 1) if number < len(shares) - 1 else (0,):
            part = FARTHEST * abs(trial) / TRIALS
            moved = share + part * (around[trial > 0] - share)
            sharpness = edges(moved) if trial else first[number]
            before = min((chain for chain in chains if chain[1] > sharpness), default=None)
            if before:
                found.append((before[0] + part, sharpness, [*before[2], moved]))
        if not found:
            return None
        chains = found
    return chains[0][2]
