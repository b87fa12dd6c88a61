"""The training loop: exact resume after a kill, loss, log, refusals."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from trainerfixtures import CONFIG, bank_folder, rows_of, trainer  # noqa: F401  (one is a fixture)

from LDCTDenoiseLib.hu import SCALE_HU
from LDCTDenoiseLib.networks import build
from LDCTDenoiseLib.training.metricslog import FIELDS, MetricsLog
from LDCTDenoiseLib.training.trainer import Prefetcher, Trainer

HERE = Path(__file__).resolve().parent
KILLED_AT = 18


def train_slowly(bank_folder, folder):
    """Run by the child process of the kill test; says where it is, and leaves time to be killed there."""
    import time

    torch.set_num_threads(1)

    def progress(iteration, *_):
        print(iteration, flush=True)
        time.sleep(60 if iteration == KILLED_AT else 0)

    trainer(Path(bank_folder), Path(folder)).run(progress=progress)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_a_killed_run_continues_bit_for_bit(bank_folder, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    trainer(bank_folder, whole).run()
    script = "import sys, conftest, test_training_trainer as t; t.train_slowly(*sys.argv[1:])"
    with subprocess.Popen([sys.executable, "-c", script, str(bank_folder), str(killed)], stdout=subprocess.PIPE,
                          text=True, env={**os.environ, "PYTHONPATH": str(HERE)}) as child:
        for line in child.stdout:
            if int(line) == KILLED_AT:
                child.kill()  # SIGKILL where there is one: no cleaning up
    assert child.returncode != 0
    reached = torch.load(killed / "checkpoint.pt", weights_only=True)["iteration"]
    assert reached == 15 and rows_of(killed)[-1][0] == "16"

    trainer(bank_folder, killed).run(resume=True)
    for name in ("checkpoint.pt", "best.pt"):
        first, second = (torch.load(folder / name, weights_only=True) for folder in (whole, killed))
        first.pop("seconds", None), second.pop("seconds", None)
        assert_same(first, second, name)
    assert rows_of(killed) == rows_of(whole)
    assert [row[0] for row in rows_of(whole)[1:]] == ["8", "16", "24", "26"]


def assert_same(first, second, where):
    if isinstance(first, torch.Tensor):
        assert torch.equal(first, second), where
    elif isinstance(first, dict):
        assert first.keys() == second.keys(), where
        for key in first:
            assert_same(first[key], second[key], f"{where} {key}")
    else:
        assert first == second, where


def test_a_run_stopped_on_purpose_continues_to_the_same_weights(bank_folder, tmp_path):
    trainer(bank_folder, tmp_path / "whole").run()
    trainer(bank_folder, tmp_path / "parts").run(stop_after=11)
    trainer(bank_folder, tmp_path / "parts").run(resume=True)
    first, second = (torch.load(tmp_path / name / "best.pt", weights_only=True) for name in ("whole", "parts"))
    assert_same(first, second, "best.pt")
    assert rows_of(tmp_path / "parts") == rows_of(tmp_path / "whole")


def test_another_configuration_is_not_resumed(bank_folder, tmp_path):
    trainer(bank_folder, tmp_path).run(stop_after=5)
    faster = replace(CONFIG, optimiser=replace(CONFIG.optimiser, rate=1e-2))
    with pytest.raises(ValueError, match=r"another configuration \(optimiser differ\)"):
        trainer(bank_folder, tmp_path, faster).run(resume=True)


def test_a_configuration_recorded_before_an_entry_existed_is_resumed_with_its_default(bank_folder, tmp_path):
    trainer(bank_folder, tmp_path).run(stop_after=5)
    record = json.loads((tmp_path / "config.json").read_text())
    del record["slices"], record["data"]["mayo"]
    (tmp_path / "config.json").write_text(json.dumps(record))
    trainer(bank_folder, tmp_path).run(resume=True, stop_after=6)


def test_a_folder_with_a_run_is_not_overwritten_and_one_without_not_resumed(bank_folder, tmp_path):
    with pytest.raises(ValueError, match="no checkpoint to resume"):
        trainer(bank_folder, tmp_path).run(resume=True)
    trainer(bank_folder, tmp_path).run(stop_after=5)
    with pytest.raises(ValueError, match="already holds a training run"):
        trainer(bank_folder, tmp_path).run()


@pytest.mark.parametrize("name", ["checkpoint.pt", "config.json"])
@pytest.mark.parametrize("kept", [0, 100, 500])
def test_a_damaged_run_is_not_resumed_and_says_so_in_words_of_its_own(bank_folder, tmp_path, name, kept):
    trainer(bank_folder, tmp_path).run(stop_after=2)
    cut = (tmp_path / name).read_bytes()[:kept]
    (tmp_path / name).write_bytes(cut)
    with pytest.raises(ValueError, match=rf"{name} is damaged.*; start in another folder\.$"):
        trainer(bank_folder, tmp_path).run(resume=True)
    assert (tmp_path / name).read_bytes() == cut


def test_a_checkpoint_that_holds_something_else_is_not_resumed(bank_folder, tmp_path):
    trainer(bank_folder, tmp_path).run(stop_after=2)
    torch.save([1, 2], tmp_path / "checkpoint.pt")
    with pytest.raises(ValueError, match=r"checkpoint\.pt is damaged; start in another folder"):
        trainer(bank_folder, tmp_path).run(resume=True)


def test_the_best_weights_are_those_of_the_best_validation_and_not_the_last(bank_folder, tmp_path, monkeypatch):
    ratios = iter((0.9, 0.5, 0.8, 0.7))
    monkeypatch.setattr(Trainer, "_validation_ratio", lambda self: next(ratios))
    run = trainer(bank_folder, tmp_path / "run")
    states = {}
    run.run(progress=lambda iteration, *_: states.update(
        {iteration: {name: value.clone() for name, value in run.average.items()}}))
    best = torch.load(tmp_path / "run" / "best.pt", weights_only=True)
    assert_same(best, states[16], "second validation")
    assert any(not torch.equal(best[name], states[26][name]) for name in best)
    assert [float(row[3]) for row in rows_of(tmp_path / "run")[1:]] == [0.9, 0.5, 0.8, 0.7]


class FixedSampler:
    """The same batch every time: two samples whose noise differs tenfold."""

    def __init__(self):
        random = torch.Generator().manual_seed(0)
        self.target = torch.full((2, 1, 16, 16), 0.5)
        noise = torch.randn(2, 1, 16, 16, generator=random) * torch.tensor([0.005, 0.05])[:, None, None, None]
        self.noisy = self.target + noise

    def batch(self, iteration, size):
        return self.noisy[:size], self.target[:size]


@pytest.mark.parametrize("floor", [None, 8.0])
def test_the_loss_is_the_squared_error_over_noise_variance_plus_floor(tmp_path, floor):
    config = replace(CONFIG, optimiser=replace(CONFIG.optimiser, sd_floor=floor))
    sampler = FixedSampler()
    run = Trainer(config, sampler, None, tmp_path)
    with torch.no_grad():
        error = ((run.network(sampler.noisy) - sampler.target) ** 2).mean((1, 2, 3))
    if floor is not None:
        variance = ((sampler.noisy - sampler.target) ** 2).mean((1, 2, 3))
        error = error / (variance + (floor / SCALE_HU) ** 2)
    losses = []
    run.run(stop_after=1, progress=lambda iteration, iterations, loss, remaining: losses.append(loss))
    assert losses[0] == pytest.approx(error.mean().item(), rel=1e-5)


class WithFurtherChannels(FixedSampler):
    """The same images, with other ones behind them."""

    def batch(self, iteration, size):
        noisy, target = super().batch(iteration, size)
        return torch.cat((noisy, 3 - noisy, 5 * noisy), 1), target


def test_further_channels_count_neither_in_the_loss_nor_in_the_validation(tmp_path):
    class FirstChannel(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = build(CONFIG.network.architecture, CONFIG.network.widths)

        def forward(self, images):
            return self.network(images[:, :1])

    samplers = FixedSampler(), WithFurtherChannels()
    one, three = (Trainer(CONFIG, sampler, sampler, tmp_path / name, make_network=make) for name, sampler, make in
                  zip(("one", "three"), samplers, (None, FirstChannel)))
    states = [torch.load(run.run(), weights_only=True) for run in (one, three)]
    assert all(torch.equal(value, states[1][f"network.{name}"]) for name, value in states[0].items())
    assert rows_of(tmp_path / "one") == rows_of(tmp_path / "three")


def test_training_stops_when_the_loss_is_no_longer_finite(tmp_path):
    class Broken(FixedSampler):
        def batch(self, iteration, size):
            return self.noisy * (float("nan") if iteration == 3 else 1), self.target

    with pytest.raises(FloatingPointError, match="iteration 4"):
        Trainer(CONFIG, Broken(), None, tmp_path).run()
    assert not (tmp_path / "checkpoint.pt").exists()


def test_bf16_training_keeps_fp32_weights(tmp_path):
    config = replace(CONFIG, optimiser=replace(CONFIG.optimiser, precision="bf16"))
    best = Trainer(config, FixedSampler(), FixedSampler(), tmp_path).run()
    assert all(value.dtype == torch.float32 and value.isfinite().all()
               for value in torch.load(best, weights_only=True).values())


def test_an_unknown_precision_is_refused(tmp_path):
    config = replace(CONFIG, optimiser=replace(CONFIG.optimiser, precision="fp8"))
    with pytest.raises(ValueError, match="'fp8'; choose fp32 or bf16"):
        Trainer(config, FixedSampler(), None, tmp_path).run()


def test_batches_are_prefetched_in_order_and_errors_come_through():
    class Counting:
        def batch(self, iteration, size):
            if iteration == 7:
                raise OSError("disk gone")
            return iteration

    with Prefetcher(Counting(), 1, 3, 20) as batches:
        assert [batches.get() for _ in range(4)] == [3, 4, 5, 6]
        with pytest.raises(OSError, match="disk gone"):
            batches.get()


def test_a_log_line_cut_off_by_a_kill_is_forgotten(tmp_path):
    (tmp_path / "log.csv").write_text(",".join(FIELDS) + "\n10,1,1e-3,0.9,5.0\n20,1,1e-3,0.8,10.0\n3")
    log = MetricsLog(tmp_path, after=20)
    log.append(30, 0.5, 1e-3, 0.7, 15.0)
    log.close()
    assert [row[0] for row in rows_of(tmp_path)] == ["iteration", "10", "20", "30"]
    MetricsLog(tmp_path, after=10).close()
    assert [row[0] for row in rows_of(tmp_path)] == ["iteration", "10"]


def test_a_run_starts_from_given_weights_in_any_precision(bank_folder, tmp_path):
    first = trainer(bank_folder, tmp_path / "first")
    state = {name: torch.full_like(value, 0.125) for name, value in first.network.state_dict().items()}
    torch.save({name: value.half() for name, value in state.items()}, tmp_path / "weights.pt")
    still = replace(CONFIG, initial_weights=str(tmp_path / "weights.pt"),
                    optimiser=replace(CONFIG.optimiser, rate=0.0, iterations=2))
    best = trainer(bank_folder, tmp_path / "second", still).run()
    kept = torch.load(best, weights_only=True)
    assert all(torch.equal(kept[name], value) for name, value in state.items())


def test_a_resumed_run_needs_its_initial_weights_no_more(bank_folder, tmp_path):
    weights = tmp_path / "weights.pt"
    torch.save(trainer(bank_folder, tmp_path / "first").network.state_dict(), weights)
    config = replace(CONFIG, initial_weights=str(weights))
    whole = trainer(bank_folder, tmp_path / "whole", config)
    whole.run()
    trainer(bank_folder, tmp_path / "parts", config).run(stop_after=10)
    weights.unlink()
    resumed = trainer(bank_folder, tmp_path / "parts", config)
    resumed.run(resume=True)
    assert all(torch.equal(a, b) for a, b in zip(whole.average.values(), resumed.average.values()))


@pytest.mark.parametrize("content, reason", [
    (None, "No such file"), (b"not weights", "does not hold the weights"), ({"a": torch.ones(1)}, "does not hold")])
def test_initial_weights_that_do_not_fit_are_refused_before_anything_is_written(bank_folder, tmp_path, content, reason):
    weights = tmp_path / "weights.pt"
    if isinstance(content, dict):
        torch.save(content, weights)
    elif content is not None:
        weights.write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        trainer(bank_folder, tmp_path / "run", replace(CONFIG, initial_weights=str(weights))).run()
    assert not (tmp_path / "run").exists()
