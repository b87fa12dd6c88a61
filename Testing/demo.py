"""What run_demo.py runs in the environment: denoise the sample in a real MRML scene, make candidates of one of its
slices, measure and show the results.

Leaves scene.mrb, report.png, metrics.json, contact_sheet.png and trade_off.png in the output folder. The networks run
in the worker process, as they do for users.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import fields
from pathlib import Path

import environment
import numpy as np

LOW_DOSE, REFERENCE, FACTS = "ldct_sample_quarter_dose.nrrd", "ldct_sample_reference.nrrd", "ldct_sample.json"
WINDOW_HU, LEVEL_HU = 400.0, 40.0
"""[-160, 240] HU, as abdomen is read."""
ZOOM_MM = 60.0
"""Side of the enlarged region: a lesion and what is around it."""


def run_demo(slicer_scene, sample: Path, output: Path, steps, *, model: str, device: str, engine=None,
             candidate_engine=None) -> dict:
    """Denoise ``sample`` in ``slicer_scene``, write the files to ``output`` and return the metrics."""
    import slicer
    from LDCTDenoise import LDCTDenoiseLogic
    from LDCTDenoiseLib.safewrite import complete_or_absent

    with steps.step("  load the sample"):
        low_dose = slicer_scene.load_volume(sample / LOW_DOSE, "CT quarter dose")
        reference = slicer_scene.load_volume(sample / REFERENCE, "CT full dose")
        facts = json.loads((sample / FACTS).read_text(encoding="utf-8"))
        for volume in (low_dose, reference):
            volume.GetDisplayNode().SetAutoWindowLevel(False)
            volume.GetDisplayNode().SetWindowLevel(WINDOW_HU, LEVEL_HU)
    with steps.step(f"  denoise {low_dose.GetImageData().GetDimensions()[2]} slices"):
        logic = LDCTDenoiseLogic(engine)
        result = logic.process(low_dose, model=model, device=device, removedNoise=True)
    images = {"low dose": low_dose, "denoised": result, "removed noise": logic.removedNoiseVolume(result),
              "reference": reference}
    arrays = {name: slicer.util.arrayFromVolume(volume) for name, volume in images.items()}
    spacing = low_dose.GetSpacing()[::-1]
    with steps.step("  measure"):
        metrics = measure(arrays, spacing)
        metrics["provenance"] = {name: result.GetAttribute(name) for name in result.GetAttributeNames()
                                 if name.startswith("LDCTDenoise.")}
        metrics["sample"] = facts
    with steps.step("  draw report.png"), complete_or_absent(output / "report.png") as path:
        draw(arrays, spacing, metrics, facts.get("region"), path)
    number = facts["region"]["slice"] if "region" in facts else reference.GetImageData().GetDimensions()[2] // 2
    metrics["candidates"] = make_candidates(low_dose, number, output, steps, model, device, candidate_engine)
    with complete_or_absent(output / "metrics.json") as path:
        path.write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    with steps.step("  save scene.mrb"), tempfile.TemporaryDirectory(dir=output) as folder:
        # In a folder of its own: the name of the file is also that of the folder inside it.
        path = Path(folder) / "scene.mrb"
        slicer_scene.save(path)
        path.replace(output / "scene.mrb")
    return metrics


def make_candidates(volume, number: int, output: Path, steps, model: str, device: str, engine=None) -> dict:
    """Make the candidate set of slice ``number`` of ``volume``, draw its contact sheet and plot; return its facts."""
    import slicer
    from DIDInteractive import DIDInteractiveLogic
    from DIDInteractiveLib.candidatefigures import draw_contact_sheet, draw_trade_off
    from DIDInteractiveLib.measurement import Measurements
    from LDCTDenoiseLib.safewrite import complete_or_absent

    with steps.step("  candidates of one slice"):
        logic = DIDInteractiveLogic(engine)
        candidates = logic.preview(volume, number, model=model, device=device)
        facts = logic.facts(candidates)
    with steps.step("  draw the candidates"):
        names = [field.name for field in fields(Measurements)]
        measured = [Measurements(**{name: entry[name] for name in names}) for entry in facts["candidates"]]
        slices = [slicer.util.arrayFromVolume(candidates.GetNthDataNode(k))[0] for k in range(len(measured))]
        title = (f"{volume.GetName()}: {facts['model']} {facts['version']}, {facts['settings']['method']}; "
                 f"slice {number}")
        with complete_or_absent(output / "contact_sheet.png") as path:
            draw_contact_sheet(path, slices, measured, volume.GetSpacing()[1::-1], title)
        with complete_or_absent(output / "trade_off.png") as path:
            draw_trade_off(path, measured, title)
    return facts


def measure(arrays: dict[str, np.ndarray], spacing: tuple[float, float, float]) -> dict:
    """Return RMSE, SSIM, noise level and bias by tissue of the low dose and the denoised image against the reference.

    ``arrays`` are (slice, row, column) in HU. One body mask, that of the reference, serves every image.
    """
    from LDCTDenoiseLib.metrics import bias_per_class, body_mask, rmse, ssim, tissue_classes
    from LDCTDenoiseLib.noiselevel import global_noise_level
    from LDCTDenoiseLib.scanfield import outside_scan_field

    reference = arrays["reference"]
    body = body_mask(reference, outside_scan_field(reference))
    classes = {name: mask for name, mask in tissue_classes(reference, spacing, body).items() if mask.any()}
    metrics = {"reference": {"noise_hu": global_noise_level(reference, spacing)}}
    for name in ("low dose", "denoised"):
        array = arrays[name]
        in_body = [k for k in range(len(array)) if body[k].any()]
        metrics[name] = {
            "rmse_hu": rmse(array, reference, body),
            "ssim": float(np.mean([ssim(array[k], reference[k], body[k]) for k in in_body])),
            "noise_hu": global_noise_level(array, spacing),
            "bias_hu": bias_per_class(array, reference, classes),
        }
    return metrics


def draw(arrays: dict[str, np.ndarray], spacing: tuple[float, float, float], metrics: dict, region: dict | None,
         path: Path) -> None:
    """Draw one slice of every image, and below it a region enlarged.

    ``region``: the centre to enlarge as {"slice": k, "row": j, "column": i}; None: the middle of the volume.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.patches import Rectangle

    shape = arrays["reference"].shape
    region = region or dict(zip(("slice", "row", "column"), (n // 2 for n in shape)))
    height, width = ZOOM_MM / spacing[1], ZOOM_MM / spacing[2]
    top, left = region["row"] - height / 2, region["column"] - width / 2
    noise = arrays["removed noise"][region["slice"]]
    reach = max(1.0, 3 * float(noise.std()))
    window = (LEVEL_HU - WINDOW_HU / 2, LEVEL_HU + WINDOW_HU / 2)

    flatness = shape[1] * spacing[1] / (shape[2] * spacing[2])
    figure, axes = pyplot.subplots(2, len(arrays), figsize=(4 * len(arrays), 4 * flatness + 4.6), facecolor="black",
                                   layout="constrained", height_ratios=(flatness, 1))
    for column, (name, array) in enumerate(arrays.items()):
        low, high = (-reach, reach) if name == "removed noise" else window
        for axis in axes[:, column]:
            axis.imshow(array[region["slice"]], cmap="gray", vmin=low, vmax=high, aspect=spacing[1] / spacing[2],
                        interpolation="nearest")
            axis.set_axis_off()
        axes[0, column].set_title(f"{name}\n{_caption(name, metrics, low, high)}", color="white", fontsize=12)
        axes[0, column].add_patch(Rectangle((left, top), width, height, fill=False, edgecolor="#35c2a1"))
        axes[1, column].set_xlim(left, left + width)
        axes[1, column].set_ylim(top + height, top)
    figure.savefig(path, dpi=100, format="png")
    pyplot.close(figure)


def _caption(name: str, metrics: dict, low: float, high: float) -> str:
    shown = f"[{low:.0f}, {high:.0f}] HU"
    values = metrics.get(name, {})
    if "rmse_hu" not in values:
        return shown
    return f"{shown}   RMSE {values['rmse_hu']:.1f} HU   SSIM {values['ssim']:.3f}"


def print_table(metrics: dict) -> None:
    """Print the metrics of the images, one a line."""
    print(f"\n{'':<10} {'RMSE HU':>9} {'SSIM':>7} {'noise HU':>9} {'bias of soft tissue HU':>23}")
    for name in ("low dose", "denoised"):
        row = metrics[name]
        print(f"{name:<10} {row['rmse_hu']:9.2f} {row['ssim']:7.4f} {row['noise_hu']:9.2f} "
              f"{row['bias_hu'].get('soft', float('nan')):+23.2f}")
    print(f"{'reference':<10} {'':9} {'':7} {metrics['reference']['noise_hu']:9.2f}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Denoise the sample CT in a MRML scene and report on it.")
    parser.add_argument("--output", type=Path, default=environment.ROOT / "demo", help="folder for the results")
    parser.add_argument("--sample", type=Path,
                        default=environment.ROOT / "LDCTDenoise" / "Resources" / "SampleData")
    parser.add_argument("--model", default="hrnet")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args(arguments)
    missing = [name for name in (LOW_DOSE, REFERENCE, FACTS) if not (options.sample / name).is_file()]
    if missing:
        print(f"The sample is not complete: {', '.join(missing)} missing in {options.sample}.", file=sys.stderr)
        return 2
    options.output.mkdir(parents=True, exist_ok=True)

    steps = environment.Steps()
    with tempfile.TemporaryDirectory() as folder:
        with steps.step("  open a scene"):
            from slicerscene import SlicerScene

            slicer_scene = SlicerScene(folder)
        metrics = run_demo(slicer_scene, options.sample, options.output, steps, model=options.model,
                           device=options.device)
    print_table(metrics)
    for name in sorted(path.name for path in options.output.iterdir() if path.is_file()):
        print(options.output / name)
    steps.print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
