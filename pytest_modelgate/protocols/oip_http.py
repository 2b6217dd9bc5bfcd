"""Open Inference Protocol v2 over HTTP, tensors as JSON.

Source: github.com/kserve/open-inference-protocol, ``specification/protocol/inference_rest.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

from pytest_modelgate.errors import ConfigError, ProtocolError
from pytest_modelgate.protocols.json_body import (
    dump_json,
    excerpt,
    json_type,
    list_at,
    object_at,
    parse_json,
    utf8,
)
from pytest_modelgate.protocols.oip_json import (
    json_tensor,
    read_datatype,
    read_shape,
    read_tensor,
)
from pytest_modelgate.protocols.protocol import HttpRoute
from pytest_modelgate.tensors import Contract, TensorSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modelgate.config.specs import ServerSpec
    from pytest_modelgate.protocols.protocol import Get
    from pytest_modelgate.servers.http_get import HttpReply
    from pytest_modelgate.tensors import Tensors


def oip_http(spec: ServerSpec) -> OipHttp:
    """Make the protocol; raises ConfigError without ``model``, or with a key of ``json``'s."""
    if not spec.model:
        raise ConfigError(
            f"server {spec.name!r} needs a model: protocol oip-http asks for one by name",
            hint='add model = "NAME", as in /v2/models/NAME/infer',
        )
    for key in ("path", "answer", "live_path", "ready_path"):
        if getattr(spec, key) is not None:
            raise ConfigError(
                f"server {spec.name!r}: {key} means nothing to protocol oip-http",
                expected="the protocol's own paths under /v2",
                hint=f'remove {key}, or set protocol = "json"',
            )
    return OipHttp(spec.model, spec.headers)


class OipHttp:
    """The protocol for one model; the model's name is percent-encoded in every path."""

    def __init__(self, model: str, headers: Mapping[str, str]) -> None:
        self.name = "oip-http"
        self._model = model
        self._model_path = f"/v2/models/{quote(model, safe='')}"
        self.route = HttpRoute(
            f"{self._model_path}/infer",
            headers={"content-type": "application/json"}
            | {name.lower(): value for name, value in headers.items()},
        )

    def is_live(self, get: Get) -> bool:
        """Tell whether the server says that it is live."""
        return _affirms(get("/v2/health/live"))

    def is_ready(self, get: Get) -> bool:
        """Tell whether both the server and the model say that they are ready."""
        return _affirms(get("/v2/health/ready")) and _affirms(get(f"{self._model_path}/ready"))

    def contract(self, get: Get) -> Contract | None:
        """Return what the model's metadata declares, None where it lists neither input nor output.

        Raises ProtocolError where the server does not know the model, or the metadata is not what
        the protocol says.
        """
        metadata = _metadata(get(self._model_path), self._model, self._model_path)
        contract = Contract(_declared(metadata, "inputs"), _declared(metadata, "outputs"))
        return contract if contract.inputs or contract.outputs else None

    def encode(self, model_input: object) -> bytes:
        """Return the request for a mapping of tensor name to numpy array of any shape.

        The tensors stand in the mapping's order; the optional ``id`` is not sent. Text, as a string
        array or an object array of ``str`` or ``bytes``, is sent as BYTES.

        Raises ProtocolError naming the tensor that JSON or the protocol cannot carry.
        """
        if not isinstance(model_input, Mapping) or not model_input:
            raise ProtocolError(
                "an input for oip-http must be a mapping of tensor name to numpy array",
                expected='for example {"pixels": np.zeros((1, 3, 224, 224), np.float32)}',
                got=excerpt(model_input),
            )
        return dump_json({"inputs": [json_tensor(name, a) for name, a in model_input.items()]})

    def decode(self, body: bytes) -> Tensors:
        """Return the outputs by name, each with the dtype and shape that it declares.

        Raises ProtocolError for an error body, and for anything that is not what it declares.
        """
        answer = object_at(parse_json(body), "the answer")
        if answer.get("error") is not None:
            raise ProtocolError("the server answered with an error", got=str(answer["error"])[:500])
        outputs = list_at(answer, "outputs", "the answer")
        if not outputs:
            raise ProtocolError("the answer has an empty list of outputs")
        return {name: read_tensor(entry, f"output {name!r}") for name, entry in _named(outputs)}


def _affirms(reply: HttpReply | None) -> bool:
    """Tell whether a health endpoint says yes: by its status, and by its body if that has a say."""
    if reply is None or reply.status // 100 != 2:
        return False
    try:
        body = parse_json(reply.body)
    except ProtocolError:
        return True  # an empty body or plain text says no more than the status: Triton's is empty
    return not (
        isinstance(body, dict) and (body.get("live") is False or body.get("ready") is False)
    )


def _metadata(reply: HttpReply | None, model: str, path: str) -> Mapping[str, object]:
    if reply is None:
        raise ProtocolError(f"the server does not answer GET {path}", expected="model metadata")
    if reply.status == 404:
        raise ProtocolError(
            f"the server has no model {model!r}",
            expected=f"the model's metadata at {path}",
            got="status 404",
            hint="check `model` in the server's table",
        )
    if reply.status // 100 != 2:
        raise ProtocolError(
            f"the server does not declare what model {model!r} takes and gives",
            expected=f"status 200 at {path}",
            got=f"status {reply.status}: {excerpt(reply.body, 200)}",
        )
    where = f"the metadata at {path}"
    return object_at(parse_json(reply.body, where), where)


def _declared(metadata: Mapping[str, object], key: str) -> tuple[TensorSpec, ...]:
    """Read ``inputs`` or ``outputs``."""
    return tuple(
        TensorSpec(name, read_datatype(entry, where), read_shape(entry, where, lowest=-1))
        for name, entry in _named(list_at(metadata, key, "the model's metadata"))
        for where in [f"declared {key.removesuffix('s')} {name!r}"]
    )


def _named(entries: Sequence[object]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Return each tensor's name and description; raises ProtocolError for a name used twice."""
    seen: set[str] = set()
    for number, value in enumerate(entries):
        entry = object_at(value, f"tensor {number}")
        name = entry.get("name")
        if not isinstance(name, str) or not name:
            raise ProtocolError(
                f"tensor {number} has no name",
                expected="a text",
                got=json_type(name) if "name" in entry else "no such key",
            )
        utf8(name, f"the name of tensor {number}")
        if name in seen:
            raise ProtocolError(f"two tensors have the name {name!r}")
        seen.add(name)
        yield name, entry
