"""How the candidates of a set are to be made."""

from __future__ import annotations

from dataclasses import dataclass

METHODS = ("did-ordered", "did", "did-literal", "blend", "interpolate")
TUNED = ("all", "gains")
REDUCTIONS = ("mean", "sum")
LIMITS = {"count": (3, 31), "repetitions": (1, 10), "max_steps": (1, 1000), "tuning_slices": (1, 16)}
LEARNING_RATES = (1e-6, 10.0)
HIGHEST_EXTRAPOLATION = 5.0


@dataclass(frozen=True)
class CandidateSettings:
    """Choices of a run, checked when they are made.

    Raises:
        ValueError: a value out of its range; the message names the range.
    """

    method: str = "did-ordered"
    """How candidates are made.

    - "did": descents with an adaptive step, candidates at equal steps of log noise SD;
    - "did-ordered": the same on the sharper side, but never as sharp as the input, and mixtures on the smoother one,
      so that sharpness goes on with the noise at every step on the slices that weights are tuned on, see
      :class:`.makers.Ordered`;
    - "did-literal": optimiser and stop rule of the DID paper (arXiv 2011.14873, section III-B2), slice by slice;
    - "blend": mixtures of the smooth bound, the default and the input;
    - "interpolate": mixtures of the original weights and those at the ends of "did", spread up to where these got;
      the descents take as long as those of "did".
    """
    count: int = 9
    """Candidates wanted, 3 to 31, the default and the input among them."""
    tuned: str = "all"
    """What the descents change: "all" weights, or "gains", one gain and bias per channel."""
    repetitions: int = 3
    """K, 1 to 10: how often the network is applied for the smooth bound; 1 leaves no smoother candidates."""
    max_steps: int = 80
    """Most steps of a descent, 1 to 1000, for each direction; steps that were taken back count too."""
    learning_rate: float = 1e-2
    """Literal: the rate of the gradient descent. Calibrated: the very first trial step, as a share of the weights' own
    size; it soon adapts."""
    tuning_slices: int = 3
    """Slices of a volume on which its shared weights are tuned, 1 to 16."""
    per_slice: bool = False
    """Tune every slice on its own. Slower, and "did-ordered" then keeps no order of sharpness on the sharper side.
    Literal mode always does."""
    extrapolation: float = 0.0
    """The smooth bound lies this share (0 to 5) of its distance from the default beyond the network's own K-fold
    output, or less where the noise is least before; candidates made with it are labelled so."""
    reduction: str = "mean"
    """Literal mode only: whether its squared error, in network units, is a "mean" over pixels or a "sum". The paper
    prints a sum. With a learning rate of 1e-2 that step is larger by the number of pixels and tends to diverge, while
    with the mean the first step changes the output by so little that the stop rule ends the descent."""

    def __post_init__(self) -> None:
        for name, choices in (("method", METHODS), ("tuned", TUNED), ("reduction", REDUCTIONS)):
            if getattr(self, name) not in choices:
                raise ValueError(f"Unknown {name} {getattr(self, name)!r}; choose {' or '.join(choices)}.")
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not _lies(value, low, high, int):
                raise ValueError(f"{name} must be a whole number from {low} to {high}, not {value!r}.")
        low, high = LEARNING_RATES
        if not _lies(self.learning_rate, low, high):
            raise ValueError(f"learning_rate must lie between {low:g} and {high:g}, not at {self.learning_rate!r}.")
        if not _lies(self.extrapolation, 0, HIGHEST_EXTRAPOLATION):
            raise ValueError(f"extrapolation must lie between 0 and {HIGHEST_EXTRAPOLATION:g}, "
                             f"not at {self.extrapolation!r}.")
        if not isinstance(self.per_slice, bool):
            raise ValueError(f"per_slice must be True or False, not {self.per_slice!r}.")

    @property
    def one_by_one(self) -> bool:
        """Whether every slice is tuned on its own."""
        return self.per_slice or self.method == "did-literal"

    @property
    def positions(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Where the candidates lie besides default and input: the smoother (-1 .. 0) and the sharper ones (0 .. 1).

        Both run from the default outwards; 1 is the input, -1 the smooth bound, equal steps on each side.
        """
        smoother = (self.count - 1) // 2
        sharper = self.count - 1 - smoother
        return (tuple(-k / smoother for k in range(1, smoother + 1)),
                tuple(k / sharper for k in range(1, sharper)))


def _lies(value, low: float, high: float, kind=(int, float)) -> bool:
    """Return whether ``value`` is a number of this kind, which True is not, from ``low`` to ``high``."""
    return isinstance(value, kind) and not isinstance(value, bool) and low <= value <= high
