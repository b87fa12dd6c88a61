import numpy as np
import pytest
import torch
from networkfactory import CARD, denoiser, phantom, random_network, shipped_models, silent, volume

from LDCTDenoiseLib import inference
from LDCTDenoiseLib.engine import Cancelled
from LDCTDenoiseLib.inference import Denoiser, noise_floor_factor
from LDCTDenoiseLib.modelregistry import load_model
from LDCTDenoiseLib.networks import ARCHITECTURES


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
    assert result.effective_strength == 0


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
    assert result.effective_strength == share


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


@pytest.mark.parametrize("asked_before", [1, 3])
def test_a_run_stops_while_the_noise_is_measured(asked_before, monkeypatch):
    asked = []
    monkeypatch.setattr(Denoiser, "removed_noise", lambda *_: pytest.fail("went on"))
    with pytest.raises(Cancelled):
        denoiser().denoise(volume(5), cancelled=lambda: asked.append(1) or len(asked) > asked_before)
    assert len(asked) == asked_before + 1


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


def test_weights_that_give_no_numbers_end_the_run():
    network = random_network("plain")
    with torch.no_grad():
        network.predictor.weight[0, 0, 0, 0] = np.nan
    with pytest.raises(RuntimeError, match="not finite"):
        Denoiser(network, CARD, device="cpu").denoise(volume(1))


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


def test_the_shipped_models_lower_the_noise_of_a_noisy_body():
    image = np.rint(phantom((1, 256, 256), noise=40)).astype("int16")
    for name in shipped_models():
        result = Denoiser(*load_model(name), device="cpu").denoise(image)
        assert result.noise_after < 0.8 * result.noise_before, name
