"""Arrays pass through the exchange folder unchanged, nobody else sees them, and nothing is left of it."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from workerfixtures import full_disk  # noqa: F401  (a fixture)

from LDCTDenoiseLib import exchangefolder


@pytest.fixture
def folder(tmp_path):
    made = exchangefolder.create(tmp_path)
    yield made
    made.remove()


@pytest.mark.parametrize("array", [
    np.arange(60, dtype=np.int16).reshape(3, 4, 5), np.array([[True, False]]), np.array(2.5), np.zeros((0, 4, 5)),
    np.arange(24, dtype=">i2").reshape(2, 3, 4), np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1),
    np.array([np.nan, -np.inf, 1e300])], ids=lambda array: f"{array.dtype} {array.shape}")
def test_an_array_comes_back_as_it_was(folder, array):
    for read in (folder.map, folder.take):
        name = folder.store(array, "1-in-0.npy")
        back = read(name)
        np.testing.assert_array_equal(back, array)
        assert (back.dtype, back.shape) == (array.dtype, array.shape)
        del back
        folder.discard(1)


def test_a_mapped_array_cannot_be_written_to_and_a_taken_one_belongs_to_the_taker(folder):
    array = np.arange(6, dtype=np.int16).reshape(1, 2, 3)
    mapped = folder.map(folder.store(array, "1-in-0.npy"))
    with pytest.raises(ValueError, match="read-only"):
        mapped[0, 0, 0] = 1
    taken = folder.take(folder.store(array, "1-out-0.npy"))
    assert taken.flags.writeable
    assert not isinstance(taken, np.memmap)
    assert not (folder.path / "1-out-0.npy").exists()


@pytest.mark.parametrize("name", ["../1-in-0.npy", "/1-in-0.npy", "lock", "1-in-0.npy/..", "", "1-in-0.txt", None, 3])
def test_names_cannot_lead_out_of_the_folder(folder, name):
    for use in (folder.map, folder.take, lambda name: folder.store(np.zeros(1), name)):
        with pytest.raises(ValueError, match="no name of an array"):
            use(name)


@pytest.mark.parametrize("content", [b"", b"not an array", b"\x93NUMPY\x01\x00"])
def test_a_damaged_file_is_an_error_and_not_an_array(folder, content):
    (folder.path / "1-out-0.npy").write_bytes(content)
    for read in (folder.map, folder.take):
        with pytest.raises((ValueError, OSError)):
            read("1-out-0.npy")


def test_objects_are_not_exchanged(folder):
    with pytest.raises(ValueError, match="object"):
        folder.store(np.array([{}]), "1-in-0.npy")
    np.save(folder.path / "1-out-0.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        folder.take("1-out-0.npy")


def test_the_files_of_one_request_go_without_those_of_others(folder):
    for number in (1, 11, 111):
        folder.store(np.zeros(2), f"{number}-in-0.npy")
    folder.discard(11)
    assert sorted(path.name for path in folder.path.glob("*.npy")) == ["1-in-0.npy", "111-in-0.npy"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_only_this_user_can_enter_the_folder(folder):
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_a_full_disk_is_said_in_one_sentence_and_leaves_no_file(folder, full_disk):
    full_disk()
    with pytest.raises(RuntimeError, match=r"No space left on device.*free some space"):
        folder.store(np.zeros(3), "1-in-0.npy")
    assert list(folder.path.glob("*.npy")) == []


def test_a_folder_that_cannot_be_made_is_said_in_one_sentence(tmp_path):
    with pytest.raises(RuntimeError, match="No temporary folder could be made"):
        exchangefolder.create(tmp_path / "not there")


def test_the_folder_of_a_dead_process_is_removed_and_that_of_a_living_one_stays(folder, tmp_path):
    program = """if True:
        import os, sys
        from LDCTDenoiseLib import exchangefolder
        import numpy as np
        folder = exchangefolder.create(sys.argv[1])
        folder.store(np.zeros(3), "1-in-0.npy")
        print(folder.path, flush=True)
        os.abort()
    """
    environment = {**os.environ, "PYTHONPATH": str(Path(exchangefolder.__file__).parents[1])}
    run = subprocess.run([sys.executable, "-c", program, str(tmp_path)], env=environment, text=True,
                         stdout=subprocess.PIPE)
    dead = Path(run.stdout.strip())
    assert (dead / "1-in-0.npy").exists()
    never_locked = tmp_path / f"{exchangefolder.PREFIX}crashed-early"
    never_locked.mkdir()
    exchangefolder.remove_stale(tmp_path)
    assert not dead.exists()
    assert not never_locked.exists()
    assert folder.path.exists()


@pytest.mark.skipif(os.name == "nt", reason="needs rights on Windows")
def test_a_link_with_the_name_of_a_folder_is_not_followed(tmp_path):
    target = tmp_path / "precious"
    target.mkdir()
    (target / "file").write_text("kept")
    (tmp_path / f"{exchangefolder.PREFIX}link").symlink_to(target)
    exchangefolder.remove_stale(tmp_path)
    assert (target / "file").read_text() == "kept"


def test_a_folder_that_is_taken_for_stale_while_it_is_made_is_made_again(tmp_path, monkeypatch):
    attempts = []

    def lock(descriptor):
        attempts.append(descriptor)
        if len(attempts) == 1:
            exchangefolder.shutil.rmtree(next(tmp_path.iterdir()))
        return True

    monkeypatch.setattr(exchangefolder, "_try_to_lock", lock)
    folder = exchangefolder.create(tmp_path)
    assert len(attempts) == 2
    assert list(tmp_path.iterdir()) == [folder.path]
    folder.remove()


def test_any_other_folder_is_not_joined_and_so_never_removed(tmp_path):
    with pytest.raises(ValueError, match="no exchange folder"):
        exchangefolder.join(tmp_path)
    (tmp_path / f"{exchangefolder.PREFIX}x").mkdir()
    with pytest.raises(ValueError, match="no exchange folder"):
        exchangefolder.join(tmp_path / f"{exchangefolder.PREFIX}x")
