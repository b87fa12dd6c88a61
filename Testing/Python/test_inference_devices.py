import numpy as np
import pytest
import torch
from networkfactory import CARD, denoiser, phantom, random_network, shipped_models, volume

from LDCTDenoiseLib.engine import InProcessEngine
from LDCTDenoiseLib.inference import Denoiser, choose_device, choose_precision, exact_fp32
from LDCTDenoiseLib.modelregistry import load_model


class SmallGpu(Denoiser):
    """Pretends to be a GPU with memory for ``room`` slices; removes 5 HU everywhere."""

    def __init__(self, room, batch_size, error=torch.cuda.OutOfMemoryError("CUDA out of memory.")):
        super().__init__(random_network("plain"), CARD, device="cpu", batch_size=batch_size)
        self.precision, self.device, self.room, self.error, self.sizes = "fp16", torch.device("cuda"), room, error, []

    def _run(self, slices, precision):
        self.sizes.append(len(slices))
        if self.device.type == "cuda" and len(slices) > self.room:
            raise self.error
        return np.full(slices.shape, 5, np.float32)


def test_half_the_batch_is_tried_when_gpu_memory_runs_out():
    gpu, image = SmallGpu(room=3, batch_size=8), volume(10)
    result = gpu.denoise(image)
    assert gpu.sizes == [8, 4, 2, 2, 2, 2, 2]
    assert (result.device, result.precision, result.batch_size) == ("cuda", "fp16", 2)
    assert [m for m in result.messages if "4 slices" in m] and [m for m in result.messages if "2 slices" in m]
    np.testing.assert_allclose(result.array, image - 5)


@pytest.mark.parametrize("error", [torch.cuda.OutOfMemoryError("CUDA out of memory."),
                                   RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)")])
def test_the_cpu_takes_over_when_not_even_one_slice_fits_the_gpu(error):
    gpu, image = SmallGpu(room=0, batch_size=2, error=error), volume(3)
    result = gpu.denoise(image)
    assert (result.device, result.precision) == ("cpu", "fp32")
    assert "CPU" in result.messages[-1]
    np.testing.assert_allclose(result.array, image - 5)


def test_another_error_of_the_gpu_is_not_taken_for_a_lack_of_memory():
    with pytest.raises(RuntimeError, match="illegal address"):
        SmallGpu(room=0, batch_size=2, error=RuntimeError("illegal address")).denoise(volume(3))


def test_a_lack_of_memory_on_the_cpu_ends_the_run():
    class SmallComputer(torch.nn.Module):
        def forward(self, image):
            raise torch.cuda.OutOfMemoryError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        Denoiser(SmallComputer(), CARD, device="cpu").denoise(volume(1))


@pytest.mark.parametrize("architecture", ["hrnet", "unet", "plain"])
def test_bf16_differs_from_fp32_by_little_of_what_is_removed(architecture):
    image = volume(1)
    exact, coarse = (denoiser(architecture, precision=p).denoise(image).array for p in ("fp32", "bf16"))
    error = coarse - exact
    removed = np.abs(image - exact)
    assert np.sqrt(np.mean(error ** 2)) <= 0.05 * np.sqrt(np.mean(removed ** 2))
    assert np.abs(error).max() <= 0.05 * removed.max()
    assert np.abs(error).max() > 0


def test_an_overflow_in_half_precision_is_repeated_in_fp32(monkeypatch):
    image, tried, run = volume(1), [], Denoiser._run

    def overflowing(self, slices, precision):
        tried.append(precision)
        return np.full(slices.shape, np.inf, np.float32) if precision == "bf16" else run(self, slices, precision)

    monkeypatch.setattr(Denoiser, "_run", overflowing)
    result = denoiser(precision="bf16").denoise(image)
    assert tried == ["bf16", "fp32"]
    np.testing.assert_array_equal(result.array, denoiser(precision="fp32").denoise(image).array)


@pytest.mark.parametrize("before", [True, False])
def test_tf32_is_off_inside_and_as_before_afterwards(before):
    backends = (torch.backends.cuda.matmul, torch.backends.cudnn)
    kept, inside = [backend.allow_tf32 for backend in backends], []
    try:
        for backend in backends:
            backend.allow_tf32 = before
        runner = denoiser("plain")
        runner.network.predictor.register_forward_hook(
            lambda *_: inside.append([backend.allow_tf32 for backend in backends]))
        runner.denoise(volume(1))
        assert inside == [[False, False]]
        assert [backend.allow_tf32 for backend in backends] == [before, before]
        with pytest.raises(KeyError), exact_fp32():
            raise KeyError
        assert [backend.allow_tf32 for backend in backends] == [before, before]
    finally:
        for backend, value in zip(backends, kept):
            backend.allow_tf32 = value


def test_only_devices_that_can_be_used_are_offered(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.amp, "is_autocast_available", lambda kind: False, raising=False)
    assert "mps" not in [device.name for device in InProcessEngine().devices()]
    monkeypatch.setattr(torch.amp, "is_autocast_available", lambda kind: True, raising=False)
    assert "mps" in [device.name for device in InProcessEngine().devices()]


@pytest.mark.parametrize("device,message", [
    ("gpu", "Unknown device 'gpu'"), ("cuda:", "Unknown device"), ("cuda:x", "Unknown device"), ("cpu:1", "no device"),
    ("cuda:99", "no device"), ("", "Unknown device")])
def test_a_device_that_is_not_there_is_refused(device, message):
    with pytest.raises(ValueError, match=message):
        choose_device(device)


def test_auto_means_half_precision_on_a_gpu_and_fp32_elsewhere():
    assert choose_device("auto").type in ("cpu", "cuda")
    assert [choose_precision("auto", torch.device(d)) for d in ("cuda", "cpu", "mps")] == ["fp16", "fp32", "fp32"]
    with pytest.raises(ValueError, match="Unknown precision 'fp8'"):
        choose_precision("fp8", torch.device("cpu"))
    with pytest.raises(ValueError, match="fp16 needs a GPU"):
        choose_precision("fp16", torch.device("cpu"))


def test_a_batch_holds_at_least_one_slice():
    with pytest.raises(ValueError, match="at least 1"):
        denoiser(batch_size=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("precision,bound", [("fp32", 0.01), ("fp16", 1.0)])
def test_a_gpu_gives_what_the_cpu_gives(precision, bound):
    image = volume(5)
    result = denoiser(device="cuda", precision=precision).denoise(image)
    np.testing.assert_allclose(result.array, denoiser().denoise(image).array, atol=bound)


def test_the_shipped_models_in_bf16_stay_near_fp32():
    image = phantom((1, 256, 256), noise=40)
    for name in shipped_models():
        network, card = load_model(name)
        exact, coarse = (Denoiser(network, card, "cpu", p).denoise(image).array for p in ("fp32", "bf16"))
        assert np.sqrt(np.mean((coarse - exact) ** 2)) <= 1, name
        assert np.abs(coarse - exact).max() <= 10, name
