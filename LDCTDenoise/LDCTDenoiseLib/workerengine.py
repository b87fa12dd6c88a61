"""An engine whose work is done by the worker process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from . import modelregistry
from .engine import DenoiseReply, DenoiseRequest, Device, Progress
from .job import Job
from .workerclient import Call, Listener, WorkerClient, shared_client


class WorkerEngine:
    """An :class:`~.engine.Engine`. What begins with ``start_`` returns at once, and tells its listener of the rest.

    Args:
        client: whose worker to use; None: the one that all modules and scripts of this process share.
    """

    def __init__(self, client: WorkerClient | None = None) -> None:
        self._client = client

    @property
    def client(self) -> WorkerClient:
        """The client whose worker is used."""
        return self._client or shared_client()

    def models(self) -> list[str]:
        # Needs neither torch nor, therefore, the worker.
        return [card.name for card in modelregistry.list_models()]

    def devices(self) -> list[Device]:
        return wait_for(self.start_devices)

    def start_devices(self, listener: Listener) -> Call:
        """Begin to ask for the list of :class:`~.engine.Device`, "auto" first."""
        return self.client.request("devices", {}, listener, read=lambda value: [Device(**device) for device in value])

    def denoise(self, request: DenoiseRequest, progress: Progress | None = None,
                cancelled: Callable[[], bool] | None = None) -> DenoiseReply:
        return wait_for(lambda listener: self.start_denoise(request, listener), progress, cancelled)

    def start_denoise(self, request: DenoiseRequest, listener: Listener) -> Call:
        """Begin to denoise; the listener's result is a :class:`~.engine.DenoiseReply`."""
        arguments = {field.name: getattr(request, field.name) for field in fields(request)}
        return self.client.request("denoise", arguments, listener, read=_reply)


def _reply(value: dict) -> DenoiseReply:
    return DenoiseReply(**{**value, "messages": tuple(value["messages"])})


def wait_for(begin: Callable[[Job], Call], progress: Callable[..., None] | None = None,
             cancelled: Callable[[], bool] | None = None, on_partial: Callable[[Any], None] | None = None) -> Any:
    """Return the result of what ``begin(listener)`` starts, or raise its error; callbacks are called while waiting."""
    job = Job(lambda value: value, progress, on_partial)
    job.start(begin)
    return job.wait(cancelled)
