"""Parts of the simulation report that compare with real CT noise. See :mod:`simulationchecks`."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import torch
from LDCTDenoiseLib.fanbeam import FanBeamGeometry, point_variance
from LDCTDenoiseLib.kernels import KernelError, bare_ramp_response, estimate_kernel, resharpen, uniform_spectrum
from LDCTDenoiseLib.simulation import Scan, SliceSimulator, simulate_low_dose
from LDCTDenoiseLib.volumeio import read_volume
from matplotlib import pyplot as plt
from scipy import ndimage
from simulationchecks import save, table, tapered_spectrum

PHANTOM = "phantom_atcm_ge_revolution_variable_mA.nii.gz"
CURRENTS = "phantom_atcm_noise_vs_mA.csv"
PHANTOM_HU = 122.0
BOWTIES = np.arange(-1.0, 4.01, 0.5)
HALF = 16
PLACES = {"centre": (0, 0), "right": (0.6, 0), "left": (-0.6, 0), "below": (0, 0.55), "above": (0, -0.55)}


def _phantom_masks(array) -> np.ndarray:
    """The phantom without the table under it, slice by slice."""
    masks = []
    for image in array:
        dense = ndimage.binary_opening(ndimage.uniform_filter(image.astype(np.float32), 5) > -300, np.ones((15, 15)))
        labels, _ = ndimage.label(dense)
        masks.append(ndimage.binary_opening(labels == np.bincount(labels.ravel())[1:].argmax() + 1, iterations=20))
    return np.array(masks)


def _local_sd(image, row, column) -> float:
    """SD in a square around a pixel, a quadratic surface removed."""
    v, u = np.mgrid[-1:1:2j * HALF, -1:1:2j * HALF]
    surface = np.linalg.qr(np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], -1).reshape(-1, 6))[0]
    values = image[row - HALF:row + HALF, column - HALF:column + HALF].astype(float).ravel()
    residual = values - surface @ (surface.T @ values)
    return math.sqrt((residual ** 2).sum() / (residual.size - 6))


def current_and_size(output: Path, data: Path) -> list[str]:
    volume = read_volume(data / "phantom" / PHANTOM)
    with open(data / "phantom" / CURRENTS, newline="") as stream:
        records = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(stream)]
    z = volume.affine[2, 3] + volume.affine[2, 2] * np.arange(len(volume.array))
    current, width = (np.interp(z, [r["z"] for r in records], [r[key] for r in records]) for key in ("mA", "w_mm"))
    array, pixel = volume.array, volume.spacing[1:]
    masks = _phantom_masks(array)
    # What the model projects is free of noise: the phantom at its mean, air at -1000, the table as it is.
    model = np.where(masks, PHANTOM_HU, np.where(array < -900, -1000, array)).astype(np.float32)
    places, sd = [], []
    for image, mask in zip(array, masks):
        rows, columns = np.nonzero(mask)
        at = [(round(rows.mean() + fy * np.ptp(rows) / 2), round(columns.mean() + fx * np.ptp(columns) / 2))
              for fx, fy in PLACES.values()]
        sd.append([_local_sd(image, *p) for p in at])
        middle = np.array(image.shape) / 2 - 0.5
        places.append([((c - middle[1]) * pixel[1], (r - middle[0]) * pixel[0]) for r, c in at])
    sd = np.array(sd)
    kernel = estimate_kernel(array, pixel)
    # Fewer views give the same shape of the variance; the fitted scale takes up the rest.
    simulator = SliceSimulator(array.shape[1:], pixel, kernel, Scan(FanBeamGeometry(views=144)))
    integrals = simulator.line_integrals(model)

    def residual(bowtie, attenuation=1.0, modulation=0.0):
        """ln(measured / predicted SD), (slices, places), after the scale is fitted."""
        behind = Scan(bowtie=bowtie).bowtie_transmission(simulator.geometry)
        turn = torch.exp(modulation * torch.cos(2 * simulator.geometry.view_angles()))[:, None]
        weight = behind * turn / turn.mean()
        relative = [torch.exp(attenuation * i)[None] / weight for i in integrals]
        variance = np.array([[float(point_variance(r, p, simulator.geometry, kernel)) for p in at]
                             for r, at in zip(relative, places)])
        log = np.log(sd ** 2 / (variance / current[:, None])) / 2
        return log - log.mean()

    errors = [residual(float(b)) for b in BOWTIES]
    rms = np.array([e.std() for e in errors])
    best = int(rms.argmin())
    close = BOWTIES[rms < rms[best] + 0.002]
    error = errors[best]
    statistical = np.mean(np.std(np.diff(np.log(sd[24:]), axis=0), axis=0)) / math.sqrt(2)
    small, large = width < 260, width > 340
    default = residual(Scan().bowtie)
    variants = [("the model: one scale, one bowtie constant", error),
                (f"bowtie at its default, {Scan().bowtie:g}", default),
                ("attenuation 10 % lower (a hardened beam)", residual(BOWTIES[best], attenuation=0.9)),
                ("attenuation 20 % lower", residual(BOWTIES[best], attenuation=0.8)),
                ("tube current modulated in the plane, exp(0.4 cos 2β)", residual(BOWTIES[best], modulation=0.4)),
                ("10 % lower and modulated", residual(BOWTIES[best], attenuation=0.9, modulation=0.4))]
    rows = [[name, f"{100 * e.std():.1f} %", f"{100 * e[:, 0].std():.1f} %", f"{100 * e[small].mean():+.1f} %",
             f"{100 * e[large].mean():+.1f} %", f"{100 * e[:, 1:3].mean():+.1f} %", f"{100 * e[:, 3:].mean():+.1f} %"]
            for name, e in variants]
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.8))
    for n, name in enumerate(PLACES):
        axes[0].plot(z, sd[:, n], ".", ms=5, color=f"C{n}", label=name)
        axes[0].plot(z, sd[:, n] / np.exp(error[:, n]), lw=1, color=f"C{n}")
    axes[0].set(xlabel="z, mm", ylabel="SD, HU", title="ATCM phantom: measured (dots), model (lines)")
    axes[0].legend(fontsize=7)
    axes[1].plot(BOWTIES, 100 * rms, "o-")
    axes[1].set(xlabel="bowtie constant", ylabel="RMS error, %", title="fit against the bowtie constant")
    save(figure, output / "atcm.png")
    return ["## SD against mA and size: the ATCM phantom", "",
            f"{len(array)} slices of a uniform phantom, {width.min():.0f} to {width.max():.0f} mm wide at "
            f"{current.min():.0f} to {current.max():.0f} mA (the tapered ends are not among them), five regions of "
            f"{2 * HALF} x {2 * HALF} pixels each; attenuation fixed to {PHANTOM_HU:.0f} HU, one scale for all and "
            f"one bowtie constant fitted. RMS error {100 * error.std():.1f} %, of which about {100 * statistical:.0f} "
            "% are statistical (from the scatter between neighbouring slices of one size).", "",
            f"The bowtie constant of the best fit is {BOWTIES[best]:g}, but {close.min():g} to {close.max():g} fit "
            "within 0.2 percentage points of it: this phantom, centred in the beam, does not fix it, and the default "
            f"of {Scan().bowtie:g} stays.", "",
            "Columns 4 to 7 are mean ln(measured / model). The variants show how far a beam that hardens in the "
            "phantom, or a tube current modulated within each turn, would explain what remains; the simulation has "
            "neither. Across slices it needs no such law, since each slice is scaled to the noise index at its own "
            "centre, but the distribution of noise within a slice carries the errors of the last two columns.", "",
            *table(["variant", "RMS, all", "RMS, centre", "small (< 260 mm)", "large (> 340 mm)", "left and right",
                    "above and below"], rows), "", "![ATCM](atcm.png)"]


def matched_kernels(output: Path, data: Path) -> list[str]:
    paths = sorted((data / "train").glob("*.nii.gz"))
    rows, shown = [], []
    for path in paths:
        if path.with_name(path.name.replace(".nii.gz", ".csv")).exists():
            continue  # unrelated slices of many kernels
        volume = read_volume(path)
        name = path.name.replace(".nii.gz", "")
        array, pixel = volume.array, volume.spacing[1:]
        frequency, power = uniform_spectrum(array, pixel)
        try:
            kernel = estimate_kernel(array, pixel)
        except KernelError:
            rows.append([name, "not readable"] + ["" for _ in range(6)])
            continue
        chosen = np.linspace(0, len(array) - 1, 5).round().astype(int)[1:-1]
        # The same regions hold noise and anatomy; the noise that is added has no anatomy under it.
        result = simulate_low_dose(array[chosen], volume.spacing, noise_index=20, dose=0.25, kernel=kernel, seed=1)
        body = ndimage.binary_erosion(np.abs(array[chosen]) < 150, np.ones((1, 5, 5)))
        added_frequency, added = _noise_spectrum(result.noise, body, pixel)
        fitted = frequency * kernel.response(frequency) ** 2
        band = (frequency > 0.2) & (fitted > 0.05 * fitted.max())
        fitted *= np.exp(np.mean(np.log(power[band] / fitted[band])))
        deviation = np.std(np.log(power[band] / fitted[band]))
        added = np.interp(frequency, added_frequency, added)
        added *= np.exp(np.mean(np.log(power[band] / added[band])))
        added_deviation = np.std(np.log(added[band] / power[band]))
        sharp = resharpen(array[chosen], pixel, kernel)
        sharp_frequency, sharp_power = uniform_spectrum(sharp, pixel)
        ramp = sharp_frequency * bare_ramp_response(sharp_frequency) ** 2
        means = [(f * p)[f > 0.1].sum() / p[f > 0.1].sum() for f, p in
                 ((frequency, power), (frequency, fitted), (sharp_frequency, sharp_power), (sharp_frequency, ramp))]
        rows.append([name, f"{kernel.f50:.2f}, {kernel.power:g}", f"{means[0]:.3f}", f"{means[1]:.3f}",
                     f"{100 * deviation:.0f} %", f"{100 * added_deviation:.0f} %",
                     f"{means[2]:.3f}", f"{means[3]:.3f}"])
        shown.append((name, frequency, power, fitted, added))
    across = math.ceil(len(shown) / 2)
    figure, axes = plt.subplots(2, across, figsize=(3.6 * across, 5.6), squeeze=False)
    for axis in axes.flat[len(shown):]:
        axis.axis("off")
    for axis, (name, frequency, power, fitted, added) in zip(axes.flat, shown):
        axis.semilogy(frequency, power, "o", ms=3, label="image, uniform regions")
        axis.semilogy(frequency, fitted, lw=1, label="fitted f H(f)²")
        axis.semilogy(frequency, added, lw=1, label="noise added (scaled)")
        axis.set(title=name[:34], xlabel="per mm", ylim=(power[-1] / 4, power[1] * 3))
        axis.title.set_fontsize(8)
    axes[0, 0].legend(fontsize=6)
    save(figure, output / "kernels.png")
    return ["## Matched kernels of the training volumes", "",
            "The kernel read from each volume's own noise, against the NPS of its most uniform soft tissue and "
            "against the noise that the simulation then adds. Mean frequencies (per mm, above 0.1 per mm) include "
            "anatomy in the measured column; deviations are RMS of the log over frequencies above 0.2 per mm that "
            "carry more than 5 % of the fitted peak, scale removed. The added noise is folded at the pixels' Nyquist "
            "frequency as the image's is, the fitted law is not. The last two columns: the same slices after "
            "`resharpen`, and the ramp it aims for (the limit of the gain keeps soft images below it).", "",
            *table(["volume", "f50 per mm, power", "mean f, image", "mean f, fit", "fit - image", "added - image",
                    "mean f, re-sharpened", "mean f, ramp"], rows), "", "![kernels](kernels.png)"]


def _noise_spectrum(noise, mask, pixel, size=32):
    """Radial NPS of noise in squares that lie mostly in the mask."""
    regions = [image[r:r + size, c:c + size] for image, inside in zip(noise, mask)
               for r in range(0, image.shape[0] - size, size // 2) for c in range(0, image.shape[1] - size, size // 2)
               if inside[r:r + size, c:c + size].mean() > 0.6]
    return tapered_spectrum(np.stack(regions), pixel)


def checks(data: Path) -> tuple:
    """The checks for which ``data`` holds what they need."""
    return (current_and_size, matched_kernels) if (data / "phantom" / PHANTOM).is_file() else (matched_kernels,)
