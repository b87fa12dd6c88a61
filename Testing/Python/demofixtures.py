"""The programs of the demo, and a sample for them that takes no time."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

TESTING = Path(__file__).resolve().parents[1]
sys.path.append(str(TESTING))

import demo  # noqa: E402
import environment  # noqa: E402, F401  (for the tests)


@pytest.fixture
def sample(tmp_path):
    """A body of soft tissue in air, without and with noise of 20 HU, in the sample's files."""
    import SimpleITK

    folder = tmp_path / "sample data"
    folder.mkdir()
    j, i = np.mgrid[:96, :96] - 47.5
    clean = np.where(j**2 + i**2 < 40**2, 50.0, -1000.0) * np.ones((3, 1, 1))
    noisy = clean + np.random.default_rng(1).normal(0, 20, clean.shape)
    for name, array in ((demo.REFERENCE, clean), (demo.LOW_DOSE, noisy)):
        image = SimpleITK.GetImageFromArray(np.rint(array).astype(np.int16))
        image.SetSpacing((0.9, 0.9, 3.0))
        SimpleITK.WriteImage(image, str(folder / name))
    (folder / demo.FACTS).write_text(json.dumps({"dose": 0.25, "region": {"slice": 1, "row": 40, "column": 44}}))
    return folder
