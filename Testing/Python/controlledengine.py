"""Engines whose runs a test drives step by step, as a worker process would: they return at once, and tell later."""

from __future__ import annotations

from fakeengine import FakeEngine

from LDCTDenoiseLib.engine import Cancelled, DenoiseReply


class Call:
    """A run that has begun; ``listener`` hears what the test lets happen."""

    def __init__(self, request, listener) -> None:
        self.request, self.listener = request, listener
        self.cancels = 0

    def cancel(self) -> None:
        self.cancels += 1

    def started(self) -> None:
        self.listener.started()

    def reply(self, **changes):
        """Return what the run makes; ``changes``: what is to be different in it."""
        raise NotImplementedError

    def finish(self, **changes) -> None:
        self.listener.started()
        self.listener.finished(self.reply(**changes), None)

    def fail(self, error: BaseException) -> None:
        self.listener.finished(None, error)

    def stopped(self) -> None:
        self.fail(Cancelled("stopped"))


class DenoiseCall(Call):
    def progress(self, done: int, remaining: float = 0.0) -> None:
        self.listener.progressed(done, len(self.request.array), remaining)

    def reply(self, **changes) -> DenoiseReply:
        request = self.request
        values = dict(array=FakeEngine.result_of(request.array, request.strength), model=request.model, version="1.2",
                      weights_sha256="ab" * 32, device="cpu", precision="fp32", seconds=0.1, noise_before=10.0,
                      noise_after=9.0, effective_strength=request.strength)
        return DenoiseReply(**{**values, **changes})


class ControlledEngine:
    """Keeps the runs that were begun in ``calls``; ``refusal``: raised in place of beginning one."""

    CALL = DenoiseCall

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.refusal: BaseException | None = None

    def models(self) -> list[str]:
        return FakeEngine().models()

    def start_denoise(self, request, listener) -> Call:
        return self._begin(request, listener)

    def _begin(self, request, listener) -> Call:
        if self.refusal is not None:
            raise self.refusal
        self.calls.append(self.CALL(request, listener))
        return self.calls[-1]
