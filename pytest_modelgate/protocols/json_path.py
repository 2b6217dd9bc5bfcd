"""Where in a JSON document a value stands: ``scores``, ``result.embeddings[0]``, ``$["a.b"]``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_modelgate.errors import ConfigError, ProtocolError
from pytest_modelgate.protocols.json_body import excerpt, json_type

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLAIN = r"[^\s.$\[\]\"']+"
_STEP = re.compile(rf"\.({_PLAIN})|\[(-?\d+)\]|\[\"((?:[^\"\\]|\\.)*)\"\]")


@dataclass(frozen=True)
class JsonPath:
    """A path as its steps: keys of objects, and positions in arrays (negative: from the end)."""

    steps: tuple[str | int, ...] = ()

    def __str__(self) -> str:
        return path_text(self.steps) or "$"

    def find(self, document: object) -> object:
        """Return the value; raises ProtocolError naming the step that leads nowhere."""
        value = document
        for depth, step in enumerate(self.steps):
            if isinstance(step, str):
                found = isinstance(value, dict) and step in value
            else:
                found = isinstance(value, list) and -len(value) <= step < len(value)
            if not found:
                parent = JsonPath(self.steps[:depth])
                raise ProtocolError(
                    f"the answer has no {path_text([step])} "
                    + (f"in {parent}" if depth else "at its top"),
                    expected=f"the answer at {self}, as `answer` in the server's table says",
                    got="the keys " + excerpt(list(value), 200)
                    if isinstance(value, dict)
                    else json_type(value),
                )
            value = value[step]  # type: ignore[index]  # found: a dict with the key, or a list
        return value


def parse_path(text: str) -> JsonPath:
    """Read a path; ``$`` is the whole document, and may begin any path.

    A key that holds a dot, a bracket, a quote, ``$`` or white space is written ``["so"]``.
    Raises ConfigError with the place that cannot be read.
    """
    rest = text[1:] if text[:1] == "$" else text if text[:1] == "[" else f".{text}"
    steps: list[str | int] = []
    position = 0
    while position < len(rest):
        match = _STEP.match(rest, position)
        if match is None:
            raise ConfigError(
                f"the path {text!r} cannot be read at {rest[position:].removeprefix('.')!r}",
                expected='keys and positions, as in scores, result.embeddings[0] or $["a.b"]',
            )
        key, index, quoted = match.groups()
        if index is not None:
            steps.append(int(index))
        else:
            steps.append(key or re.sub(r"\\(.)", r"\1", quoted))
        position = match.end()
    return JsonPath(tuple(steps))


def path_text(steps: Sequence[str | int]) -> str:
    """Write steps as a path, no two sequences of steps alike."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.fullmatch(_PLAIN, step):
            text += f".{step}" if text else step
        else:
            text += '["' + re.sub(r'(["\\])', r"\\\1", step) + '"]'
    return text
