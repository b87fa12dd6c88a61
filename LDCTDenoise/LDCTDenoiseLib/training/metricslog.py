"""What a training run reports of itself: ``log.csv``, and TensorBoard where that is installed."""

from __future__ import annotations

import math
from pathlib import Path

from ..safewrite import complete_or_absent

FIELDS = ("iteration", "loss", "rate", "validation_ratio", "seconds")


class MetricsLog:
    """Appends rows of ``FIELDS`` to ``folder/log.csv`` and to TensorBoard events in ``folder/tensorboard``.

    Args:
        folder: of the run; must exist.
        after: iteration from which the run goes on. What was logged later is forgotten, for it will be done again; a
            last line cut off by a kill as well.
    """

    def __init__(self, folder: Path, after: int = 0):
        self.path = Path(folder) / "log.csv"
        rows = self.path.read_text(encoding="utf-8").splitlines()[1:] if self.path.exists() else []
        complete = [row for row in rows if row.count(",") == len(FIELDS) - 1 and int(row.split(",")[0]) <= after]
        with complete_or_absent(self.path) as temporary:
            temporary.write_text("\n".join([",".join(FIELDS), *complete, ""]), encoding="utf-8")
        self._tensorboard = _tensorboard_writer(Path(folder) / "tensorboard", after)

    def append(self, iteration: int, loss: float, rate: float, validation_ratio: float, seconds: float):
        """Log one row; ``validation_ratio`` may be NaN."""
        row = (str(iteration), f"{loss:.6g}", f"{rate:.3g}", f"{validation_ratio:.5f}", f"{seconds:.1f}")
        with open(self.path, "a", encoding="utf-8") as stream:
            stream.write(",".join(row) + "\n")
        if self._tensorboard is not None:
            for name, value in zip(FIELDS[1:], (loss, rate, validation_ratio, seconds)):
                if not math.isnan(value):
                    self._tensorboard.add_scalar(name, value, iteration)
            self._tensorboard.flush()

    def close(self):
        """Finish the TensorBoard file."""
        if self._tensorboard is not None:
            self._tensorboard.close()


def _tensorboard_writer(folder: Path, after: int):
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=after + 1 if after else None)
