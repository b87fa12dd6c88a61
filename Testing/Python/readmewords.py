"""Numbers as a sentence prints them: with its decimals, or spelt out."""

from __future__ import annotations

import math
import re

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
           "thirteen", "fourteen", "fifteen", "sixteen")
HALF_WITHIN = 0.1
"""What may be called "half" of something that was measured."""
SLOT = rf"(\d+(?:\.\d+)?|half|{'|'.join(NUMBERS)})"


class Near:
    """A value that is printed rounded; a tie may be rounded either way."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"{self.value:.4g}"

    def like(self, printed: str) -> str:
        """The value in the way of ``printed``, which comes back as it is where it is right."""
        if printed == "half":
            return printed if abs(self.value - 0.5) <= HALF_WITHIN else f"{self.value:.1f}"
        if printed in NUMBERS:
            said = self._rounded(0, NUMBERS.index(printed))
            return NUMBERS[int(said)] if 0 <= said < len(NUMBERS) else f"{said:.0f}"
        decimals = len(printed.partition(".")[2])
        return f"{self._rounded(decimals, float(printed)):.{decimals}f}"

    def _rounded(self, decimals: int, said: float) -> float:
        return said if abs(said - self.value) <= 0.5 * 10 ** -decimals + 1e-9 else round(self.value, decimals)


class AtMost(Near):
    """A value that is printed as the next bound above it."""

    _next = math.ceil

    def _rounded(self, decimals: int, said: float) -> float:
        if not math.isfinite(self.value):
            return math.nan
        return type(self)._next(round(self.value * 10 ** decimals, 9)) / 10 ** decimals


class AtLeast(AtMost):
    """A value that is printed as the next bound below it."""

    _next = math.floor


class Part(Near):
    """A count out of a whole: printed as it is, or as "half" where it is exactly that."""

    def __init__(self, count: int, whole: int) -> None:
        super().__init__(count)
        self.whole = whole

    def like(self, printed: str) -> str:
        return "half" if printed == "half" and 2 * self.value == self.whole else super().like(
            "0" if printed == "half" else printed)


def find(sentence: str, text: str) -> re.Match | None:
    """Where ``text`` has ``sentence``, whose numbers stand as {}, whatever the line breaks are."""
    words = r"\s+".join(re.escape(word).replace(r"\{\}", SLOT) for word in sentence.split())
    return re.search(rf"(?<![\w.]){words}", text)


def differences(sentence: str, values: tuple[Near, ...], text: str) -> str | None:
    """What is to be changed where ``sentence`` in ``text`` does not print ``values``, None if nothing is."""
    if (found := find(sentence, text)) is None:
        return (f"nothing reads '{sentence}'; the values for it are {values}. Where it was reworded, reword it in "
                "this test too")
    printed = found.groups()
    right = tuple(value.like(said) for value, said in zip(values, printed, strict=True))
    if right == printed:
        return None
    return (f"'{sentence.format(*printed)}' is not what was measured; by the committed reports it reads "
            f"'{sentence.format(*right)}'; the values are {values}")
