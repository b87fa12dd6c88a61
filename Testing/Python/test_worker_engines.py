"""LDCTDenoiseLogic gives the same volume whether the network runs in this process or in a real worker."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scenevolumes import array_of
from slicerscene import mrml  # noqa: F401  (a fixture)
from workerfixtures import torch_client  # noqa: F401  (a fixture)

from LDCTDenoiseLib import workerclient, workerenvironment
from LDCTDenoiseLib.engine import Cancelled, InProcessEngine
from LDCTDenoiseLib.workerengine import WorkerEngine

HERE = Path(__file__).parent


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """The folder of a model of the user called "tiny"."""
    from networkfactory import add_user_model

    monkeypatch.setenv("LDCT_MODELS", str(tmp_path))
    add_user_model(tmp_path, architecture="plain")
    return tmp_path


def test_either_engine_gives_the_same_volume_and_the_network_stays_loaded(mrml, tiny, torch_client):
    import LDCTDenoise

    values = np.random.default_rng(5).normal(40, 40, (3, 40, 40)).astype(np.int16)
    volume = mrml.add_volume(values, np.diag([-0.7, -0.7, 3.0, 1.0]))
    results, progress = [], []
    for engine in (InProcessEngine(), WorkerEngine(torch_client)):
        logic = LDCTDenoise.LDCTDenoiseLogic(engine)
        output = mrml.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
        seen = []
        results.append(logic.process(volume, output, model="tiny", device="cpu", removedNoise=True,
                                     progress=lambda done, total, seconds, seen=seen: seen.append((done, total))))
        progress.append(seen)
    here, there = results
    np.testing.assert_array_equal(array_of(there), array_of(here))
    np.testing.assert_array_equal(array_of(logic.removedNoiseVolume(there)), values - array_of(here))
    for name in here.GetAttributeNames():
        assert there.GetAttribute(name) == here.GetAttribute(name)
    assert (array_of(here) != values).any()
    assert progress[0] == progress[1] == [(1, 3), (2, 3), (3, 3)]
    for device in WorkerEngine(torch_client).devices()[:2]:
        assert device.name in ("auto", "cpu")
        assert device.title

    (tiny / "tiny.pt").unlink()
    again = logic.process(volume, model="tiny", device="cpu")
    np.testing.assert_array_equal(array_of(again), array_of(here))

    # An error of the engine arrives as it would be raised here.
    with pytest.raises(ValueError, match="no model called 'nix'.*tiny"):
        logic.process(volume, model="nix")
    layers = []
    with pytest.raises(Cancelled):
        logic.process(volume, model="tiny", device="cpu", cancelled=lambda: layers.append(1) or True)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks for processes in /proc")
def test_a_script_denoises_without_torch_in_its_own_process(tiny, tmp_path):
    program = """if True:
        import sys
        from slicerscene import SlicerScene
        import numpy as np
        scene = SlicerScene(sys.argv[1])
        import LDCTDenoise
        logic = LDCTDenoise.LDCTDenoiseLogic()
        volume = scene.add_volume(np.random.default_rng(5).normal(40, 40, (2, 32, 32)).astype(np.int16))
        result = logic.process(volume, model="tiny", device="cpu")
        assert result.GetAttribute("LDCTDenoise.Model") == "tiny"
        loaded = {"torch", "SimpleITK", "scipy", "pydicom", "requests"} & set(sys.modules)
        assert not loaded, loaded
        print(logic.engine.client._folder.path)
    """
    environment = {**workerenvironment.environment(["LDCTDenoise"]), "LDCT_MODELS": str(tiny)}
    environment["PYTHONPATH"] += os.pathsep + str(HERE)
    run = subprocess.run([sys.executable, "-c", program, str(tmp_path / "scene")], env=environment,
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert not Path(run.stdout.strip()).exists()


def test_one_client_is_shared_and_made_anew_after_it_was_closed():
    first = workerclient.shared_client()
    assert workerclient.shared_client() is first
    workerclient.close_shared_client()
    assert workerclient.shared_client() is not first
    workerclient.close_shared_client()
