"""JSON read strictly: one document, UTF-8, no key twice; foreign errors become ProtocolErrors."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_modelgate.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_modelgate.tensors import Array

# A number too large for a double is read as infinity, as the literal Infinity is. The literals are
# always these two objects, so that identity tells them from an overflow.
_INFINITIES = (math.inf, -math.inf)
_CONSTANTS = {"NaN": math.nan, "Infinity": _INFINITIES[0], "-Infinity": _INFINITIES[1]}


def parse_json(body: bytes, what: str = "the answer") -> object:
    """Return the document in a body; ``what`` names it in messages.

    The literals NaN, Infinity and -Infinity are no JSON, but Python and some C++ servers write
    them; they are read as what they mean, so that the comparison of answers sees them.

    Raises ProtocolError for an empty or truncated body, text that is not UTF-8, a key that stands
    twice in one object, anything behind the document, and nesting too deep to read.
    """
    if not body.strip():
        raise ProtocolError(f"{what} is empty", expected="JSON", got=f"{len(body)} bytes")
    try:
        return _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ProtocolError(
            f"{what} is not UTF-8 text",
            expected="JSON",
            got=f"byte 0x{body[error.start]:02x} at offset {error.start} of {len(body)}: "
            f"{excerpt(body[max(0, error.start - 20) : error.start + 20])}",
        ) from error
    except json.JSONDecodeError as error:
        where = error.doc[max(0, error.pos - 30) : error.pos + 30]
        raise ProtocolError(
            f"{what} is not valid JSON",
            expected="one JSON document",
            got=f"{error.msg} at character {error.pos} of {len(error.doc)}: {excerpt(where)}",
        ) from error
    except RecursionError as error:
        raise ProtocolError(f"{what} is nested too deeply to be read") from error
    except ValueError as error:  # an integer of more digits than Python converts
        raise ProtocolError(
            f"{what} has a number that cannot be read", got=str(error).partition(";")[0]
        ) from error


def dump_json(document: object) -> bytes:
    """Return a document as compact JSON: the same bytes for the same document.

    Raises TypeError and ValueError as ``json.dumps`` does, NaN and infinity included.
    """
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8")


def object_at(value: object, where: str) -> dict[str, object]:
    """Return a parsed value that must be an object; raises ProtocolError."""
    if not isinstance(value, dict):
        raise ProtocolError(
            f"{where} must be a JSON object", expected="an object", got=json_type(value)
        )
    return value


def list_at(document: Mapping[str, object], key: str, where: str) -> list[object]:
    """Return the array under a key of an object; raises ProtocolError."""
    value = document.get(key)
    if not isinstance(value, list):
        raise ProtocolError(
            f"{where} has no array {key!r}",
            expected=f"an array under {key!r}",
            got=json_type(value) if key in document else "the keys " + excerpt(list(document), 200),
        )
    return value


def utf8(text: str, where: str) -> bytes:
    """Return a text's bytes; raises ProtocolError where it holds half of a surrogate pair."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ProtocolError(
            f"{where} is not valid Unicode text",
            got=f"{excerpt(text)} (half a surrogate pair at {error.start})",
        ) from error


def read_floats(elements: Sequence[float], dtype: np.dtype[Any]) -> tuple[Array, int | None]:
    """Return parsed numbers as floats, and the position of the first that overflows the dtype.

    They are read by way of float64: exact for float64, and for a shorter type's own digits.
    """
    try:
        wide = np.array(elements, dtype=np.float64)
    except OverflowError:  # an integer past float64's range: infinity stands for it, found below
        wide = np.array([_to_float(number) for number in elements], dtype=np.float64)
    with np.errstate(over="ignore"):
        array = wide.astype(dtype)
    for position in np.flatnonzero(np.isinf(array)).tolist():
        if not any(elements[position] is literal for literal in _INFINITIES):
            return array, position
    return array, None


def _to_float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def excerpt(value: object, limit: int = 60) -> str:
    """Return a value as one short line for a message."""
    text = repr(value).replace("\n", " ")
    return text if len(text) <= limit else text[: limit - 1] + "…"


def json_type(value: object) -> str:
    """Name a parsed value's type as JSON does, with the value where it is short: ``null``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    return f"the {'string' if isinstance(value, str) else 'number'} {excerpt(value)}"


def _unique(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) != len(pairs):
        (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise ProtocolError(
            f"a JSON object has the key {twice!r} twice",
            expected="every key once: readers disagree on which of the two counts",
        )
    return document


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_CONSTANTS.__getitem__)
