import pytest
import torch
from torch import nn

from LDCTDenoiseLib.networks import UNet, build
from LDCTDenoiseLib.networks.multiplyadds import multiply_adds


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_a_convolution_costs_its_weights_at_every_output_pixel():
    assert multiply_adds(nn.Conv2d(1, 8, 3, padding=1), (10, 20)) == 8 * 9 * 200
    assert multiply_adds(nn.Conv2d(1, 8, 3, stride=2, padding=1), (10, 20)) == 8 * 9 * 50
    assert multiply_adds(nn.Conv2d(1, 8, 3), (10, 20)) == 8 * 9 * 8 * 18


def test_a_transposed_convolution_costs_its_weights_at_every_input_pixel():
    assert multiply_adds(nn.ConvTranspose2d(1, 8, 5), (10, 20)) == 8 * 25 * 200


def test_the_network_is_left_as_it_was():
    network = build("plain", (4,) * 7)
    multiply_adds(network, (16, 16))
    assert next(network.parameters()).device.type == "cpu"
    assert not any(module._forward_hooks for module in network.modules())
    assert network(torch.zeros(1, 1, 8, 8)).shape == (1, 1, 8, 8)


@pytest.mark.parametrize("architecture,widths,form,millions,billions", [
    ("unet", UNet.LITERAL_WIDTHS, "literal", 39.3, 41),
    ("redcnn", (96,), "shipped", 1.85, 458),
    ("plain", (32,) * 7, "literal", 0.057, 14.6),
    # Larger than the 3.9 to 4.7 M and 63 to 68 G of other readings of the figure: three stages, and every fusion has
    # its own chain of stride-two convolutions for each pair of branches.
    ("hrnet", (32, 64, 128, 256), "literal", 7.72, 87.0),
    ("hrnet", (16, 32, 64, 128), "shipped", 1.93, 21.8),
])
def test_size_and_cost_at_512_pixels_are_those_of_the_literature(architecture, widths, form, millions, billions):
    with torch.device("meta"):
        network = build(architecture, widths, form)
    assert parameters(network) / 1e6 == pytest.approx(millions, rel=0.01)
    assert multiply_adds(network) / 1e9 == pytest.approx(billions, rel=0.01)
