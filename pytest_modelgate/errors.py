"""What can go wrong, each said as: what, expected, got, what to do.

Foreign exceptions (docker, httpx, OSError …) are translated into these at the seam where they
arise, with ``raise … from``; the plugin shows them without a Python traceback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class ModelgateError(Exception):
    """An error with a message that a person can act on.

    :param what: one sentence: what went wrong.
    :param expected: what was expected, where that helps.
    :param got: what was found instead.
    :param hint: what to do about it.
    :param log: the server's last log lines, oldest first.
    """

    def __init__(
        self,
        what: str,
        *,
        expected: str | None = None,
        got: str | None = None,
        hint: str | None = None,
        log: Sequence[str] = (),
    ) -> None:
        super().__init__(what)
        self.what = what
        self.expected = expected
        self.got = got
        self.hint = hint
        self.log = tuple(log)

    @property
    def brief(self) -> str:
        """The error on one line, for a list of many."""
        return self.what if self.got is None else f"{self.what}: {self.got}"

    def __str__(self) -> str:
        lines = [self.what]
        lines += [f"  expected: {self.expected}"] if self.expected is not None else []
        lines += [f"  got:      {self.got}"] if self.got is not None else []
        lines += [f"  to do:    {self.hint}"] if self.hint is not None else []
        if self.log:
            lines.append(f"  server's last {len(self.log)} log lines:")
            lines += [f"    | {line}" for line in self.log]
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling (xdist), which would lose the keyword arguments."""
        fields = {"expected": self.expected, "got": self.got, "hint": self.hint, "log": self.log}
        return (_rebuild, (type(self), self.what, fields))


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Return a hint with the valid name nearest to a misspelt one, None where none is near."""
    import difflib  # only for a mistake: a plain pytest run imports this module

    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else None


def _rebuild(
    kind: type[ModelgateError], what: str, fields: dict[str, str | None]
) -> ModelgateError:
    return kind(what, **fields)  # type: ignore[arg-type]  # log is a tuple, as __reduce__ put it


class ConfigError(ModelgateError):
    """A configuration, marker or threshold that cannot be understood."""


class EngineError(ModelgateError):
    """The container engine is absent, or refused what was asked of it."""


class ServerError(ModelgateError):
    """The server could not be built, did not start, or did not live through the run."""


class BaselineServerError(ServerError):
    """The baseline's server cannot be had or measured; the candidate may be in order."""


class ProtocolError(ModelgateError):
    """An input that cannot be encoded, or an answer that is not what the protocol promises."""


class LoadError(ModelgateError):
    """The load could not be driven: no inputs, a server that stalls."""


class BaselineError(ModelgateError):
    """A baseline that cannot be read, written or recorded."""
