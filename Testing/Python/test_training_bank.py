"""Noise banks: unit noise, reuse, interruption, wrong data."""

import numpy as np
import pytest

from LDCTDenoiseLib.ctvolume import CTVolume
from LDCTDenoiseLib.training import bank as banks
from LDCTDenoiseLib.training.bank import Bank, Source, build_bank
from LDCTDenoiseLib.volumeio import write_volume

SIZE, PIXEL_MM = 64, 4.0


def write_source(path, slices=2, size=SIZE):
    """Water cylinders of 200 mm in air, in a scan circle with padding around."""
    row, column = (np.mgrid[:size, :size] - (size - 1) / 2) * PIXEL_MM
    radius = np.hypot(row, column)
    image = np.select([radius < 100, radius < size * PIXEL_MM / 2], [0, -1000], -2000)
    affine = np.diag([PIXEL_MM, PIXEL_MM, 5.0, 1.0])
    write_volume(CTVolume(image[None].repeat(slices, 0).astype(np.int16), affine, {}), path)
    return Source(path)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bank")
    source = write_source(folder / "water.nii.gz")
    steps = []
    build_bank([source], folder / "bank", realisations=4, seed=1, progress=lambda *step: steps.append(step))
    return source, folder / "bank", steps


def test_a_bank_holds_targets_masks_and_noise_of_one_hu_in_the_body_centre(built):
    _, folder, steps = built
    bank = Bank(folder)
    assert steps[-1] == (2, 2) and len(bank) == 2 and bank.noise.shape == (2, 4, SIZE, SIZE)
    assert bank.targets.min() == -1024 and bank.pixels[0] == pytest.approx([PIXEL_MM, PIXEL_MM])
    assert bank.weights == pytest.approx([0.5, 0.5])
    assert bank.outside[:, :4, :4].all() and not bank.noise[:, :, :4, :4].any()
    centre = np.asarray(bank.noise, np.float32)[:, :, 26:38, 26:38]
    assert centre.std() == pytest.approx(1, rel=0.1)


def test_a_complete_bank_is_opened_not_made_again(built):
    source, folder, _ = built
    before = (folder / "noise.npy").stat().st_mtime_ns
    build_bank([source], folder, realisations=4, seed=1)
    assert (folder / "noise.npy").stat().st_mtime_ns == before


def test_a_bank_of_other_data_is_not_taken(built):
    source, folder, _ = built
    with pytest.raises(ValueError, match="made from other data"):
        build_bank([Source(source.path, weight=2.0)], folder, realisations=4, seed=1)


def test_an_incomplete_bank_is_refused(built, tmp_path):
    (tmp_path / "bank").mkdir()
    with pytest.raises(ValueError, match=r"not a complete noise bank \(targets\.npy"):
        build_bank([built[0]], tmp_path / "bank")


def test_an_interrupted_build_leaves_nothing_behind(built, tmp_path, monkeypatch):
    def full_disk(path, array):
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(banks.np, "save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        build_bank([built[0]], tmp_path / "bank", realisations=1)
    assert not list(tmp_path.iterdir())


def test_what_a_killed_build_left_is_replaced(built, tmp_path):
    (tmp_path / "bank.part").mkdir()
    (tmp_path / "bank.part" / "noise.npy").write_bytes(b"half")
    build_bank([built[0]], tmp_path / "bank", realisations=1)
    assert [path.name for path in tmp_path.iterdir()] == ["bank"]


def test_slices_of_different_sizes_are_refused(built, tmp_path):
    with pytest.raises(ValueError, match=r"must have one size.*small\.nii\.gz"):
        build_bank([built[0], write_source(tmp_path / "small.nii.gz", size=56)], tmp_path / "bank")


def test_a_table_of_another_length_is_refused(built, tmp_path):
    (tmp_path / "table.csv").write_text("slice,spacing\n0,4.0\n")
    with pytest.raises(ValueError, match=r"table\.csv lists 1 slices, but water\.nii\.gz holds 2"):
        build_bank([Source(built[0].path, table=tmp_path / "table.csv")], tmp_path / "bank")
