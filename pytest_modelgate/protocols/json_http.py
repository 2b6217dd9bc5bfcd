"""Any endpoint that takes JSON and answers JSON, with a declared path to the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_modelgate.errors import ConfigError, ProtocolError
from pytest_modelgate.protocols.json_body import dump_json, excerpt, parse_json
from pytest_modelgate.protocols.json_path import JsonPath, parse_path, path_text
from pytest_modelgate.protocols.json_tensors import json_tensors
from pytest_modelgate.protocols.protocol import HttpRoute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modelgate.config.specs import ServerSpec
    from pytest_modelgate.protocols.protocol import Get
    from pytest_modelgate.servers.http_get import HttpReply
    from pytest_modelgate.tensors import Contract, Tensors


def json_http(spec: ServerSpec) -> JsonHttp:
    """Make the protocol; raises ConfigError for keys that are missing, malformed, or oip-http's."""
    if not spec.path:
        raise ConfigError(
            f"server {spec.name!r} needs a path: protocol json asks where requests go",
            hint='add path = "/predict", say',
        )
    if spec.model is not None:
        raise ConfigError(
            f"server {spec.name!r}: model means nothing to protocol json",
            hint='remove it, put it into the inputs, or set protocol = "oip-http"',
        )
    for key in ("path", "live_path", "ready_path"):
        value: str | None = getattr(spec, key)
        if value is not None and not value.startswith("/"):
            raise ConfigError(
                f"server {spec.name!r}: {key} must begin with a slash",
                got=repr(value),
                hint=f'{key} = "/{value}"',
            )
    return JsonHttp(spec)


class JsonHttp:
    """The protocol for one server."""

    def __init__(self, spec: ServerSpec) -> None:
        self.name = "json"
        self.route = HttpRoute(
            spec.path or "/",
            headers={"content-type": "application/json"}
            | {name.lower(): value for name, value in spec.headers.items()},
        )
        self._live_path = spec.live_path
        self._ready_path = spec.ready_path
        self._answer = JsonPath() if spec.answer is None else parse_path(spec.answer)

    def is_live(self, get: Get) -> bool:
        """Tell whether ``live_path`` answers 2xx; without one, whether anything answers at all."""
        if self._live_path is not None:
            return _is_success(get(self._live_path))
        return get(self._ready_path or "/") is not None

    def is_ready(self, get: Get) -> bool:
        """Tell whether ``ready_path`` answers 2xx; without one, whether the server is live."""
        if self._ready_path is not None:
            return _is_success(get(self._ready_path))
        return self.is_live(get)

    def contract(self, get: Get) -> Contract | None:  # noqa: ARG002 — HttpProtocol's signature
        """Return None: such an endpoint declares nothing of its inputs and outputs."""
        return None

    def encode(self, model_input: object) -> bytes:
        """Return an input as JSON, keys in their order.

        Raises ProtocolError naming the value that JSON cannot carry.
        """
        try:
            return dump_json(model_input)
        except (TypeError, ValueError, RecursionError) as error:
            raise _why_not(model_input, error) from error

    def decode(self, body: bytes) -> Tensors:
        """Return the answer as tensors, named as ``json_tensors`` says.

        A single tensor has the name of the path's last key, or ``answer`` where it has none.
        Raises ProtocolError where the body is not JSON, the path leads nowhere, or there is nothing
        in the body but an ``error``, whatever the status says.
        """
        parsed = parse_json(body)
        if isinstance(parsed, dict) and parsed.keys() == {"error"} and parsed["error"]:
            raise ProtocolError("the server answered with an error", got=str(parsed["error"])[:500])
        value = self._answer.find(parsed)
        keys = [step for step in self._answer.steps if isinstance(step, str)]
        return json_tensors(value, keys[-1] if keys else "answer")


def _is_success(reply: HttpReply | None) -> bool:
    return reply is not None and reply.status // 100 == 2


def _why_not(model_input: object, error: Exception) -> ProtocolError:
    """Find the value that ``json.dumps`` refused; its own message does not say where it stands."""
    if isinstance(error, RecursionError) or "Circular" in str(error):
        return ProtocolError("the input is nested too deeply for JSON, or holds itself")
    for steps, leaf in _leaves(model_input, ()):
        try:
            dump_json(leaf)
        except (TypeError, ValueError):
            numpy = isinstance(leaf, (np.ndarray, np.generic))
            return ProtocolError(
                f"the input holds at {path_text(steps) or '$'} what JSON cannot carry",
                expected="objects, arrays, texts, finite numbers, true, false and None",
                got=f"{type(leaf).__name__}: {excerpt(leaf)}",
                hint=".tolist() turns numpy's arrays and numbers into Python's" if numpy else None,
            )
    return ProtocolError("the input cannot be written as JSON", got=str(error))


def _leaves(
    value: object, steps: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], object]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _leaves(child, (*steps, str(key)))
    elif isinstance(value, (list, tuple)):
        for index, child in enumerate(value):
            yield from _leaves(child, (*steps, index))
    else:
        yield steps, value
