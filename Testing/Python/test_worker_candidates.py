"""Candidates made in the worker are those that would be made here, and each arrives when it is finished."""

import subprocess
import sys

import numpy as np
import pytest
from didmodelfactory import add_smoothing_model
from networkfactory import phantom
from workerfixtures import torch_client  # noqa: F401  (a fixture)

from DIDInteractiveLib.didengine import CandidateRequest, InProcessDIDEngine
from DIDInteractiveLib.didworkerengine import WorkerDIDEngine
from DIDInteractiveLib.settings import CandidateSettings
from LDCTDenoiseLib import workerenvironment
from LDCTDenoiseLib.engine import Cancelled
from LDCTDenoiseLib.workerclient import MODULES


@pytest.fixture
def request_(tmp_path, monkeypatch):
    """A request for a few candidates of two slices, with everything that a request may hold."""
    monkeypatch.setenv("LDCT_MODELS", str(tmp_path))
    add_smoothing_model(tmp_path)
    array = phantom((2, 64, 64), noise=40).astype(np.int16)
    padding = np.zeros(array.shape, bool)
    padding[:, :2] = True
    roi = np.zeros(array.shape, bool)
    roi[:, 26:38, 26:38] = True
    return CandidateRequest(array, (2.0, 0.8, 0.8), padding=padding, model="tiny", roi=roi,
                            reference=phantom((2, 64, 64), noise=0), device="cpu",
                            settings=CandidateSettings(method="blend", count=5, repetitions=2, tuning_slices=1))


def comparable(reply):
    """All of a reply but times, as plain values."""
    return {**vars(reply), "seconds": None,
            "candidates": [{**vars(one), "array": one.array.tolist(), "seconds": None} for one in reply.candidates],
            "measurements": [{**vars(one), "seconds": None} for one in reply.measurements]}


def test_the_worker_makes_the_candidates_that_would_be_made_here(torch_client, request_):
    here = InProcessDIDEngine().generate(request_)
    finished, progress = [], []
    there = WorkerDIDEngine(torch_client).generate(
        request_, progress=lambda *values: progress.append(values), on_candidate=finished.append)
    assert len(here.candidates) >= 3
    assert comparable(there) == comparable(here)
    assert [type(one) for one in there.measurements] == [type(one) for one in here.measurements]
    assert there.measurements[0].sentence() == here.measurements[0].sentence()
    assert [one.kind for one in finished][::len(finished) - 1] == ["default", "input"]
    # What arrived early is what the reply has, and is not there twice.
    assert {id(one.array) for one in finished} == {id(one.array) for one in there.candidates}
    fractions = [fraction for fraction, text, remaining in progress]
    assert fractions == sorted(fractions)
    assert all(isinstance(text, str) for _, text, _ in progress)
    np.testing.assert_array_equal(there.candidates[-1].array, request_.array)


def test_what_cannot_be_done_is_said_as_it_would_be_here(torch_client, request_):
    flat = CandidateRequest(**{**vars(request_), "array": np.full((2, 64, 64), -1000, np.int16)})
    messages = []
    for engine in (InProcessDIDEngine(), WorkerDIDEngine(torch_client)):
        with pytest.raises(ValueError) as error:
            engine.generate(flat)
        messages.append(str(error.value))
    assert messages[0] == messages[1]


def test_a_run_is_cancelled_between_its_candidates(torch_client, request_):
    finished = []
    with pytest.raises(Cancelled):
        WorkerDIDEngine(torch_client).generate(request_, on_candidate=finished.append, cancelled=lambda: bool(finished))
    assert not any(torch_client._folder.path.glob("*.npy"))


def test_the_engine_of_the_candidates_denoises_and_lists_models_too(torch_client, request_):
    engine = WorkerDIDEngine(torch_client)
    assert "tiny" in engine.models()
    assert engine.devices()[0].name == "auto"


def test_making_candidates_loads_no_torch_here(request_):
    program = """if True:
        import sys
        import numpy as np
        from DIDInteractiveLib.didengine import CandidateRequest
        from DIDInteractiveLib.didworkerengine import WorkerDIDEngine
        from DIDInteractiveLib.settings import CandidateSettings

        noise = np.random.default_rng(0).normal(40, 40, (1, 64, 64))
        request = CandidateRequest(noise, (2.0, 0.8, 0.8), model="tiny", device="cpu",
                                   settings=CandidateSettings(method="blend", count=3))
        reply = WorkerDIDEngine().generate(request)
        assert len(reply.candidates) >= 2
        assert not {"torch", "SimpleITK", "requests"} & set(sys.modules)
    """
    run = subprocess.run([sys.executable, "-c", program], env=workerenvironment.environment(MODULES),
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
