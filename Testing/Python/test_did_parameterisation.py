import copy

import pytest
import torch
from networkfactory import random_network
from torch import nn

from DIDInteractiveLib.parameterisation import Parameterisation

NETWORKS = [("hrnet", "shipped"), ("hrnet", "literal"), ("unet", "shipped"), ("unet", "literal"), ("plain", "shipped"),
            ("plain", "literal"), ("redcnn", "shipped")]
UNITS = torch.rand(2, 1, 40, 48, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("tuned", ["all", "gains"])
@pytest.mark.parametrize(("architecture", "form"), NETWORKS)
def test_at_the_start_it_is_the_network_and_later_an_ordinary_network_of_the_same_kind(architecture, form, tuned):
    network = random_network(architecture, form)
    before = copy.deepcopy(network.state_dict())
    parameterisation = Parameterisation(network, tuned)
    with torch.no_grad():
        torch.testing.assert_close(parameterisation.output(parameterisation.start, UNITS), network(UNITS))
        noise = torch.randn(len(parameterisation.start), generator=torch.Generator().manual_seed(1))
        changed = parameterisation.start + 0.01 * noise
        tuned_network = parameterisation.network(changed)
        assert type(tuned_network) is type(network)
        torch.testing.assert_close(tuned_network(UNITS), parameterisation.output(changed, UNITS))
        assert not torch.allclose(tuned_network(UNITS), network(UNITS))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize(("architecture", "form"), NETWORKS)
def test_every_tuned_value_has_a_finite_gradient(architecture, form):
    for tuned in ("all", "gains"):
        parameterisation = Parameterisation(random_network(architecture, form), tuned)
        values = parameterisation.start.clone().requires_grad_()
        parameterisation.output(values, UNITS).square().sum().backward()
        assert torch.isfinite(values.grad).all()
        assert values.grad.any()


def test_gains_are_two_values_a_channel_where_nothing_normalises_and_the_normalisations_own_elsewhere():
    shipped, literal = (random_network("plain", form) for form in ("shipped", "literal"))
    assert len(Parameterisation(shipped, "gains").start) == 2 * (7 * 4 + 1)
    tuned = Parameterisation(literal, "gains")
    assert len(tuned.start) == 2 * (7 * 4 + 1)
    first = {name for name in tuned.tensors(tuned.start) if name.startswith("body.0.")}
    assert first == {"body.0.1.weight", "body.0.1.bias"}


@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d])
def test_a_gain_multiplies_its_channel_and_a_bias_adds_to_it(kind):
    layer = kind(1, 2, 3, padding=1)
    parameterisation = Parameterisation(nn.Sequential(layer), "gains")
    assert parameterisation.start.tolist() == [1, 1, 0, 0]
    with torch.no_grad():
        plain = layer(UNITS)
        result = parameterisation.output(torch.tensor([1.0, 3.0, 0.0, 0.5]), UNITS)
    torch.testing.assert_close(result[:, 0], plain[:, 0])
    torch.testing.assert_close(result[:, 1], 3 * plain[:, 1] + 0.5)


def test_scaled_steps_are_as_long_as_each_tensor_whatever_the_gradient():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 1, 3, bias=False))
    parameterisation = Parameterisation(network, "all")
    step = parameterisation.scaled(torch.randn(len(parameterisation.start)) * 1e-6)
    at = 0
    for parameter in network.parameters():
        part = step[at:at + parameter.numel()]
        at += parameter.numel()
        assert part.norm().item() == pytest.approx(parameter.detach().norm().item(), rel=1e-4)
    assert not parameterisation.scaled(torch.zeros(at)).any()


def test_a_network_without_weights_is_refused():
    with pytest.raises(ValueError, match="blend"):
        Parameterisation(nn.Identity(), "all")
