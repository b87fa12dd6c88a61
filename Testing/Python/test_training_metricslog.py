"""What a training run shows in TensorBoard, and that it needs none."""

import sys
import types

import numpy as np
import pytest
from trainerfixtures import bank_folder, rows_of, trainer  # noqa: F401  (one is a fixture)

SCALARS = ("loss", "rate", "validation_ratio", "seconds")


@pytest.fixture
def writers(monkeypatch):
    """The writers that were made of a stand-in for TensorBoard, in their order."""
    made = []

    class SummaryWriter:
        def __init__(self, log_dir, purge_step=None):
            self.folder, self.purge_step = log_dir, purge_step
            self.written, self.seen, self.closed = [], 0, False
            made.append(self)

        def add_scalar(self, tag, scalar_value, global_step):
            assert not self.closed
            self.written.append((global_step, tag, scalar_value))

        def flush(self):
            self.seen = len(self.written)

        def close(self):
            self.closed = True

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", types.SimpleNamespace(SummaryWriter=SummaryWriter))
    return made


def test_every_validation_is_shown_in_tensorboard_with_the_numbers_of_the_log(
        bank_folder, tmp_path, writers):  # noqa: F811
    trainer(bank_folder, tmp_path).run()
    [writer] = writers
    assert (writer.folder, writer.purge_step) == (str(tmp_path / "tensorboard"), None)
    assert [(step, tag) for step, tag, _ in writer.written] == [
        (step, tag) for step in (8, 16, 24, 26) for tag in SCALARS]
    logged = np.array([list(map(float, row[1:4])) for row in rows_of(tmp_path)[1:]])
    shown = np.array([value for _, _, value in writer.written]).reshape(4, 4)
    np.testing.assert_allclose(shown[:, :3], logged, rtol=0.01)
    assert (np.diff(shown[:, 3]) > 0).all()
    assert writer.seen == 16 and writer.closed


def test_a_resumed_run_takes_back_what_tensorboard_showed_beyond_the_checkpoint(
        bank_folder, tmp_path, writers):  # noqa: F811
    trainer(bank_folder, tmp_path).run(stop_after=10)
    trainer(bank_folder, tmp_path).run(resume=True)
    first, second = writers
    assert {step for step, *_ in first.written} == {8}
    assert second.purge_step == 11
    assert [step for step, tag, _ in second.written if tag == "loss"] == [16, 24, 26]


def test_without_a_validation_no_ratio_is_shown(bank_folder, tmp_path, writers):  # noqa: F811
    run = trainer(bank_folder, tmp_path)
    run.validation = None
    run.run()
    assert [tag for step, tag, _ in writers[0].written if step == 8] == ["loss", "rate", "seconds"]


def test_a_run_without_tensorboard_logs_to_its_file_all_the_same(
        bank_folder, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    trainer(bank_folder, tmp_path).run()
    assert [row[0] for row in rows_of(tmp_path)] == ["iteration", "8", "16", "24", "26"]
    assert not (tmp_path / "tensorboard").exists()
