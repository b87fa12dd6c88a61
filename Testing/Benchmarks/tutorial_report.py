"""Follow steps 3 and 4 of the README's tutorial on the shipped sample; write what is seen to Benchmarks/tutorial.

    python Testing/Benchmarks/tutorial_report.py

Both panels as they are shipped, on the tests' stand-ins for Slicer, with the real worker process. Nothing is chosen:
the sample stands in the scene, and Apply, Preview slice and the buttons beside the slider are clicked. The full dose,
which users do not have, is measured in the same way to see which candidate comes closest to it. Takes two to four
minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "LDCTDenoise"), str(ROOT / "DIDInteractive"), str(ROOT / "Testing" / "Python")]
SAMPLES = ROOT / "LDCTDenoise" / "Resources" / "SampleData"
PATIENCE_SECONDS = 3600.0
PAGE = """# What the tutorial shows

Made by `python Testing/Benchmarks/tutorial_report.py`, with the shipped sample and without any choice; nothing is typed
in by hand. [numbers.json](numbers.json) has the numbers as they were measured.

Step 3, *Apply*, took {apply:.0f} s, with the start of the process that networks run in: the noise is {before:.1f} \
HU before
and {after:.1f} HU after.

Step 4, *Preview slice*, took {preview:.0f} s: the candidates of slice {slice} of {slices}, which the Red view \
shows after loading. The last
two columns are not in the panel: the noise level of the soft tissue in the slice, which is {reference:.1f} HU at the \
full
dose, and the error (RMSE in the body) against the full dose.

| candidate | what the panel says | noise level | error |
|---|---|---|---|
{rows}

Network {model} {version} on {device} in {precision}, on a computer of {cores} CPU cores that does other things as well.
"""


def until_done(panel, button) -> float:
    """Click the button and let the events of Slicer happen until the panel's run has ended.

    Returns how many seconds it took; raises RuntimeError with what the panel says of a run that failed.
    """
    import slicer

    start = time.monotonic()
    button.click()
    deadline = start + PATIENCE_SECONDS
    while panel.run.busy and time.monotonic() < deadline:
        slicer.app.processEvents()
        time.sleep(0.01)
    if panel.run.busy or not panel.ui.messageIcon.isHidden():
        raise RuntimeError(f"The tutorial stopped: {panel.ui.messageLabel.text}")
    return time.monotonic() - start


def denoise(panel) -> dict:
    """Step 3: what the first line of the table says, and what made the result."""
    seconds = until_done(panel, panel.ui.applyButton)
    result = panel.parameters.outputVolume
    before, after = (float(panel.ui.statisticsTable.item(0, column).text()) for column in (1, 2))
    return {"apply_seconds": seconds, "noise_before_hu": before, "noise_after_hu": after,
            **{name: result.GetAttribute(f"LDCTDenoise.{attribute}") for name, attribute in (
                ("model", "Model"), ("version", "Version"), ("weights_sha256", "WeightsSHA256"),
                ("device", "Device"), ("precision", "Precision"))}}


def browse(panel, facts: dict) -> list[dict]:
    """What the panel says of each candidate, the smoothest first, and the numbers behind the words."""
    for _ in facts["candidates"]:
        panel.ui.previousButton.click()
    seen = []
    for measured in facts["candidates"]:
        words = panel.ui.candidateLabel.text.replace("\N{NO-BREAK SPACE}", " ").partition("\n")[2]
        seen.append({"kind": measured["kind"], "words": words, "noise_hu": measured["noise_sd_hu"],
                     "noise_share": measured["noise_share"], "edges_kept": measured["edges_kept"],
                     "noise_level_hu": measured["gnl_hu"]})
        panel.ui.nextButton.click()
    return seen


def compare(seen: list[dict], sequence, reference) -> float:
    """Add the error against the ``reference`` (slice, row, column) to each candidate; return the reference's noise."""
    import slicer

    from LDCTDenoiseLib.metrics import body_mask, rmse
    from LDCTDenoiseLib.noiselevel import global_noise_level

    body = body_mask(reference)
    for number, candidate in enumerate(seen):
        item = sequence.GetNthDataNode(number)
        candidate["error_hu"] = rmse(slicer.util.arrayFromVolume(item), reference, body)
    return global_noise_level(reference, sequence.GetNthDataNode(0).GetSpacing()[::-1])


def follow(folder: Path) -> dict:
    """Do what the tutorial says, with settings and temporary files in ``folder``; return what is seen."""
    import slicer
    from slicerscene import SlicerScene
    from slicerstandins.session import Panel, Session

    from LDCTDenoiseLib import workerclient

    os.environ["LDCT_MODELS"] = str(folder / "models")  # not those of whoever runs this
    mrml = SlicerScene(str(folder / "slicer"))
    session = Session(mrml, folder / "settings")
    try:
        volume = mrml.load_volume(SAMPLES / "ldct_sample_quarter_dose.nrrd", "LDCTQuarterDose")
        slicer.util.setSliceViewerLayers(background=volume, fit=True)
        session.sliceLogics["Red"].SnapSliceOffsetToIJK()
        first, second = panels = [Panel(session, session.add_module(ROOT / name / f"{name}.py"), name)
                                  for name in ("LDCTDenoise", "DIDInteractive")]
        first.enter()
        seen = denoise(first.widget.panel)
        first.exit()
        second.enter()
        second.widget.panel.parameters.inputVolume = volume  # "with the same input"
        seen["preview_seconds"] = until_done(second.widget.panel, second.widget.panel.ui.previewButton)  # step 4
        made = second.widget.panel.parameters.candidates
        facts = second.widget.logic.facts(made)
        number = facts["region"]["slice"][0]
        seen["settings"], seen["candidates"] = facts["settings"], browse(second.widget.panel, facts)
        full = mrml.load_volume(SAMPLES / "ldct_sample_reference.nrrd", "full dose")
        seen["reference_noise_level_hu"] = compare(
            seen["candidates"], made, slicer.util.arrayFromVolume(full)[number:number + 1])
        seen["slice"], seen["slices"] = number, volume.GetImageData().GetDimensions()[2]
        second.exit()
        for panel in panels:
            panel.close()
        return seen
    finally:
        workerclient.close_shared_client()
        session.close()
        mrml.close()


def page(seen: dict) -> str:
    """The report."""
    rows = "\n".join(
        f"| {number} of {len(seen['candidates'])}, {one['kind']} | {one['words']} | {one['noise_level_hu']:.1f} HU | "
        f"{one['error_hu']:.1f} HU |" for number, one in enumerate(seen["candidates"], 1))
    return PAGE.format(apply=seen["apply_seconds"], preview=seen["preview_seconds"], cores=os.cpu_count(),
                       before=seen["noise_before_hu"], after=seen["noise_after_hu"], slice=seen["slice"] + 1,
                       slices=seen["slices"], reference=seen["reference_noise_level_hu"], rows=rows,
                       **{name: seen[name] for name in ("model", "version", "device", "precision")})


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--output", type=Path, default=HERE / "tutorial")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        seen = follow(Path(folder))
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "numbers.json").write_text(json.dumps(seen, indent=2) + "\n", encoding="utf-8")
    (given.output / "README.md").write_text(page(seen), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
