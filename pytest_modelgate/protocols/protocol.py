"""What a protocol must provide: how an input becomes a request, and a body becomes an answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modelgate.config.specs import ServerSpec
    from pytest_modelgate.servers.http_get import HttpReply
    from pytest_modelgate.tensors import Contract, Tensors


@dataclass(frozen=True)
class HttpRoute:
    """Where the requests of a workload go: the same for all of them; only the bodies differ."""

    path: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})


class Get(Protocol):
    """Asks the server for a path, once; None where nobody answered."""

    def __call__(self, path: str) -> HttpReply | None:
        """GET the path."""


class HttpProtocol(Protocol):
    """A protocol over HTTP/1.1: pure encoding and decoding; others do the sending."""

    name: str
    route: HttpRoute

    def is_live(self, get: Get) -> bool:
        """Tell whether the server answers at all."""

    def is_ready(self, get: Get) -> bool:
        """Tell whether the model can be asked."""

    def contract(self, get: Get) -> Contract | None:
        """Return what the server declares of its inputs and outputs, None if it declares nothing.

        Raises ProtocolError where the declaration is not what the protocol promises.
        """

    def encode(self, model_input: object) -> bytes:
        """Return the body for an input; raises ProtocolError saying what is wrong with it."""

    def decode(self, body: bytes) -> Tensors:
        """Return the answer in a body; raises ProtocolError saying what is wrong with it."""


class ProtocolFactory(Protocol):
    """Makes the protocol for a server; raises ConfigError where the server's keys do not fit."""

    def __call__(self, spec: ServerSpec) -> HttpProtocol:
        """Make it."""
