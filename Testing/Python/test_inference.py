import numpy as np
import pytest
import torch
from networkfactory import CARD, phantom, random_network, shipped_models, silent

from LDCTDenoiseLib import inference
from LDCTDenoiseLib.engine import Cancelled
from LDCTDenoiseLib.inference import Denoiser, choose_device, choose_precision, exact_fp32, noise_floor_factor
from LDCTDenoiseLib.modelregistry import load_model
from LDCTDenoiseLib.networks import ARCHITECTURES


def denoiser(architecture="hrnet", device="cpu", **options):
    return Denoiser(random_network(architecture), CARD, device=device, **options)


def volume(slices=3, size=96, **options):
    return phantom((slices, size, size), **options)


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


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_result_is_the_output_of_the_network_in_hu(architecture):
    network, image = random_network(architecture), volume(1)
    with torch.inference_mode():
        expected = network(torch.from_numpy((image + 1000) / 2000)[:, None])[:, 0].numpy() * 2000 - 1000
    result = Denoiser(network, CARD, device="cpu").denoise(image)
    np.testing.assert_allclose(result.array, expected, atol=0.01)
    assert not np.allclose(result.array, image, atol=1)


@pytest.mark.parametrize("architecture", ["hrnet", "unet", "plain"])
def test_every_batch_size_gives_the_same_result(architecture):
    image = volume(5)
    results = [denoiser(architecture, batch_size=size).denoise(image) for size in (1, 2, 3, 5, 8)]
    for result in results[1:]:
        np.testing.assert_allclose(result.array, results[0].array, atol=0.01)


@pytest.mark.parametrize("dtype", ["int16", "uint16", "int32", "float32", "float64", ">i2"])
def test_the_type_of_the_voxels_is_kept_and_whole_numbers_are_rounded_not_truncated(dtype):
    exact = np.rint(volume()).astype(np.float32)
    if dtype == "uint16":
        exact = exact.clip(0)
    result = denoiser().denoise(exact.astype(dtype)).array
    reference = denoiser().denoise(exact).array
    assert result.dtype == np.dtype(dtype)
    if result.dtype.kind in "iu":
        reference = np.rint(reference).clip(np.iinfo(result.dtype).min, np.iinfo(result.dtype).max)
    np.testing.assert_allclose(result.astype(float), reference, atol=0.01)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("dtype", ["int16", "int32", "float32", "float64"])
def test_without_a_prediction_the_result_is_the_input_bit_for_bit(dtype, precision):
    image = (volume().astype("float64") * (1 + 1e-9)).astype(dtype)
    image[0, 40, 40] = 30000
    result = Denoiser(silent("hrnet"), CARD, device="cpu", precision=precision).denoise(image)
    np.testing.assert_array_equal(result.array, image)


def test_strength_zero_is_the_input_bit_for_bit():
    image = volume().astype("int16")
    result = denoiser().denoise(image, strength=0)
    np.testing.assert_array_equal(result.array, image)
    assert result.array is not image
    assert not result.messages


def test_the_result_is_linear_in_the_strength():
    image = volume()
    full = denoiser().denoise(image).array - image
    for strength in (0.25, 0.5, 0.9):
        part = denoiser().denoise(image, strength=strength).array - image
        np.testing.assert_allclose(part, strength * full, atol=0.01)


def test_the_input_is_not_modified_and_may_be_read_only():
    image = volume().astype("int16")
    image.flags.writeable = False
    before = image.copy()
    denoiser().denoise(image)
    np.testing.assert_array_equal(image, before)


def test_padding_and_everything_outside_the_scan_field_stay_as_they_are():
    image = np.rint(volume(3, 128)).astype("int16")
    row, column = np.mgrid[:128, :128] - 63.5
    outside = np.broadcast_to(np.hypot(row, column) > 64, image.shape)
    image[outside] = -2000
    declared = np.zeros(image.shape, bool)
    declared[1, 60:70, 60:70] = True
    for batch_size in (1, 2):
        result = denoiser(batch_size=batch_size).denoise(image, padding=declared).array
        np.testing.assert_array_equal(result[outside], image[outside])
        np.testing.assert_array_equal(result[declared], image[declared])
        body = np.broadcast_to(np.hypot(row, column) < 50, image.shape) & ~declared
        assert np.mean(result[body] != image[body]) > 0.9


def test_values_below_air_and_above_bone_come_through():
    image = volume(1)
    image[0, 40:44, 40:44], image[0, 60:64, 60:64] = -1500, 5000
    result = denoiser().denoise(image).array
    assert result[0, 41:43, 41:43].max() < -1200
    assert result[0, 61:63, 61:63].min() > 4000


def test_an_image_without_noise_is_left_alone_and_the_result_says_so():
    image = volume(noise=0.0)
    result = denoiser().denoise(image)
    np.testing.assert_array_equal(result.array, image)
    assert "left as it is" in result.messages[0]


def test_between_the_two_noise_floors_the_effect_grows_linearly():
    low, high = inference.NOISE_FLOOR_HU
    assert noise_floor_factor(low) == 0
    assert noise_floor_factor((low + high) / 2) == 0.5
    assert noise_floor_factor(high) == noise_floor_factor(500) == 1
    image = volume(noise=2.0)
    result = denoiser().denoise(image)
    share = noise_floor_factor(result.noise_before)
    assert 0.1 < share < 0.9
    network_effect = denoiser().removed_noise(image)
    np.testing.assert_allclose(image - result.array, share * network_effect, atol=0.01)
    assert "in part" in result.messages[0]


def test_the_result_says_how_it_was_made():
    image = volume()
    result = denoiser(batch_size=2).denoise(image, spacing=(5, 0.8, 0.8))
    assert (result.device, result.precision, result.batch_size, result.messages) == ("cpu", "fp32", 2, [])
    assert result.seconds > 0
    assert result.noise_before == pytest.approx(20, rel=0.2)
    assert result.noise_after > 0


def test_progress_is_true_and_ends_with_nothing_left():
    calls = []
    denoiser(batch_size=2).denoise(volume(5), progress=lambda *call: calls.append(call))
    assert [call[:2] for call in calls] == [(2, 5), (4, 5), (5, 5)]
    assert calls[-1][2] == 0
    assert all(remaining > 0 for *_, remaining in calls[:-1])


def test_a_run_that_is_cancelled_between_batches_stops():
    done = []
    with pytest.raises(Cancelled):
        denoiser().denoise(volume(5), progress=lambda *call: done.append(call[0]), cancelled=lambda: len(done) == 2)
    assert done == [1, 2]


def test_a_run_stops_within_a_slice_too():
    runner, layers, asked = denoiser(), [], []
    for module in runner.network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(lambda *_: layers.append(1))

    def cancelled():
        asked.append(1)
        return len(asked) > 6

    with pytest.raises(Cancelled):
        runner.denoise(volume(1), cancelled=cancelled)
    assert 0 < len(layers) <= 6
    runner.denoise(volume(1))
    assert len(asked) == 7, "a later run does not ask the earlier one's question"


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


def test_weights_that_give_no_numbers_end_the_run():
    network = random_network("plain")
    with torch.no_grad():
        network.predictor.weight[0, 0, 0, 0] = np.nan
    with pytest.raises(RuntimeError, match="not finite"):
        Denoiser(network, CARD, device="cpu").denoise(volume(1))


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


@pytest.mark.parametrize("shape", [(1, 512, 512), (2, 40, 75), (1, 5, 3), (1, 1, 1), (4, 1, 30)])
def test_volumes_of_any_size_are_denoised(shape):
    image = np.random.default_rng(0).normal(40, 20, shape).astype("float32")
    result = denoiser().denoise(image)
    assert result.array.shape == shape
    assert np.isfinite(result.array).all()


@pytest.mark.parametrize("array,message", [
    (np.zeros((5, 5), "int16"), r"shape \(5, 5\)"),
    (np.zeros((0, 5, 5), "int16"), r"shape \(0, 5, 5\)"),
    (np.zeros((1, 5, 5), complex), "complex"),
    (np.zeros((1, 5, 5), bool), "bool"),
    (np.full((1, 5, 5), np.nan), "not finite"),
    (np.full((1, 5, 5), -np.inf, "float32"), "not finite"),
])
def test_what_is_no_volume_in_hu_is_refused(array, message):
    with pytest.raises(ValueError, match=message):
        denoiser().denoise(array)


@pytest.mark.parametrize("strength", [-0.1, 1.5, float("nan")])
def test_a_strength_out_of_range_is_refused(strength):
    with pytest.raises(ValueError, match="between 0 and 1"):
        denoiser().denoise(volume(1), strength=strength)


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


def test_the_shipped_models_lower_the_noise_of_a_noisy_body():
    image = np.rint(phantom((1, 256, 256), noise=40)).astype("int16")
    for name in shipped_models():
        result = Denoiser(*load_model(name), device="cpu").denoise(image)
        assert result.noise_after < 0.8 * result.noise_before, name


def test_the_shipped_models_in_bf16_stay_near_fp32():
    image = phantom((1, 256, 256), noise=40)
    for name in shipped_models():
        network, card = load_model(name)
        exact, coarse = (Denoiser(network, card, "cpu", precision).denoise(image).array for precision in ("fp32", "bf16"))
        assert np.sqrt(np.mean((coarse - exact) ** 2)) <= 1, name
        assert np.abs(coarse - exact).max() <= 10, name


