import numpy as np
import pytest
import torch
from networkfactory import WIDTHS, phantom, random_network, shipped_models, silent
from torch import nn

from LDCTDenoiseLib.hu import to_hu, to_network
from LDCTDenoiseLib.modelregistry import load_model
from LDCTDenoiseLib.networks import ARCHITECTURES, UNet, build
from LDCTDenoiseLib.networks.layers import DETAIL_GAIN, DETAIL_WINDOW, ConvBlock, upsample, with_detail

LOCAL = ("hrnet", "plain", "redcnn")


def run(network, hu):
    """Apply a network to slices (n, rows, columns) in HU."""
    with torch.inference_mode():
        return to_hu(network(torch.from_numpy(to_network(np.float32(hu)))[:, None])[:, 0]).numpy()


def crop_difference(network, margin, offset=(32, 48), size=(192, 200)):
    """Largest and mean difference in HU between a crop's output and the full image's, ``margin`` inside the crop."""
    image = phantom((1, 256, 272))
    rows, columns = (slice(o, o + s) for o, s in zip(offset, size))
    difference = np.abs(run(network, image[:, rows, columns]) - run(network, image)[:, rows, columns])
    inner = difference[:, margin:-margin, margin:-margin]
    assert inner.size > 0
    return inner.max(), inner.mean()


def shipped(name):
    return load_model(name)[0]


@pytest.mark.parametrize("architecture", LOCAL)
def test_a_crop_agrees_with_the_full_image_inside_a_margin_of_one_receptive_field(architecture):
    network = random_network(architecture, removed_sd=100)
    assert crop_difference(network, network.receptive_field)[0] <= 0.5


def test_the_crop_of_a_shipped_local_network_agrees_with_the_full_image():
    for name in shipped_models():
        network = shipped(name)
        if network.receptive_field is not None:
            assert crop_difference(network, network.receptive_field)[0] <= 0.5


def test_a_crop_is_close_to_the_full_image_on_average_to_the_shipped_unet_which_sees_all_of_it():
    largest, average = crop_difference(shipped("unet"), 48)
    assert average <= 1.0 < largest


def test_a_crop_at_another_offset_is_another_image_to_a_strided_network():
    network = random_network("hrnet", removed_sd=100)
    assert crop_difference(network, network.receptive_field, offset=(33, 49))[0] > 0.5


@pytest.mark.parametrize("architecture,options", [
    ("hrnet", {}), ("hrnet", {"stages": 2}), ("plain", {}), ("redcnn", {})])
def test_the_receptive_field_is_the_distance_at_which_pixels_lose_their_influence(architecture, options):
    network = all_positive(build(architecture, WIDTHS[architecture], **options))
    assert influence(network, 192) == network.receptive_field


def test_the_receptive_field_of_hrnet_follows_the_number_of_branches():
    for widths in ((2,), (2, 2), (2, 2, 2)):
        network = all_positive(build("hrnet", widths))
        assert influence(network, 96) == network.receptive_field


def test_every_pixel_of_the_unet_sees_the_whole_image_so_it_names_no_receptive_field():
    network = all_positive(build("unet", WIDTHS["unet"]))
    assert network.receptive_field is None
    image = torch.ones(1, 1, 128, 128, requires_grad=True)
    gradient, = torch.autograd.grad(network.predicted_noise(image)[0, 0, 3, 5], image)
    assert (gradient != 0).all()


def all_positive(network):
    """With positive weights no ReLU is shut and no paths cancel."""
    for parameter in network.parameters():
        nn.init.constant_(parameter, 0.1)
    return network


def influence(network, size):
    """Largest distance in rows or columns of a pixel that influences one near the centre."""
    distance = 0
    for shift in range(network.stride):
        centre = size // 2 + shift
        image = torch.ones(1, 1, size, size, requires_grad=True)
        gradient, = torch.autograd.grad(network.predicted_noise(image)[0, 0, centre, centre], image)
        distance = max(distance, (torch.nonzero(gradient[0, 0]) - centre).abs().max().item())
    return distance


@pytest.mark.parametrize("shape", [(64, 64), (1024, 1024), (65, 129), (40, 512), (21, 20), (7, 5), (2, 3), (1, 1)])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_any_image_size_works(architecture, shape):
    image = np.random.default_rng(0).normal(40, 20, (1, *shape))
    result = run(random_network(architecture), image)
    assert result.shape == image.shape
    assert np.isfinite(result).all()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_slices_of_one_batch_do_not_influence_each_other(architecture):
    network, images = random_network(architecture), phantom((3, 64, 64))
    together = run(network, images)
    alone = np.concatenate([run(network, image[None]) for image in images])
    np.testing.assert_allclose(together, alone, atol=0.01)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_without_a_prediction_the_shipped_form_is_the_identity_bit_for_bit(architecture):
    image = torch.rand(1, 1, 37, 45) * 3 - 1
    with torch.inference_mode():
        assert torch.equal(silent(architecture)(image), image)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_values_below_air_and_above_bone_are_not_clipped(architecture):
    image = phantom((1, 64, 64))
    image[0, 20:30, 20:30], image[0, 40:50, 40:50] = -2000, 9000
    result = run(random_network(architecture, removed_sd=5), image)
    assert result[0, 22:28, 22:28].max() < -1500
    assert result[0, 42:48, 42:48].min() > 7000


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_shipped_form_has_neither_normalisation_nor_additive_constants(architecture):
    network = build(architecture, WIDTHS[architecture])
    assert not any(isinstance(module, nn.InstanceNorm2d) for module in network.modules())
    if architecture != "redcnn":
        assert not any(name.endswith("bias") for name, _ in network.named_parameters())


@pytest.mark.parametrize("architecture", ["hrnet", "unet", "plain"])
def test_without_additive_constants_twice_the_image_has_twice_the_noise(architecture):
    network = random_network(architecture)
    image = torch.from_numpy(to_network(phantom()))[:, None]
    with torch.inference_mode():
        once, twice = network.predicted_noise(image), network.predicted_noise(2 * image)
    torch.testing.assert_close(twice, 2 * once, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("architecture", ["hrnet", "unet", "plain"])
def test_a_new_network_of_the_shipped_form_is_the_identity(architecture):
    image = torch.rand(1, 1, 40, 33)
    with torch.inference_mode():
        assert torch.equal(build(architecture, WIDTHS[architecture])(image), image)


def test_the_detail_is_the_scaled_difference_from_the_mean_of_the_surroundings():
    image = torch.rand(2, 1, 50, 41)
    detail, same = with_detail(image).unbind(1)
    assert torch.equal(same, image[:, 0])
    half = DETAIL_WINDOW // 2
    around = image[1, 0, 25 - half:25 + half + 1, 20 - half:20 + half + 1]
    expected = DETAIL_GAIN * (image[1, 0, 25, 20] - around.mean())
    torch.testing.assert_close(detail[1, 25, 20], expected, rtol=0, atol=1e-4)
    torch.testing.assert_close(with_detail(image + 1)[:, 0], detail, rtol=0, atol=1e-4)


@pytest.mark.parametrize("architecture", ["hrnet", "unet", "plain"])
def test_the_literal_form_normalises_every_convolution_but_the_predictor_and_the_1x1_bottleneck(architecture):
    network = build(architecture, WIDTHS[architecture], "literal")
    blocks = [module for module in network.modules() if isinstance(module, ConvBlock)]
    bare = [block for block in blocks if not any(isinstance(layer, nn.InstanceNorm2d) for layer in block)]
    assert bare == ([network.encoder[-1]] if architecture == "unet" else [])
    assert all(isinstance(block[-1], nn.ReLU) for block in blocks)


@pytest.mark.parametrize("size", [512, 256, 64, 8])
@pytest.mark.parametrize("architecture", ["hrnet", "unet", "plain"])
def test_the_literal_form_runs_at_any_size_and_ends_in_a_relu(architecture, size):
    network = random_network(architecture, "literal", removed_sd=500)
    with torch.inference_mode():
        image = torch.rand(1, 1, size, size)
        result = network(image)
        prediction = network.predicted_noise(image)
    assert result.shape == image.shape
    assert torch.equal(result, prediction.clamp(min=0))
    assert prediction.min() < 0 or size == 8


def test_the_unet_comes_down_to_one_by_one_for_the_image_size_of_the_paper():
    network, shapes = build("unet", WIDTHS["unet"], "literal"), []
    for block in network.encoder:
        block.register_forward_hook(lambda module, inputs, output: shapes.append(tuple(output.shape[-2:])))
    with torch.inference_mode():
        network(torch.rand(1, 1, 512, 512))
    assert shapes == [(512 >> level,) * 2 for level in range(10)]
    assert UNet.LITERAL_WIDTHS == (32, 64, 128, 256, 512, 512, 512, 512, 512, 512)


@pytest.mark.parametrize("form", ["literal", "shipped"])
def test_the_predictor_of_hrnet_equals_interpolation_concatenation_and_one_convolution(form):
    network = random_network("hrnet", form)
    image = torch.from_numpy(to_network(phantom((2, 64, 80))))[:, None]
    image = with_detail(image) if network.inputs == 2 else image
    with torch.inference_mode():
        branches = []
        for block in network.start:
            branches.append(block(branches[-1] if branches else image))
        for number, stage in enumerate(network.stages):
            branches = [block(branch) for block, branch in zip(stage, branches)]
            if number < len(network.fusions):
                branches = network.fusions[number](branches)
        features = torch.cat([branches[0], *(upsample(b, image.shape[-2:]) for b in branches[1:])], 1)
        weight = torch.cat([conv.weight for conv in network.predictor], 1)
        naive = nn.functional.conv2d(features, weight, network.predictor[0].bias)
        torch.testing.assert_close(network.predict(image), naive, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_in_half_precision_the_last_layer_and_the_input_skip_stay_fp32(architecture):
    network, seen = random_network(architecture), {}
    first = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
    modules = {"first": first, "last": network.get_submodule(
        {"hrnet": "predictor.0", "redcnn": "decoder.4"}.get(architecture, "predictor"))}
    for name, module in modules.items():
        module.register_forward_hook(lambda m, i, output, name=name: seen.update({name: output.dtype}))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        output = network(torch.from_numpy(to_network(phantom()))[:, None])
    assert seen == {"first": torch.bfloat16, "last": torch.float32}
    assert output.dtype == torch.float32


@pytest.mark.parametrize("arguments,message", [
    (("resnet", (4,)), "Unknown architecture 'resnet'"),
    (("hrnet", (4, 0)), "positive integers"),
    (("hrnet", ()), "positive integers"),
    (("hrnet", (4.0,)), "positive integers"),
    (("plain", (4,), "printed"), "Unknown network form 'printed'"),
    (("redcnn", (96,), "literal"), "one form only"),
])
def test_a_network_that_cannot_be_built_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        build(*arguments)


def test_adding_50_hu_to_soft_tissue_moves_the_output_of_a_shipped_network_by_50_hu():
    image = phantom((2, 512, 512), noise=20.0)
    body = np.hypot(*(np.mgrid[:512, :512] - 330)) < 90
    for name in shipped_models():
        network = shipped(name)
        moved = run(network, image + 50) - run(network, image)
        assert abs(moved[:, body].mean() - 50) <= 1, name


def test_a_shipped_network_applied_three_times_drifts_by_less_than_one_hu():
    image = phantom((1, 512, 512), noise=20.0)
    body = np.hypot(*(np.mgrid[:512, :512] - 330)) < 90
    for name in shipped_models():
        network, result = shipped(name), image
        for _ in range(3):
            result = run(network, result)
        assert abs(result[:, body].mean() - image[:, body].mean()) < 1, name


def test_every_level_of_the_unet_learns_in_bf16_on_patches_smaller_than_its_reach():
    network = build("unet", (8,) * 10)
    nn.init.ones_(network.predictor.weight)
    with torch.autocast("cpu", torch.bfloat16):
        output = network(torch.rand(2, 1, 64, 64))
    output.square().mean().backward()
    gradients = {name: weight.grad for name, weight in network.named_parameters()}
    assert all(torch.isfinite(gradient).all() for gradient in gradients.values())
