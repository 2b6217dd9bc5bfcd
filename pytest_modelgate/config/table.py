"""Strict reading of one TOML table: unknown keys and wrong types are refused by name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_modelgate.errors import ConfigError, did_you_mean
from pytest_modelgate.units import parse_bytes, parse_duration_s

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_TOML_NAMES = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "table"}


def describe(value: object) -> str:
    """Name a value and its TOML type in a message."""
    name = _TOML_NAMES.get(type(value), type(value).__name__)
    return f"{value!r} ({name})"


class Table:
    """One table of a configuration file.

    Every method returns None (or the default) for an absent key, and raises ConfigError for a value
    of another type, naming the file, the table and the key.

    :param where: the file and the table, for messages.
    """

    def __init__(self, values: Mapping[str, object], where: str) -> None:
        self._values = values
        self.where = where

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def reject_unknown(self, known: Iterable[str]) -> None:
        """Refuse the first key that is not among the known ones."""
        known = sorted(known)
        for key in self._values:
            if key not in known:
                raise ConfigError(
                    f"{self.where}: unknown key {key!r}",
                    expected=f"one of {', '.join(known)}",
                    hint=did_you_mean(key, known),
                )

    def error(self, key: str, expected: str) -> ConfigError:
        """Return the error for a value that is not what was expected."""
        return ConfigError(
            f"{self.where}: {key} is not valid",
            expected=expected,
            got=describe(self._values.get(key)),
        )

    def text(self, key: str) -> str | None:
        """Return a string, never empty."""
        value = self._values.get(key)
        if value is None or (isinstance(value, str) and value):
            return value
        raise self.error(key, "a string that is not empty")

    def boolean(self, key: str, *, default: bool) -> bool:
        """Return a boolean."""
        value = self._values.get(key, default)
        if isinstance(value, bool):
            return value
        raise self.error(key, "true or false")

    def integer(self, key: str, *, low: int, high: int) -> int | None:
        """Return an integer within its bounds, which are allowed."""
        value = self._values.get(key)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        raise self.error(key, f"an integer from {low} to {high}")

    def positive_number(self, key: str) -> float | None:
        """Return a finite number above zero."""
        value = self._values.get(key)
        if value is None:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf:
            return float(value)
        raise self.error(key, "a number above 0")

    def duration_s(self, key: str, *, default: float) -> float:
        """Return a duration above zero, in seconds."""
        if key not in self._values:
            return default
        seconds = parse_duration_s(self._values[key], f"{self.where}: {key}")
        if seconds > 0:
            return seconds
        raise self.error(key, "a duration above zero")

    def size_bytes(self, key: str) -> int | None:
        """Return a size above zero, in bytes."""
        if key not in self._values:
            return None
        size = parse_bytes(self._values[key], f"{self.where}: {key}")
        if size > 0:
            return size
        raise self.error(key, "a size above zero")

    def texts(self, key: str) -> tuple[str, ...] | None:
        """Return an array of strings."""
        value = self._values.get(key)
        if value is None:
            return None
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise self.error(key, 'an array of strings, as ["--threads", "1"]')

    def text_map(self, key: str) -> dict[str, str]:
        """Return a table whose values are strings."""
        value = self._values.get(key, {})
        if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
            return value
        raise self.error(key, 'a table of strings, as { NAME = "value" }')

    def array(self, key: str) -> list[object]:
        """Return an array of anything."""
        value = self._values.get(key, [])
        if isinstance(value, list):
            return value
        raise self.error(key, "an array")

    def tables(self, key: str) -> dict[str, object]:
        """Return a table whose values are still to be read."""
        value = self._values.get(key, {})
        if isinstance(value, dict):
            return value
        raise self.error(key, "a table")
