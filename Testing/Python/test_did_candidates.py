import numpy as np
import pytest
import torch
from didfactory import SPACING, fitted, one_value, smoothing
from networkfactory import CARD, silent, volume

from DIDInteractiveLib.candidates import generate_candidates
from DIDInteractiveLib.measurements import measure_candidates
from DIDInteractiveLib.parameterisation import Parameterisation
from DIDInteractiveLib.settings import CandidateSettings
from LDCTDenoiseLib.engine import Cancelled
from LDCTDenoiseLib.inference import Denoiser

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
    expected = smoothing().denoise(image, spacing=SPACING).array
    np.testing.assert_array_equal(made.candidates[made.default].array, expected)
    np.testing.assert_array_equal(made.candidates[-1].array, image)
    assert [one.kind for one in made.candidates] == ["smoother"] * 4 + ["default"] + ["sharper"] * 3 + ["input"]


@pytest.mark.parametrize("image", [np.zeros((1, 64, 64)), np.full((1, 64, 64), 40.0)])
def test_a_constant_image_is_refused_with_a_reason(image):
    with pytest.raises(ValueError, match="noise"):
        generate_candidates(image, SPACING, smoothing(), BLEND)


ALL_METHODS = [{"method": "did"}, {"method": "did", "tuned": "gains"}, {"method": "blend"}, {"method": "interpolate"},
               {"method": "did-ordered"}, {"method": "did-ordered", "per_slice": True},
               {"method": "did", "per_slice": True}, {"method": "blend", "per_slice": True},
               {"method": "did-literal", "reduction": "sum", "learning_rate": 1e-5}]


def weights_of(denoiser):
    return {name: value.clone() for name, value in denoiser.network.state_dict().items()}


@pytest.mark.parametrize("options", ALL_METHODS)
def test_candidates_rise_strictly_in_noise_and_neither_weights_nor_input_change(options):
    denoiser, image = smoothing(), volume(2).astype("int16")
    image.flags.writeable = False
    weights, before = weights_of(denoiser), image.copy()
    made = generate_candidates(image, SPACING, denoiser, CandidateSettings(count=7, max_steps=30, **options))
    noise = [one.tuning_noise_sd for one in made.candidates]
    assert all(np.diff(noise) > 0)
    assert all(np.diff([one.position for one in made.candidates]) > 0)
    assert made.candidates[made.default].kind == "default"
    np.testing.assert_array_equal(made.candidates[made.default].array, denoiser.denoise(image).array)
    np.testing.assert_array_equal(made.candidates[-1].array, before)
    np.testing.assert_array_equal(image, before)
    assert all(one.array.dtype == image.dtype and one.array.shape == image.shape for one in made.candidates)
    assert all(np.array_equal(value, weights[name]) for name, value in weights_of(denoiser).items())
    assert set(made.outcomes) == {"smoother", "sharper"}


@pytest.mark.parametrize("tuned", ["all", "gains"])
@pytest.mark.parametrize("architecture", ["hrnet", "unet", "plain", "redcnn"])
def test_every_network_gives_sharper_candidates_at_the_wanted_noise(architecture, tuned):
    settings = CandidateSettings(count=5, tuned=tuned, repetitions=1, max_steps=60)
    made = generate_candidates(volume(1, 64), SPACING, fitted(architecture), settings)
    sharper = [one for one in made.candidates if one.kind == "sharper"]
    assert [one.position for one in sharper] == pytest.approx([0.5], abs=0.02), made.outcomes


@pytest.mark.parametrize("tuned", ["all", "gains"])
@pytest.mark.parametrize("architecture", ["hrnet", "unet", "plain"])
def test_a_network_in_its_literal_form_ends_with_a_set_and_two_clear_outcomes(architecture, tuned):
    settings = CandidateSettings(count=5, tuned=tuned, max_steps=6)
    made = generate_candidates(volume(1, 64), SPACING, fitted(architecture, "literal"), settings)
    assert {"default", "input"} <= {one.kind for one in made.candidates}
    assert all(outcome.endswith(".") and "HU" in outcome for outcome in map(str, made.outcomes.values()))


def test_the_calibrated_candidates_lie_at_their_positions():
    made = generate_candidates(volume(2), SPACING, one_value(0.6), CandidateSettings(count=9))
    sharper = [one.position for one in made.candidates if one.kind == "sharper"]
    assert sharper == pytest.approx([0.25, 0.5, 0.75], abs=0.02)
    smoother = [one.position for one in made.candidates if one.kind == "smoother"][::-1]
    assert smoother[:-1] == pytest.approx([-0.25 * k for k in range(1, len(smoother))], abs=0.02)


def test_the_smoother_candidates_of_the_default_method_are_mixtures_that_end_at_the_smooth_bound():
    made = generate_candidates(volume(2), SPACING, smoothing(), CandidateSettings(count=9))
    blended = generate_candidates(volume(2), SPACING, smoothing(), BLEND)
    assert [one.position for one in made.candidates[:4]] == pytest.approx([-1, -0.75, -0.5, -0.25], abs=0.02)
    for one, other in zip(made.candidates[:5], blended.candidates[:5]):
        np.testing.assert_array_equal(one.array, other.array)


@pytest.mark.parametrize("architecture", ["hrnet", "unet", "plain"])
def test_the_default_method_gives_candidates_in_strict_order_of_noise_and_of_sharpness(architecture):
    image = volume(2)
    made = generate_candidates(image, SPACING, fitted(architecture), CandidateSettings(count=11))
    measured = measure_candidates(made.candidates, image, SPACING)
    assert len(measured) >= 10
    assert (np.diff([one.noise_sd_hu for one in measured]) > 0).all()
    assert (np.diff([one.edges_kept for one in measured]) > 0).all(), [one.edges_kept for one in measured]


def test_redcnn_gives_candidates_in_strict_order_of_noise_on_both_sides_at_the_default_repetitions():
    settings = CandidateSettings(method="did", count=9)
    made = generate_candidates(volume(1, 64), SPACING, fitted("redcnn"), settings)
    kinds = [one.kind for one in made.candidates]
    assert kinds == ["smoother"] * 4 + ["default"] + ["sharper"] * 3 + ["input"], made.outcomes
    assert (np.diff([one.tuning_noise_sd for one in made.candidates]) > 0).all()
    measured = measure_candidates(made.candidates, volume(1, 64), SPACING)
    assert (np.diff([one.noise_sd_hu for one in measured]) > 0).all()
    # three repetitions have taken much more away than one
    assert made.candidates[0].tuning_noise_sd < 0.7 * made.candidates[made.default].tuning_noise_sd


def test_with_a_single_value_to_tune_the_sharper_candidates_are_blends():
    made, blended = (generate_candidates(volume(1), SPACING, one_value(0.6), CandidateSettings(method=method))
                     for method in ("did-ordered", "blend"))
    for one, other in zip(made.candidates[made.default:], blended.candidates[blended.default:]):
        np.testing.assert_allclose(one.array, other.array, atol=1.0)


def test_more_repetitions_make_the_smooth_bound_smoother_and_one_leaves_none():
    lowest = []
    for repetitions in (2, 3, 5):
        made = generate_candidates(volume(1), SPACING, smoothing(),
                                   CandidateSettings(method="blend", repetitions=repetitions))
        lowest.append(made.candidates[0].tuning_noise_sd)
    assert lowest == sorted(lowest, reverse=True)
    made = generate_candidates(volume(1), SPACING, smoothing(), CandidateSettings(method="blend", repetitions=1))
    assert made.default == 0
    assert "one repetition" in str(made.outcomes["smoother"])


def test_the_blended_end_is_the_network_applied_k_times():
    denoiser, image = smoothing(), volume(1)
    expected = image
    for _ in range(4):
        expected = denoiser.denoise(expected).array
    made = generate_candidates(image, SPACING, denoiser, CandidateSettings(method="blend", repetitions=4))
    np.testing.assert_allclose(made.candidates[0].array, expected, atol=0.01)


def test_an_extrapolated_bound_is_smoother_and_says_so():
    plain, beyond = (generate_candidates(volume(1), SPACING, smoothing(0.4), CandidateSettings(
        method="blend", extrapolation=share)) for share in (0.0, 0.3))
    assert beyond.candidates[0].tuning_noise_sd < plain.candidates[0].tuning_noise_sd
    assert all(one.method == "blend, extrapolated" for one in beyond.candidates if one.kind == "smoother")
    assert any("30%" in message for message in beyond.messages)
    assert not any("extrapolated" in one.method for one in plain.candidates)


@pytest.mark.parametrize("options", ALL_METHODS)
def test_padding_and_all_outside_the_scan_field_stay_bit_for_bit_in_every_candidate(options):
    image = np.rint(volume(2, 64)).astype("int16")
    row, column = np.mgrid[:64, :64] - 31.5
    padding = np.broadcast_to(np.hypot(row, column) > 31, image.shape)
    image[padding] = -3024
    made = generate_candidates(image, SPACING, smoothing(), CandidateSettings(count=5, max_steps=15, **options),
                               padding=padding)
    for one in made.candidates:
        np.testing.assert_array_equal(one.array[padding], -3024)
        assert not np.array_equal(one.array, image) or one.kind == "input"


@pytest.mark.parametrize("dtype", ["int16", "int32", "float32", "float64"])
def test_candidates_have_the_type_of_the_input(dtype):
    made = generate_candidates(volume(1).astype(dtype), SPACING, smoothing(), CandidateSettings(count=5))
    assert {one.array.dtype for one in made.candidates} == {np.dtype(dtype)}


def test_noise_is_measured_in_the_region_that_the_user_gives():
    image = volume(2)
    roi = np.zeros(image.shape, bool)
    roi[1, 50:70, 40:60] = True
    made = generate_candidates(image, SPACING, smoothing(), BLEND, roi=roi)
    assert made.tuning_slices == (1,)
    for one in made.candidates:
        assert one.tuning_noise_sd == pytest.approx(one.array[roi].std(ddof=1), rel=1e-4)


def test_slices_tuned_alone_without_tissue_are_blended_and_the_set_says_so():
    image = volume(3)
    image[1] = -1000 + np.random.default_rng(0).normal(0, 20, image[1].shape)
    made = generate_candidates(image, SPACING, smoothing(), CandidateSettings(count=5, per_slice=True, max_steps=20))
    assert any("1 slice without tissue" in message for message in made.messages)
    changes = [np.abs(one.array[1] - image[1]).mean() for one in made.candidates]
    assert changes == sorted(changes, reverse=True)


def test_each_candidate_is_shown_when_it_is_ready_and_progress_never_goes_back():
    shown, fractions = [], []
    made = generate_candidates(volume(2), SPACING, smoothing(), CandidateSettings(count=7), on_candidate=shown.append,
                               progress=lambda fraction, text, remaining: fractions.append((fraction, text, remaining)))
    assert shown[0] is made.candidates[made.default]
    assert shown[-1] is made.candidates[-1]
    assert sorted(map(id, shown)) == sorted(map(id, made.candidates))
    values = [fraction for fraction, _, _ in fractions]
    assert values == sorted(values)
    assert values[-1] == 1
    assert all(text and remaining >= 0 for _, text, remaining in fractions)


@pytest.mark.parametrize("options", ALL_METHODS)
def test_a_run_stops_within_one_step_wherever_it_is(options):
    settings = CandidateSettings(count=5, max_steps=8, **options)
    calls = 0

    def count():
        nonlocal calls
        calls += 1
        return False

    generate_candidates(volume(2, 64), SPACING, smoothing(), settings, cancelled=count)
    for stop_at in np.unique(np.linspace(1, calls, 6).astype(int)):
        asked, denoiser = 0, smoothing()
        runs_after = []

        def stop():
            nonlocal asked
            asked += 1
            return asked >= stop_at

        handle = denoiser.network.layer.register_forward_hook(lambda *_: runs_after.append(asked >= stop_at))
        with pytest.raises(Cancelled):
            generate_candidates(volume(2, 64), SPACING, denoiser, settings, cancelled=stop)
        handle.remove()
        assert sum(runs_after) == 0
        assert not denoiser.network.layer._forward_pre_hooks


@pytest.mark.parametrize(("network", "image"), [
    (silent("plain"), volume(1)),
    (smoothing(-0.5).network, volume(1)),
    (smoothing().network, np.full((2, 64, 64), -1000.0) + np.random.default_rng(0).normal(0, 20, (2, 64, 64))),
    (smoothing().network, volume(1, 96)[:, :6, :6]),
    (smoothing().network, np.zeros((1, 1, 1))),
    (smoothing().network, np.full((1, 32, 32), np.nan)),
])
def test_an_image_without_a_trade_off_is_refused_in_one_sentence(network, image):
    with pytest.raises(ValueError, match="[a-z]") as raised:
        generate_candidates(image, SPACING, Denoiser(network, CARD, device="cpu"), CandidateSettings())
    assert "\n" not in str(raised.value)


def test_a_small_image_with_a_region_works():
    image = volume(1, 96)[:, 40:60, 30:50]
    made = generate_candidates(image, SPACING, one_value(0.6), CandidateSettings(count=5),
                               roi=np.ones(image.shape, bool))
    assert [one.position for one in made.candidates if one.kind == "sharper"] == pytest.approx([0.5], abs=0.02)


def test_masks_that_do_not_fit_are_refused():
    image = volume(2)
    for name in ("padding", "roi"):
        with pytest.raises(ValueError, match="agree"):
            generate_candidates(image, SPACING, smoothing(), BLEND, **{name: np.ones((1, 96, 96), bool)})
    with pytest.raises(ValueError, match="spacing"):
        generate_candidates(image, (0, 1, 1), smoothing(), BLEND)


def test_equal_slices_stay_equal_with_shared_weights_so_that_nothing_flickers():
    image = np.concatenate([volume(1), volume(1, seed=1), volume(1), volume(1, seed=2), volume(1)])
    made = generate_candidates(image, SPACING, smoothing(), CandidateSettings(count=5, max_steps=20))
    for one in made.candidates:
        np.testing.assert_array_equal(one.array[0], one.array[2])
        np.testing.assert_array_equal(one.array[0], one.array[4])


def test_a_full_gpu_is_named_with_a_way_out(monkeypatch):
    def full(*_):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.\nTried to allocate")

    monkeypatch.setattr(Parameterisation, "output", full)
    with pytest.raises(RuntimeError, match="choose the CPU"):
        generate_candidates(volume(1), SPACING, smoothing(), CandidateSettings(count=5))
