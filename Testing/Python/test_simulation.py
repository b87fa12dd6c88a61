"""Simulated noise follows the laws of dose, electronics, kernel and overlap, and spares what it must not touch."""

import math

import numpy as np
import pytest
import torch
from scanfactory import PIXEL, QUIET, SMALL, disk

from LDCTDenoiseLib import simulation
from LDCTDenoiseLib.fanbeam import point_variance
from LDCTDenoiseLib.kernels import Kernel, KernelError, estimate_kernel
from LDCTDenoiseLib.metrics import noise_power_spectrum
from LDCTDenoiseLib.simulation import MU_WATER, STARVED_COUNTS, Scan, SliceSimulator, body_centre, simulate_low_dose

SOFT = Kernel(0.1, 2.5)
SPACING = (3.0, PIXEL, PIXEL)


def ensemble(image, kernel, scan, noise_index, dose, count=96, pixel=(PIXEL, PIXEL)):
    """Noise images of one slice, with the simulator, the expected counts at the low dose and the body centre."""
    simulator = SliceSimulator(image.shape, pixel, kernel, scan, radius=150)
    integrals = simulator.line_integrals(image[None])
    centre = body_centre(image, pixel)
    photons = simulator.full_dose_photons(integrals, [centre], noise_index)
    noise = simulator.added_noise(integrals.expand(count, -1, -1), photons.expand(count), dose, range(count))
    return noise.numpy(), simulator, dose * photons * simulator.bowtie * torch.exp(-integrals), centre


def sd_around(noise, centre=(0.0, 0.0), radius=22.0, pixel=PIXEL):
    rows, columns = noise.shape[1:]
    y, x = np.mgrid[:rows, :columns]
    near = np.hypot((x - (columns - 1) / 2) * pixel - centre[0], (y - (rows - 1) / 2) * pixel - centre[1]) < radius
    return math.sqrt((noise[:, near] ** 2).mean())


@pytest.mark.parametrize("kernel", [None, SOFT])
@pytest.mark.parametrize("noise_index, dose", [(15, 0.5), (30, 0.25), (15, 0.0625)])
def test_the_added_sd_in_the_body_centre_follows_the_dose(kernel, noise_index, dose):
    noise, _, _, centre = ensemble(disk(110, centre=(20, -10)), kernel, QUIET, noise_index, dose)
    assert centre == pytest.approx((20, -10), abs=PIXEL)
    assert sd_around(noise, centre) == pytest.approx(noise_index * math.sqrt(1 / dose - 1), rel=0.03)


@pytest.mark.parametrize("electronics", [10.0, 300.0])
def test_electronic_noise_adds_the_rest_of_the_full_formula(electronics):
    dose = 0.25
    noise, simulator, counts, centre = ensemble(disk(140), SOFT, Scan(SMALL, electronics), 40, dose)
    assert counts.min() > STARVED_COUNTS
    added = (1 - dose) / counts + (1 - dose ** 2) * electronics / counts ** 2
    expected = math.sqrt(point_variance(added, centre, simulator.geometry, SOFT)) * 1000 / MU_WATER
    assert sd_around(noise) == pytest.approx(expected, rel=0.03)
    if electronics == 300:
        assert expected > 1.05 * 40 * math.sqrt(3)


def test_the_noise_has_the_power_spectrum_of_its_kernel():
    noise, *_ = ensemble(disk(110), SOFT, QUIET, 30, 0.25)
    window = np.outer(np.hanning(48), np.hanning(48))
    frequency, power = noise_power_spectrum(noise[:, 40:88, 40:88] * window, (PIXEL, PIXEL), 0).radial()
    band = (frequency > 0.02) & (frequency < 0.14)
    law = (frequency * SOFT.response(frequency) ** 2)[band]
    np.testing.assert_allclose(power[band] / power[band].mean(), law / law.mean(), rtol=0.15)


def test_noise_has_no_bias_even_where_rays_are_starved():
    noise, _, counts, _ = ensemble(disk(140), SOFT, Scan(SMALL), 200, 0.1)
    assert (counts < STARVED_COUNTS).float().mean() > 0.1
    inner = noise[:, 30:98, 30:98]
    means = inner.mean((1, 2))
    assert abs(means.mean()) < 4 * means.std() / math.sqrt(len(means))
    assert abs(means.mean()) < 0.01 * inner.std()
    # Starved rays get the noise of STARVED_COUNTS photons, so less than the noise index asks for.
    assert sd_around(noise) < 0.95 * 200 * math.sqrt(9)


def test_the_matched_kernel_is_that_of_the_images_own_noise():
    kernel, spacing = Kernel(0.4, 2.5), (3.0, 1.0, 1.0)
    clean = np.full((3, 160, 160), 40, np.float32)
    fine = Scan(simulation.FanBeamGeometry(views=288))
    noisy = simulate_low_dose(clean, spacing, noise_index=10, dose=0.25, kernel=kernel, scan=fine).array
    result = simulate_low_dose(noisy, spacing, noise_index=20, dose=0.25, scan=fine, seed=1)
    f = np.linspace(0.05, 0.45, 20)
    read = Kernel(**result.info["kernel"])
    np.testing.assert_allclose(read.response(f), kernel.response(f), atol=0.1)
    assert estimate_kernel(result.noise, spacing[1:]).f50 == pytest.approx(0.4, abs=0.08)


def volume(slices=3, dtype=np.int16):
    """A disk within a scan circle that is padded with -2000 around it."""
    image = disk(60, (64, 64), (4.0, 4.0), hu=40)
    y, x = np.mgrid[:64, :64] - 31.5
    image[np.hypot(x, y) > 32] = -2000
    return np.stack([image] * slices).astype(dtype)


COARSE = {"scan": QUIET, "kernel": SOFT, "noise_index": 20, "dose": 0.25}
WIDE = (2.0, 4.0, 4.0)


def test_the_same_seed_gives_the_same_noise_whatever_the_batch(monkeypatch):
    first = simulate_low_dose(volume(5), WIDE, seed=3, **COARSE)
    monkeypatch.setattr(simulation, "_BATCH", 2)
    again = simulate_low_dose(volume(5), WIDE, seed=3, **COARSE)
    np.testing.assert_allclose(again.noise, first.noise, atol=1e-3)
    np.testing.assert_array_equal(again.array, first.array)
    other = simulate_low_dose(volume(5), WIDE, seed=4, **COARSE)
    assert abs(np.corrcoef(other.noise.ravel(), first.noise.ravel())[0, 1]) < 0.05
    slices = first.noise.reshape(5, -1)
    assert np.abs(np.corrcoef(slices) - np.eye(5)).max() < 0.1  # no noise is used twice


@pytest.mark.parametrize("thickness", [5.0, 3.0, 6.0])
def test_overlapping_slices_share_noise_as_their_overlap_says(thickness):
    slices = 14
    alone = simulate_low_dose(volume(slices), WIDE, slice_thickness=2.0, **COARSE)
    result = simulate_low_dose(volume(slices), WIDE, slice_thickness=thickness, **COARSE)
    noise = result.noise.reshape(slices, -1)
    for lag in (1, 2, 3):
        expected = max(0.0, 1 - lag * WIDE[0] / thickness)
        measured = np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(noise, noise[lag:])])
        assert measured == pytest.approx(expected, abs=0.04)
    # Every slice keeps its SD, those at the ends too.
    np.testing.assert_allclose(noise.std(1), alone.noise.reshape(slices, -1).std(1).mean(), rtol=0.12)
    assert result.info["slice_overlap"] == thickness / WIDE[0] and alone.info["slice_overlap"] == 1


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
def test_padding_stays_bit_for_bit_and_the_rest_is_input_plus_noise_clipped_as_by_a_scanner(dtype):
    array = volume(dtype=dtype)
    before, outside = array.copy(), array == -2000
    result = simulate_low_dose(array, WIDE, **{**COARSE, "noise_index": 60})
    np.testing.assert_array_equal(array, before)
    assert result.array.dtype == dtype and result.noise.dtype == np.float32
    np.testing.assert_array_equal(result.array[outside], array[outside])
    assert (result.noise[outside] == 0).all() and (result.noise[~outside] != 0).all()
    inside = result.array[~outside].astype(np.float64)
    assert inside.min() == -1024
    expected = np.maximum((array + result.noise)[~outside], -1024)
    step = 0.5 if np.dtype(dtype).kind == "i" else 1e-3
    np.testing.assert_allclose(inside, expected, rtol=0, atol=step)
    if np.dtype(dtype).kind == "f":
        assert (inside % 1 != 0).mean() > 0.5  # floats are not rounded


def test_declared_padding_is_left_alone():
    array = np.full((1, 64, 64), 40, np.int16)
    padding = np.zeros(array.shape, bool)
    padding[:, :, :10] = True
    result = simulate_low_dose(array, WIDE, padding=padding, **COARSE)
    assert (result.noise[padding] == 0).all() and (result.noise[~padding] != 0).all()


def test_images_that_are_measured_into_their_corners_get_noise_there():
    array = disk(60, (64, 64), (4.0, 4.0), outside=-990)[None]
    array += np.random.default_rng(0).normal(0, 5, array.shape).astype(np.float32)
    noise = simulate_low_dose(array, WIDE, **COARSE).noise[0]
    corners = [noise[:8, :8], noise[:8, -8:], noise[-8:, :8], noise[-8:, -8:]]
    assert min(c.std() for c in corners) > 0.3 * noise[28:36, 2:62].std()


def test_cut_anatomy_gets_no_bands_at_the_edge_of_the_scan_field():
    y, x = np.mgrid[:96, :96] - 47.5
    inside = np.hypot(x, y) <= 46
    array = np.stack([np.where(inside, 40, -1024)] * 24).astype(np.int16)
    noise = simulate_low_dose(array, (2.0, 3.0, 3.0), **COARSE).noise
    radius = np.hypot(x, y)
    rings = [noise[:, (radius > r - 3) & (radius <= r)] for r in range(6, 46, 3)]
    assert max(abs(ring.mean()) for ring in rings) < 0.05 * noise[:, inside].std()
    levels = np.array([ring.std() for ring in rings])
    assert np.abs(np.diff(np.log(levels[3:]))).max() < 0.15  # the noise level changes smoothly up to the edge


def test_cut_anatomy_goes_on_beyond_the_image_for_the_same_length_in_both_directions():
    geometry, shape, pixel = SMALL, (40, 80), (4.0, 2.0)
    simulator = SliceSimulator(shape, pixel, None, QUIET)
    central = simulator.line_integrals(np.zeros((1, *shape)))[0, :, simulator.geometry.channels // 2]
    # The image measures 160 mm both ways and goes on for 50 mm on every side.
    for view in (0, geometry.views // 4):
        assert float(central[view]) == pytest.approx(260 * MU_WATER, rel=0.02)


def test_full_dose_is_the_input_and_less_dose_is_more_noise():
    array = volume()
    full = simulate_low_dose(array, WIDE, **{**COARSE, "dose": 1})
    np.testing.assert_array_equal(full.array, array)
    assert not full.noise.any() and full.info["added_sd_hu"] == 0
    levels = [simulate_low_dose(array, WIDE, **{**COARSE, "dose": d}).noise.std() for d in (0.5, 0.25, 0.1)]
    assert levels == sorted(levels)


def test_what_was_done_is_told_and_progress_is_reported():
    steps = []
    result = simulate_low_dose(volume(), WIDE, progress=lambda done, total: steps.append((done, total)), **COARSE)
    assert steps[-1] == (3, 3)
    assert result.info["noise_index_hu"] == 20 and result.info["dose"] == 0.25
    assert result.info["added_sd_hu"] == pytest.approx(20 * math.sqrt(3))
    assert result.info["kernel"] == {"f50": 0.1, "power": 2.5} and result.info["starved_counts"] == STARVED_COUNTS
    sharp = simulate_low_dose(volume(), WIDE, **{**COARSE, "kernel": "sharp"})
    assert sharp.info["kernel"] == "ramp"


def test_the_measured_sd_is_that_of_the_formula_only_without_electronic_noise_and_starved_rays():
    slices = np.stack([disk(110)] * 6)
    quiet = simulate_low_dose(slices, SPACING, scan=QUIET, kernel=SOFT, noise_index=20, dose=0.25).info
    assert quiet["measured_sd_hu"] == pytest.approx(quiet["added_sd_hu"], rel=0.06)
    assert quiet["starved_share"] == 0
    loud = simulate_low_dose(slices, SPACING, scan=Scan(SMALL, 3000.0), kernel=SOFT, noise_index=20, dose=0.25)
    assert loud.info["measured_sd_hu"] > 1.2 * loud.info["added_sd_hu"]
    assert loud.info["measured_sd_hu"] == pytest.approx(sd_around(loud.noise, radius=25), rel=0.01)


def test_rays_with_too_few_photons_at_the_low_dose_are_counted_and_their_share_is_told():
    simulator = SliceSimulator((64, 64), (4.0, 4.0), SOFT, Scan(SMALL, bowtie=0.0))
    integrals = torch.zeros(2, simulator.geometry.views, simulator.geometry.channels)
    integrals[1, :3, :7] = math.log(1000 * 0.1 / STARVED_COUNTS) + 0.01
    photons = torch.tensor([1000.0, 1000.0])
    assert simulator.starved_rays(integrals, photons, 0.1) == 21
    assert simulator.starved_rays(integrals, photons, 0.2) == 0
    shares = [simulate_low_dose(disk(140)[None], SPACING, scan=Scan(SMALL), kernel=SOFT, noise_index=200,
                                dose=dose).info["starved_share"] for dose in (0.05, 0.1, 1)]
    assert 1 > shares[0] > shares[1] > 0.1 and shares[2] == 0


@pytest.mark.parametrize("change, message", [
    ({"array": np.zeros((4, 4), np.int16)}, r"shape \(4, 4\)"),
    ({"array": np.zeros((0, 4, 4), np.int16)}, "shape"),
    ({"array": np.zeros((1, 64, 64), np.uint16)}, "uint16 cannot hold HU"),
    ({"array": np.zeros((1, 64, 64), np.int8)}, "int8 cannot hold HU"),
    ({"array": np.zeros((1, 64, 64), bool)}, "bool cannot hold HU"),
    ({"array": np.full((1, 64, 64), np.nan, np.float32)}, "NaN or infinite"),
    ({"spacing": (1.0, 0.0, 1.0)}, "three positive numbers"),
    ({"spacing": (1.0, 1.0)}, "three positive numbers"),
    ({"dose": 0}, "fraction of the full dose"),
    ({"dose": 1.5}, "fraction of the full dose"),
    ({"noise_index": 0}, "noise index"),
    ({"kernel": "soft"}, "'matched' or 'sharp'"),
    ({"seed": -1}, "seed"),
    ({"slice_thickness": 0.0}, "slice thickness"),
    ({"padding": np.zeros((1, 8, 8), bool)}, "padding mask"),
    ({"device": "meta"}, "CPU or on a CUDA device"),
    ({"spacing": (1.0, 20.0, 20.0)}, "does not fit between source and detector"),
])
def test_arguments_that_make_no_sense_are_refused(change, message):
    arguments = {"array": volume(1), "spacing": WIDE, **COARSE, **change}
    with pytest.raises(ValueError, match=message):
        simulate_low_dose(arguments.pop("array"), arguments.pop("spacing"), **arguments)


def test_a_matched_kernel_needs_uniform_tissue():
    with pytest.raises(KernelError, match="give the kernel explicitly"):
        simulate_low_dose(volume(1), WIDE, noise_index=20, dose=0.25)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_draws_noise_of_the_same_level_and_is_seeded():
    cpu = simulate_low_dose(volume(), WIDE, **COARSE)
    gpu, again = (simulate_low_dose(volume(), WIDE, device="cuda", **COARSE) for _ in range(2))
    np.testing.assert_allclose(again.noise, gpu.noise, atol=1e-3)
    assert gpu.noise.std() == pytest.approx(cpu.noise.std(), rel=0.05)
    assert gpu.info["photons_per_ray"] == pytest.approx(cpu.info["photons_per_ray"], rel=1e-3)
