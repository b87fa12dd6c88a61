"""The demo takes the path that users take: its networks run in the worker process."""

from demofixtures import demo, environment, sample  # noqa: F401  (the last is a fixture)
from slicerscene import mrml  # noqa: F401  (a fixture)

from DIDInteractiveLib.didengine import InProcessDIDEngine
from LDCTDenoiseLib.engine import InProcessEngine


def test_the_demo_drives_the_worker_and_not_the_engine(mrml, sample, tmp_path, monkeypatch):  # noqa: F811
    def refuse(*arguments, **options):
        raise AssertionError("computed in the process of the demo")

    monkeypatch.setattr(InProcessEngine, "denoise", refuse)
    monkeypatch.setattr(InProcessDIDEngine, "generate", refuse)
    monkeypatch.setenv("LDCT_MODELS", str(tmp_path / "models"))
    output = tmp_path / "demo"
    output.mkdir()
    metrics = demo.run_demo(mrml, sample, output, environment.Steps(), model="plain", device="cpu")
    assert metrics["provenance"]["LDCTDenoise.Model"] == "plain"
    assert metrics["candidates"]["model"] == "plain"
