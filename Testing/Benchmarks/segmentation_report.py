"""Segment the shipped sample before and after denoising; write table and picture to Testing/Benchmarks/segmentation.

    python Testing/Benchmarks/segmentation_report.py [--sample FOLDER] [--model hrnet]

The same effects with the same settings work on the low dose, on the denoised volume and on the full dose, in real
segmentation nodes of Slicer: threshold, region growing from a point (ITK), and Slicer's own growing from seeds. What an
effect gives on the full dose is what the other two are compared with. FOLDER may hold the same slices at another dose,
under the names of the sample's files. Takes a minute on one core. Needs slicer-core and the extra "evaluate".
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "LDCTDenoise"), str(ROOT / "Testing" / "Python")]

from segmentscene import Segments  # noqa: E402
from slicerscene import SlicerScene  # noqa: E402

from LDCTDenoiseLib.sampledata import SAMPLES  # noqa: E402

LOW_DOSE, DENOISED, FULL_DOSE = "low dose", "denoised", "full dose"
AORTA, LIVER = (2, 280, 265), (2, 300, 120)
"""Points (slice, row, column) of the sample, well inside, from which a region grows."""
STROKES = (
    ((300, 120), (230, 120), (200, 200), (250, 180), (175, 270), (165, 190)),
    ((275, 400), (295, 380)),
    ((280, 265),),
    ((345, 180), (330, 370), (210, 350), (240, 330), (195, 365), (315, 265), (378, 220), (378, 320), (110, 250),
     (230, 450), (300, 440), (60, 60), (270, 84), (200, 92), (150, 120), (130, 200), (126, 300), (345, 100)),
)
"""Where Grow from seeds gets its seeds, (row, column) in liver, spleen, aorta, and all the rest."""
SEED_RADIUS, SEED_SLICES = 4, slice(1, 5)
"""Pixels, and the slices that get them."""
SHOWN_SLICE = 2
WINDOW_HU = (-60.0, 220.0)


@dataclass(frozen=True)
class Task:
    """``effect`` makes bool (K,J,I) of an int16 HU array; ``drawn`` says whether the picture shows it."""

    name: str
    settings: str
    effect: Callable[[np.ndarray], np.ndarray]
    drawn: bool = False


def threshold(low: float, high: float) -> Callable[[np.ndarray], np.ndarray]:
    """Return the Segment Editor's Threshold: both ends belong to it."""
    return lambda array: (array >= low) & (array <= high)


def connected(point: tuple[int, int, int], low: float, high: float) -> Callable[[np.ndarray], np.ndarray]:
    """Return growing from ``point`` over neighbours within a fixed range."""
    def effect(array: np.ndarray) -> np.ndarray:
        import SimpleITK as sitk

        image = sitk.GetImageFromArray(array)
        return sitk.GetArrayFromImage(sitk.ConnectedThreshold(image, [point[::-1]], low, high)) > 0

    return effect


def confidence(point: tuple[int, int, int], deviations: float) -> Callable[[np.ndarray], np.ndarray]:
    """Return growing from ``point`` over neighbours within so many SD of what was grown before, three times."""
    def effect(array: np.ndarray) -> np.ndarray:
        import SimpleITK as sitk

        grown = sitk.ConfidenceConnected(sitk.GetImageFromArray(array), [point[::-1]], 3, deviations, 3, 1)
        return sitk.GetArrayFromImage(grown) > 0

    return effect


def seeds(shape: tuple[int, int, int]) -> np.ndarray:
    """Return uint8 (K,J,I): 1 liver, 2 spleen, 3 aorta, 4 elsewhere, 0 to be found."""
    labels = np.zeros(shape, np.uint8)
    row, column = np.indices(shape[1:])
    for label, points in enumerate(STROKES, start=1):
        for j, i in points:
            labels[SEED_SLICES, np.hypot(row - j, column - i) <= SEED_RADIUS] = label
    return labels


def grown_from_seeds(label: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return what the Segment Editor's Grow from seeds gives to one label of ``seeds``."""
    def effect(array: np.ndarray) -> np.ndarray:
        import slicer

        grow = slicer.vtkImageGrowCutSegment()
        grow.SetIntensityVolume(vtk_image(array))
        grow.SetSeedLabelVolume(vtk_image(seeds(array.shape)))
        grow.Update()
        return numpy_image(grow.GetOutput()) == label

    return effect


def vtk_image(array: np.ndarray):
    """Return ``array`` (K,J,I) as vtkImageData of unit spacing."""
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    image = vtk.vtkImageData()
    image.SetDimensions(array.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(array.ravel(), deep=True))
    return image


def numpy_image(image) -> np.ndarray:
    """Return the voxels of ``image`` as (K,J,I)."""
    from vtk.util.numpy_support import vtk_to_numpy

    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])


TASKS = (
    Task("bone", "threshold, from 200 HU", threshold(200, 3071), drawn=True),
    Task("enhanced organs and vessels", "threshold, 80 to 180 HU", threshold(80, 180)),
    Task("fat", "threshold, -150 to -50 HU", threshold(-150, -50)),
    Task("aorta, fixed range", "region growing, 80 to 200 HU", connected(AORTA, 80, 200)),
    Task("aorta, own range", "region growing, within 2.5 SD", confidence(AORTA, 2.5), drawn=True),
    Task("liver and what touches it", "region growing, 85 to 180 HU", connected(LIVER, 85, 180)),
    Task("liver", "grow from seeds", grown_from_seeds(1), drawn=True),
    Task("spleen", "grow from seeds", grown_from_seeds(2), drawn=True),
)
COLORS = {"bone": "#ffd166", "aorta, own range": "#ef476f", "liver": "#35c2a1", "spleen": "#4ea8ff"}


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """Return twice the common part over the sum of both; 1 when both are empty."""
    total = int(one.sum()) + int(other.sum())
    return 2.0 * int((one & other).sum()) / total if total else 1.0


def segment(scene: SlicerScene, volumes: dict) -> dict[str, dict[str, np.ndarray]]:
    """Run every task on every volume, through segmentation nodes, and return the masks on the full dose's voxels."""
    import slicer

    masks: dict[str, dict[str, np.ndarray]] = {}
    geometries = set()
    for name, volume in volumes.items():
        segments = Segments(scene, volume)
        geometries.add(segments.geometry())
        array = slicer.util.arrayFromVolume(volume)
        for task in TASKS:
            segments.set(task.name, task.effect(array))
        # There and back: what comes out has been through Slicer's representation and the other volume's geometry.
        masks[name] = {task.name: segments.get(task.name, volumes[FULL_DOSE]) for task in TASKS}
        print(f"{name}: {len(TASKS)} segments", flush=True)
    if len(geometries) != 1:
        raise RuntimeError(f"The volumes give segmentations different geometries: {geometries}")
    return masks


def rows(masks: dict[str, dict[str, np.ndarray]], voxel_ml: float) -> list[dict[str, str]]:
    """Return one row per task: Dice against the full dose, and volumes in ml."""
    table = []
    for task in TASKS:
        full = masks[FULL_DOSE][task.name]
        row = {"segment": task.name, "effect": task.settings}
        row |= {f"Dice, {name}": f"{dice(masks[name][task.name], full):.3f}" for name in (LOW_DOSE, DENOISED)}
        row |= {f"ml, {name}": f"{masks[name][task.name].sum() * voxel_ml:.1f}" for name in masks}
        table.append(row)
    return table


def write_tables(table: list[dict[str, str]], made_by: str, output: Path) -> None:
    with (output / "table.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, table[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    lines = [
        "# Segmentation before and after denoising", "",
        "Written by `Testing/Benchmarks/segmentation_report.py`. The same effect with the same settings worked on the "
        "low dose, the denoised and the full-dose volume. Dice compares with what the effect gives on the full dose, "
        "which is no ground truth: it has noise of its own, and where an effect leaks there, leaking counts as right. "
        "One patient, one draw of the noise, a few slices.", "",
        f"{made_by} All three volumes gave segmentations the same reference geometry; every segment went through a "
        "segmentation node and came back on the voxels of the full dose.", "",
        "| " + " | ".join(table[0]) + " |", "|" + "---|" * len(table[0])]
    lines += ["| " + " | ".join(row.values()) + " |" for row in table]
    (output / "table.md").write_text("\n".join([*lines, "", "![outlines](picture.png)", ""]), encoding="utf-8")


def draw(arrays: dict[str, np.ndarray], masks: dict, aspect: float, path: Path) -> None:
    """Draw one slice of each volume, without and with the outlines of the segments."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.lines import Line2D

    body = np.argwhere(arrays[FULL_DOSE][SHOWN_SLICE] > -300)
    (top, left), (bottom, right) = body.min(0), body.max(0)
    figure, axes = pyplot.subplots(2, len(arrays), figsize=(13.5, 6.9), facecolor="black", layout="constrained")
    for column, (name, array) in enumerate(arrays.items()):
        for axis in axes[:, column]:
            axis.imshow(array[SHOWN_SLICE], cmap="gray", vmin=WINDOW_HU[0], vmax=WINDOW_HU[1], aspect=aspect)
            axis.set_xlim(left, right)
            axis.set_ylim(min(bottom, 400), top)
            axis.set_axis_off()
        for segment_name, color in COLORS.items():
            mask = masks[name][segment_name][SHOWN_SLICE]
            if mask.any():
                axes[1, column].contour(mask, levels=[0.5], colors=[color], linewidths=0.9)
        axes[0, column].set_title(name, color="white")
    figure.legend(handles=[Line2D([], [], color=color, label=name) for name, color in COLORS.items()], ncols=4,
                  loc="outside lower center", facecolor="black", labelcolor="white", frameon=False)
    figure.savefig(path, dpi=90)
    pyplot.close(figure)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--sample", type=Path, default=SAMPLES[0].path.parent)
    parser.add_argument("--model", default="hrnet")
    parser.add_argument("--output", type=Path, default=HERE / "segmentation")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        scene = SlicerScene(folder)
        import slicer
        from LDCTDenoise import LDCTDenoiseLogic

        low, full = (scene.load_volume(options.sample / sample.file, sample.node) for sample in SAMPLES)
        denoised = LDCTDenoiseLogic().process(low, model=options.model, device="cpu")
        volumes = {LOW_DOSE: low, DENOISED: denoised, FULL_DOSE: full}
        masks = segment(scene, volumes)
        voxel_ml = float(np.prod(full.GetSpacing())) / 1000
        made_by = "Denoised by {}, version {}, at strength {}.".format(
            *(denoised.GetAttribute(f"LDCTDenoise.{name}") for name in ("Model", "Version", "Strength")))
        write_tables(rows(masks, voxel_ml), made_by, options.output)
        arrays = {name: slicer.util.arrayFromVolume(volume) for name, volume in volumes.items()}
        draw(arrays, masks, full.GetSpacing()[1] / full.GetSpacing()[0], options.output / "picture.png")
    print((options.output / "table.md").read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
