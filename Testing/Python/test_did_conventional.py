"""A network fitted to a default image that no network made takes its place, and says how well."""

import json

import numpy as np
import pytest
import torch
from networkfactory import CARD, random_network, volume
from scipy import ndimage

from DIDInteractiveLib import conventional
from DIDInteractiveLib.conventional import Fit, filtered, fit_network, slices_to_fit
from LDCTDenoiseLib import classical
from LDCTDenoiseLib.engine import Cancelled
from LDCTDenoiseLib.inference import Denoiser
from LDCTDenoiseLib.networks import build

SPACING = (3.0, 0.8, 0.8)


def blurred(array):
    return ndimage.gaussian_filter(array, (0, 1.0, 1.0))


def scan(slices=2, size=96):
    """A phantom with soft edges, so that a blur removes more noise than edges."""
    return blurred(blurred(volume(slices, size, noise=0.0))) + (volume(slices, size) - volume(slices, size, noise=0.0))


def small() -> Denoiser:
    """A network of three layers that does not denoise yet."""
    torch.manual_seed(1)
    network = build("plain", (12, 12))
    torch.nn.init.normal_(network.predictor.weight, std=0.01)
    return Denoiser(network, CARD, "cpu")


@pytest.fixture(scope="module", autouse=True)
def small_crops():
    """Crops that suit these small slices, and the time that a test may take."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conventional, "CROP", 40)
        yield


@pytest.fixture(scope="module")
def image():
    return scan()


@pytest.fixture(scope="module")
def nothing_outside(image):
    return np.zeros(image.shape, bool)


@pytest.fixture(scope="module")
def fitted(image, nothing_outside):
    torch.manual_seed(0)
    return fit_network(image, blurred(image), nothing_outside, small(), "gaussian", steps=150)


def test_the_fitted_network_turns_the_input_into_the_default_image(image, fitted):
    network, fit = fitted
    wanted = image - blurred(image)
    removed = network.removed_noise(image)
    body = image > -500
    left = np.sqrt(np.mean((removed - wanted)[body] ** 2)) / np.sqrt(np.mean(wanted[body] ** 2))
    assert left < 0.4
    assert fit.share == pytest.approx(left, rel=0.2)


def test_it_says_how_well_it_fits_and_what_it_cost(fitted):
    _, fit = fitted
    assert fit.steps == 150 and fit.slices == 2 and fit.seconds > 0
    assert json.loads(json.dumps(fit.as_dict()))["share"] == fit.share
    words = Fit(3.24, 12.0, 200, 21.4, 6, "hrnet 1.0").sentence()
    assert "differs from it by 3.2 HU, 27 % of the 12.0 HU" in words and "200 steps, 21 s on 6 slices" in words


def test_the_card_names_the_default_image_and_has_the_digest_of_the_fitted_weights(image, nothing_outside, fitted):
    network, _ = fitted
    assert network.card.name == "fitted-gaussian" and len(network.card.sha256) == 64
    assert network.card.sha256 != CARD.sha256
    assert network.card.details["fit"]["started_from"] == "test 1" and network.card.details["fit"]["steps"] == 150
    other, _ = fit_network(image, (image + blurred(image)) / 2, nothing_outside, small(), "gaussian", steps=80)
    assert other.card.sha256 != network.card.sha256


def test_the_network_to_start_from_and_the_images_stay_as_they_are(image, nothing_outside):
    start = small()
    before = {name: value.clone() for name, value in start.network.state_dict().items()}
    copies = image.copy(), blurred(image)
    default = copies[1].copy()
    fit_network(image, default, nothing_outside, start, "x", steps=80)
    for name, value in start.network.state_dict().items():
        assert torch.equal(value, before[name])
    np.testing.assert_array_equal(image, copies[0])
    np.testing.assert_array_equal(default, copies[1])


def test_the_same_fit_gives_the_same_weights(image, nothing_outside):
    default = blurred(image)
    digests = {fit_network(image, default, nothing_outside, small(), "x", steps=80)[0].card.sha256
               for _ in range(2)}
    assert len(digests) == 1


def test_a_slice_smaller_than_the_crops_and_with_padding_is_fitted_too():
    image = volume(1, 32) - volume(1, 32, noise=0.0) + 40
    default = blurred(image)
    padding = np.zeros(image.shape, bool)
    padding[:, :4] = True
    default[padding] = 900
    assert fit_network(image, default, padding, small(), "x", steps=100)[1].share < 0.5


def test_a_default_that_the_network_cannot_reproduce_is_refused(image, nothing_outside):
    mirrored = np.ascontiguousarray(blurred(image)[..., ::-1])
    with pytest.raises(ValueError, match=r"'test' could not be fitted.*\d+ % of what it removes; take") as error:
        fit_network(image, mirrored, nothing_outside, small(), "x", steps=5)
    assert "\n" not in str(error.value)


def test_a_default_that_removes_nothing_is_refused(image, nothing_outside):
    with pytest.raises(ValueError, match="is the input itself"):
        fit_network(image, image.copy(), nothing_outside, small(), "x")


def test_a_default_of_another_shape_is_refused(image, nothing_outside):
    with pytest.raises(ValueError, match="default image has the shape"):
        fit_network(image, image[:1], nothing_outside, small(), "x")


def test_a_fit_that_diverges_says_so(image, nothing_outside):
    network = random_network("plain")
    with torch.no_grad():
        network.predictor.weight.fill_(float("nan"))
    with pytest.raises(RuntimeError, match="diverged"):
        fit_network(image, blurred(image), nothing_outside, Denoiser(network, CARD, "cpu"), "x")


@pytest.mark.parametrize("calls", [0, 3])
def test_a_fit_can_be_stopped_and_reports_progress(image, nothing_outside, calls):
    seen = []
    with pytest.raises(Cancelled):
        fit_network(image, blurred(image), nothing_outside, small(), "x", cancelled=lambda: len(seen) >= calls,
                    progress=lambda fraction, text, remaining: seen.append((fraction, text, remaining)))
    assert len(seen) == calls
    for fraction, text, remaining in seen:
        assert 0 < fraction <= 1 and "default image" in text and remaining >= 0


@pytest.mark.parametrize("name", ["nlm", "tv", "gaussian"])
def test_the_filters_lower_the_noise_and_keep_the_padding(name):
    image = np.rint(volume(1, 96)).astype(np.int16)
    outside = np.zeros(image.shape, bool)
    outside[:, :5] = True
    image[outside] = -2000
    result = filtered(image, name, SPACING, outside)
    assert result.dtype == image.dtype
    np.testing.assert_array_equal(result[outside], image[outside])
    flat = np.s_[0, 55:75, 30:60]
    assert result[flat].std() < 0.8 * image[flat].std()
    assert abs(result[flat].mean() - image[flat].mean()) < 2


def test_an_unknown_filter_and_one_that_is_not_installed_are_named(monkeypatch):
    image = volume(1, 48)
    outside = np.zeros(image.shape, bool)
    with pytest.raises(ValueError, match="Unknown filter 'median'; choose nlm, tv, gaussian"):
        filtered(image, "median", SPACING, outside)
    monkeypatch.setattr(classical, "_package", lambda *_: (_ for _ in ()).throw(classical.MissingFilterError("gone")))
    with pytest.raises(classical.MissingFilterError):
        filtered(image, "nlm", SPACING, outside)
    with pytest.raises(Cancelled):
        filtered(image, "gaussian", SPACING, outside, lambda: True)


@pytest.mark.parametrize("count", [1, 2, 6, 7, 300])
def test_the_slices_to_fit_are_few_and_spread(count):
    chosen = slices_to_fit(count)
    assert len(chosen) == min(count, conventional.MAX_SLICES)
    assert chosen[0] == 0 and chosen[-1] == count - 1 and (np.diff(chosen) > 0).all()
