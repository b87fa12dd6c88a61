"""Parts of the simulation report that need no data. Each function writes its figures and returns Markdown lines."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from LDCTDenoiseLib.fanbeam import FanBeamGeometry, pixel_positions, point_variance, project, reconstruct
from LDCTDenoiseLib.kernels import Kernel, bare_ramp_response
from LDCTDenoiseLib.metrics import noise_power_spectrum
from LDCTDenoiseLib.simulation import MU_WATER, STARVED_COUNTS, Scan, SliceSimulator
from matplotlib import pyplot as plt
from scipy import stats

SOFT = Kernel(0.4, 2.5)
SHARP = Kernel(0.7, 3.0)
KERNELS = {"bare ramp": None, "f50 0.4, power 2.5": SOFT, "f50 0.7, power 3": SHARP}
INSERTS = ((0, 0, 160, 0.0), (80, 0, 15, 1000.0), (-80, 0, 20, -1000.0), (0, 80, 10, 20.0), (0, -80, 10, -100.0))
"""x, y, radius in mm and HU above what lies below."""


def table(head, rows) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]


def save(figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    plt.close(figure)


def disk(shape, pixel, radius, hu=0.0, outside=-1000.0) -> np.ndarray:
    x, y = pixel_positions(shape, (pixel, pixel))
    return np.where(np.hypot(x, y) <= radius, hu, outside).astype(np.float32)


def disk_integrals(geometry, discs) -> torch.Tensor:
    """Exact line integrals (1, views, channels) of discs (x, y, radius in mm, attenuation per mm)."""
    beta, gamma = geometry.view_angles().double()[:, None], geometry.fan_angles().double()
    total = torch.zeros(1, geometry.views, geometry.channels, dtype=torch.float64)
    for x, y, radius, attenuation in discs:
        sx, sy = geometry.source_isocentre * beta.cos() - x, geometry.source_isocentre * beta.sin() - y
        toward = beta + math.pi - gamma
        distance = sx * toward.sin() - sy * toward.cos()
        total += 2 * attenuation * (radius ** 2 - distance ** 2).clamp(min=0).sqrt()
    return total.float()


def analytic_disk(output: Path) -> list[str]:
    geometry, shape, pixel = FanBeamGeometry(), (512, 512), 0.8
    discs = [(x, y, r, MU_WATER * (1 + hu / 1000 if n == 0 else hu / 1000)) for n, (x, y, r, hu) in enumerate(INSERTS)]
    exact = disk_integrals(geometry, discs)
    image = reconstruct(exact, shape, (pixel, pixel), geometry, radius=205)[0].numpy() * 1000 / MU_WATER - 1000
    x, y = (t.numpy() for t in pixel_positions(shape, (pixel, pixel)))
    truth, edge = np.full(shape, -1000.0), np.full(shape, np.inf)
    for n, (cx, cy, radius, hu) in enumerate(INSERTS):
        distance = np.hypot(x - cx, y - cy) - radius
        truth[distance <= 0] += hu if n else 1000
        edge = np.minimum(edge, np.abs(distance))
    error = image - truth
    flat = edge > 4
    rows = []
    for name, (cx, cy, radius, hu) in zip(("water", "bone", "air", "+20 HU", "-100 HU"), INSERTS):
        inside = (np.hypot(x - cx, y - cy) < radius - 4) & flat & (truth == (hu if name != "air" else -1000))
        rows.append([name, f"{truth[inside].mean():.0f}", f"{error[inside].mean():+.2f}", f"{error[inside].std():.2f}",
                     f"{np.abs(error[inside]).max():.1f}"])
    beyond = flat & (np.hypot(x, y) > 165) & (np.hypot(x, y) < 200)
    rows.append(["air around", "-1000", f"{error[beyond].mean():+.2f}", f"{error[beyond].std():.2f}",
                 f"{np.abs(error[beyond]).max():.1f}"])
    worst = np.unravel_index(np.where(np.hypot(x, y) < 200, np.abs(error), 0).argmax(), shape)
    forward = project(torch.tensor(disk((1024, 1024), 0.4, 160) + 1000)[None] * MU_WATER / 1000, (0.4, 0.4), geometry)
    central = disk_integrals(geometry, [(0, 0, 160, MU_WATER)])
    grazing = (central > 0.3 * central.max())
    relative = ((forward - central) / central)[grazing]
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8))
    shown = axes[0].imshow(error, cmap="gray", vmin=-10, vmax=10, extent=(-205, 205, 205, -205))
    figure.colorbar(shown, ax=axes[0], label="error, HU")
    axes[0].set(title="reconstruction minus truth", xlabel="mm")
    axes[1].plot(x[0], image[256], lw=0.8, label="reconstruction")
    axes[1].plot(x[0], truth[256], lw=0.8, label="truth")
    axes[1].set(title="row through bone and air", xlabel="mm", ylabel="HU")
    axes[1].legend(fontsize=7)
    save(figure, output / "disk.png")
    return ["## Analytic disk", "",
            "Exact line integrals of a 320 mm water disk with inserts, reconstructed with the bare ramp on 512 x 512 "
            "pixels of 0.8 mm. Pixels farther than 4 mm from any edge:", "",
            *table(["region", "truth HU", "mean error", "SD of error", "largest error"], rows), "",
            f"The largest error anywhere, {abs(error[worst]):.0f} HU, is on the edge of an insert or the disk (at x = "
            f"{x[worst]:.0f}, y = {y[worst]:.0f} mm, {edge[worst]:.1f} mm from the edge), where a pixel is cut by it. "
            f"The projector, on a 0.4 mm raster of the same disk, is within {100 * relative.abs().mean():.2f} % "
            f"(mean; bias {100 * relative.mean():+.3f} %) of the exact integrals.",
            "", "![error](disk.png)"]


def tapered_spectrum(regions, pixel):
    """Radial NPS of regions (N, n, n) under a Hann window: steep spectra do not leak into their own tails."""
    window = np.outer(np.hanning(regions.shape[1]), np.hanning(regions.shape[2]))
    return noise_power_spectrum(regions * (window / math.sqrt((window ** 2).mean())), pixel, detrend_order=0).radial()


def expected_spectrum(frequency, kernel, pitch, pixel):
    """NPS of a reconstruction up to a factor: f H(f)^2, and what sampling by channels and by pixels folds onto it."""
    angles = (np.arange(12) + 0.5) * math.pi / 48
    total = np.zeros_like(frequency)
    for m in (-1, 0, 1):
        for n in (-1, 0, 1):
            u = frequency[:, None] * np.cos(angles) + m / pixel
            v = frequency[:, None] * np.sin(angles) + n / pixel
            cycles = np.hypot(u, v) * pitch
            # The filter of sampled channels repeats; linear interpolation damps the repetitions by sinc^2.
            repeated = np.abs((cycles + 0.5) % 1 - 0.5)
            amplitude = repeated * np.sinc(cycles) ** 2
            if kernel is not None:
                amplitude *= kernel.response(repeated / pitch) / np.sinc(repeated) ** 2
            total += (amplitude ** 2 / np.maximum(cycles, 1e-9)).mean(1)
    return total


def _simulate(image, pixel, kernel, scan, noise_index, dose, count, seed=0):
    """Noise images (count, rows, columns) of one slice, its simulator, sinogram and photons."""
    simulator = SliceSimulator(image.shape, (pixel, pixel), kernel, scan)
    integrals = simulator.line_integrals(image[None])
    photons = simulator.full_dose_photons(integrals, [(0.0, 0.0)], noise_index)
    seeds = range(seed, seed + count)
    noise = simulator.added_noise(integrals.expand(count, -1, -1), photons.expand(count), dose, seeds)
    return noise.numpy(), simulator, integrals, photons


def _centre_sd(noise, half=9) -> tuple[float, float]:
    """SD around the image centre over slices and pixels, and its standard error."""
    middle = noise.shape[1] // 2
    squares = (noise[:, middle - half:middle + half, middle - half:middle + half] ** 2).mean((1, 2))
    sd = math.sqrt(squares.mean())
    return sd, float(squares.std(ddof=1) / math.sqrt(len(squares)) / (2 * sd))


def sd_law(output: Path) -> list[str]:
    image, pixel, rows, worst, seed = disk((256, 256), 1.4, 150), 1.4, [], 0.0, 0
    for name, kernel in (("bare ramp", None), ("f50 0.4, power 2.5", SOFT)):
        for noise_index, dose in ((15, 0.5), (15, 0.25), (30, 0.25), (15, 0.125), (15, 0.0625)):
            noise, *_ = _simulate(image, pixel, kernel, Scan(electronic_variance=0), noise_index, dose, 24, seed)
            seed += 24
            sd, error = _centre_sd(noise)
            expected = noise_index * math.sqrt(1 / dose - 1)
            worst = max(worst, abs(sd / expected - 1))
            rows.append([name, str(noise_index), f"{dose:g}", f"{expected:.2f}", f"{sd:.2f} ± {error:.2f}",
                         f"{100 * (sd / expected - 1):+.1f} %"])
    verdict = "within" if worst <= 0.03 else "NOT within"
    return ["## Added SD against NI sqrt(1/f - 1)", "",
            "Centre of a 300 mm water disk, no electronic noise, 24 slices of 18 x 18 pixels of 1.4 mm. Worst "
            f"deviation {100 * worst:.1f} %: {verdict} 3 %.", "",
            *table(["kernel", "NI", "dose f", "expected", "measured", "deviation"], rows)]


def electronic_noise(output: Path) -> list[str]:
    image, pixel, rows, worst, seed = disk((256, 256), 1.8, 175), 1.8, [], 0.0, 500
    cases = ((10, 15, 0.25), (10, 30, 0.25), (10, 30, 0.125), (100, 30, 0.25), (400, 30, 0.25))
    for variance, noise_index, dose in cases:
        scan = Scan(electronic_variance=variance)
        noise, simulator, integrals, photons = _simulate(image, pixel, SOFT, scan, noise_index, dose, 24, seed)
        seed += 24
        counts = dose * photons * simulator.bowtie * torch.exp(-integrals)
        starved = float((counts < STARVED_COUNTS).float().mean())
        added = (1 - dose) / counts + (1 - dose ** 2) * variance / counts ** 2
        expected = float(point_variance(added, (0, 0), simulator.geometry, SOFT)[0]) ** 0.5 * 1000 / MU_WATER
        sd, error = _centre_sd(noise)
        worst = max(worst, abs(sd / expected - 1))
        rows.append([str(variance), str(noise_index), f"{dose:g}", f"{float(counts.min()):.0f}",
                     f"{noise_index * math.sqrt(1 / dose - 1):.2f}", f"{expected:.2f}", f"{sd:.2f} ± {error:.2f}",
                     f"{100 * (sd / expected - 1):+.1f} %", f"{100 * starved:.1f} %"])
    verdict = "within" if worst <= 0.03 else "NOT within"
    return ["## The full formula, with electronic noise", "",
            "Variance (1 - f)/L + (1 - f²) E/L² per ray, carried through the reconstruction by linear theory. Centre "
            f"of a 350 mm water disk, kernel f50 0.4 per mm. Worst deviation {100 * worst:.1f} %: {verdict} 3 %.", "",
            *table(["E, photons²", "NI", "dose f", "fewest photons", "quantum only", "full formula", "measured",
                    "deviation", "starved rays"], rows)]


def spectra(output: Path) -> list[str]:
    image, pixel, rows = disk((256, 256), 0.8, 100), 0.8, []
    figure, axis = plt.subplots(figsize=(6, 3.8))
    for n, (name, kernel) in enumerate(KERNELS.items()):
        noise, simulator, *_ = _simulate(image, pixel, kernel, Scan(electronic_variance=0), 30, 0.25, 12, 1000 + 12 * n)
        regions = noise[:, 64:192, 64:192].reshape(-1, 2, 64, 2, 64).transpose(0, 1, 3, 2, 4).reshape(-1, 64, 64)
        frequency, power = tapered_spectrum(regions, (pixel, pixel))
        pitch = simulator.geometry.pitch_at_isocentre
        response = bare_ramp_response(frequency, pitch) if kernel is None else kernel.response(frequency)
        expected, plain = expected_spectrum(frequency, kernel, pitch, pixel), frequency * response ** 2
        used = (frequency > 0.05) & (expected > 0.02 * expected.max())
        scale = power[used].sum() / expected[used].sum()
        deviation = np.sqrt(np.mean((power[used] / (scale * expected[used]) - 1) ** 2))
        rows.append([name, *(f"{(frequency * p).sum() / p.sum():.3f}" for p in (power, expected, plain)),
                     f"{100 * deviation:.1f} %"])
        axis.plot(frequency, power, "o", ms=3, color=f"C{n}", label=f"{name}, measured")
        axis.plot(frequency, scale * expected, color=f"C{n}", lw=1, label="expected")
        # The unfolded law at the same noise per channel: at low frequencies nothing is folded.
        low = slice(1, 8)
        axis.plot(frequency, plain * scale * (expected[low] / plain[low]).mean(), color=f"C{n}", lw=1, ls=":",
                  label="f H(f)²")
    axis.set(xlabel="frequency, per mm", ylabel="NPS, HU² mm²",
             title="noise power of simulated noise, NI 30, f = 1/4")
    axis.set_xlim(0, 1.08)
    axis.legend(fontsize=7, loc="center right")
    save(figure, output / "nps.png")
    return ["## Noise power spectrum against the kernel's", "",
            "NPS of the added noise in a 200 mm water disk, 48 regions of 64 x 64 pixels of 0.8 mm under a Hann "
            "window. The law is f H(f)² (bare ramp: H = sinc² of the channel pitch, from linear interpolation); the "
            "expected curve adds what sampling folds onto it: repetitions of the sampled filter, and frequencies "
            f"above the pixels' Nyquist frequency of {0.5 / pixel:.3f} per mm. RMS deviation of measured / expected "
            "(equal area) over frequencies above 0.05 per mm that carry more than 2 % of the peak.", "",
            *table(["kernel", "mean frequency, measured", "expected", "f H² alone", "RMS deviation"], rows), "",
            "![NPS](nps.png)"]


def starvation(output: Path) -> list[str]:
    rows = []
    for mean in (0.5, 1, 2, 3, 5, 10, 20, 50, 200):
        n = np.arange(stats.poisson.ppf(1 - 1e-9, mean) + 1)
        law = stats.poisson.pmf(n, mean)
        exact = -np.log(np.maximum(n, 1) / mean)
        bias = (law * exact).sum()
        sd = math.sqrt((law * (exact - bias) ** 2).sum())
        shown = max(mean, STARVED_COUNTS)
        random = torch.Generator().manual_seed(int(10 * mean))
        draws = torch.poisson(torch.full((400_000,), float(shown)), generator=random)
        linear = -(draws / shown - 1)
        rows.append([f"{mean:g}", f"{bias:+.3f}", f"{sd:.3f}", f"{float(linear.mean()):+.3f}",
                     f"{float(linear.std()):.3f}", f"{1 / math.sqrt(mean):.3f}"])
    image, pixel, scans = disk((256, 256), 1.8, 220), 1.8, []
    for n, (noise_index, dose) in enumerate(((30, 0.25), (60, 0.25), (60, 0.125), (120, 0.125), (120, 0.0625))):
        scan = Scan(electronic_variance=0)
        noise, simulator, integrals, photons = _simulate(image, pixel, SOFT, scan, noise_index, dose, 12, 2000 + 12 * n)
        counts = dose * photons * simulator.bowtie * torch.exp(-integrals)
        sd, _ = _centre_sd(noise)
        expected = noise_index * math.sqrt(1 / dose - 1)
        inner = noise[:, 48:208, 48:208]
        scans.append([str(noise_index), f"{dose:g}", f"{float(counts.min()):.1f}",
                      f"{100 * float((counts < STARVED_COUNTS).float().mean()):.1f} %", f"{expected:.0f}", f"{sd:.0f}",
                      f"{inner.mean():+.2f} ± {inner.mean((1, 2)).std() / math.sqrt(len(inner)):.2f}"])
    return ["## Starved rays", "",
            f"The noise of a ray is the linear term of the log, and rays with fewer than {STARVED_COUNTS:g} expected "
            "photons get the noise of that many. Against the exact -ln(max(N, 1)/L) of Poisson counts (summed "
            "exactly; ours drawn 400 000 times):", "",
            *table(["photons L", "bias of the log", "its SD", "bias, ours", "SD, ours", "1/sqrt(L)"], rows), "",
            "In the image (440 mm water disk, centre, no electronic noise) the SD falls behind NI sqrt(1/f - 1) "
            "where central rays are starved, and the mean of the noise stays at zero:", "",
            *table(["NI", "dose f", "fewest photons", "starved rays", "NI sqrt(1/f - 1)", "SD", "mean of the noise"],
                   scans)]


CHECKS = (analytic_disk, sd_law, electronic_noise, spectra, starvation)
