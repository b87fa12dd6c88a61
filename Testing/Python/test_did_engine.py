"""The engine of the candidates: a request in, measured candidates and what made them out."""

import json
import subprocess
import sys

import numpy as np
import pytest
from didmodelfactory import smoothing_models  # noqa: F401  (a fixture)
from networkfactory import volume

from conftest import ROOT
from DIDInteractiveLib import conventional, didengine, memoryestimate
from DIDInteractiveLib.didengine import CandidateRequest, InProcessDIDEngine
from DIDInteractiveLib.settings import CandidateSettings
from LDCTDenoiseLib.engine import Cancelled, DenoiseRequest

SPACING = (3.0, 0.8, 0.8)
BLEND = CandidateSettings(method="blend", count=5, tuning_slices=1)


@pytest.fixture(scope="module", autouse=True)
def models(smoothing_models):
    return smoothing_models


@pytest.fixture(scope="module")
def image():
    return np.rint(volume(3, 96)).astype(np.int16)


def request(image, **changes) -> CandidateRequest:
    values = {"array": image, "spacing": SPACING, "model": "tiny", "settings": BLEND, "device": "cpu"}
    return CandidateRequest(**{**values, **changes})


@pytest.fixture(scope="module")
def reply(image):
    return InProcessDIDEngine().generate(request(image))


def test_candidates_come_back_measured_and_with_what_made_them(image, reply, models):
    entry = json.loads((models / "models.json").read_text())["models"][0]
    assert (reply.model, reply.version, reply.weights_sha256) == ("tiny", "1.0", entry["sha256"])
    assert (reply.device, reply.precision) == ("cpu", "fp32") and reply.seconds > 0
    assert len(reply.measurements) == len(reply.candidates) >= 3
    assert set(reply.outcomes) == {"smoother", "sharper"}
    assert reply.settings == BLEND and reply.fit is None
    for candidate, measured in zip(reply.candidates, reply.measurements):
        assert candidate.array.dtype == image.dtype and candidate.array.shape == image.shape
        assert (measured.kind, measured.position) == (candidate.kind, candidate.position)


def test_an_outcome_says_that_its_noise_is_that_of_the_slices_for_tuning(image, reply):
    for sentence in reply.outcomes.values():
        assert " HU" in sentence and sentence.endswith(" Noise in this sentence is that of the slice used for tuning.")
    preview = InProcessDIDEngine().generate(request(image[1:2]))
    assert not any("used for tuning" in sentence for sentence in preview.outcomes.values())


def test_the_default_is_marked_and_the_untouched_input_comes_last(image, reply):
    assert reply.candidates[reply.default].kind == "default"
    np.testing.assert_array_equal(reply.candidates[-1].array, image)
    own = InProcessDIDEngine().denoise(DenoiseRequest(array=image, model="tiny", spacing=SPACING, device="cpu"))
    np.testing.assert_array_equal(reply.candidates[reply.default].array, own.array)
    assert reply.measurements[-1].noise_share == 1.0 and reply.measurements[-1].edges_kept == 1.0


def test_the_input_stays_as_it_is(image):
    before = image.copy()
    InProcessDIDEngine().generate(request(image))
    np.testing.assert_array_equal(image, before)


def test_regions_and_reference_reach_the_measurements(image):
    roi, background = np.zeros((2, *image.shape), bool)
    roi[:, 55:65, 30:45] = background[:, 55:65, 50:65] = True
    found = InProcessDIDEngine().generate(request(image, roi=roi, background_roi=background,
                                                  reference=volume(3, 96, noise=0.0)))
    assert found.measurements[-1].noise_sd_hu == pytest.approx(image[roi].std(), rel=0.05)
    assert found.measurements[-1].cnr["did"] >= 0
    assert found.measurements[-1].rmse_to_reference_hu == pytest.approx(20, rel=0.1)


def test_progress_rises_to_one_and_candidates_arrive_as_they_are_finished(image):
    seen, arrived = [], []
    found = InProcessDIDEngine().generate(
        request(image), progress=lambda fraction, text, remaining: seen.append((fraction, text, remaining)),
        on_candidate=arrived.append)
    fractions = [fraction for fraction, _, _ in seen]
    assert fractions == sorted(fractions) and fractions[0] >= 0 and fractions[-1] == pytest.approx(1.0)
    assert all(text and remaining >= 0 for _, text, remaining in seen)
    assert arrived[0].kind == "default" and {id(one) for one in arrived} == {id(one) for one in found.candidates}


@pytest.mark.parametrize("fraction,changes", [
    (0.0, {}), (0.2, {}), (0.95, {}), (0.0, {"default_filter": "gaussian"}), (0.05, {"default_filter": "gaussian"})])
def test_a_run_can_be_stopped_at_any_time(image, fraction, changes):
    seen = [-1.0]
    with pytest.raises(Cancelled):
        InProcessDIDEngine().generate(request(image, **changes), progress=lambda done, *_: seen.append(done),
                                      cancelled=lambda: seen[-1] >= fraction)
    assert seen[-1] < 1


def test_fewer_candidates_are_made_where_memory_is_short(image, monkeypatch):
    size = image.nbytes
    working = memoryestimate.estimate_memory(image.shape, image.dtype, BLEND, worker=False).engine
    monkeypatch.setattr(memoryestimate, "free_memory", lambda: int((working + 5 * size) / 0.9) + 1)
    found = InProcessDIDEngine().generate(request(image))
    assert found.settings.count == 4 and len(found.candidates) <= 4
    assert "4 are made" in found.messages[0]
    monkeypatch.setattr(memoryestimate, "free_memory", lambda: size)
    with pytest.raises(ValueError, match="too few even for 3"):
        InProcessDIDEngine().generate(request(image))


@pytest.fixture
def quick_fit(monkeypatch):
    """A fit of the tiny network that is bad, and over at once."""
    monkeypatch.setattr(conventional, "LARGEST_ERROR", 1e9)
    monkeypatch.setattr(conventional, "STEPS", 2)


def test_a_classical_filter_or_a_given_image_can_be_the_default(image, quick_fit):
    engine = InProcessDIDEngine()
    for changes, name in (({"default_filter": "gaussian"}, "fitted-gaussian"),
                          ({"default_image": np.rint(0.5 * image + 0.5 * volume(3, 96, noise=0.0))}, "fitted-image")):
        found = engine.generate(request(image, **changes))
        assert found.model == name and len(found.weights_sha256) == 64
        assert found.fit["started_from"] == "tiny 1.0" and found.fit["steps"] == 2
        assert any("fitted to the default image" in message for message in found.messages)
        json.dumps(found.fit)
    # the engine's own network was not touched
    assert engine.generate(request(image)).model == "tiny"


@pytest.mark.parametrize("changes,message", [
    ({"model": "none"}, "no model called 'none'"),
    ({"array": np.zeros((4, 4))}, "Expected a volume"),
    ({"reference": np.zeros((1, 96, 96))}, "reference has the shape"),
    ({"roi": np.zeros((3, 9, 9), bool)}, "region of interest has the shape"),
    ({"default_image": np.zeros((3, 96, 9))}, "default image has the shape"),
    ({"default_filter": "median"}, "Unknown filter 'median'"),
    ({"default_filter": "nlm", "default_image": np.zeros((3, 96, 96))}, "not both"),
    ({"spacing": (1.0, 0.0, 1.0)}, "three positive numbers"),
])
def test_what_cannot_be_done_is_refused_with_one_message(image, changes, message):
    with pytest.raises(ValueError, match=message) as error:
        InProcessDIDEngine().generate(request(image, **changes))
    assert "\n" not in str(error.value)


def test_the_interface_loads_without_torch():
    code = ("import sys; sys.modules.update(dict.fromkeys(['torch', 'SimpleITK', 'pydicom', 'matplotlib', 'scipy']))\n"
            "from DIDInteractiveLib.didengine import CandidateRequest, InProcessDIDEngine\n"
            "engine = InProcessDIDEngine(); assert isinstance(engine.models(), list)\n"
            "import numpy as np\n"
            "try: engine.generate(CandidateRequest(np.zeros((1, 8, 8)), (1, 1, 1), model=engine.models()[0]))\n"
            "except RuntimeError as error: print(error)\n")
    paths = [str(ROOT / "LDCTDenoise"), str(ROOT / "DIDInteractive")]
    run = subprocess.run([sys.executable, "-c", f"import sys; sys.path[:0] = {paths!r}\n{code}"], capture_output=True,
                         text=True)
    assert "PyTorch is not installed" in run.stdout, run.stderr


def test_every_engine_offers_what_the_protocol_says():
    assert all(hasattr(InProcessDIDEngine, name) for name in ("models", "generate"))
    assert {"models", "generate"} <= set(dir(didengine.DIDEngine))
