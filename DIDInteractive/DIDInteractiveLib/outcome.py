"""What became of the candidates of one direction, as words and numbers, so that nobody has to read one in the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Outcome:
    """Why the search for the candidates of one direction ended, and how far it got; ``str`` gives the sentences.

    Attributes:
        words: the sentences with a place such as ``{noise:.1f}`` for every number. Searches that ended alike have the
            same words.
        numbers: what stands in these places; "noise" is a noise SD in HU, "step" the last step of a descent, counted
            from 1, those taken back included.
    """

    words: str
    numbers: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.words.format(**self.numbers)

    def followed_by(self, words: str, **numbers: float) -> Outcome:
        """Return this outcome with further ``words``, whose ``numbers`` have names of their own."""
        return Outcome(self.words + words, {**self.numbers, **numbers})

    @property
    def step(self) -> int | None:
        """The last step of the descent that the sentences tell of; None where there was none."""
        return self.numbers.get("step")

    @property
    def tells_noise(self) -> bool:
        """Whether the sentences name a noise SD."""
        return "noise" in self.numbers


def of_slices(direction: str, wanted: int, counts: Sequence[int], outcomes: Sequence[Outcome]) -> Outcome:
    """What became of a direction on several slices (or none): how far they got, and their commonest outcome.

    ``counts`` says of each slice how many of the ``wanted`` candidates were reached.
    """
    if not outcomes:
        return Outcome(f"The {direction} side was blended in all slices, as none was fit to be tuned on its own.")
    least, most = min(counts), max(counts)
    some = f"{most}" if least == most else f"{least} to {most}"
    text = (f"The {direction} side was made on {len(counts)} slices, each on its own: {some} of {wanted} "
            f"candidate{'s' * (wanted > 1)} {'was' if least == most == 1 else 'were'} reached in each.")
    # The same outcome has other numbers in every slice.
    [(words, often)] = Counter(one.words for one in outcomes).most_common(1)
    given = next(one for one in outcomes if one.words == words)
    return Outcome(f"{text} Commonest outcome ({often} of {len(counts)}, one is given): {words}", given.numbers)
