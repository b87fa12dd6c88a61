import numpy as np
import pytest
from didfactory import SPACING, smoothing
from networkfactory import volume

from DIDInteractiveLib.candidates import generate_candidates
from DIDInteractiveLib.settings import CandidateSettings

BLEND = CandidateSettings(method="blend", count=9)


def test_blended_candidates_lie_at_equal_steps_of_log_noise_on_either_side_of_the_default():
    made = generate_candidates(volume().astype("float32"), SPACING, smoothing(), BLEND)
    logs = np.log([one.tuning_noise_sd for one in made.candidates])
    assert made.default == 4
    for steps in (np.diff(logs[:5]), np.diff(logs[4:])):
        assert steps == pytest.approx(np.full(4, steps.mean()), abs=0.012)


def test_the_default_is_what_the_denoiser_returns_and_the_input_comes_last_bit_for_bit():
    image = volume().astype("int16")
    made = generate_candidates(image, SPACING, smoothing(), BLEND)
    np.testing.assert_array_equal(made.candidates[made.default].array, smoothing().denoise(image, spacing=SPACING).array)
    np.testing.assert_array_equal(made.candidates[-1].array, image)
    assert [one.kind for one in made.candidates] == ["smoother"] * 4 + ["default"] + ["sharper"] * 3 + ["input"]


@pytest.mark.parametrize("image", [np.zeros((1, 64, 64)), np.full((1, 64, 64), 40.0)])
def test_a_constant_image_is_refused_with_a_reason(image):
    with pytest.raises(ValueError, match="noise"):
        generate_candidates(image, SPACING, smoothing(), BLEND)
